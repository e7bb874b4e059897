"""A printed row as a box: each number stands for an interval (its digits), and a formula is judged over all of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from stroke_tf.paper import bounds
from stroke_tf.paper.tables import Percent, PrintedRow


@dataclass(frozen=True)
class Interval:
    """All values that a printed number can stand for."""

    low: float
    high: float

    def ends(self) -> tuple[float, float]:
        """Return both ends."""
        return self.low, self.high


def interval_of(percent: Percent | None) -> Interval:
    """Return what a printed number can stand for, a little above 0 because formulas divide by it."""
    number = printed_number(percent)
    return Interval(max(number.low, 1e-9), number.high)


def printed_number(percent: Percent | None) -> Percent:
    """Return a number that must be printed.

    Raises: ValueError if it is not.
    """
    if percent is None:
        raise ValueError("only rows with precision and accuracy are audited")
    return percent


def precision_of(row: PrintedRow) -> Interval:
    """Return the printed precision."""
    return interval_of(row.precision)


def recall_of(row: PrintedRow) -> Interval:
    """Return the printed recall, or all that a recall can be."""
    # A recall of exactly 0 would divide by zero, and no printed row that has a Dice can have it.
    return Interval(1e-6, 1.0) if row.recall is None else interval_of(row.recall)


def recall_of_one_table(row: PrintedRow) -> Interval:
    """Return the printed recall, or the one that Dice and precision of one table of counts imply."""
    if row.recall is not None:
        return recall_of(row)
    low, high = range_over(bounds.recall_from_dice, interval_of(row.dice), precision_of(row))
    return Interval(min(1.0, low), min(1.0, high))


def recall_of_cases(row: PrintedRow) -> Interval:
    """Return the printed mean recall, or all that the bounds of mean Dice leave: DP/(2P-D) to D + 1 - P."""
    if row.recall is not None:
        return recall_of(row)
    least = recall_of_one_table(row).low
    return Interval(least, min(1.0, row.dice.high + 1 - precision_of(row).low))


def range_over(formula: Callable[..., float], *sides: Interval) -> tuple[float, float]:
    """Return the least and the largest value of a formula over a box, leaving out what is not a number.

    The formulas are monotone in each argument, so the corners of the box decide; a side as long as a recall that is
    not printed is walked in steps, because a formula may be undefined on a part of it.
    """
    values = [
        value for point in product(*(values_of(side) for side in sides)) if not math.isnan(value := formula(*point))
    ]
    return (min(values), max(values)) if values else (float("nan"), float("nan"))


def values_of(side: Interval) -> tuple[float, ...]:
    """Return both ends and the middle of a short side, and many steps of a long one."""
    if side.high - side.low < 0.05:
        return (side.low, (side.low + side.high) / 2, side.high)
    return tuple(side.low + (side.high - side.low) * step / 200 for step in range(201))
