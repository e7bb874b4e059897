"""A manifest is read as it was written, by hand or by the index, and its faults name their row."""

from dataclasses import replace

import pytest

from stroke_tf.errors import ManifestError, OutputError
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.manifest.table import read_manifest, write_manifest


def case(root, case_id="1", **changes):
    """Make a case of which FLAIR and mask exist as files."""
    files = {name: root / case_id / f"{name}.nii" for name in ("FLAIR", "lesion")}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    made = Case(
        case_id=case_id,
        layout=Layout.SISS2015,
        images={"FLAIR": files["FLAIR"]},
        lesion=files["lesion"],
        sha256={"FLAIR": f"f{case_id}", "lesion": "00"},
        shape=(230, 230, 153),
        spacing_mm=(1.0, 0.5, 2.25),
        orientation="LAS",
        lesion_volume_ml=17.59,
        fold=2,
        subset="train",
    )
    return replace(made, **changes)


def by_hand(folder, text):
    path = folder / "manifest.csv"
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path):
    second = case(tmp_path, "2", lesion=None, sha256={}, lesion_volume_ml=None, fold=None, subset="", shape=None)
    cases = [case(tmp_path), second, case(tmp_path, "sub-3_ses-1", layout=Layout.ISLES2022, resample=True, fold=0)]
    write_manifest(tmp_path / "manifest.csv", cases, tmp_path, force=False)
    assert read_manifest(tmp_path / "manifest.csv") == cases


PERFUSION_CASE = {"CT": "CT.nii", "CTP": "CTP.nii", "TMAX": "TMAX.nii"}


def test_columns_of_perfusion_are_written_only_where_a_case_has_them(tmp_path):
    mri = case(tmp_path)
    files = {name: tmp_path / "case_1" / file for name, file in PERFUSION_CASE.items()}
    perfusion = case(tmp_path, "case_1", layout=Layout.ISLES2018, images=files, reference="CT", sha256={}, fold=0)
    for file in files.values():
        file.touch()
    write_manifest(tmp_path / "mri.csv", [mri], tmp_path, force=False)
    assert (
        (tmp_path / "mri.csv")
        .read_text()
        .startswith(
            "case,layout,reference,resample,T1,T2,DWI,FLAIR,ADC,lesion,sha256_T1,sha256_T2,sha256_DWI,sha256_FLAIR,"
            "sha256_ADC,sha256_lesion,shape,spacing_mm,orientation,lesion_volume_ml,fold,subset\n"
        )
    )
    write_manifest(tmp_path / "both.csv", [mri, perfusion], tmp_path, force=False)
    assert "ADC,CT,CTP,TMAX,lesion,sha256_T1" in (tmp_path / "both.csv").read_text()
    assert read_manifest(tmp_path / "both.csv") == [mri, perfusion]


def test_paths_in_the_file_are_relative_to_the_root(tmp_path):
    write_manifest(tmp_path / "manifest.csv", [case(tmp_path / "data")], tmp_path / "data", force=False)
    text = (tmp_path / "manifest.csv").read_text()
    assert ",1/FLAIR.nii," in text
    assert str(tmp_path) not in text


def test_a_data_root_moves_the_whole_cohort(tmp_path):
    cases = [case(tmp_path / "data")]
    write_manifest(tmp_path / "manifests" / "m.csv", cases, tmp_path / "data", force=False)
    assert read_manifest(tmp_path / "manifests" / "m.csv", tmp_path / "data") == cases


def test_a_manifest_by_hand_needs_few_columns(tmp_path):
    case(tmp_path, "mine")
    (read,) = read_manifest(by_hand(tmp_path, "\ufeffcase,FLAIR,remark\nmine,mine/FLAIR.nii,good\n\n"))
    assert (read.reference, read.resample, read.lesion, read.fold) == ("FLAIR", False, None, None)


def test_the_reference_of_a_row_by_hand_is_an_image_it_has(tmp_path):
    case(tmp_path, "mine")
    assert read_manifest(by_hand(tmp_path, "case,DWI\nmine,mine/FLAIR.nii\n"))[0].reference == "DWI"


def test_a_missing_file_names_row_case_and_mend(tmp_path):
    path = by_hand(tmp_path, "case,FLAIR\n\n07,7/VSD.nii\n")
    with pytest.raises(
        ManifestError, match=r"manifest.csv, row 3 \(case 07\): no FLAIR image at .*7/VSD.nii.*--data-root"
    ):
        read_manifest(path)


