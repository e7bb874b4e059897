"""Which convention makes which printed number possible: a verdict for each row under each reading.

A printed number stands for an interval (its digits), a row for a box of such intervals; a reading is impossible when
no point of the box satisfies its identity or bound. "Possible" means that arithmetic and the lesions of the challenge
allow it, not that anyone would compute it so.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise, product

from stroke_tf.paper import bounds
from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.tables import Percent, PrintedRow, PrintedTable


class Averaging(str, Enum):
    """Over what Dice, precision and recall were taken."""

    POOLED = "pooled voxels"
    CASES = "mean over cases"
    SLICES_LEFT_OUT = "slices, empty: D 1, P R left out"
    SLICES_ZERO = "slices, empty: D 1, P R 0"
    SLICES_ONE = "slices, empty: D P R 1"
    MACRO = "both classes, mean"
    MICRO = "both classes, counts added"
    BACKGROUND = "background is positive"
    MACRO_DICE = "D of both classes, P R of lesion"
    MIXED_CLASSES = "D of lesion, P R of background"


class AccuracyKind(str, Enum):
    """What an accuracy counts."""

    VOXEL = "voxel"
    BALANCED = "balanced"
    MISPRINT = "(TP+FP)/all"


RULES = {
    Averaging.POOLED: "one table of counts: D = 2PR/(P+R) exactly",
    Averaging.CASES: "D is concave in (P, R): P+R-1 <= D <= 2PR/(P+R)",
    Averaging.SLICES_LEFT_OUT: "a share e of empty slices: e + (1-e)L <= D <= e + (1-e)U, L = P+R-1, U = 2PR/(P+R)",
    Averaging.SLICES_ZERO: "as above with P/(1-e), R/(1-e): D <= e + U and e <= 1 - max(P, R)",
    Averaging.SLICES_ONE: "an empty slice is a case with D = P = R = 1: the bounds of cases",
    Averaging.MACRO: "two classes are two cases: D <= 2PR/(P+R); and the lesion share that D, P, R need",
    Averaging.MICRO: "every error is one FP and one FN: D = P = R = accuracy",
    Averaging.BACKGROUND: "D = 2PR/(P+R), and lesion share q/(1-q) >= R(1-P)/P",
    Averaging.MACRO_DICE: "background Dice 2D - 2PR/(P+R) <= 1, and the lesion share that it needs",
    Averaging.MIXED_CLASSES: "the lesion share that D beside the background's P and R needs",
}
"""The identity or inequality that decides each reading."""

ACCURACY_RULES = {
    (Averaging.POOLED, AccuracyKind.VOXEL): "lesion share q = (1-A)/(1-2R+R/P)",
    (Averaging.POOLED, AccuracyKind.BALANCED): "false-alarm rate f = 1-2A+R, lesion share q/(1-q) = f/(R(1-P)/P)",
    (Averaging.POOLED, AccuracyKind.MISPRINT): "A is the share of marked voxels: lesion share q = PA/R",
    (Averaging.CASES, AccuracyKind.VOXEL): "P <= A + q(1-R), q the largest share of one case",
    (Averaging.CASES, AccuracyKind.BALANCED): "P <= 1 - (1-q)(1-2A+R), q the largest share of one case",
    (Averaging.SLICES_LEFT_OUT, AccuracyKind.VOXEL): "P(1-e) <= A + q - e, e the least share of empty slices",
    (Averaging.SLICES_ZERO, AccuracyKind.VOXEL): "P <= A + q - e, e the least share of empty slices",
    (Averaging.BACKGROUND, AccuracyKind.VOXEL): "background share 1-q = (1-A)/(1-2R+R/P)",
}


_SHORT = {
    Averaging.POOLED: "pooled",
    Averaging.CASES: "cases",
    Averaging.SLICES_LEFT_OUT: "slices left out",
    Averaging.SLICES_ZERO: "slices 0",
    Averaging.BACKGROUND: "background positive",
}


@dataclass(frozen=True)
class AccuracyReading:
    """A kind of accuracy, over an area, beside precision and recall of an averaging."""

    averaging: Averaging
    kind: AccuracyKind
    area: Area

    @property
    def name(self) -> str:
        """Return the reading in words."""
        return f"{self.kind.value}, {self.area.value}, {_SHORT[self.averaging]}"


ACCURACY_READINGS = (
    *(AccuracyReading(Averaging.POOLED, kind, area) for kind in AccuracyKind for area in Area),
    *(
        AccuracyReading(Averaging.CASES, kind, area)
        for kind in (AccuracyKind.VOXEL, AccuracyKind.BALANCED)
        for area in Area
    ),
    AccuracyReading(Averaging.SLICES_LEFT_OUT, AccuracyKind.VOXEL, Area.VOLUME),
    AccuracyReading(Averaging.SLICES_ZERO, AccuracyKind.VOXEL, Area.VOLUME),
    AccuracyReading(Averaging.BACKGROUND, AccuracyKind.VOXEL, Area.VOLUME),
    AccuracyReading(Averaging.BACKGROUND, AccuracyKind.VOXEL, Area.BRAIN),
)


@dataclass(frozen=True)
class Verdict:
    """What a reading says of a row.

    Args:
        rule: the identity or inequality that decides.
        numbers: the same with the row's numbers, in percent.
        short: what fits into a cell of a table.
    """

    possible: bool
    rule: str
    numbers: str
    short: str

    @property
    def word(self) -> str:
        """Return possible or impossible."""
        return "possible" if self.possible else "impossible"


@dataclass(frozen=True)
class RowAudit:
    """A printed row under every reading.

    Args:
        implied_dice: 2PR/(P+R); None where recall is not printed.
        together: the pairs under which all printed numbers of the row are possible.
    """

    row: PrintedRow
    implied_dice: float | None
    averagings: dict[Averaging, Verdict]
    accuracies: dict[AccuracyReading, Verdict]
    together: tuple[AccuracyReading, ...]


@dataclass(frozen=True)
class Interval:
    """All values that a printed number can stand for."""

    low: float
    high: float

    def ends(self) -> tuple[float, float]:
        """Return both ends."""
        return self.low, self.high


def audit_table(table: PrintedTable) -> list[RowAudit]:
    """Judge each row of a printed table under every reading."""
    return [audit_row(row, cases=table.test_cases) for row in table.rows]


def audit_row(row: PrintedRow, *, cases: int) -> RowAudit:
    """Judge one printed row, which must have a precision and an accuracy.

    Args:
        cases: how many test cases it stands for, which limits how much lesion they can hold together.
    """
    averagings = {averaging: judge(row, cases) for averaging, judge in _AVERAGINGS.items()}
    accuracies = {reading: _accuracy(row, reading, cases) for reading in ACCURACY_READINGS}
    together = tuple(
        reading
        for reading, verdict in accuracies.items()
        if verdict.possible and averagings[reading.averaging].possible
    )
    implied = None if row.recall is None else bounds.implied_dice(_printed(row.precision), row.recall)
    return RowAudit(row, implied, averagings, accuracies, together)


def vote_verdict(planes: list[Percent], vote: Percent) -> Verdict:
    """Judge the vote's printed recall by the recalls of its three planes."""
    limit = bounds.vote_recall_limit([plane.high for plane in planes])
    possible = vote.low <= limit
    numbers = f"vote {vote.text}, planes {', '.join(plane.text for plane in planes)}: at most {_show(limit, 2)}"
    rule = (
        "what two of three found, one of any two found: recall of the vote <= sum of the two smaller recalls, "
        "over pooled voxels and as a mean over cases alike"
    )
    return Verdict(possible, rule, numbers, f"{_word(possible)} ≤{_show(limit, 2)}")


