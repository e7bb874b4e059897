"""What a mask holds, lesion by lesion."""

import numpy as np
import pytest

from stroke_tf.metrics.lesion_sizes import burden_of, largest_distance
from stroke_tf.volumes.grid import Grid, grid_of_file
from stroke_tf.volumes.midplane import Midplane

MIDDLE = Midplane(9.5, 0.0, 0.0)


def grid(shape=(20, 10, 10), spacing=(1.0, 2.0, 3.0)) -> Grid:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -10, 5, 0
    return grid_of_file(shape, affine, "test")


def test_each_lesion_has_its_volume_side_and_diameter():
    mask = np.zeros((20, 10, 10), bool)
    mask[2, 2, 1:5] = True  # four voxels in a line along z, on the left: 3 * 3 mm
    mask[15, 5, 5] = True
    burden = burden_of(mask, grid(), MIDDLE)
    line, voxel = burden.lesions
    assert (line.volume_ml, line.side, line.diameter_mm) == (pytest.approx(0.024), "left", pytest.approx(9.0))
    assert line.centre_mm == (-8.0, 9.0, 7.5)
    assert (voxel.volume_ml, voxel.side, voxel.diameter_mm) == (pytest.approx(0.006), "right", 0.0)
    assert (burden.volume_ml, burden.left_ml, burden.right_ml) == pytest.approx((0.03, 0.024, 0.006))


def test_voxels_that_touch_by_a_corner_are_one_lesion():
    mask = np.zeros((20, 10, 10), bool)
    mask[3, 3, 3] = mask[4, 4, 4] = True
    (lesion,) = burden_of(mask, grid(), MIDDLE).lesions
    assert lesion.diameter_mm == pytest.approx(14**0.5)


@pytest.mark.parametrize(("right", "side"), [(2, "left"), (3, "both"), (9, "both"), (10, "right")])
def test_a_lesion_across_the_middle_is_on_both_sides_from_a_quarter_on(right, side):
    mask = np.zeros((20, 10, 10), bool)
    mask[10 - (12 - right) : 10 + right, 5, 5] = True
    (lesion,) = burden_of(mask, grid(), MIDDLE).lesions
    assert lesion.side == side
    assert (lesion.left_ml, lesion.right_ml) == pytest.approx((0.006 * (12 - right), 0.006 * right))


def test_an_empty_mask_holds_nothing():
    empty = burden_of(np.zeros((20, 10, 10), bool), grid(), MIDDLE)
    assert (empty.volume_ml, empty.count, empty.lesions) == (0, 0, ())


def test_only_the_largest_lesions_are_listed_but_all_are_counted():
    mask = np.zeros((20, 10, 10), bool)
    mask[::2, ::2, ::2] = True
    mask[4:6, 4, 4] = True
    burden = burden_of(mask, grid(), MIDDLE, most=3)
    assert burden.count == 249 and burden.volume_ml == pytest.approx(251 * 0.006)
    assert [round(each.volume_ml / 0.006) for each in burden.lesions] == [3, 1, 1]


def test_the_diameter_is_that_of_all_pairs_of_voxels():
    generator = np.random.default_rng(5)
    mask = generator.random((20, 10, 10)) < 0.5
    mask[::2, ::2, ::2] = True  # so that all of it hangs together
    (lesion,) = burden_of(mask, grid(), MIDDLE).lesions
    assert lesion.diameter_mm == pytest.approx(largest_distance(np.argwhere(mask) * [1.0, 2.0, 3.0]))


def test_a_large_flat_lesion_has_a_diameter_too():
    # All voxels in one plane have no hull in three dimensions.
    mask = np.zeros((80, 60, 3), bool)
    mask[:, :, 1] = (np.indices((80, 60)).sum(axis=0) % 2) == 0
    (lesion,) = burden_of(mask, grid((80, 60, 3), (1.0, 1.0, 1.0)), MIDDLE).lesions
    assert lesion.diameter_mm == pytest.approx((79**2 + 59**2) ** 0.5)


def test_a_large_ball_is_as_wide_as_it_is():
    x, y, z = np.indices((61, 61, 61)) - 30
    (lesion,) = burden_of(x**2 + y**2 + z**2 <= 900, grid((61, 61, 61), (1.0, 1.0, 1.0)), MIDDLE).lesions
    assert lesion.diameter_mm == pytest.approx(60.0)
