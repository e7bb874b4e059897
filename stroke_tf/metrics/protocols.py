"""Whose rules: the two challenges' answers to empty masks and failed cases, and all measures of one case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from stroke_tf.arrays import Mask, require_binary, require_same_shape, require_volume
from stroke_tf.choices import Protocol
from stroke_tf.errors import SettingError
from stroke_tf.metrics import conventions as means
from stroke_tf.metrics.confusion import Counts, count
from stroke_tf.metrics.lesionwise import count_lesions, lesion_count_difference, lesion_f1
from stroke_tf.metrics.overlap import accuracy, balanced_accuracy, dice, iou, precision, recall, specificity
from stroke_tf.metrics.surface import (
    assd_mm,
    hd95_larger_mm,
    hd95_pooled_mm,
    hd_mm,
    require_spacing,
    surface_distances,
)

Measured = dict[str, float | int | bool | None]
"""One case: every name of MEASURES, then `failed`, then tp, fp, fn, tn."""


@dataclass(frozen=True)
class Measure:
    """What stands in one column of a table of cases."""

    name: str
    sentence: str
    best: float | None
    """What a perfect prediction scores."""


MEASURES = (
    Measure("dice", "Dice similarity coefficient, 2 TP / (2 TP + FP + FN)", 1.0),
    Measure("iou", "intersection over union, TP / (TP + FP + FN)", 1.0),
    Measure("accuracy_voxel", "share of all voxels of the volume that are right", 1.0),
    Measure("accuracy_balanced", "mean of sensitivity and specificity", 1.0),
    Measure("accuracy_brain", "share of the brain's voxels that are right", 1.0),
    Measure("precision", "share of predicted lesion voxels that are lesion, TP / (TP + FP)", 1.0),
    Measure("recall", "sensitivity, TP / (TP + FN)", 1.0),
    Measure("specificity", "TN / (TN + FP), over the whole volume", 1.0),
    Measure("assd_mm", "average symmetric surface distance", 0.0),
    Measure("hd_mm", "Hausdorff distance", 0.0),
    Measure("hd95_pooled_mm", "95th percentile of the surface distances, both directions together", 0.0),
    Measure("hd95_larger_mm", "95th percentile of the surface distances, the larger of the two directions", 0.0),
    Measure("volume_difference_ml", "predicted minus true lesion volume", 0.0),
    Measure("absolute_volume_difference_ml", "the same without its sign", 0.0),
    Measure("lesion_count_difference", "predicted minus true number of lesions, without its sign", 0.0),
    Measure("lesion_f1", "2 TP / (2 TP + FP + FN) over lesions", 1.0),
)
MEASURE_NAMES = tuple(measure.name for measure in MEASURES)
COLUMNS = (*MEASURE_NAMES, "failed", "tp", "fp", "fn", "tn")
DISTANCES = ("assd_mm", "hd_mm", "hd95_pooled_mm", "hd95_larger_mm")


@dataclass(frozen=True)
class Rules:
    """What a protocol decides, and what it calls its own measures."""

    name: str
    both_empty: means.BothEmpty
    no_denominator: means.NoDenominator
    failed_case: means.FailedCase
    official: tuple[str, ...]
    """The measures that the organisers publish; these are compared between rows."""
    ranked: tuple[str, ...]
    """The measures by which the organisers rank; empty where our sources do not tell."""

    @property
    def conventions(self) -> tuple[means.Convention, ...]:
        """Return every convention in force, those shared by all protocols included."""
        return (self.both_empty, self.no_denominator, self.failed_case, *_SHARED)


_SHARED: tuple[means.Convention, ...] = (
    means.EmptySurface.UNDEFINED,
    means.SurfaceVoxel.FACE,
    means.SurfaceMean.MEAN_OF_DIRECTIONS,
    *means.Hd95,
    *means.Accuracy,
    means.Neighbours.CORNERS_26,
    means.LesionMatch.TOUCH,
    means.LesionCount.ABSOLUTE,
    means.VolumeDifference.PREDICTED_MINUS_TRUE,
)
RULES = {
    # Every case of 2015 has a lesion, so its rules say nothing about two empty masks; we do not invent an answer.
    Protocol.ISLES2015: Rules(
        name="ISLES 2015",
        both_empty=means.BothEmpty.UNDEFINED,
        no_denominator=means.NoDenominator.UNDEFINED,
        failed_case=means.FailedCase.DISTANCES_LEFT_OUT,
        official=("dice", "assd_mm", "hd_mm", "precision", "recall"),
        ranked=("dice", "assd_mm", "hd_mm"),
    ),
    Protocol.ISLES2022: Rules(
        name="ISLES 2022",
        both_empty=means.BothEmpty.ONE,
        no_denominator=means.NoDenominator.UNDEFINED,
        failed_case=means.FailedCase.COUNTED,
        official=("dice", "absolute_volume_difference_ml", "lesion_count_difference", "lesion_f1"),
        ranked=(),
    ),
}


def measure_case(
    prediction: Mask, truth: Mask, *, spacing_mm: Sequence[float], brain: Mask | None = None, protocol: Protocol
) -> Measured:
    """Compute all measures of one case under a protocol.

    Args:
        prediction: (x, y, z), bool, or 0 and one other value.
        truth: the same shape.
        spacing_mm: between neighbouring voxels, one number for each axis.
        brain: where accuracy_brain looks; without it, that measure is None.
        protocol: whose rules decide empty masks and failed cases.
    Returns: a number for each of COLUMNS in their order, `failed` as bool; None is undefined or left out by a rule.
    Raises: InputFileError for a mask that is not binary; GeometryError for shapes or a spacing that do not fit.
    """
    rules = RULES[Protocol(protocol)]
    prediction = require_binary(require_volume(prediction, "prediction"), "prediction")
    truth = require_binary(require_volume(truth, "truth"), "truth")
    require_same_shape(prediction, truth, ("prediction", "truth"))
    spacing_mm = require_spacing(spacing_mm, 3)
    counts = count(prediction, truth)
    measured = _overlaps(counts, rules)
    measured["accuracy_brain"] = None if brain is None else accuracy(count(prediction, truth, inside=brain))
    failed = rules.failed_case is means.FailedCase.DISTANCES_LEFT_OUT and measured["dice"] == 0.0
    measured |= dict.fromkeys(DISTANCES) if failed else _distances(prediction, truth, spacing_mm)
    measured |= _volumes(counts, float(np.prod(spacing_mm)) / 1000.0)
    lesions = count_lesions(prediction, truth)
    measured["lesion_count_difference"] = lesion_count_difference(lesions)
    measured["lesion_f1"] = lesion_f1(lesions, both_empty=rules.both_empty)
    measured |= {"failed": failed, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}
    return {name: measured[name] for name in COLUMNS}


def measure_counts(counts: Counts, *, protocol: Protocol) -> Measured:
    """Compute the measures that are formulas on counts, under a protocol: overlaps, accuracies, tp, fp, fn, tn."""
    overlaps = _overlaps(counts, RULES[Protocol(protocol)])
    return overlaps | {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}


def mean_ranks(rows: Mapping[str, Sequence[Mapping]], *, protocol: Protocol) -> dict[str, float] | None:
    """Rank the rows as the challenge ranks teams: per case by each measure, then the mean of all ranks.

    Equal values share the mean of their places; a failed or undefined case takes the last rank.

    Args:
        rows: by name, the measured cases in one order for all.
    Returns: the mean rank of each row, 1 is best; None if the sources do not tell how this protocol ranks.
    Raises: SettingError if the rows do not hold the same number of cases, or none.
    Source: ISLES 2015, the organisers' pages.
    """
    ranked = RULES[Protocol(protocol)].ranked
    if not ranked:
        return None
    lengths = {len(cases) for cases in rows.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise SettingError(f"Rows to be ranked hold the same cases. Received: {sorted(lengths)} cases.")
    ranks = [_ranks([[_worse(case, name) for case in cases] for cases in rows.values()]) for name in ranked]
    return dict(zip(rows, np.mean(ranks, axis=(0, 2)).tolist(), strict=True))


def _overlaps(counts: Counts, rules: Rules) -> Measured:
    ratio = {"no_denominator": rules.no_denominator}
    return {
        "dice": dice(counts, both_empty=rules.both_empty),
        "iou": iou(counts, both_empty=rules.both_empty),
        "accuracy_voxel": accuracy(counts, **ratio),
        "accuracy_balanced": balanced_accuracy(counts, **ratio),
        "precision": precision(counts, **ratio),
        "recall": recall(counts, **ratio),
        "specificity": specificity(counts, **ratio),
    }


def _distances(prediction: Mask, truth: Mask, spacing_mm: Sequence[float]) -> Measured:
    distances = surface_distances(prediction, truth, spacing_mm)
    figures = (assd_mm, hd_mm, hd95_pooled_mm, hd95_larger_mm)
    return {name: figure(distances) for name, figure in zip(DISTANCES, figures, strict=True)}


def _volumes(counts: Counts, voxel_ml: float) -> Measured:
    difference = (counts.fp - counts.fn) * voxel_ml
    return {"volume_difference_ml": difference, "absolute_volume_difference_ml": abs(difference)}


def _worse(case: Mapping, name: str) -> float:
    """Return a number that grows as the case gets worse."""
    value = case.get(name)
    if value is None or case.get("failed"):
        return np.inf
    return -value if name == "dice" else value


def _ranks(worse: list[list[float]]) -> np.ndarray:
    """Rank rows (axis 0) in each case (axis 1); infinity is the last place, not the mean of the last places."""
    table = np.asarray(worse)
    places = stats.rankdata(table, axis=0)
    places[np.isinf(table)] = len(table)
    return places
