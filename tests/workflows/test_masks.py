"""Masks are found by the names of their cases; a second one, or none, is refused by name."""

from pathlib import Path

import pytest

from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.workflows.masks import Truth, Truths, chosen_truths, find_predictions, find_truths


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def truths(*names: str) -> list[Truth]:
    return [Truth(name, Path(f"{name}.nii.gz"), None) for name in names]


def test_a_folder_of_plain_masks_is_read_in_the_order_of_its_numbers(tmp_path: Path):
    folder = touch(tmp_path / "truth", "10_mask.nii.gz", "2.nii", "9_msk.nii.gz", "notes.txt", ".2.nii")
    found = find_truths(folder)
    assert [(each.case_id, each.path.name) for each in found.masks] == [
        ("2", "2.nii"),
        ("9", "9_msk.nii.gz"),
        ("10", "10_mask.nii.gz"),
    ]
    assert (found.name, found.synthetic) == ("truth", False)


def test_two_true_masks_of_one_case_are_refused(tmp_path: Path):
    folder = touch(tmp_path / "truth", "1.nii.gz", "1_mask.nii.gz")
    with pytest.raises(ManifestError, match="a second mask of case 1"):
        find_truths(folder)


def test_predictions_may_carry_the_word_mask_or_follow_a_pattern(tmp_path: Path):
    folder = touch(tmp_path / "masks", "1.nii.gz", "2_mask.nii", "3_mask-x.nii.gz")
    plain = find_predictions("row", folder, truths("1", "2", "3"))
    assert {case: path.name for case, path in plain.items()} == {"1": "1.nii.gz", "2": "2_mask.nii"}
    of_x = find_predictions("row", f"{folder}/{{case}}_mask-x.nii.gz", truths("1", "2", "3"))
    assert {case: path.name for case, path in of_x.items()} == {"3": "3_mask-x.nii.gz"}


def test_two_predictions_of_one_case_or_none_of_any_are_refused(tmp_path: Path):
    folder = touch(tmp_path / "masks", "1.nii.gz", "1_mask.nii.gz")
    with pytest.raises(ManifestError, match="a second mask of case 1"):
        find_predictions("row", folder, truths("1"))
    with pytest.raises(InputFileError, match="no mask for any of 2 cases, for row vote"):
        find_predictions("vote", folder, truths("7", "8"))
    with pytest.raises(InputFileError, match="no such folder, for row vote"):
        find_predictions("vote", tmp_path / "nowhere", truths("1"))


def test_cases_come_in_the_order_asked_for_and_gaps_are_named_only_where_all_are_asked_for():
    found = Truths("siss", False, tuple(truths("1", "2", "3")), without_truth=("4",))
    assert [each.case_id for each in chosen_truths(found, ["3", "1", "3"], None, "").masks] == ["3", "1"]
    assert chosen_truths(found, [], None, "") == found
    assert chosen_truths(found, ["1"], None, "").without_truth == ()


def test_a_case_without_truth_or_an_empty_fold_is_refused():
    found = Truths("siss", False, tuple(truths("1", "2")))
    with pytest.raises(ManifestError, match=r"no truth for case 5\. Known cases: 1, 2"):
        chosen_truths(found, ["5"], None, "")
    with pytest.raises(ManifestError, match="fold 0, subset any"):
        chosen_truths(found, [], 0, "")
