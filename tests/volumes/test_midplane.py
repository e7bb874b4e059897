"""The middle of the head, on brains of which it is known."""

import numpy as np
import pytest

from stroke_tf.phantoms.anatomy import draw_head
from stroke_tf.volumes.midplane import Midplane, midplane


def ellipsoid(turn_degrees: float, centre: float, shape=(90, 100, 80)) -> np.ndarray:
    """Return a brain whose front points a little to one side."""
    x, y, z = np.indices(shape).astype(float)
    x, y, z = x - centre, y - 50, z - 40
    angle = np.radians(turn_degrees)
    across, along = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    return (across / 30) ** 2 + (along / 42) ** 2 + (z / 32) ** 2 <= 1


@pytest.mark.parametrize("centre", [38.0, 44.5, 50.0])
def test_the_middle_of_an_upright_brain_is_its_own(centre):
    found = midplane(ellipsoid(0, centre))
    assert found.offset + found.by_y * 50 + found.by_z * 40 == pytest.approx(centre, abs=0.3)


@pytest.mark.parametrize("turn", [-10, 10])
def test_a_turned_head_has_a_turned_middle(turn):
    found = midplane(ellipsoid(turn, 45))
    assert found.by_y == pytest.approx(np.tan(np.radians(turn)), rel=0.6)
    assert np.sign(found.by_y) == np.sign(turn)
    assert found.offset + found.by_y * 50 + found.by_z * 40 == pytest.approx(45, abs=0.3)


def test_the_middle_of_a_phantom_is_its_midline():
    head = draw_head(seed=2, shape=(96, 110, 80), spacing_mm=(2.0, 2.0, 2.0))
    x, y, z = np.nonzero(head.brain)
    right = midplane(head.brain).right_of(x, y, z)
    assert (right == (head.midline_mm[x, y, z] > 0)).mean() > 0.94


def test_a_piece_that_is_missing_on_one_side_hardly_moves_the_middle():
    brain = ellipsoid(0, 45)
    brain[50:, 40:60, 45:] = False
    found = midplane(brain)
    assert found.offset + found.by_y * 50 + found.by_z * 40 == pytest.approx(45, abs=1.0)


def test_what_lies_on_the_plane_counts_as_left():
    points = np.array([4, 5, 6])
    assert Midplane(5.0, 0.0, 0.0).right_of(points, points, points).tolist() == [False, False, True]


def test_without_a_brain_the_middle_is_that_of_the_volume():
    assert midplane(np.zeros((11, 4, 4), bool)) == Midplane(5.0, 0.0, 0.0)