def test_a_missing_mask_is_called_a_mask(tmp_path):
    case(tmp_path, "1")
    path = by_hand(tmp_path, "case,FLAIR,lesion\n1,1/FLAIR.nii,1/no.nii\n")
    with pytest.raises(ManifestError, match=r"row 2 \(case 1\): no mask at .*no.nii"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"not a manifest; the columns case and .*Received: an empty file"),
        ("case,fold,subset\n1,0,train\n", r"not a manifest.*Received: case, fold, subset.*stroke-tf index"),
        ("case,FLAIR\n", r"no case in it"),
        ("case,FLAIR\n,1/FLAIR.nii\n", r"row 2 .*the case has no name"),
        ("case,FLAIR\n1,\n", r"row 2 \(case 1\): no image at all"),
        ("case,FLAIR,layout\n1,1/FLAIR.nii,isles\n", r"unknown layout. Use one of siss2015, isles2022.*'isles'"),
        ("case,FLAIR,reference\n1,1/FLAIR.nii,DWI\n", r"the reference DWI is not among its images \(FLAIR\)"),
        ("case,FLAIR,resample\n1,1/FLAIR.nii,perhaps\n", r"column resample holds one of yes, no.*'perhaps'"),
        ("case,FLAIR,subset\n1,1/FLAIR.nii,training\n", r"subset holds one of train, validation, test.*'training'"),
        ("case,FLAIR,shape\n1,1/FLAIR.nii,230x230\n", r"column shape is written as numberxnumberxnumber.*'230x230'"),
        ("case,FLAIR,fold\n1,1/FLAIR.nii,first\n", r"column fold is written as number. Received: 'first'"),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path, text, message):
    case(tmp_path, "1")
    with pytest.raises(ManifestError, match=message):
        read_manifest(by_hand(tmp_path, text))


def test_a_manifest_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(ManifestError, match=r"no.csv: cannot be read .*stroke-tf index ROOT"):
        read_manifest(tmp_path / "no.csv")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00\x9d")
    with pytest.raises(ManifestError, match=r"m.csv: cannot be read"):
        read_manifest(tmp_path / "m.csv")


def test_a_duplicate_case_is_refused(tmp_path):
    case(tmp_path, "1")
    with pytest.raises(ManifestError, match=r"manifest.csv: duplicate case 1. Keep one of its rows"):
        read_manifest(by_hand(tmp_path, "case,FLAIR\n1,1/FLAIR.nii\n1,1/FLAIR.nii\n"))


@pytest.mark.parametrize("name", ["../1", "..", "a/b", "a\\b", "a\x00b"])
def test_a_case_name_that_leads_out_of_the_results_folder_is_refused(tmp_path, name):
    case(tmp_path, "1")
    with pytest.raises(ManifestError, match=r"manifest.csv, row 2 .*must hold no / or .*Rename it"):
        read_manifest(by_hand(tmp_path, f"case,FLAIR\n{name},1/FLAIR.nii\n"))


@pytest.mark.parametrize("fold", ["4", "-1"])
def test_a_fold_that_there_is_not_is_refused(tmp_path, fold):
    case(tmp_path, "1")
    with pytest.raises(ManifestError, match=r"row 2 .*column fold holds a number from 0 to 3. Received: "):
        read_manifest(by_hand(tmp_path, f"case,FLAIR,fold\n1,1/FLAIR.nii,{fold}\n"))


def test_a_case_in_two_splits_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"case 1 is in two splits: fold 2, train \(as 1\) and fold 2, test"):
        write_manifest(tmp_path / "m.csv", [case(tmp_path), case(tmp_path, subset="test")], tmp_path, force=False)


def test_two_sessions_of_a_patient_in_two_folds_are_refused(tmp_path):
    cases = [case(tmp_path, "sub-1_ses-1", fold=0), case(tmp_path, "sub-1_ses-2", fold=1)]
    with pytest.raises(
        ManifestError, match=r"sub-1_ses-2 is in two splits: fold 0, train \(as sub-1_ses-1\) and fold 1"
    ):
        write_manifest(tmp_path / "m.csv", cases, tmp_path, force=False)
    assert not (tmp_path / "m.csv").exists()


def test_one_file_under_two_patients_is_a_duplicate_case(tmp_path):
    cases = [case(tmp_path, "1", sha256={"FLAIR": "same"}), case(tmp_path, "2", sha256={"FLAIR": "same"})]
    with pytest.raises(ManifestError, match=r"duplicate case: the FLAIR of case 2 is the same file as one of case 1"):
        write_manifest(tmp_path / "m.csv", cases, tmp_path, force=False)


def test_a_file_outside_the_root_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"FLAIR.nii \(case 1\) lies outside .*root. Choose a root that holds it"):
        write_manifest(tmp_path / "m.csv", [case(tmp_path)], tmp_path / "root", force=False)


def test_a_manifest_is_replaced_by_force_only(tmp_path):
    path = by_hand(tmp_path, "old")
    with pytest.raises(OutputError, match=r"manifest.csv exists already.*--force"):
        write_manifest(path, [case(tmp_path)], tmp_path, force=False)
    assert path.read_text() == "old"
    write_manifest(path, [case(tmp_path)], tmp_path, force=True)
    assert len(read_manifest(path)) == 1
