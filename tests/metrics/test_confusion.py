"""Counting right and wrong voxels."""

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, InputFileError
from stroke_tf.metrics.confusion import Counts, count, count_by_slice

PREDICTION = np.array([[[1, 1, 0], [0, 1, 0]]])
TRUTH = np.array([[[1, 0, 0], [1, 1, 0]]])


def test_each_voxel_is_counted_once():
    assert count(PREDICTION, TRUTH) == Counts(tp=2, fp=1, fn=1, tn=2)
    assert count(PREDICTION, TRUTH).total == 6


def test_only_voxels_inside_are_counted():
    inside = np.array([[[1, 1, 0], [0, 0, 0]]])
    assert count(PREDICTION, TRUTH, inside=inside) == Counts(tp=1, fp=1, fn=0, tn=0)


def test_counts_of_two_cases_add_up():
    assert Counts(1, 2, 3, 4) + Counts(10, 20, 30, 40) == Counts(11, 22, 33, 44)


def test_masks_are_left_as_they_were():
    prediction, truth, inside = (array.astype(bool) for array in (PREDICTION, TRUTH, np.zeros_like(TRUTH)))
    before = prediction.copy(), truth.copy()
    count(prediction, truth, inside=inside)
    np.testing.assert_array_equal((prediction, truth), before)


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(GeometryError, match="prediction has shape"):
        count(np.zeros((2, 2, 2)), np.zeros((2, 2, 3)))


def test_probabilities_are_no_mask():
    with pytest.raises(InputFileError, match="prediction: a mask holds 0 and one other value"):
        count(np.array([0.1, 0.9, 0.0]), np.array([0, 1, 0]))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_slices_add_up_to_the_volume_along_every_axis(axis):
    draw = np.random.default_rng(3)
    prediction, truth = draw.random((3, 4, 5)) < 0.3, draw.random((3, 4, 5)) < 0.3
    slices = count_by_slice(prediction, truth, axis=axis)
    assert len(slices) == truth.shape[axis]
    assert sum(slices, Counts(0, 0, 0, 0)) == count(prediction, truth)
    one = slices[1]
    assert one == count(np.take(prediction, [1], axis), np.take(truth, [1], axis))
