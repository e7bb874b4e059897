"""Formulas on counts: by hand, under each convention, and beside MedPy."""

import numpy as np
import pytest

from stroke_tf.metrics.confusion import Counts, count
from stroke_tf.metrics.conventions import BothEmpty, NoDenominator
from stroke_tf.metrics.overlap import accuracy, balanced_accuracy, dice, iou, precision, recall, specificity

COUNTS = Counts(tp=6, fp=2, fn=4, tn=88)
BOTH_EMPTY = Counts(tp=0, fp=0, fn=0, tn=10)
PREDICTION_EMPTY = Counts(tp=0, fp=0, fn=3, tn=7)
TRUTH_EMPTY = Counts(tp=0, fp=3, fn=0, tn=7)
BOTH_FULL = Counts(tp=10, fp=0, fn=0, tn=0)


def test_formulas_give_the_fractions_that_one_finds_by_hand():
    assert dice(COUNTS) == 12 / 18
    assert iou(COUNTS) == 6 / 12
    assert precision(COUNTS) == 6 / 8
    assert recall(COUNTS) == 6 / 10
    assert specificity(COUNTS) == 88 / 90
    assert accuracy(COUNTS) == 94 / 100
    assert balanced_accuracy(COUNTS) == (6 / 10 + 88 / 90) / 2


def test_dice_is_the_harmonic_mean_of_precision_and_recall():
    p, r = precision(COUNTS), recall(COUNTS)
    assert dice(COUNTS) == pytest.approx(2 * p * r / (p + r))


@pytest.mark.parametrize(("rule", "value"), [("one", 1.0), ("zero", 0.0), ("undefined", None)])
def test_two_empty_masks_score_what_the_rule_says(rule, value):
    assert dice(BOTH_EMPTY, both_empty=BothEmpty(rule)) == value
    assert iou(BOTH_EMPTY, both_empty=BothEmpty(rule)) == value


@pytest.mark.parametrize("counts", [PREDICTION_EMPTY, TRUTH_EMPTY])
@pytest.mark.parametrize("rule", BothEmpty)
def test_one_empty_mask_scores_0_under_every_rule(counts, rule):
    assert dice(counts, both_empty=rule) == 0.0
    assert iou(counts, both_empty=rule) == 0.0


@pytest.mark.parametrize(
    ("ratio", "counts"), [(precision, PREDICTION_EMPTY), (recall, TRUTH_EMPTY), (specificity, BOTH_FULL)]
)
def test_a_ratio_without_denominator_is_undefined_or_0_as_asked(ratio, counts):
    assert ratio(counts) is None
    assert ratio(counts, no_denominator=NoDenominator.ZERO) == 0.0


def test_balanced_accuracy_is_undefined_where_one_half_of_it_is():
    assert balanced_accuracy(TRUTH_EMPTY) is None
    assert balanced_accuracy(PREDICTION_EMPTY) == 0.5


def test_accuracy_inside_nothing_is_undefined():
    assert accuracy(Counts(0, 0, 0, 0)) is None


@pytest.mark.parametrize("seed", range(4))
def test_formulas_equal_medpy_on_random_masks(seed):
    oracle = pytest.importorskip("medpy.metric.binary", reason="MedPy, the oracle of this test, is not installed")
    generator = np.random.default_rng(seed)
    prediction, truth = generator.random((2, 7, 8, 9)) < generator.uniform(0.05, 0.9)
    counts = count(prediction, truth)
    assert dice(counts) == pytest.approx(oracle.dc(prediction, truth), abs=1e-15)
    assert iou(counts) == pytest.approx(oracle.jc(prediction, truth), abs=1e-15)
    assert precision(counts) == pytest.approx(oracle.precision(prediction, truth), abs=1e-15)
    assert recall(counts) == pytest.approx(oracle.recall(prediction, truth), abs=1e-15)
    assert specificity(counts) == pytest.approx(oracle.specificity(prediction, truth), abs=1e-15)


@pytest.mark.parametrize("empty", ["prediction", "truth"])
def test_formulas_equal_medpy_where_one_mask_is_empty(empty):
    # Where a denominator is 0 MedPy waits for a ZeroDivisionError, which NumPy's integers no longer raise; its answer
    # then depends on NumPy's version, so only what has a denominator is compared.
    oracle = pytest.importorskip("medpy.metric.binary", reason="MedPy, the oracle of this test, is not installed")
    prediction, truth = np.zeros((2, 3, 3, 3), dtype=bool)
    (prediction if empty == "truth" else truth)[0, 1] = True
    counts = count(prediction, truth)
    assert dice(counts) == oracle.dc(prediction, truth) == 0.0
    assert iou(counts) == oracle.jc(prediction, truth) == 0.0
    assert specificity(counts) == oracle.specificity(prediction, truth)
    if empty == "truth":
        assert precision(counts) == oracle.precision(prediction, truth) == 0.0
    else:
        assert recall(counts) == oracle.recall(prediction, truth) == 0.0
