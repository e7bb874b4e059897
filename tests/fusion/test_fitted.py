"""A fusion as a file, and which volumes it is meant for."""

import json
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import InputFileError, SettingError
from stroke_tf.fusion.fitted import FittedFusion, as_json, read_fitted, write_fitted
from stroke_tf.fusion.origin import Origin, origin_file, planes_of, read_origin, require_same_networks, write_origin

FITTED = FittedFusion(
    rule=FusionRule.WEIGHTED_LOGITS,
    weights={"z": 0.5, "x": 0.2, "y": 0.3},
    threshold=0.45,
    min_component_ml=0.1,
    fill_holes=True,
    tie=TieRule.BACKGROUND,
    fitted_on=("3", "9"),
    networks={"x": "a" * 64, "y": "b" * 64, "z": "c" * 64},
)


def test_what_is_written_is_read_again(tmp_path: Path):
    write_fitted(tmp_path / "fusion.json", FITTED)
    assert read_fitted(tmp_path / "fusion.json") == FITTED
    assert list(as_json(FITTED)["weights"]) == ["x", "y", "z"]


def test_weights_follow_their_planes_in_whatever_order_volumes_come():
    volumes = {"z": np.array([0.9]), "x": np.array([0.2]), "y": np.array([0.3])}
    assert FITTED.mask_of(volumes, voxel_volume_ml=1.0).tolist() == [True]
    swapped = {"x": volumes["z"], "z": volumes["x"], "y": volumes["y"]}
    assert FITTED.mask_of(swapped, voxel_volume_ml=1.0).tolist() == [False]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rule": "median"}, "median"),
        ({"format": 9}, "another format"),
        ({"threshold": "high"}, "high"),
    ],
)
def test_a_file_that_holds_no_fusion_is_named(tmp_path: Path, changed: dict, said: str):
    path = tmp_path / "fusion.json"
    path.write_text(json.dumps({**as_json(FITTED), **changed}))
    with pytest.raises(InputFileError, match=rf"fusion.json: holds no fitted fusion .*{said}"):
        read_fitted(path)


def test_a_file_that_is_not_there_is_told_with_who_writes_it(tmp_path: Path):
    with pytest.raises(InputFileError, match=r"no such file\. Give a fusion that stroke-tf compare-fusion wrote"):
        read_fitted(tmp_path / "fusion.json")


@pytest.mark.parametrize(
    "changed", [{"threshold": 0.0}, {"min_component_ml": -1.0}, {"weights": None}, {"weights": {"x": 1.0}}]
)
def test_numbers_that_no_fusion_has_are_refused(changed: dict):
    with pytest.raises(SettingError, match=r"Received|do not go together"):
        FittedFusion(**{**FITTED.__dict__, **changed})


def test_an_origin_lies_beside_its_volume_and_is_read_again(tmp_path: Path):
    volume = tmp_path / "1_prob-x.nii.gz"
    assert read_origin(volume) is None
    origin = Origin("x", "a" * 64, 0.5, "multiplane-2025")
    write_origin(volume, origin)
    assert origin_file(volume).name == "1_prob-x.json"
    assert read_origin(volume) == origin


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2, "plane": "x"}'])
def test_an_origin_that_tells_nothing_is_an_error_and_not_an_absence(tmp_path: Path, text: str):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(InputFileError, match=r"p\.json: does not tell which network made p\.nii"):
        read_origin(tmp_path / "p.nii")


def test_volumes_of_other_networks_and_other_planes_are_refused():
    other = {**FITTED.networks, "y": "d" * 64}
    with pytest.raises(SettingError, match=r"plane y dddddddddddd… instead of bbbbbbbbbbbb…"):
        require_same_networks(other, FITTED.networks, "fusion.json")
    with pytest.raises(SettingError, match=r"fitted for the planes x, y, z\. Received: x, y"):
        require_same_networks({"x": "a" * 64, "y": "b" * 64}, FITTED.networks, "fusion.json")


def test_two_volumes_of_one_plane_are_refused():
    with pytest.raises(SettingError, match="two volumes of plane x"):
        planes_of([Origin("x", "a", 0.5, ""), Origin("x", "b", 0.5, "")])
