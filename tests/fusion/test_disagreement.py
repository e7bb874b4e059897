"""How far the planes lie apart, and what that tells of error."""

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, SettingError
from stroke_tf.fusion.disagreement import Tally, area_under_curve, binned, disagreement, tally


def of(values: list[float], wrong: list[int], brain: list[int] | None = None) -> Tally:
    inside = np.ones(len(values), bool) if brain is None else np.array(brain, bool)
    return tally(np.array(values, dtype=np.float32), np.array(wrong, bool), inside)


def test_it_is_the_largest_difference_between_two_planes():
    planes = [np.array([0.1, 0.5, 1.0]), np.array([0.2, 0.5, 0.0]), np.array([0.9, 0.5, 0.5])]
    np.testing.assert_allclose(disagreement(planes), [0.8, 0, 1], atol=1e-7)


def test_planes_of_different_shapes_and_no_plane_are_refused():
    with pytest.raises(GeometryError):
        disagreement([np.zeros(2), np.zeros(3)])
    with pytest.raises(SettingError, match="none"):
        disagreement([])


def test_the_area_is_one_half_where_disagreement_tells_nothing_and_one_where_it_tells_all():
    assert area_under_curve(of([0.3, 0.3, 0.3, 0.3], [0, 1, 0, 1])) == 0.5
    assert area_under_curve(of([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])) == 1.0
    assert area_under_curve(of([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0])) == 0.0
    # Of the four pairs of a wrong and a right voxel one is the wrong way round.
    assert area_under_curve(of([0.1, 0.3, 0.2, 0.9], [0, 0, 1, 1])) == 0.75


def test_without_error_or_without_anything_right_there_is_no_area():
    assert area_under_curve(of([0.1, 0.9], [0, 0])) is None
    assert area_under_curve(of([0.1, 0.9], [1, 1])) is None


def test_only_the_brain_is_looked_at():
    counted = of([0.0, 0.5, 1.0], [0, 1, 1], brain=[1, 1, 0])
    assert (counted.right.sum(), counted.wrong.sum()) == (1, 1)


def test_bins_are_tenths_and_one_is_in_the_last():
    totals, wrong = binned(of([0.0, 0.05, 0.15, 0.95, 1.0], [0, 0, 0, 1, 1]))
    assert totals.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert wrong.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 2]


def test_cases_are_pooled_by_adding_them():
    both = of([0.0, 1.0], [0, 1]) + of([1.0], [0])
    assert area_under_curve(both) == 0.75
