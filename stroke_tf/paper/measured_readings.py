"""Our own counts under each reading that the audit tries on printed numbers: what one set of masks would print."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from stroke_tf.paper.counts import Overlap, Table
from stroke_tf.paper.readings import Averaging

WHAT_COUNTS = {
    Averaging.POOLED: "all voxels of all test cases in one table of counts",
    Averaging.CASES: "each case by itself, then the mean; an undefined precision is left out",
    Averaging.SLICES_LEFT_OUT: "each axial slice by itself; empty in truth and prediction: Dice 1, no precision",
    Averaging.SLICES_ZERO: "each axial slice by itself; an undefined precision or recall is 0",
    Averaging.SLICES_ONE: "each axial slice by itself; empty in truth and prediction: all three are 1",
    Averaging.MACRO: "the mean of lesion and background, both pooled",
    Averaging.MICRO: "the counts of lesion and background added: all three are the voxel accuracy",
    Averaging.BACKGROUND: "background counted as what is sought, pooled",
    Averaging.MACRO_DICE: "Dice as the mean of both classes, precision and recall of the lesion, pooled",
    Averaging.MIXED_CLASSES: "Dice of the lesion, precision and recall of the background, pooled",
}
"""What each reading takes, in one line."""

LEAST_PRECISION, LEAST_GAP, LEAST_DICE = 0.99, 0.1, 0.05
"""What makes a pair of numbers look like the one that Aboudi et al. print, 99.55 beside 64.14: a near-perfect precision
and a Dice at least 10 points below it, though not of a network that finds nothing. Ours, as any such limit is."""


def readings_of(cases: Sequence[Table], slices: Sequence[Table]) -> dict[Averaging, Overlap]:
    """Compute Dice, precision and recall of one set of masks under every reading.

    Args:
        cases: counts of each test case.
        slices: counts of each slice of the same cases.
    """
    pooled = Table(*(sum(getattr(case, name) for case in cases) for name in ("tp", "fp", "fn", "tn")))
    lesion, background, macro = pooled.lesion, pooled.background, pooled.macro
    return {
        Averaging.POOLED: lesion,
        Averaging.CASES: _mean_of(cases, _undefined_left_out),
        Averaging.SLICES_LEFT_OUT: _mean_of(slices, _empty_dice_one),
        Averaging.SLICES_ZERO: _mean_of(slices, _undefined_zero),
        Averaging.SLICES_ONE: _mean_of(slices, _empty_one),
        Averaging.MACRO: macro,
        Averaging.MICRO: pooled.micro,
        Averaging.BACKGROUND: background,
        Averaging.MACRO_DICE: Overlap(macro.dice, lesion.precision, lesion.recall),
        Averaging.MIXED_CLASSES: Overlap(lesion.dice, background.precision, background.recall),
    }


def like_the_print(readings: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Return the readings under which a set of masks prints a pair of Dice and precision like the paper's.

    Args:
        readings: by name, each with `dice` and `precision` as results.json holds them.
    """
    return [name for name, overlap in readings.items() if _is_like_the_print(overlap["dice"], overlap["precision"])]


def _is_like_the_print(dice: float | None, precision: float | None) -> bool:
    if dice is None or precision is None:
        return False
    return precision >= LEAST_PRECISION and LEAST_DICE <= dice <= precision - LEAST_GAP


def _undefined_left_out(table: Table) -> Overlap:
    return table.lesion


def _empty_dice_one(table: Table) -> Overlap:
    return Overlap(1.0, None, None) if _is_empty(table) else table.lesion


def _undefined_zero(table: Table) -> Overlap:
    lesion = table.lesion
    return Overlap(1.0 if _is_empty(table) else lesion.dice, lesion.precision or 0.0, lesion.recall or 0.0)


def _empty_one(table: Table) -> Overlap:
    return Overlap(1.0, 1.0, 1.0) if _is_empty(table) else _undefined_zero(table)


def _is_empty(table: Table) -> bool:
    return table.tp + table.fp + table.fn == 0


def _mean_of(tables: Sequence[Table], overlap_of: Callable[[Table], Overlap]) -> Overlap:
    overlaps = [overlap_of(table) for table in tables]
    return Overlap(*(_mean(getattr(each, name) for each in overlaps) for name in ("dice", "precision", "recall")))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
