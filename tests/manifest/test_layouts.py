"""Cases are found by the sequence part of file names, in every arrangement that is known."""

import pytest

from stroke_tf.errors import ManifestError
from stroke_tf.manifest.case import Layout
from stroke_tf.manifest.layouts import find_cases


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def nested(root, case, kind, number):
    name = f"VSD.Brain.XX.O.{kind}.{number}"
    return touch(root / case / name / f"{name}.nii")


def bids(root, subject, session, kind, part="rawdata", below=""):
    return touch(root / part / subject / session / below / f"{subject}_{session}_{kind}.nii.gz")


def test_siss_as_downloaded_has_each_file_in_a_folder_of_its_own(tmp_path):
    for number, kind in enumerate(["MR_DWI", "MR_Flair", "MR_T1", "MR_T2", "OT"], start=70613):
        nested(tmp_path, "1", kind, number)
    (case,) = find_cases(tmp_path)
    assert (case.case_id, case.layout, case.reference, case.resample) == ("1", Layout.SISS2015, "FLAIR", False)
    assert set(case.images) == {"T1", "T2", "DWI", "FLAIR"}
    assert case.images["FLAIR"].name == "VSD.Brain.XX.O.MR_Flair.70614.nii"
    assert case.lesion.name == "VSD.Brain.XX.O.OT.70617.nii"


def test_siss_flat_puts_all_files_of_a_case_in_one_folder(tmp_path):
    touch(tmp_path / "3" / "VSD.Brain.XX.O.MR_Flair.70614.000.nii")
    touch(tmp_path / "3" / "VSD.Brain.XX.O.MR_T2.1.nii.gz")
    (case,) = find_cases(tmp_path)
    assert case.case_id == "3"
    assert set(case.images) == {"FLAIR", "T2"}


def test_a_test_case_has_no_mask(tmp_path):
    nested(tmp_path, "30", "MR_Flair", 1)
    assert find_cases(tmp_path)[0].lesion is None


def test_numbers_in_names_are_not_followed(tmp_path):
    """The numbers run backwards here, and the one of T1 begins with another's; only the words count."""
    nested(tmp_path, "1", "MR_T2", 9)
    nested(tmp_path, "1", "MR_T1", 99)
    images = find_cases(tmp_path)[0].images
    assert "MR_T1" in images["T1"].name
    assert "MR_T2" in images["T2"].name


def test_cases_are_in_natural_order(tmp_path):
    for case in ("10", "2", "1"):
        nested(tmp_path, case, "MR_Flair", 7)
    assert [case.case_id for case in find_cases(tmp_path)] == ["1", "2", "10"]


def test_isles_2022_joins_rawdata_with_derivatives_and_keeps_sessions_apart(tmp_path):
    for session in ("ses-0001", "ses-0002"):
        bids(tmp_path, "sub-strokecase0009", session, "dwi")
        bids(tmp_path, "sub-strokecase0009", session, "FLAIR")
        bids(tmp_path, "sub-strokecase0009", session, "msk", part="derivatives")
    first, second = find_cases(tmp_path)
    assert (first.case_id, second.case_id) == ("sub-strokecase0009_ses-0001", "sub-strokecase0009_ses-0002")
    assert first.patient == second.patient == "sub-strokecase0009"
    assert (first.layout, first.reference, first.resample) == (Layout.ISLES2022, "DWI", True)
    assert set(first.images) == {"DWI", "FLAIR"}
    assert "derivatives" in first.lesion.parts
    assert "ses-0002" in str(second.lesion)


def test_isles_2022_with_folders_for_each_kind_of_image(tmp_path):
    """The release of the challenge has dwi/ and anat/ below the session."""
    bids(tmp_path, "sub-1", "ses-1", "dwi", part="ISLES-2022", below="dwi")
    bids(tmp_path, "sub-1", "ses-1", "FLAIR", part="ISLES-2022", below="anat")
    assert set(find_cases(tmp_path)[0].images) == {"DWI", "FLAIR"}


def test_processed_copies_in_derivatives_are_not_second_images(tmp_path):
    raw = bids(tmp_path, "sub-1", "ses-1", "dwi")
    bids(tmp_path, "sub-1", "ses-1", "dwi", part="derivatives")
    assert find_cases(tmp_path)[0].images["DWI"] == raw


