"""One table of counts under each convention, on numbers small enough to check by eye."""

import pytest

from stroke_tf.paper.counts import Overlap, Table

# 10 voxels: 4 lesion, of which 3 found; 1 false alarm.
TABLE = Table(tp=3, fp=1, fn=1, tn=5)


def test_the_lesion_is_the_positive_class():
    assert TABLE.lesion == Overlap(6 / 8, 3 / 4, 3 / 4)


def test_background_swaps_the_errors():
    assert Table(tp=3, fp=2, fn=1, tn=4).background == Overlap(8 / 11, 4 / 5, 4 / 6)


def test_macro_is_the_mean_of_both_classes():
    assert TABLE.macro.dice == pytest.approx((6 / 8 + 10 / 12) / 2)


def test_micro_is_the_voxel_accuracy_three_times():
    assert TABLE.micro == Overlap(0.8, 0.8, 0.8)
    assert TABLE.accuracy_voxel == 0.8


def test_the_misprint_is_the_share_of_marked_voxels():
    assert TABLE.accuracy_misprint == 0.4
    assert TABLE.lesion_share == 0.4


def test_what_divides_by_zero_is_none():
    empty = Table(tp=0, fp=0, fn=0, tn=10)
    assert empty.lesion == Overlap(None, None, None)
    assert empty.lesion.implied_dice is None
    assert empty.macro.dice is None
