"""From cases to one figure: nothing is dropped in silence, and intervals come from the seed alone."""

import math

import numpy as np
import pytest
from scipy import stats

from stroke_tf.errors import SettingError
from stroke_tf.metrics.protocols import MEASURE_NAMES
from stroke_tf.metrics.summary import bootstrap_interval, paired_wilcoxon, summarise


def case(dice, tp, fp, fn, tn) -> dict:
    return {"dice": dice, "tp": tp, "fp": fp, "fn": fn, "tn": tn}


SMALL, LARGE = case(0.0, 0, 0, 10, 990), case(0.9, 90, 10, 10, 890)
UNDEFINED = {"dice": None, "hd_mm": None, "tp": None}


def test_mean_sd_and_median_are_over_cases():
    summary = summarise([{"dice": 0.2}, {"dice": 0.4}, {"dice": 0.9}], seed=1)["dice"]
    assert summary.mean == pytest.approx(0.5)
    assert summary.median == 0.4
    assert summary.sd == pytest.approx(math.sqrt((0.09 + 0.01 + 0.16) / 2))
    assert (summary.n, summary.left_out) == (3, 0)


def test_pooled_dice_weighs_voxels_and_mean_dice_weighs_cases():
    summary = summarise([SMALL, LARGE], seed=1)["dice"]
    assert summary.mean == 0.45
    assert summary.pooled == 180 / (180 + 10 + 20)
    assert summary.pooled_low <= summary.pooled <= summary.pooled_high


def test_undefined_values_are_counted_and_never_zero():
    summary = summarise([SMALL, LARGE, UNDEFINED], seed=1)
    assert (summary["dice"].mean, summary["dice"].n, summary["dice"].left_out) == (0.45, 2, 1)
    assert (summary["hd_mm"].mean, summary["hd_mm"].n, summary["hd_mm"].left_out) == (None, 0, 3)


def test_every_measure_has_a_summary_even_of_nothing():
    summary = summarise([], seed=1)
    assert tuple(summary) == MEASURE_NAMES
    assert {each.mean for each in summary.values()} == {each.low for each in summary.values()} == {None}


def test_one_case_has_neither_spread_nor_interval():
    summary = summarise([LARGE], seed=1)["dice"]
    assert (summary.mean, summary.median, summary.pooled) == (0.9, 0.9, 180 / 200)
    assert (summary.sd, summary.low, summary.high, summary.pooled_low) == (None, None, None, None)


def test_the_interval_depends_on_the_seed_alone():
    values = [0.1, 0.5, 0.7, 0.95]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(np.array(values) ** 1.01, seed=3)
    assert bootstrap_interval([0.3, 0.3, 0.3], seed=3) == (pytest.approx(0.3), pytest.approx(0.3))


def test_the_interval_is_that_of_scipys_bootstrap_but_for_chance():
    values = np.random.default_rng(8).beta(4, 2, size=28)
    scipys = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1), n_resamples=20_000)
    assert bootstrap_interval(values, seed=3) == pytest.approx(tuple(scipys.confidence_interval), abs=0.004)


def test_one_measure_does_not_move_the_interval_of_another():
    alone = summarise([{"dice": 0.2}, {"dice": 0.9}], seed=1)["dice"]
    beside = summarise([{"dice": 0.2, "iou": 0.1}, {"dice": 0.9, "iou": 0.8}], seed=1)["dice"]
    assert alone == beside


def test_the_test_is_scipys_wilcoxon():
    first, second = np.random.default_rng(4).random((2, 20))
    first = first + 0.3
    result = paired_wilcoxon(first.tolist(), second.tolist())
    assert result.p_value == pytest.approx(stats.wilcoxon(first, second).pvalue)
    assert result.median_difference == pytest.approx(np.median(first - second))
    assert (result.n, result.left_out, result.reason) == (20, 0, "")


def test_six_pairs_in_one_direction_give_the_exact_p_of_one_in_32():
    assert paired_wilcoxon([1, 2, 3, 4, 5, 6], [0] * 6).p_value == 2 / 2**6


def test_equal_pairs_are_dropped_from_the_test_and_ties_are_no_fault():
    result = paired_wilcoxon([1, 1, 1, 1, 1, 1, 0, 0], [0] * 8)
    assert result.n == 8
    assert result.p_value == pytest.approx(2 / 2**6, abs=0.02)


@pytest.mark.parametrize(
    ("first", "second", "n", "reason"),
    [
        ([], [], 0, "no case has a value in both rows"),
        ([None, 0.5], [0.5, None], 0, "no case has a value in both rows"),
        ([0.5] * 9, [0.5] * 9, 9, "equal in every case"),
        ([0.1 + 0.2] * 9, [0.3] * 9, 9, "equal in every case"),
        ([0.9, 0.5], [0.1, 0.5], 2, "only 1 pair differs"),
        ([1, 2, 3, 4, 5], [0] * 5, 5, "only 5 pairs differ"),
    ],
)
def test_where_the_test_has_nothing_to_say_it_says_why(first, second, n, reason):
    result = paired_wilcoxon(first, second)
    assert (result.n, result.p_value) == (n, None)
    assert reason in result.reason


def test_pairs_without_a_value_are_counted():
    result = paired_wilcoxon([None, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0, None])
    assert (result.n, result.left_out) == (6, 2)


def test_rows_of_different_length_are_no_pairs():
    with pytest.raises(SettingError, match="3 and 2 values"):
        paired_wilcoxon([1, 2, 3], [1, 2])
