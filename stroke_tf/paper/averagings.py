"""Dice beside precision and recall: can a row's three numbers stand together under each averaging?"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from stroke_tf.paper import bounds
from stroke_tf.paper.box import (
    interval_of,
    precision_of,
    printed_number,
    range_over,
    recall_of,
    recall_of_one_table,
    values_of,
)
from stroke_tf.paper.readings import RULES, Averaging
from stroke_tf.paper.tables import Percent, PrintedRow
from stroke_tf.paper.verdicts import Verdict, show, verdict_by_share, yes_or_no


def _pooled(row: PrintedRow, cases: int) -> Verdict:
    low, high = range_over(bounds.implied_dice, precision_of(row), recall_of(row))
    possible = low <= row.dice.high and row.dice.low <= high
    if row.recall is None:
        recall = bounds.recall_from_dice(row.dice, printed_number(row.precision))
        numbers = f"D {row.dice.text} beside P {printed_number(row.precision).text} needs recall {show(recall, 2)}"
        return Verdict(possible, RULES[Averaging.POOLED], numbers, f"{yes_or_no(possible)} R{show(recall)}")
    implied = bounds.implied_dice(printed_number(row.precision), row.recall)
    numbers = f"D {row.dice.text}, 2PR/(P+R) = {show(implied, 2)}"
    return Verdict(possible, RULES[Averaging.POOLED], numbers, f"{yes_or_no(possible)} ={show(implied, 2)}")


def _cases(row: PrintedRow, cases: int, averaging: Averaging = Averaging.CASES) -> Verdict:
    low = range_over(bounds.least_mean_dice, precision_of(row), recall_of(row))[0]
    high = range_over(bounds.implied_dice, precision_of(row), recall_of(row))[1]
    possible = low <= row.dice.high and row.dice.low <= high
    numbers = f"D {row.dice.text}, allowed {show(low, 2)} to {show(high, 2)}"
    if row.dice.low > high:
        return Verdict(False, RULES[averaging], numbers, f"no ≤{show(high, 2)}")
    if not possible:
        return Verdict(False, RULES[averaging], numbers, f"no ≥{show(low, 2)}")
    return Verdict(True, RULES[averaging], numbers, "yes")


def _slices_one(row: PrintedRow, cases: int) -> Verdict:
    return _cases(row, cases, Averaging.SLICES_ONE)


def _slices_left_out(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.SLICES_LEFT_OUT]
    least = least_empty_left_out(row)
    lower = range_over(bounds.least_mean_dice, precision_of(row), recall_of(row))[0]
    if row.dice.high < lower:
        return Verdict(False, rule, f"D {row.dice.text} below {show(lower, 2)}", f"no ≥{show(lower, 2)}")
    most = (row.dice.high - lower) / (1 - lower) if lower < 1 else 1.0
    numbers = f"between {show(least)} and {show(most)} of the slices empty in truth and prediction"
    return Verdict(True, rule, numbers, f"yes e{show(least, 0)}-{show(most, 0)}")


def _slices_zero(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.SLICES_ZERO]
    least = least_empty_zero(row)
    most = 1 - max(precision_of(row).low, recall_of(row).low)
    lower = range_over(bounds.least_mean_dice, precision_of(row), recall_of(row))[0]
    possible = least <= most and lower <= row.dice.high
    numbers = f"at least {show(least)} of the slices empty, at most {show(most)} can be"
    return Verdict(possible, rule, numbers, f"{yes_or_no(possible)} e{show(least, 0)}-{show(most, 0)}")


def _macro(row: PrintedRow, cases: int) -> Verdict:
    as_cases = _cases(row, cases, Averaging.MACRO)
    if not as_cases.possible:
        return as_cases
    return verdict_by_share(_least_macro_share(row), cases, RULES[Averaging.MACRO])


def _micro(row: PrintedRow, cases: int) -> Verdict:
    named = {"D": row.dice, "P": row.precision, "R": row.recall, "A": row.accuracy}
    printed = {name: percent for name, percent in named.items() if percent is not None}
    possible = max(percent.low for percent in printed.values()) <= min(percent.high for percent in printed.values())
    numbers = ", ".join(f"{name} {percent.text}" for name, percent in printed.items())
    return Verdict(possible, RULES[Averaging.MICRO], numbers, "yes" if possible else "no")


def _background(row: PrintedRow, cases: int) -> Verdict:
    pooled = _pooled(row, cases)
    if not pooled.possible:
        return Verdict(False, RULES[Averaging.BACKGROUND], pooled.numbers, pooled.short)
    share = range_over(bounds.share_of_background_precision, precision_of(row), recall_of_one_table(row))[0]
    return verdict_by_share(share, cases, RULES[Averaging.BACKGROUND])


def _macro_dice(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.MACRO_DICE]
    share = range_over(bounds.share_of_macro_dice, interval_of(row.dice), precision_of(row), recall_of(row))[0]
    if math.isnan(share):
        lesion = bounds.implied_dice(printed_number(row.precision), row.recall or 0.0)
        needed = 2 * row.dice - lesion
        numbers = f"the background's Dice would be {show(needed, 2)}"
        return Verdict(False, rule, numbers, f"no Db{show(needed)}")
    return verdict_by_share(share, cases, rule)


def _mixed_classes(row: PrintedRow, cases: int) -> Verdict:
    share = range_over(bounds.share_of_mixed_classes, interval_of(row.dice), precision_of(row), recall_of(row))[0]
    return verdict_by_share(share, cases, RULES[Averaging.MIXED_CLASSES])


DICE_VERDICTS: dict[Averaging, Callable[[PrintedRow, int], Verdict]] = {
    Averaging.POOLED: _pooled,
    Averaging.CASES: _cases,
    Averaging.SLICES_LEFT_OUT: _slices_left_out,
    Averaging.SLICES_ZERO: _slices_zero,
    Averaging.SLICES_ONE: _slices_one,
    Averaging.MACRO: _macro,
    Averaging.MICRO: _micro,
    Averaging.BACKGROUND: _background,
    Averaging.MACRO_DICE: _macro_dice,
    Averaging.MIXED_CLASSES: _mixed_classes,
}
"""How each averaging judges a row on so many test cases; its rule stands beside it in `readings.RULES`."""


def least_empty_left_out(row: PrintedRow) -> float:
    """Return the least share of empty slices that Dice needs where precision and recall leave them out."""
    upper = range_over(bounds.implied_dice, precision_of(row), recall_of(row))[1]
    return max(0.0, (row.dice.low - upper) / (1 - upper)) if upper < 1 else 0.0


def least_empty_zero(row: PrintedRow) -> float:
    """Return the least share of empty slices that Dice needs where their precision and recall count as 0."""
    upper = range_over(bounds.implied_dice, precision_of(row), recall_of(row))[1]
    return max(0.0, row.dice.low - upper)


def _least_macro_share(row: PrintedRow) -> float:
    """Return the least lesion share at which both classes' mean D, P and R are the printed ones, or NaN."""
    steps = 20 if row.recall is None else 200
    shares: list[float] = []
    for precision in values_of(precision_of(row)):
        walks = [list(bounds.macro_curve(precision, recall, steps)) for recall in values_of(recall_of(row))]
        if row.recall is None:
            # A curve runs along the background's recall; a mean recall that is not printed is a second way to walk.
            even = [list(bounds.macro_curve(precision, r, steps, folds=False)) for r in values_of(recall_of(row))]
            walks += [list(walk) for walk in zip(*even, strict=True)]
        shares += [share for walk in walks for share in _crossings(walk, row.dice)]
    return min(shares, default=float("nan"))


def _crossings(walk: list[list[tuple[float, float]]], dice: Percent) -> Iterator[float]:
    """Yield the lesion shares at which a walk passes the printed Dice."""
    for before, after in pairwise(walk):
        if len(before) != len(after):
            continue
        for (share, value), (next_share, next_value) in zip(before, after, strict=True):
            if min(value, next_value) <= dice.high and max(value, next_value) >= dice.low:
                yield min(share, next_share)
