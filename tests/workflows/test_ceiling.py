"""The ceiling: what slices cost before any network errs."""

import numpy as np
import pytest

from stroke_tf.choices import FitRule
from stroke_tf.errors import GeometryError
from stroke_tf.workflows.ceiling import ceiling

SHAPE = (50, 46, 40)


def brain_of() -> np.ndarray:
    brain = np.zeros(SHAPE, dtype=bool)
    brain[10:42, 8:40, 6:36] = True
    return brain


def ball(radius: float) -> np.ndarray:
    away = np.indices(SHAPE) - np.array([20, 25, 15])[:, None, None, None]
    return (away**2).sum(axis=0) <= radius**2


def test_slices_of_the_boxs_own_size_cost_nothing():
    assert set(ceiling(ball(5), brain_of(), rule=FitRule.BRAIN, size=36).values()) == {1.0}


def test_slices_larger_than_the_volume_cost_nothing_when_they_divide_it():
    cube = np.zeros((16, 16, 16), dtype=bool)
    cube[3:9, 2:5, 7:12] = True
    assert set(ceiling(cube, None, rule=FitRule.PLAIN, size=32).values()) == {1.0}


def test_cropping_to_the_brain_raises_the_ceiling():
    plain = ceiling(ball(3), brain_of(), rule=FitRule.PLAIN, size=20)
    brain = ceiling(ball(3), brain_of(), rule=FitRule.BRAIN, size=20)
    assert plain["vote"] < brain["vote"] < 1


def test_each_plane_and_the_vote_have_a_ceiling():
    assert list(ceiling(ball(4), brain_of(), rule=FitRule.BRAIN, size=24)) == ["x", "y", "z", "vote"]


def test_lesion_outside_the_brains_box_is_lost_and_counts():
    mask = ball(4)
    outside = mask.copy()
    outside[:5, :5, :5] = True
    size = mask.sum(), outside.sum()
    found = ceiling(outside, brain_of(), rule=FitRule.BRAIN, size=36)["vote"]
    assert found == pytest.approx(2 * size[0] / (size[0] + size[1]))


def test_an_empty_mask_stays_empty():
    nothing = np.zeros(SHAPE, dtype=bool)
    assert ceiling(nothing, brain_of(), rule=FitRule.BRAIN)["vote"] == 1.0


def test_a_brain_of_another_shape_is_refused():
    with pytest.raises(GeometryError, match="must be equal"):
        ceiling(ball(3), np.ones((2, 2, 2), dtype=bool), rule=FitRule.BRAIN)
