"""The door fuse: files of the planes in, one mask on their own grid out."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.evaluate import main as evaluate
from stroke_tf.fuse import main
from stroke_tf.fusion.fitted import FittedFusion, write_fitted
from stroke_tf.fusion.origin import Origin, write_origin

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


def test_two_of_three_planes_decide_on_the_files_own_grid(tmp_path: Path, capsys, next_command):
    out = tmp_path / "mask.nii.gz"
    volumes = planes_of(tmp_path, [0.9, 0.9, 0.1, 0.1], [0.8, 0.2, 0.6, 0.0], [0.5, 0.7, 0.9, 0.49])
    assert main([*volumes, "--out", str(out)]) == 0
    mask = nibabel.load(out)
    assert voxels(out) == [1, 1, 1, 0]
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, AFFINE, atol=1e-6)
    printed = capsys.readouterr().out
    assert f"wrote {out}: 0.02 ml" in printed
    assert next_command(printed)[0] == "evaluate"


@pytest.mark.parametrize("name", ["1_mean.nii.gz", "1_mask.nii.gz", "1.nii.gz"])
def test_what_comes_next_finds_the_mask_by_any_name(name, tmp_path, capsys, next_command):
    (tmp_path / "truth").mkdir()
    saved(tmp_path / "truth" / "1.nii.gz", np.array([1, 0, 1, 0], np.uint8).reshape(-1, 1, 1))
    assert main([*planes_of(tmp_path, *[[0.9, 0.1, 0.9, 0.1]] * 2), "--out", str(tmp_path / name)]) == 0
    words = next_command(capsys.readouterr().out)
    words[words.index("MANIFEST")], words[-1] = str(tmp_path / "truth"), str(tmp_path / "evaluation")
    assert evaluate(words[1:]) == 0
    assert "1 cases" in capsys.readouterr().out


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


def told(volumes: list[str], *, network: str = "a") -> None:
    """Tell beside each volume which plane it is of, and which network made it."""
    for volume in volumes:
        plane = Path(volume).name[len("1_prob-")]
        write_origin(Path(volume), Origin(plane, plane + network * 63, 0.5, "hand-made"))


def fitted_file(folder: Path, **changed) -> str:
    content = {
        "rule": FusionRule.WEIGHTED_LOGITS,
        "weights": {"x": 0.2, "y": 0.2, "z": 0.6},
        "threshold": 0.5,
        "min_component_ml": 0.0,
        "fill_holes": False,
        "tie": TieRule.BACKGROUND,
        "fitted_on": ("4",),
        "networks": {plane: plane + "a" * 63 for plane in "xyz"},
    }
    write_fitted(folder / "fusion.json", FittedFusion(**{**content, **changed}))
    return str(folder / "fusion.json")


def fused(volumes: list[str], out: Path, *more: str) -> list[int]:
    assert main([*volumes, "--out", str(out), "--force", *more]) == 0
    return voxels(out)


def test_each_rule_has_its_say(tmp_path: Path):
    volumes, out = planes_of(tmp_path, [0.9, 0.95, 0.9], [0.4, 0.2, 0.1], [0.4, 0.2, 0.6]), tmp_path / "m.nii"
    assert fused(volumes, out) == [0, 0, 1]
    assert fused(volumes, out, "--rule", "mean-probability") == [1, 0, 1]
    assert fused(volumes, out, "--rule", "confidence-majority") == [1, 1, 1]
    assert fused(volumes, out, "--rule", "union") == [1, 1, 1]
    assert fused(volumes, out, "--rule", "intersection") == [0, 0, 0]
    assert fused(volumes, out, "--rule", "weighted-majority", "--weights", "0.6,0.2,0.2") == [1, 1, 1]
    assert fused(volumes, out, "--rule", "mean-probability", "--threshold", "0.4") == [1, 1, 1]


def test_weights_by_name_find_their_planes_by_what_lies_beside_the_volumes(tmp_path: Path):
    x, y, z = planes_of(tmp_path, [0.1], [0.1], [0.9])
    told([x, y, z])
    by_name = ["--rule", "weighted-majority", "--weights", "z=0.6,x=0.2,y=0.2"]
    for order in ([x, y, z], [z, x, y]):
        assert fused(order, tmp_path / "m.nii", *by_name) == [1]
    # By position the first volume gets the first weight.
    assert fused([x, y, z], tmp_path / "m.nii", "--rule", "weighted-majority", "--weights", "0.6,0.2,0.2") == [0]


def test_weights_by_name_need_the_planes_named_where_nothing_tells_them(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.1], [0.8], [0.9])
    asked = [*volumes, "--out", str(tmp_path / "m.nii"), "--rule", "weighted-logits", "--weights", "fastsurfer"]
    assert main(asked) == 2
    assert "nothing beside it tells its plane" in capsys.readouterr().err
    assert main([*asked, "--planes", "sagittal,y,axial"]) == 0
    assert voxels(tmp_path / "m.nii") == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rule", "weighted-logits", "--weights", "0.5,0.5"], "Received: 2 weights, 3 volumes"),
        (["--rule", "weighted-logits"], "needs --weights"),
        (["--rule", "union", "--weights", "1,1,1"], "takes no weights"),
        (["--rule", "weighted-logits", "--weights", "x=1,y=2"], "volumes of x, y, z"),
        (["--rule", "weighted-logits", "--weights", "heavy"], "Received: 'heavy'"),
        (["--rule", "weighted-logits", "--weights", "x=1,x=2,y=1"], "a plane has two weights"),
        (["--rule", "weighted-logits", "--weights", "1,-1,1"], "at least one is above 0"),
        (["--planes", "x,y"], "Received: 2 for 3 volumes"),
        (["--planes", "y,x,z"], "plane y by --planes, plane x by 1_prob-x.json"),
        (["--planes", "x,x,z"], "Each plane votes once"),
        (["--planes", "x,y,q"], "Unknown axis"),
        (["--min-component-ml", "-1"], "0 ml or more"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_written(tmp_path: Path, capsys, words, said: str):
    volumes = planes_of(tmp_path, [0.9], [0.9], [0.9])
    told(volumes)
    assert main([*volumes, "--out", str(tmp_path / "m.nii"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "m.nii").exists()


def test_an_unknown_rule_is_answered_with_the_known_ones(tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        main([*planes_of(tmp_path, [1], [1]), "--out", str(tmp_path / "m.nii"), "--rule", "median"])
    said = capsys.readouterr().err
    assert "median" in said and all(rule.value in said for rule in FusionRule)


def test_a_fitted_fusion_brings_its_rule_and_numbers(tmp_path: Path):
    volumes = planes_of(tmp_path, [0.1, 0.9], [0.3, 0.9], [0.9, 0.1])
    told(volumes)
    asked = ["--fitted", fitted_file(tmp_path)]
    assert fused(volumes, tmp_path / "m.nii", *asked) == fused(volumes[::-1], tmp_path / "m.nii", *asked) == [1, 0]


def test_a_fitted_fusion_is_refused_for_volumes_of_other_networks(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9], [0.9])
    fitted = fitted_file(tmp_path)
    told(volumes, network="b")
    assert main([*volumes, "--out", str(tmp_path / "m.nii"), "--fitted", fitted]) == 2
    assert "fitted for other networks" in capsys.readouterr().err
    told(volumes)
    assert main([*volumes[:2], "--out", str(tmp_path / "m.nii"), "--fitted", fitted]) == 2
    assert "fitted for the planes x, y, z. Received: x, y" in capsys.readouterr().err
    assert not (tmp_path / "m.nii").exists()


def test_a_fitted_fusion_needs_to_know_which_network_made_the_volumes(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9], [0.9])
    asked = [*volumes, "--out", str(tmp_path / "m.nii"), "--fitted", fitted_file(tmp_path)]
    assert main([*asked, "--planes", "x,y,z"]) == 2
    said = capsys.readouterr().err
    assert "1_prob-x.nii.gz: nothing tells which network made it (no 1_prob-x.json beside it)" in said


def test_a_fitted_fusion_is_not_overruled_in_silence(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9], [0.9], [0.9])
    told(volumes)
    asked = [*volumes, "--out", str(tmp_path / "m.nii"), "--fitted", fitted_file(tmp_path)]
    for more in (["--rule", "union"], ["--threshold", "0.3"], ["--fill-holes"]):
        assert main([*asked, *more]) == 2
        assert "has a rule and numbers of its own" in capsys.readouterr().err


def test_small_components_and_holes_are_tidied_on_request(tmp_path: Path):
    row = [0.9, 0.9, 0.9, 0.1, 0.9]
    volumes, out = planes_of(tmp_path, row, row), tmp_path / "m.nii"
    # A voxel is 6 cubic millimetres.
    assert fused(volumes, out, "--min-component-ml", "0.007") == [1, 1, 1, 0, 0]
    cube = np.ones((3, 3, 3), np.float32)
    cube[1, 1, 1] = 0
    cubes = [saved(tmp_path / f"{name}.nii", cube) for name in "ab"]
    assert sum(fused(cubes, out)) == 26
    assert sum(fused(cubes, out, "--fill-holes")) == 27


def test_the_map_of_disagreement_lies_on_the_same_grid(tmp_path: Path, capsys):
    volumes = planes_of(tmp_path, [0.9, 0.5], [0.1, 0.5], [0.3, 0.5])
    path = tmp_path / "d.nii.gz"
    fused(volumes, tmp_path / "m.nii", "--disagreement", str(path))
    written = nibabel.load(path)
    np.testing.assert_allclose(np.asarray(written.dataobj).ravel(), [0.8, 0.0], atol=1e-6)
    np.testing.assert_allclose(written.affine, AFFINE, atol=1e-6)
    assert f"wrote {path}" in capsys.readouterr().out
    assert main([*volumes, "--out", str(tmp_path / "new.nii"), "--disagreement", volumes[0], "--force"]) == 2
    assert "would be lost" in capsys.readouterr().err
    assert main([*volumes, "--out", str(tmp_path / "new.nii"), "--disagreement", str(tmp_path / "new.nii")]) == 2
    assert "a file each" in capsys.readouterr().err