def _pooled(row: PrintedRow, cases: int) -> Verdict:
    low, high = _range(bounds.implied_dice, _precision(row), _recall(row))
    possible = low <= row.dice.high and row.dice.low <= high
    if row.recall is None:
        recall = bounds.recall_from_dice(row.dice, _printed(row.precision))
        numbers = f"D {row.dice.text} beside P {_text(row.precision)} needs recall {_show(recall, 2)}"
        return Verdict(possible, RULES[Averaging.POOLED], numbers, f"{_word(possible)} R{_show(recall)}")
    implied = bounds.implied_dice(_printed(row.precision), row.recall)
    numbers = f"D {row.dice.text}, 2PR/(P+R) = {_show(implied, 2)}"
    return Verdict(possible, RULES[Averaging.POOLED], numbers, f"{_word(possible)} ={_show(implied, 2)}")


def _cases(row: PrintedRow, cases: int, averaging: Averaging = Averaging.CASES) -> Verdict:
    low = _range(bounds.least_mean_dice, _precision(row), _recall(row))[0]
    high = _range(bounds.implied_dice, _precision(row), _recall(row))[1]
    possible = low <= row.dice.high and row.dice.low <= high
    numbers = f"D {row.dice.text}, allowed {_show(low, 2)} to {_show(high, 2)}"
    if row.dice.low > high:
        return Verdict(False, RULES[averaging], numbers, f"no ≤{_show(high, 2)}")
    if not possible:
        return Verdict(False, RULES[averaging], numbers, f"no ≥{_show(low, 2)}")
    return Verdict(True, RULES[averaging], numbers, "yes")


