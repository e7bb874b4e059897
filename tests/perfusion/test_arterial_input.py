"""The artery is found among veins and tissue: high, early and narrow at once."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.perfusion import find_arterial_input

TIMES = np.arange(50.0)


def bolus(arrival, rise, height):
    s = np.maximum(TIMES - arrival, 0) / rise
    return height * s**3 * np.exp(3 * (1 - s))


ARTERY, VEIN, BRANCH, GREY = bolus(8, 5, 250), bolus(12, 9, 300), bolus(8, 5, 120), bolus(9, 7, 12)


def head(noise=4.0):
    """Return grey matter with five voxels of an artery, eight of a vein and ten that a branch fills in part."""
    curves = np.broadcast_to(GREY, (30, 30, 3, TIMES.size)).copy()
    curves[5:10, 5, 1] = ARTERY
    curves[20:28, 25, 1] = VEIN
    curves[3:13, 20, 0] = BRANCH
    curves += noise * np.random.default_rng(2).standard_normal(curves.shape)
    return curves.astype(np.float32), np.ones((30, 30, 3), bool)


def test_the_artery_is_found_voxel_by_voxel():
    curves, brain = head()
    found = find_arterial_input(curves, brain, count=5)
    assert {tuple(place) for place in np.argwhere(found.voxels)} == {(x, 5, 1) for x in range(5, 10)}
    np.testing.assert_allclose(found.curve, ARTERY, atol=8)


def test_what_lies_outside_the_brain_is_no_artery():
    curves, brain = head()
    brain[5:10, 5, 1] = False
    found = find_arterial_input(curves, brain, count=3)
    assert not found.voxels[5:10, 5, 1].any()
    assert not (found.voxels & ~brain).any()


def test_a_head_without_vessels_is_refused():
    with pytest.raises(InputFileError, match=r"ctp.nii: no artery found"):
        find_arterial_input(np.zeros((4, 4, 2, 20), np.float32), np.ones((4, 4, 2), bool), name="ctp.nii")


def test_a_brain_without_voxels_is_refused():
    with pytest.raises(InputFileError, match="no artery found"):
        find_arterial_input(np.ones((4, 4, 2, 20), np.float32), np.zeros((4, 4, 2), bool))
