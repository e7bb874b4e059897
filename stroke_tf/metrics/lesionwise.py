"""Lesions counted one by one, as ISLES 2022 does: found, missed, invented."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
from stroke_tf.metrics.conventions import BothEmpty
from stroke_tf.metrics.overlap import of_two_empty
from stroke_tf.metrics.surface import joint_box

_CORNERS_26 = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True)
class LesionCounts:
    """How many lesions (26-connected components) are right and wrong; there is no true negative."""

    tp: int
    """True lesions that at least one predicted voxel touches."""
    fp: int
    """Predicted lesions that touch no true voxel."""
    fn: int
    """True lesions that nothing touches."""
    predicted: int
    """Lesions in the prediction. One that joins two true lesions is one here, and neither adds to nor takes from tp."""

    @property
    def true(self) -> int:
        """Return how many lesions the truth has."""
        return self.tp + self.fn


def count_lesions(prediction: Mask, truth: Mask) -> LesionCounts:
    """Count found, missed and invented lesions.

    Args:
        prediction: (x, y, z), bool.
        truth: the same shape.
    """
    box = joint_box(prediction, truth)
    if box is None:
        return LesionCounts(tp=0, fp=0, fn=0, predicted=0)
    prediction, truth = prediction[box], truth[box]
    true_lesion, true = ndimage.label(truth, structure=_CORNERS_26)
    predicted_lesion, predicted = ndimage.label(prediction, structure=_CORNERS_26)
    both = prediction & truth
    found = np.unique(true_lesion[both]).size
    touching = np.unique(predicted_lesion[both]).size
    return LesionCounts(tp=found, fp=predicted - touching, fn=true - found, predicted=predicted)


def lesion_f1(lesions: LesionCounts, *, both_empty: BothEmpty = BothEmpty.ONE) -> float | None:
    """Return the lesion-wise F1, 2 TP / (2 TP + FP + FN), over lesions instead of voxels."""
    size = 2 * lesions.tp + lesions.fp + lesions.fn
    return 2 * lesions.tp / size if size else of_two_empty(both_empty)


def lesion_count_difference(lesions: LesionCounts) -> int:
    """Return how many lesions too many or too few the prediction has, without the sign."""
    return abs(lesions.predicted - lesions.true)