def _slices_one(row: PrintedRow, cases: int) -> Verdict:
    return _cases(row, cases, Averaging.SLICES_ONE)


def _slices_left_out(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.SLICES_LEFT_OUT]
    least = _least_empty_left_out(row)
    lower = _range(bounds.least_mean_dice, _precision(row), _recall(row))[0]
    if row.dice.high < lower:
        return Verdict(False, rule, f"D {row.dice.text} below {_show(lower, 2)}", f"no ≥{_show(lower, 2)}")
    most = (row.dice.high - lower) / (1 - lower) if lower < 1 else 1.0
    numbers = f"between {_show(least)} and {_show(most)} of the slices empty in truth and prediction"
    return Verdict(True, rule, numbers, f"yes e{_show(least, 0)}-{_show(most, 0)}")


def _slices_zero(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.SLICES_ZERO]
    least = _least_empty_zero(row)
    most = 1 - max(_precision(row).low, _recall(row).low)
    lower = _range(bounds.least_mean_dice, _precision(row), _recall(row))[0]
    possible = least <= most and lower <= row.dice.high
    numbers = f"at least {_show(least)} of the slices empty, at most {_show(most)} can be"
    return Verdict(possible, rule, numbers, f"{_word(possible)} e{_show(least, 0)}-{_show(most, 0)}")


def _macro(row: PrintedRow, cases: int) -> Verdict:
    as_cases = _cases(row, cases, Averaging.MACRO)
    if not as_cases.possible:
        return as_cases
    return _by_share(_least_macro_share(row), cases, RULES[Averaging.MACRO])


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
    share = _range(bounds.share_of_background_precision, _precision(row), _recall_of_one_table(row))[0]
    return _by_share(share, cases, RULES[Averaging.BACKGROUND])


def _macro_dice(row: PrintedRow, cases: int) -> Verdict:
    rule = RULES[Averaging.MACRO_DICE]
    share = _range(bounds.share_of_macro_dice, _interval(row.dice), _precision(row), _recall(row))[0]
    if math.isnan(share):
        lesion = bounds.implied_dice(_printed(row.precision), row.recall or 0.0)
        needed = 2 * row.dice - lesion
        numbers = f"the background's Dice would be {_show(needed, 2)}"
        return Verdict(False, rule, numbers, f"no Db{_show(needed)}")
    return _by_share(share, cases, rule)


def _mixed_classes(row: PrintedRow, cases: int) -> Verdict:
    share = _range(bounds.share_of_mixed_classes, _interval(row.dice), _precision(row), _recall(row))[0]
    return _by_share(share, cases, RULES[Averaging.MIXED_CLASSES])


