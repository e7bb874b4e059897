"""Each kind of accuracy beside precision and recall, on rows small enough to judge by hand."""

import pytest

from stroke_tf.paper.accuracies import accuracy_verdict
from stroke_tf.paper.prevalence import Area
from stroke_tf.paper.readings import AccuracyKind, AccuracyReading, Averaging
from stroke_tf.paper.tables import Paper, Percent, PrintedRow


def row(accuracy: str, precision: str = "50.00", recall: str = "50.00", dice: str = "50.00") -> PrintedRow:
    numbers = (Percent(text) for text in (dice, accuracy, precision, recall))
    return PrintedRow("made", Paper.MULTIPLANE_2025, "made", "", *numbers)


@pytest.mark.parametrize(
    ("accuracy", "possible", "share"),
    [("99.00", True, "q1.0"), ("90.00", False, "q10.0")],
)
def test_one_error_for_each_lesion_voxel_makes_voxel_accuracy_one_less_the_lesion_share(accuracy, possible, share):
    reading = AccuracyReading(Averaging.POOLED, AccuracyKind.VOXEL, Area.VOLUME)
    verdict = accuracy_verdict(row(accuracy), reading, 7)
    assert verdict.possible is possible
    assert verdict.short.endswith(share)


def test_a_balanced_accuracy_below_half_the_recall_needs_more_than_every_voxel_marked():
    reading = AccuracyReading(Averaging.POOLED, AccuracyKind.BALANCED, Area.VOLUME)
    assert accuracy_verdict(row("20.00"), reading, 7).short == "no"


def test_a_balanced_accuracy_over_cases_cannot_ask_for_a_specificity_above_one():
    reading = AccuracyReading(Averaging.CASES, AccuracyKind.BALANCED, Area.VOLUME)
    assert accuracy_verdict(row("80.00"), reading, 7).numbers == "specificity would be above 1"


def test_over_cases_precision_is_limited_by_the_accuracy_and_the_largest_lesion():
    reading = AccuracyReading(Averaging.CASES, AccuracyKind.VOXEL, Area.VOLUME)
    assert accuracy_verdict(row("99.00"), reading, 7).short == "yes"
    low = accuracy_verdict(row("40.00"), reading, 7)
    # 40 + q (1 - R), q the largest lesion's 4.25 percent of the volume.
    assert (low.possible, low.short) == (False, "no P≤42.1")


def test_empty_slices_that_dice_needs_leave_less_room_for_precision():
    reading = AccuracyReading(Averaging.SLICES_ZERO, AccuracyKind.VOXEL, Area.VOLUME)
    assert accuracy_verdict(row("99.00"), reading, 7).possible
    # Dice 75 beside P = R = 50 needs a quarter of the slices empty, so an accuracy of 60 leaves P about 35 + q.
    assert not accuracy_verdict(row("60.00", dice="75.00"), reading, 7).possible
