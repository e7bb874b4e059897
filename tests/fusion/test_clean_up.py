"""What is tidied in a mask, drawn as 0 and 1."""

import numpy as np
import pytest

from stroke_tf.errors import SettingError
from stroke_tf.fusion.clean_up import clean_up, components

MASK = np.array(
    [
        [1, 1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0, 1],
        [1, 1, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
    ],
    dtype=bool,
)


def tidied(**how) -> list[list[int]]:
    return clean_up(MASK, voxel_volume_ml=0.5, **how).astype(int).tolist()


def test_nothing_is_tidied_unless_asked():
    assert tidied() == MASK.astype(int).tolist()


def test_components_below_the_size_are_dropped_and_the_size_itself_stays():
    # The ring has 4 ml, the bar 1 ml, the dot 0.5 ml.
    assert np.sum(tidied(min_component_ml=1.0)) == 10
    assert np.sum(tidied(min_component_ml=1.01)) == 8
    assert np.sum(tidied(min_component_ml=4.1)) == 0


def test_a_hole_is_filled_and_counts_for_the_size():
    assert np.sum(tidied(fill_holes=True)) == 12
    assert np.sum(tidied(fill_holes=True, min_component_ml=4.5)) == 9


def test_a_bay_that_opens_to_the_border_is_no_hole():
    bay = np.array([[1, 0, 1], [1, 1, 1]], dtype=bool)
    assert np.array_equal(clean_up(bay, voxel_volume_ml=1.0, fill_holes=True), bay)


def test_in_three_dimensions_a_cavity_is_closed_on_all_six_sides():
    shell = np.ones((3, 3, 3), dtype=bool)
    shell[1, 1, 1] = False
    assert clean_up(shell, voxel_volume_ml=1.0, fill_holes=True).all()
    shell[1, 1, 0] = False
    assert clean_up(shell, voxel_volume_ml=1.0, fill_holes=True).sum() == 25


def test_voxels_that_touch_by_a_corner_are_one_component():
    labels, sizes = components(np.eye(3, dtype=bool))
    assert sizes.tolist() == [6, 3] and labels.max() == 1


def test_the_mask_given_is_left_alone():
    before = MASK.copy()
    clean_up(MASK, voxel_volume_ml=1.0)[:] = True
    assert np.array_equal(MASK, before)


@pytest.mark.parametrize("size", [-1.0, float("nan"), float("inf")])
def test_a_size_that_is_none_is_refused(size: float):
    with pytest.raises(SettingError, match="0 ml or more"):
        clean_up(MASK, voxel_volume_ml=1.0, min_component_ml=size)
