"""The conventions under which a printed number may have been computed, and the rule that decides each of them."""

from dataclasses import dataclass
from enum import Enum

from stroke_tf.paper.prevalence import Area


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
