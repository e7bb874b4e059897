"""Cohorts of CT perfusion on disk: the names of ISLES 2018, one grid, the mark, completion, and refusals."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import OutputError, SettingError
from stroke_tf.manifest.case import Layout
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.phantoms import SYNTHETIC_MARK, write_perfusion_cohort
from stroke_tf.volumes.series import read_series

SMALL = {"size": 40, "slices": (2, 3), "frames": (40, 44), "seed": 3}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    root = tmp_path_factory.mktemp("isles2018")
    write_perfusion_cohort(root, cases=2, **SMALL)
    return root


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.nii"))}


def test_names_are_those_of_the_archive(cohort):
    names = set(contents(cohort))
    assert len(names) == 16
    assert "case_1/SMIR.Brain.XX.O.CT_4DPWI.345561/SMIR.Brain.XX.O.CT_4DPWI.345561.nii" in names
    assert "case_1/SMIR.Brain.XX.O.CT_Tmax.345567/SMIR.Brain.XX.O.CT_Tmax.345567.nii" in names
    cases = find_cases(cohort)
    assert [case.case_id for case in cases] == ["case_1", "case_2"]
    assert all(case.layout is Layout.ISLES2018 and set(case.layout.expected) <= set(case.images) for case in cases)


def test_all_images_of_a_case_share_one_grid_and_the_series_has_its_time_step(cohort):
    case = find_cases(cohort)[0]
    series = read_series(case.images["CTP"])
    assert series.seconds == 1.0
    assert 40 <= series.data.shape[3] <= 44
    assert series.grid.orientation == "LAS"
    for path in (*case.images.values(), case.lesion):
        image = nibabel.load(path)
        assert image.shape[:3] == series.grid.shape
        np.testing.assert_allclose(image.affine, series.grid.native_affine)
    assert series.grid.spacing_mm == pytest.approx((5.875, 5.875, 5.0))


def test_everything_says_that_it_is_synthetic(cohort):
    assert json.loads((cohort / SYNTHETIC_MARK).read_text())["notice"].startswith("SYNTHETIC")
    for path in cohort.rglob("*.nii"):
        assert nibabel.load(path).header["descrip"].item().startswith(b"SYNTHETIC")
    assert "SYNTHETIC" in (cohort / "case_1" / "SYNTHETIC.json").read_text()


def test_a_cohort_that_was_stopped_is_completed_with_the_same_bits(cohort, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(cohort, root)
    whole = contents(root)
    next((root / "case_2").rglob("*CT_CBV*.nii")).unlink()
    write_perfusion_cohort(root, cases=2, **SMALL)
    assert contents(root) == whole


def test_other_settings_are_refused_without_force(cohort):
    before = contents(cohort)
    with pytest.raises(OutputError, match=r"slices \[2, 3\], now \[2, 2\].*--force"):
        write_perfusion_cohort(cohort, cases=2, **{**SMALL, "slices": (2, 2)})
    assert contents(cohort) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 16}, "32 pixels a side at least. Received: 16"),
        ({"slices": (3, 2)}, r"the smaller first. Received: \(3, 2\)"),
        ({"frames": (5, 9)}, r"Received: \(5, 9\)"),
        ({"spacing_mm": 20.0}, "0.4 to 8 mm. Received: 20"),
        ({"min_lesion_ml": 99.0}, "between 0 and 60 ml"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(tmp_path, wrong, message):
    with pytest.raises(SettingError, match=message):
        write_perfusion_cohort(tmp_path / "root", cases=1, **{**SMALL, **wrong})
    assert not (tmp_path / "root").exists()