def test_hidden_twins_of_macos_are_passed_over(tmp_path):
    image = nested(tmp_path, "1", "MR_Flair", 5)
    touch(image.with_name(f"._{image.name}"))
    nested(tmp_path / "__MACOSX", "1", "MR_Flair", 5)
    assert find_cases(tmp_path)[0].images["FLAIR"] == image


def test_links_are_followed_once(tmp_path):
    """Data often lie behind a link; a link to a folder above must not be walked for ever."""
    nested(tmp_path / "elsewhere", "1", "MR_Flair", 5)
    root = tmp_path / "root"
    root.mkdir()
    (root / "data").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "1" / "again").symlink_to(tmp_path / "elsewhere")
    assert len(find_cases(root)) == 1


def test_a_doubled_sequence_names_both_files(tmp_path):
    nested(tmp_path, "1", "MR_T2", 70616)
    nested(tmp_path, "1", "MR_T2", 70999)
    with pytest.raises(ManifestError, match=r"70999.*a second T2 of case 1; the first is .*70616.*Keep one"):
        find_cases(tmp_path)


def test_a_duplicate_case_names_both_places(tmp_path):
    nested(tmp_path / "SISS2015_Testing", "1", "MR_T2", 5)
    nested(tmp_path / "SISS2015_Training", "1", "MR_T1", 6)
    with pytest.raises(ManifestError, match=r"Training.*duplicate case 1, which is also at .*Testing.*one at a time"):
        find_cases(tmp_path)


def test_an_empty_folder_is_told_what_was_expected(tmp_path):
    touch(tmp_path / "scan.nii")
    with pytest.raises(ManifestError, match=r"no case found. Expected SISS 2015 .* ISLES 2022 .*by hand"):
        find_cases(tmp_path)


def test_a_mask_without_image_is_no_case(tmp_path):
    nested(tmp_path, "1", "OT", 5)
    with pytest.raises(ManifestError, match="no case found"):
        find_cases(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"nowhere: no such folder"):
        find_cases(tmp_path / "nowhere")


def isles2018(root, case="case_1", kinds=("CT_4DPWI", "CT", "CT_CBF", "CT_CBV", "CT_MTT", "OT", "CT_Tmax")):
    for number, kind in enumerate(kinds, start=345561):
        name = f"SMIR.Brain.XX.O.{kind}.{number}"
        touch(root / case / name / f"{name}.nii")


def test_isles_2018_is_known_by_its_ct_images(tmp_path):
    isles2018(tmp_path)
    (case,) = find_cases(tmp_path)
    assert (case.case_id, case.layout, case.reference, case.resample) == ("case_1", Layout.ISLES2018, "CT", False)
    assert {name: path.parent.name.rpartition(".")[0] for name, path in case.images.items()} == {
        "CT": "SMIR.Brain.XX.O.CT",
        "CTP": "SMIR.Brain.XX.O.CT_4DPWI",
        "CBF": "SMIR.Brain.XX.O.CT_CBF",
        "CBV": "SMIR.Brain.XX.O.CT_CBV",
        "MTT": "SMIR.Brain.XX.O.CT_MTT",
        "TMAX": "SMIR.Brain.XX.O.CT_Tmax",
    }
    assert case.lesion.name == "SMIR.Brain.XX.O.OT.345566.nii"
    assert set(case.images) == set(case.layout.expected)


def test_a_dwi_beside_ct_images_belongs_to_isles_2018_and_one_alone_to_siss(tmp_path):
    isles2018(tmp_path, "case_1", ("CT", "CT_4DPWI", "MR_DWI", "OT"))
    isles2018(tmp_path, "2", ("MR_DWI", "OT"))
    siss, ct = find_cases(tmp_path)
    assert (ct.layout, set(ct.images)) == (Layout.ISLES2018, {"CT", "CTP", "DWI"})
    assert (siss.layout, set(siss.images)) == (Layout.SISS2015, {"DWI"})


def test_isles_2018_flat_puts_all_files_of_a_case_in_one_folder(tmp_path):
    for kind in ("CT", "CT_4DPWI", "CT_Tmax", "MR_DWI"):
        touch(tmp_path / "case_7" / f"SMIR.Brain.XX.O.{kind}.12.nii")
    (case,) = find_cases(tmp_path)
    assert (case.case_id, set(case.images)) == ("case_7", {"CT", "CTP", "TMAX", "DWI"})
