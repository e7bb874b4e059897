"""Cases as a user names them: files, folders, lists."""

from pathlib import Path

import pytest

from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.manifest.bids import derived_file, is_bids_dataset, predicted_by_us
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.manifest.given import given_as_files, given_by, with_reference


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_make_a_case_that_is_called_after_their_folder(tmp_path):
    touch(tmp_path / "anna" / "t2.nii.gz", tmp_path / "anna" / "flair.nii")
    given = given_as_files({"T2": tmp_path / "anna" / "t2.nii.gz", "FLAIR": tmp_path / "anna" / "flair.nii"})
    (case,) = given.cases
    assert (case.case_id, case.reference, list(case.images)) == ("anna", "FLAIR", ["FLAIR", "T2"])
    assert case.lesion is None and not case.resample


def test_files_of_other_names_name_the_case_themselves(tmp_path):
    touch(tmp_path / "17_dwi_b1000.nii.gz")
    (case,) = given_as_files({"DWI": tmp_path / "17_dwi_b1000.nii.gz"}, resample=True).cases
    assert (case.case_id, case.reference, case.resample) == ("17_dwi_b1000", "DWI", True)


def test_a_list_names_folders_relative_to_itself(tmp_path):
    touch(*(tmp_path / "scans" / name / "FLAIR.nii.gz" for name in ("a", "b")), tmp_path / "other" / "c" / "T1.nii")
    (tmp_path / "list.txt").write_text("\ufeff# mine\nscans\n\n  other/c  \n", encoding="utf-8")
    given = given_by(tmp_path / "list.txt")
    assert [case.case_id for case in given.cases] == ["a", "b", "c"] and not given.faults


def test_a_lists_faults_do_not_hide_its_cases(tmp_path):
    touch(tmp_path / "1" / "a" / "FLAIR.nii.gz", tmp_path / "2" / "a" / "FLAIR.nii.gz", tmp_path / "x.nii")
    (tmp_path / "list.txt").write_text("1\n2\nnowhere\nx.nii\nlist.txt\n")
    given = given_by(tmp_path / "list.txt")
    assert [case.case_id for case in given.cases] == ["a"]
    said = " ".join(given.faults.values())
    for words in ("line 2: duplicate case a", "line 3", "no such folder", "which sequence it shows", "a list within"):
        assert words in said


def test_an_empty_list_is_no_list_of_cases(tmp_path):
    (tmp_path / "list.txt").write_text("# nothing yet\n")
    with pytest.raises(ManifestError, match="no case in it"):
        given_by(tmp_path / "list.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(InputFileError, match="cannot be read as text"):
        given_by(tmp_path / "list.txt")


def test_masks_beside_the_images_are_left_alone(tmp_path):
    touch(*(tmp_path / "a" / name for name in ("FLAIR.nii.gz", "mask.nii.gz", "lesion.nii.gz")))
    (case,) = given_by(tmp_path).cases
    assert case.lesion is None


def test_a_case_without_its_layouts_reference_gets_the_first_sequence_it_has(tmp_path):
    case = Case("sub-1", Layout.ISLES2022, {"T1": tmp_path, "FLAIR": tmp_path}, reference="DWI")
    assert with_reference(case, "").reference == "FLAIR"
    assert with_reference(case, "T1").reference == "T1"
    with pytest.raises(ManifestError, match="no ADC image, on whose grid"):
        with_reference(case, "ADC")


def test_a_bids_dataset_is_described_and_has_its_subjects_in_its_root(tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"BIDSVersion": "1.8.0"}')
    touch(tmp_path / "rawdata" / "sub-1" / "anat" / "sub-1_FLAIR.nii.gz")
    assert not is_bids_dataset(tmp_path) and not is_bids_dataset(tmp_path / "rawdata")
    touch(tmp_path / "sub-1" / "dwi" / "sub-1_dwi.nii.gz")
    assert is_bids_dataset(tmp_path)


def test_only_our_own_derivative_is_known_as_ours(tmp_path):
    for text, ours in (
        ("[]", False),
        ('{"GeneratedBy": "x"}', False),
        ('{"GeneratedBy": [{"Name": "stroke_tf"}]}', True),
    ):
        (tmp_path / "dataset_description.json").write_text(text)
        assert predicted_by_us(tmp_path) is ours


def test_a_file_on_the_grid_of_dwi_lies_with_the_dwi():
    assert derived_file("sub-1", "DWI", "probseg", desc="x").as_posix() == (
        "sub-1/dwi/sub-1_space-orig_label-lesion_desc-x_probseg.nii.gz"
    )
