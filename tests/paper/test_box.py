"""A printed number is an interval, and a formula over a box of them has a least and a largest value."""

import math

import pytest

from stroke_tf.paper.box import (
    Interval,
    interval_of,
    precision_of,
    range_over,
    recall_of,
    recall_of_cases,
    recall_of_one_table,
    values_of,
)
from stroke_tf.paper.tables import Percent, printed_row


def test_a_printed_number_stands_for_one_unit_of_its_last_digit_to_either_side():
    number = Percent("61.7")
    assert interval_of(number).ends() == (number.low, number.high)
    assert interval_of(number).low < 0.617 < interval_of(number).high


def test_a_printed_zero_can_be_divided_by():
    assert 0 < interval_of(Percent("0.0")).low < 1e-6


def test_a_row_without_precision_is_no_box():
    with pytest.raises(ValueError, match="precision and accuracy"):
        interval_of(None)


def test_the_corners_decide_a_monotone_formula():
    assert range_over(lambda a, b: a - b, Interval(0.50, 0.52), Interval(0.10, 0.13)) == pytest.approx((0.37, 0.42))


def test_what_is_not_a_number_is_left_out_of_a_range():
    assert range_over(lambda a: a if a > 0.505 else float("nan"), Interval(0.50, 0.52)) == pytest.approx((0.51, 0.52))
    assert all(math.isnan(end) for end in range_over(lambda a: float("nan"), Interval(0.50, 0.52)))


def test_a_long_side_is_walked_in_steps_and_a_short_one_is_not():
    assert values_of(Interval(0.50, 0.52)) == pytest.approx((0.50, 0.51, 0.52))
    steps = values_of(Interval(0.0, 1.0))
    assert (len(steps), steps[0], steps[-1]) == (201, 0.0, 1.0)


def test_a_recall_that_is_not_printed_can_be_anything_until_an_averaging_binds_it():
    row = printed_row("aboudi")
    anything, pooled, cases = recall_of(row), recall_of_one_table(row), recall_of_cases(row)
    assert anything.low < 1e-5 and anything.high == 1.0
    # Dice 64.14 beside precision 99.55: R = DP / (2P - D), and over cases no more than D + 1 - P.
    assert pooled.low < 0.6414 * 0.9955 / (2 * 0.9955 - 0.6414) < pooled.high
    assert cases.low == pooled.low
    assert cases.high == pytest.approx(row.dice.high + 1 - precision_of(row).low)


def test_a_printed_recall_is_the_same_under_every_averaging():
    row = printed_row("x")
    assert recall_of(row) == recall_of_one_table(row) == recall_of_cases(row) == interval_of(row.recall)
