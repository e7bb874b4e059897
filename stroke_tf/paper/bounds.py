"""What arithmetic allows among Dice, precision, recall and accuracy: identities and bounds.

P is precision, R recall, D Dice, A accuracy, q the lesion's share of the voxels, all fractions of 1. Each formula here
is tried on random counts and random cases in tests/paper/test_bounds.py.
"""

from collections.abc import Iterator, Sequence


def implied_dice(precision: float, recall: float) -> float:
    """Return D = 2PR/(P+R), which holds for every single table of counts; 0 where both are 0.

    Of means over cases (or slices, or classes) it is the upper bound: D is concave in (P, R), so by Jensen's
    inequality mean D <= 2 mean P mean R / (mean P + mean R). It stays the bound when an undefined P or R is left out
    of its own mean, since its case has D = 0, and when it counts as 0. Only a case with D = 1 whose P or R does not
    count as 1, two empty masks, can break it.

    Example:
        >>> round(implied_dice(0.617, 0.446), 4)
        0.5177
    """
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def least_mean_dice(precision: float, recall: float) -> float:
    """Return the lower bound of mean Dice for given means of P and R: max(0, P + R - 1).

    In each case D >= P + R - 1: D is concave in (P, R) and equals the right side at (1, 0), (0, 1) and (1, 1), the
    corners of the triangle where the right side is not negative. It is reached in the limit by three kinds of cases:
    one right voxel (1, 0), everything marked (0, 1), perfect (1, 1).
    """
    return max(0.0, precision + recall - 1)


def recall_from_dice(dice: float, precision: float) -> float:
    """Return R = DP/(2P - D) of one table of counts; above 1 where Dice and precision cannot stand together."""
    return dice * precision / (2 * precision - dice) if 2 * precision > dice else float("inf")


def errors_per_lesion_voxel(precision: float, recall: float) -> float:
    """Return (FP + FN)/(TP + FN) = 1 - 2R + R/P."""
    return 1 - 2 * recall + recall / precision


def false_alarms_per_lesion_voxel(precision: float, recall: float) -> float:
    """Return FP/(TP + FN) = R(1 - P)/P."""
    return recall * (1 - precision) / precision


def share_of_voxel_accuracy(accuracy: float, precision: float, recall: float) -> float:
    """Return the lesion share q = (1 - A)/(1 - 2R + R/P) that voxel accuracy needs beside P and R."""
    errors = errors_per_lesion_voxel(precision, recall)
    return (1 - accuracy) / errors if errors > 0 else float("inf")


def share_of_balanced_accuracy(accuracy: float, precision: float, recall: float) -> float:
    """Return the lesion share that A = (recall + specificity)/2 needs beside P and R; not a number if none can.

    The false-alarm rate is f = 1 - 2A + R, and q/(1 - q) = f / (R(1 - P)/P).
    """
    rate = 1 - 2 * accuracy + recall
    per_lesion = false_alarms_per_lesion_voxel(precision, recall)
    if not 0 <= rate <= 1 or per_lesion <= 0:
        return float("nan")
    return rate / (rate + per_lesion)


def share_of_misprint(accuracy: float, precision: float, recall: float) -> float:
    """Return the lesion share q = PA/R if "accuracy" is (TP + FP)/(TP + FP + TN + FN), the share of marked voxels."""
    return precision * accuracy / recall if recall > 0 else float("inf")


def largest_share(precision: float, recall: float) -> float:
    """Return the lesion share at which no background is left unmarked (TN = 0): 1/(1 + R(1 - P)/P)."""
    return 1 / (1 + false_alarms_per_lesion_voxel(precision, recall))


def most_precision_beside_voxel_accuracy(accuracy: float, recall: float, most_share: float) -> float:
    """Return the bound of mean P for means of A and R over cases none of which has more lesion than `most_share`.

    In each case P = 1 - FP/(TP + FP) <= 1 - FP share, and 1 - A = FP share + FN share with FN share = q(1 - R), so
    mean P <= mean A + most_share (1 - mean R).
    """
    return accuracy + most_share * (1 - recall)


def most_precision_beside_balanced_accuracy(accuracy: float, recall: float, most_share: float) -> float:
    """Return the bound of mean P beside mean balanced accuracy: 1 - (1 - most_share)(1 - 2A + R).

    As above with FP share = (1 - q) f, f being the false-alarm rate, whose mean is 1 - 2A + R.
    """
    return 1 - (1 - most_share) * (1 - 2 * accuracy + recall)


def share_of_background_precision(precision: float, recall: float) -> float:
    """Return the least lesion share when P and R are those of the background: missed lesion is no more than lesion.

    FN/(TN + FP) = R(1 - P)/P <= q/(1 - q).
    """
    odds = false_alarms_per_lesion_voxel(precision, recall)
    return odds / (1 + odds)


def share_of_macro_dice(dice: float, precision: float, recall: float) -> float:
    """Return the lesion share if D is the mean of both classes' Dice while P and R are the lesion's.

    The background's Dice is D_b = 2D - 2PR/(P + R), and with k = 1 - 2R + R/P, m = 1 + R(1 - P)/P,
    q = 2(1 - D_b)/(k D_b + 2m(1 - D_b)). Not a number where D_b is no fraction.
    """
    background = 2 * dice - implied_dice(precision, recall)
    if not 0 <= background <= 1:
        return float("nan")
    missing = 2 * (1 - background)
    errors = errors_per_lesion_voxel(precision, recall)
    denominator = errors * background + (1 + false_alarms_per_lesion_voxel(precision, recall)) * missing
    return missing / denominator if denominator > 0 else float("nan")


