"""How many voxels are right and wrong, in either way."""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, require_binary, require_same_shape


@dataclass(frozen=True)
class Counts:
    """A confusion matrix of voxels; lesion is positive."""

    tp: int
    """Lesion in both."""
    fp: int
    """Lesion in the prediction only."""
    fn: int
    """Lesion in the truth only."""
    tn: int
    """Background in both."""

    def __add__(self, other: "Counts") -> "Counts":
        """Pool the voxels of two cases."""
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def total(self) -> int:
        """Return how many voxels were compared."""
        return self.tp + self.fp + self.fn + self.tn


def count(prediction: Mask, truth: Mask, *, inside: Mask | None = None) -> Counts:
    """Count agreeing and disagreeing voxels.

    Args:
        prediction: (x, y, z), bool, or 0 and one other value.
        truth: the same shape.
        inside: compare only voxels in this mask, such as the brain; None for the whole volume.
    Raises: InputFileError for a mask that is not binary; GeometryError for shapes that differ.
    Example:
        >>> count(np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0]))
        Counts(tp=1, fp=1, fn=1, tn=1)
    """
    prediction, truth = require_binary(prediction, "prediction"), require_binary(truth, "truth")
    require_same_shape(prediction, truth, ("prediction", "truth"))
    total = truth.size
    if inside is not None:
        inside = require_binary(inside, "inside")
        require_same_shape(inside, truth, ("inside", "truth"))
        prediction, truth, total = prediction & inside, truth & inside, np.count_nonzero(inside)
    tp = int(np.count_nonzero(prediction & truth))
    fp = int(np.count_nonzero(prediction)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return Counts(tp, fp, fn, int(total) - tp - fp - fn)


def count_by_slice(prediction: Mask, truth: Mask, *, axis: int) -> list[Counts]:
    """Count agreeing and disagreeing voxels in each slice across an axis; the sum over slices is `count`.

    Args:
        prediction, truth: as of `count`.
        axis: of the volume, 2 for axial slices of a RAS+ volume.
    Raises: as `count`.
    """
    prediction, truth = require_binary(prediction, "prediction"), require_binary(truth, "truth")
    require_same_shape(prediction, truth, ("prediction", "truth"))
    across = tuple(each for each in range(truth.ndim) if each != axis)
    both, predicted, true = (
        np.count_nonzero(mask, axis=across).tolist() for mask in (prediction & truth, prediction, truth)
    )
    pixels = truth.size // truth.shape[axis]
    return [Counts(tp, p - tp, t - tp, pixels - p - t + tp) for tp, p, t in zip(both, predicted, true, strict=True)]