_AVERAGINGS: dict[Averaging, Callable[[PrintedRow, int], Verdict]] = {
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


def _accuracy(row: PrintedRow, reading: AccuracyReading, cases: int) -> Verdict:
    rule = ACCURACY_RULES[reading.averaging, reading.kind]
    if reading.averaging is Averaging.CASES:
        return _accuracy_of_cases(row, reading, rule)
    if reading.averaging in (Averaging.SLICES_LEFT_OUT, Averaging.SLICES_ZERO):
        return _accuracy_of_slices(row, reading, cases, rule)
    share = {
        AccuracyKind.VOXEL: bounds.share_of_voxel_accuracy,
        AccuracyKind.BALANCED: bounds.share_of_balanced_accuracy,
        AccuracyKind.MISPRINT: bounds.share_of_misprint,
    }[reading.kind]
    low, high = _range(share, _interval(row.accuracy), _precision(row), _recall_of_one_table(row))
    if math.isnan(low):
        return Verdict(False, rule, "no specificity between 0 and 1 fits", "no")
    if reading.averaging is Averaging.BACKGROUND:
        # The share found is that of the positive class, here the background.
        low = max(0.0, 1 - high)
    most = lesion_share(reading.area, cases).most
    if reading.area is Area.BOX:
        most = _most_share_in_a_box(row, reading.kind)
    return _share_verdict(low, most, lesion_share(reading.area, cases).mean, rule)


def _accuracy_of_cases(row: PrintedRow, reading: AccuracyReading, rule: str) -> Verdict:
    single = lesion_share(reading.area, 1).most
    bound = (
        bounds.most_precision_beside_voxel_accuracy
        if reading.kind is AccuracyKind.VOXEL
        else bounds.most_precision_beside_balanced_accuracy
    )
    accuracy, recall = _interval(row.accuracy), _recall_of_cases(row)
    if reading.kind is AccuracyKind.BALANCED and recall.high < 2 * accuracy.low - 1:
        return Verdict(False, rule, "specificity would be above 1", "no")
    limit = min(1.0, max(bound(a, r, single) for a, r in product(accuracy.ends(), recall.ends())))
    possible = _precision(row).low <= limit
    numbers = f"P {_text(row.precision)}, at most {_show(limit, 2)} with q {_show(single, 2)}"
    short = "yes" if possible else f"no P≤{_show(limit)}"
    return Verdict(possible, rule, numbers, short)


def _accuracy_of_slices(row: PrintedRow, reading: AccuracyReading, cases: int, rule: str) -> Verdict:
    left_out = reading.averaging is Averaging.SLICES_LEFT_OUT
    empty = _least_empty_left_out(row) if left_out else _least_empty_zero(row)
    limit = _interval(row.accuracy).high + lesion_share(reading.area, cases).most - empty
    if left_out:
        limit = limit / (1 - empty) if empty < 1 else 0.0
    limit = min(1.0, max(0.0, limit))
    possible = _precision(row).low <= limit
    numbers = f"P {_text(row.precision)}, at most {_show(limit, 2)} with e {_show(empty)}"
    short = "yes" if possible else f"no P≤{_show(limit)}"
    return Verdict(possible, rule, numbers, short)


def _by_share(share: float, cases: int, rule: str) -> Verdict:
    """Judge by the lesion share that a reading needs, in the more generous area: the brain."""
    limits = lesion_share(Area.BRAIN, cases)
    return _share_verdict(share, limits.most, limits.mean, rule)


def _share_verdict(share: float, most: float, mean: float, rule: str) -> Verdict:
    if math.isnan(share) or math.isinf(share) or share > 1:
        return Verdict(False, rule, "no lesion share fits", "no")
    possible = share <= most
    beside = "" if math.isnan(mean) else f", {_show(mean, 2)} in the mean"
    numbers = f"needs a lesion share of {_show(share, 2)}; at most {_show(most, 2)}{beside}"
    return Verdict(possible, rule, numbers, f"{_word(possible)} q{_show(share)}")


def _most_share_in_a_box(row: PrintedRow, kind: AccuracyKind) -> float:
    """A box has no size of its own: only its background cannot be less than what was marked of it."""
    most = _range(bounds.largest_share, _precision(row), _recall_of_one_table(row))[1]
    if kind is AccuracyKind.MISPRINT:
        marked_background = _interval(row.accuracy).low * (1 - _precision(row).high)
        most = min(most, 1 - marked_background)
    return most


def _least_empty_left_out(row: PrintedRow) -> float:
    upper = _range(bounds.implied_dice, _precision(row), _recall(row))[1]
    return max(0.0, (row.dice.low - upper) / (1 - upper)) if upper < 1 else 0.0


def _least_empty_zero(row: PrintedRow) -> float:
    upper = _range(bounds.implied_dice, _precision(row), _recall(row))[1]
    return max(0.0, row.dice.low - upper)


def _least_macro_share(row: PrintedRow) -> float:
    """Return the least lesion share at which both classes' mean D, P and R are the printed ones, or NaN."""
    steps = 20 if row.recall is None else 200
    shares: list[float] = []
    for precision in _values(_precision(row)):
        walks = [list(bounds.macro_curve(precision, recall, steps)) for recall in _values(_recall(row))]
        if row.recall is None:
            # A curve runs along the background's recall; a mean recall that is not printed is a second way to walk.
            even = [list(bounds.macro_curve(precision, r, steps, folds=False)) for r in _values(_recall(row))]
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


def _range(formula: Callable[..., float], *sides: Interval) -> tuple[float, float]:
    """Return the least and the largest value of a formula over a box, leaving out what is not a number.

    The formulas are monotone in each argument, so the corners of the box decide; a side as long as a recall that is
    not printed is walked in steps, because a formula may be undefined on a part of it.
    """
    values = [
        value for point in product(*(_values(side) for side in sides)) if not math.isnan(value := formula(*point))
    ]
    return (min(values), max(values)) if values else (float("nan"), float("nan"))


def _values(side: Interval) -> tuple[float, ...]:
    if side.high - side.low < 0.05:
        return (side.low, (side.low + side.high) / 2, side.high)
    return tuple(side.low + (side.high - side.low) * step / 200 for step in range(201))


def _recall_of_one_table(row: PrintedRow) -> Interval:
    """Return the printed recall, or the one that Dice and precision of one table of counts imply."""
    if row.recall is not None:
        return _recall(row)
    low, high = _range(bounds.recall_from_dice, _interval(row.dice), _precision(row))
    return Interval(min(1.0, low), min(1.0, high))


def _recall_of_cases(row: PrintedRow) -> Interval:
    """Return the printed mean recall, or all that the bounds of mean Dice leave: DP/(2P-D) to D + 1 - P."""
    if row.recall is not None:
        return _recall(row)
    least = _recall_of_one_table(row).low
    return Interval(least, min(1.0, row.dice.high + 1 - _precision(row).low))


def _precision(row: PrintedRow) -> Interval:
    return _interval(row.precision)


def _recall(row: PrintedRow) -> Interval:
    # A recall of exactly 0 would divide by zero, and no printed row that has a Dice can have it.
    return Interval(1e-6, 1.0) if row.recall is None else _interval(row.recall)


def _interval(percent: Percent | None) -> Interval:
    number = _printed(percent)
    return Interval(max(number.low, 1e-9), number.high)


def _printed(percent: Percent | None) -> Percent:
    if percent is None:
        raise ValueError("only rows with precision and accuracy are audited")
    return percent


def _text(percent: Percent | None) -> str:
    return _printed(percent).text


def _word(possible: bool) -> str:
    return "yes" if possible else "no"


def _show(fraction: float, digits: int = 1) -> str:
    return f"{100 * fraction:.{digits}f}"