def share_of_mixed_classes(dice: float, precision: float, recall: float) -> float:
    """Return the lesion share if D is the lesion's and P and R are the background's."""
    missed, alarms = (1 - precision) / precision, (1 - recall) / recall
    found = dice * (missed + alarms) / (2 * (1 - dice))
    return (found + missed) / (1 + found + missed + alarms)


def lesion_of_mixed_classes(dice: float, accuracy: float, background_precision: float) -> tuple[float, float, float]:
    """Return the lesion's precision, its recall and its share of the voxels that three printed numbers determine.

    Read are the lesion's Dice D, the accuracy A over all voxels and the background's precision N = TN/(TN + FN), all
    of one table of counts. As shares of the voxels: FP + FN = 1 - A, TP = D(1 - A)/(2(1 - D)), FN = (1 - N)(A - TP)/N.
    A precision or a share that comes out negative or above 1 says that no such table exists.

    Example:
        >>> [round(value, 3) for value in lesion_of_mixed_classes(0.8, 0.98, 0.99)]
        [0.792, 0.808, 0.049]
    """
    errors = 1 - accuracy
    found = dice * errors / (2 * (1 - dice))
    missed = (1 - background_precision) / background_precision * (accuracy - found)
    alarms = errors - missed
    return found / (found + alarms), found / (found + missed), found + missed


def macro_curve(
    precision: float, recall: float, steps: int, *, folds: bool = True
) -> Iterator[list[tuple[float, float]]]:
    """Follow all tables of counts whose mean P and mean R over the two classes are the given ones.

    With r the lesion's recall and s = 2R - r the background's, the precisions depend on the odds o = q/(1 - q) only:
    o r/(o r + 1 - s) + s/(s + o(1 - r)) = 2P, a quadratic in o.

    Yields: for each s, in order, the solutions as (lesion share, mean Dice), in ascending order of the share; where
        two solutions meet, the steps get as small as it takes, unless folds is False: then curves of different
        recalls have the same steps.
    """
    last: tuple[float, list[tuple[float, float]]] | None = None
    low, high = max(0.0, 2 * recall - 1), min(1.0, 2 * recall)
    for part in _parts(steps):
        s = low + (high - low) * part
        solutions = _macro_solutions(precision, recall, s)
        if folds and last is not None and {len(last[1]), len(solutions)} == {0, 2}:
            # Two solutions begin (or end) as one, and part as the square root of the distance: far too fast for steps.
            yield from _fold(precision, recall, last, (s, solutions))
        yield solutions
        last = (s, solutions)


def vote_recall_limit(recalls: Sequence[float]) -> float:
    """Return the largest recall that a majority of three masks can have, given theirs.

    Each lesion voxel that the vote finds was found by two of the three, hence by at least one of any two: the vote's
    recall is at most the sum of the two smaller ones, and at most half of the sum of all. Means over cases obey it too.

    Example:
        >>> round(vote_recall_limit([0.446, 0.6529, 0.1558]), 4)
        0.6018
    """
    ordered = sorted(recalls)
    return min(1.0, ordered[0] + ordered[1], sum(ordered) / 2)


def _macro_solutions(precision: float, recall: float, s: float) -> list[tuple[float, float]]:
    r, side = 2 * recall - s, 1 - 2 * precision
    odds = _positive_roots(
        side * r * (1 - r), 2 * r * s - 2 * precision * (r * s + (1 - s) * (1 - r)), side * s * (1 - s)
    )
    return [(o / (1 + o), _macro_dice(r, s, o)) for o in odds]


def _fold(
    precision: float,
    recall: float,
    last: tuple[float, list[tuple[float, float]]],
    following: tuple[float, list[tuple[float, float]]],
) -> list[list[tuple[float, float]]]:
    """Follow two solutions to where they meet, by halving; return them in the order of the walk."""
    ends = last[1] == []
    without, within = (last[0], following[0]) if ends else (following[0], last[0])
    found = []
    for _ in range(40):
        middle = (without + within) / 2
        solutions = _macro_solutions(precision, recall, middle)
        if len(solutions) == 2:
            within = middle
            found.append(solutions)
        else:
            without = middle
    return found[::-1] if ends else found


def _parts(steps: int) -> list[float]:
    """Return fractions from 0 to 1, dense near both ends: a small lesion changes the background's recall by little."""
    even = [step / steps for step in range(steps + 1)]
    near = [10 ** (-step / 6) / 10 for step in range(37)]
    return sorted({*even, *near, *(1 - part for part in near)})


def _macro_dice(r: float, s: float, odds: float) -> float:
    lesion = 2 * odds * r / (odds * r + 1 - s + odds) if odds > 0 else 0.0
    background = 2 * s / (s + odds * (1 - r) + 1)
    return (lesion + background) / 2


def _positive_roots(a: float, b: float, c: float) -> list[float]:
    if abs(a) < 1e-15:
        roots = [] if b == 0 else [-c / b]
    else:
        inner = b * b - 4 * a * c
        if inner < 0:
            return []
        # The larger root in magnitude first, the other from the product: no loss of digits.
        big = -(b + (inner**0.5 if b >= 0 else -(inner**0.5))) / 2
        roots = [big / a] + ([c / big] if big else [])
    return sorted(root for root in roots if root > 0)
