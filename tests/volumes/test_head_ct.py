"""The brain is found in a CT of a head: within the bone, without the scalp, and without a skull too."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.volumes.head_ct import brain_of_ct

SPACING = (2.0, 2.0, 5.0)
X, Y = np.meshgrid(np.arange(100) - 49.5, np.arange(110) - 54.5, indexing="ij")
RADIUS = 2.0 * np.hypot(X, Y * 0.9)  # mm


def head(*, noise=4.0, hole=False, slices=3):
    """Return a brain of 70 mm with a ventricle, a skull of 7 mm, a scalp of 6 mm, and air."""
    plane = np.full(RADIUS.shape, -1024.0)
    plane[RADIUS < 83] = 15
    plane[RADIUS < 77] = 950
    plane[RADIUS < 70] = 33
    plane[RADIUS < 12] = 6
    if hole:
        plane[(RADIUS >= 70) & (RADIUS < 77) & (np.abs(Y) < 0.6) & (X > 0)] = 30  # a suture
    data = np.repeat(plane[:, :, None], slices, axis=2)
    noise = noise * np.random.default_rng(1).standard_normal(data.shape)
    return np.where(data > -1000, data + noise, data).astype(np.int16)


TRUTH = np.repeat((RADIUS < 70)[:, :, None], 3, axis=2)


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


@pytest.mark.parametrize("hole", [False, True])
def test_the_brain_is_what_the_skull_encloses(hole):
    found = brain_of_ct(head(hole=hole), SPACING)
    assert dice(found, TRUTH) > 0.96
    assert not found[np.repeat((RADIUS > 78)[:, :, None], 3, axis=2)].any()


def test_fluid_inside_the_brain_belongs_to_it():
    assert brain_of_ct(head(), SPACING)[49, 54].all()


def test_a_head_without_its_skull_has_the_same_brain():
    stripped = np.where(TRUTH, head(), -1024)
    assert dice(brain_of_ct(stripped, SPACING), TRUTH) > 0.96


def test_a_slice_above_the_brain_is_empty():
    data = head()
    data[:, :, 2] = -1024
    found = brain_of_ct(data, SPACING)
    assert found[:, :, :2].any(axis=(0, 1)).all()
    assert not found[:, :, 2].any()


@pytest.mark.parametrize("value", [-1024, 1000])
def test_an_image_without_soft_tissue_is_refused(value):
    with pytest.raises(InputFileError, match=r"CT\.nii: no brain found: 0 of 24 voxels .* plain CT of a head in HU"):
        brain_of_ct(np.full((4, 3, 2), value), SPACING, name="CT.nii")
