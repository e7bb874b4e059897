"""Each averaging of Dice, precision and recall, on rows small enough to judge by hand."""

import pytest

from stroke_tf.paper.averagings import DICE_VERDICTS, least_empty_left_out, least_empty_zero
from stroke_tf.paper.readings import Averaging
from stroke_tf.paper.tables import Paper, Percent, PrintedRow


def row(dice: str, precision: str, recall: str | None, accuracy: str = "99.0") -> PrintedRow:
    numbers = [None if text is None else Percent(text) for text in (accuracy, precision, recall)]
    return PrintedRow("made", Paper.MULTIPLANE_2025, "made", "", Percent(dice), *numbers)


@pytest.mark.parametrize(
    ("averaging", "dice", "possible", "short"),
    [
        (Averaging.POOLED, "50.00", True, "yes =50.00"),
        (Averaging.POOLED, "45.00", False, "no =50.00"),
        # Over cases a Dice may fall below 2PR/(P+R), but never pass it.
        (Averaging.CASES, "45.00", True, "yes"),
        (Averaging.SLICES_ONE, "45.00", True, "yes"),
        (Averaging.MICRO, "50.00", False, "no"),
    ],
)
def test_dice_beside_precision_and_recall_of_one_half(averaging: Averaging, dice: str, possible: bool, short: str):
    verdict = DICE_VERDICTS[averaging](row(dice, "50.00", "50.00"), 7)
    assert (verdict.possible, verdict.short) == (possible, short)


def test_a_mean_dice_above_that_of_the_means_is_impossible_over_cases():
    verdict = DICE_VERDICTS[Averaging.CASES](row("55.00", "50.00", "50.00"), 7)
    assert not verdict.possible
    assert verdict.short.startswith("no ≤50.0")


def test_counts_added_over_both_classes_make_all_four_numbers_one():
    assert DICE_VERDICTS[Averaging.MICRO](row("50.00", "50.00", "50.00", accuracy="50.00"), 7).possible


def test_empty_slices_lift_dice_above_that_of_the_others():
    # Beside P = R = 50: e + (1 - e) / 2 = 75 needs half of the slices empty, e + 50 = 75 a quarter.
    made = row("75.00", "50.00", "50.00")
    assert least_empty_left_out(made) == pytest.approx(0.5, abs=1e-3)
    assert least_empty_zero(made) == pytest.approx(0.25, abs=1e-3)
    assert DICE_VERDICTS[Averaging.SLICES_LEFT_OUT](made, 7).possible
    assert DICE_VERDICTS[Averaging.SLICES_ZERO](made, 7).possible
    assert least_empty_left_out(row("50.00", "50.00", "50.00")) == least_empty_zero(row("50.00", "50.00", "50.00")) == 0
