"""The overlap measures: formulas on counts, None where a formula and its convention give no number."""

from stroke_tf.metrics.confusion import Counts
from stroke_tf.metrics.conventions import BothEmpty, NoDenominator

_OF_EMPTY = {BothEmpty.ONE: 1.0, BothEmpty.ZERO: 0.0, BothEmpty.UNDEFINED: None}


def of_two_empty(rule: BothEmpty) -> float | None:
    """Return what an overlap of two empty masks is under a rule."""
    return _OF_EMPTY[rule]


def dice(counts: Counts, *, both_empty: BothEmpty = BothEmpty.ONE) -> float | None:
    """Return the Dice similarity coefficient, 2 TP / (2 TP + FP + FN).

    Example:
        >>> dice(Counts(tp=2, fp=1, fn=1, tn=96))
        0.6666666666666666
    """
    size = 2 * counts.tp + counts.fp + counts.fn
    return 2 * counts.tp / size if size else of_two_empty(both_empty)


def iou(counts: Counts, *, both_empty: BothEmpty = BothEmpty.ONE) -> float | None:
    """Return the intersection over union (Jaccard index), TP / (TP + FP + FN)."""
    union = counts.tp + counts.fp + counts.fn
    return counts.tp / union if union else of_two_empty(both_empty)


def precision(counts: Counts, *, no_denominator: NoDenominator = NoDenominator.UNDEFINED) -> float | None:
    """Return the share of predicted lesion voxels that are lesion, TP / (TP + FP)."""
    return _ratio(counts.tp, counts.tp + counts.fp, no_denominator)


def recall(counts: Counts, *, no_denominator: NoDenominator = NoDenominator.UNDEFINED) -> float | None:
    """Return the share of lesion voxels that were found (sensitivity), TP / (TP + FN)."""
    return _ratio(counts.tp, counts.tp + counts.fn, no_denominator)


def specificity(counts: Counts, *, no_denominator: NoDenominator = NoDenominator.UNDEFINED) -> float | None:
    """Return the share of background voxels that were left alone, TN / (TN + FP)."""
    return _ratio(counts.tn, counts.tn + counts.fp, no_denominator)


def accuracy(counts: Counts, *, no_denominator: NoDenominator = NoDenominator.UNDEFINED) -> float | None:
    """Return the share of voxels that are right, (TP + TN) / (TP + FP + FN + TN).

    Over the whole volume, or inside the brain, as the counts were taken.
    """
    return _ratio(counts.tp + counts.tn, counts.total, no_denominator)


def balanced_accuracy(counts: Counts, *, no_denominator: NoDenominator = NoDenominator.UNDEFINED) -> float | None:
    """Return the mean of sensitivity and specificity; a prediction of nothing scores 0.5 whatever the lesion's size."""
    parts = recall(counts, no_denominator=no_denominator), specificity(counts, no_denominator=no_denominator)
    return None if None in parts else sum(parts) / 2


def _ratio(part: int, whole: int, rule: NoDenominator) -> float | None:
    if whole:
        return part / whole
    return 0.0 if rule is NoDenominator.ZERO else None
