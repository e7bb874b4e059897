"""The door fuse: files of the planes in, one mask on their own grid out."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.fuse import main

# Left is first, the second axis runs down, and the grid is turned: LIP-like, oblique and anisotropic.
AFFINE = nibabel.affines.from_matvec(
    nibabel.eulerangles.euler2mat(0.1, -0.1, 0.2) @ np.array([[-2.0, 0, 0], [0, 0, 3.0], [0, -1.0, 0]]), [5, -6, 7]
)


def saved(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return str(path)


def planes_of(folder: Path, *columns: list[float]) -> list[str]:
    """Write volumes of 4x1x1 voxels."""
    data = [np.array(column, dtype=np.float32).reshape(-1, 1, 1) for column in columns]
    return [saved(folder / f"1_prob-{name}.nii.gz", each) for name, each in zip("xyzwv", data, strict=False)]


def voxels(path: Path) -> list[int]:
    return np.asarray(nibabel.load(path).dataobj).ravel().tolist()


def test_two_of_three_planes_decide_on_the_files_own_grid(tmp_path: Path, capsys):
    out = tmp_path / "mask.nii.gz"
    volumes = planes_of(tmp_path, [0.9, 0.9, 0.1, 0.1], [0.8, 0.2, 0.6, 0.0], [0.5, 0.7, 0.9, 0.49])
    assert main([*volumes, "--out", str(out)]) == 0
    mask = nibabel.load(out)
    assert voxels(out) == [1, 1, 1, 0]
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, AFFINE, atol=1e-6)
    printed = capsys.readouterr().out
    assert f"wrote {out}: 0.02 ml" in printed
    assert "next: stroke-tf evaluate" in printed


def test_masks_of_any_one_label_vote_as_well(tmp_path: Path):
    masks = [saved(tmp_path / f"{name}.nii", np.array([[[255, 0, 255]]], np.uint8)) for name in "ab"]
    one = saved(tmp_path / "c.nii", np.array([[[0, 1, 1]]], np.uint8))
    assert main([*masks, one, "--out", str(tmp_path / "m.nii")]) == 0
    assert voxels(tmp_path / "m.nii") == [1, 0, 1]


@pytest.mark.parametrize(("tie", "voted"), [("background", 0), ("lesion", 1)])
def test_an_even_vote_is_decided_by_the_tie(tmp_path: Path, tie: str, voted: int):
    volumes = planes_of(tmp_path, [0.9], [0.1])
    assert main([*volumes, "--out", str(tmp_path / "m.nii"), "--tie", tie]) == 0
    assert voxels(tmp_path / "m.nii") == [voted]


def test_the_threshold_is_the_users(tmp_path: Path):
    volumes = planes_of(tmp_path, [0.7, 0.3], [0.7, 0.3], [0.0, 0.0])
    assert main([*volumes, "--out", str(tmp_path / "m.nii"), "--threshold", "0.2"]) == 0
    assert voxels(tmp_path / "m.nii") == [1, 1]


def test_files_stored_in_another_order_of_the_same_grid_vote_together(tmp_path: Path):
    data = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 24
    first = nibabel.Nifti1Image(data, AFFINE)
    turned = nibabel.as_closest_canonical(first)
    assert turned.shape != first.shape
    nibabel.save(first, tmp_path / "a.nii")
    nibabel.save(turned, tmp_path / "b.nii")
    assert main([str(tmp_path / "a.nii"), str(tmp_path / "b.nii"), "--out", str(tmp_path / "m.nii")]) == 0
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "m.nii").dataobj), data >= 0.5)


def test_planes_on_different_grids_are_an_error_that_names_both(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9])
    moved = AFFINE.copy()
    moved[0, 3] += 5
    other = saved(tmp_path / "moved.nii", np.ones((1, 1, 1), np.float32), moved)
    assert main([*volumes, other, "--out", str(tmp_path / "m.nii")]) == 2
    said = capsys.readouterr().err
    assert "moved.nii" in said and "1_prob-x.nii.gz" in said and "different grids" in said
    assert not (tmp_path / "m.nii").exists()


@pytest.mark.parametrize("values", [[-0.5, 0.5], [0.3, 7.0], [1.0, 2.0]])
def test_values_that_are_neither_probabilities_nor_a_mask_are_refused(tmp_path: Path, capsys, values: list[float]):
    volumes = planes_of(tmp_path, [0.9, 0.9], values)
    assert main([*volumes, "--out", str(tmp_path / "m.nii")]) == 2
    assert "neither probabilities" in capsys.readouterr().err


def test_an_existing_mask_is_replaced_with_force_only(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9])
    out = tmp_path / "m.nii"
    out.write_text("mine")
    assert main([*volumes, "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*volumes, "--out", str(out), "--force"]) == 0
    assert voxels(out) == [1]


def test_an_input_is_never_overwritten_even_with_force(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9])
    assert main([*volumes, "--out", volumes[0], "--force"]) == 2
    assert "would be lost" in capsys.readouterr().err
    assert nibabel.load(volumes[0]).get_data_dtype() == np.float32


def test_one_volume_is_no_vote_and_none_votes_twice(tmp_path: Path, capsys):
    volume, other = planes_of(tmp_path, [0.9], [0.9])
    assert main([volume, "--out", str(tmp_path / "m.nii")]) == 2
    assert "two volumes or more" in capsys.readouterr().err
    assert main([volume, other, volume, "--out", str(tmp_path / "m.nii")]) == 2
    assert "Named twice" in capsys.readouterr().err


def test_an_impossible_threshold_is_refused(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9])
    assert main([*volumes, "--out", str(tmp_path / "m.nii"), "--threshold", "50"]) == 2
    assert "Received: 50" in capsys.readouterr().err
