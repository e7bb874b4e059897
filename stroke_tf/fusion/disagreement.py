"""Where the planes disagree, and whether the fused mask is wrong there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, require_same_shape
from stroke_tf.errors import SettingError
from stroke_tf.fusion.rules import SMALLEST

_LEVELS = round(1 / SMALLEST)
BINS = 10


def disagreement(volumes: Iterable[Probabilities | Mask]) -> np.ndarray:
    """Return the largest difference between any two planes' probabilities in each voxel.

    0: all planes say the same; 1: one is sure of lesion, another sure of none. For three planes it orders voxels much
    as the standard deviation does, and unlike that it always runs from 0 to 1.

    Args:
        volumes: (x, y, z) each, probabilities, or masks as 0 and 1; taken one after the other.
    Returns: float32 in [0, 1]. Raises: SettingError for no volume, GeometryError for volumes of different shapes.
    Source: our choice; see paper/assumptions.py.
    Example:
        >>> disagreement([np.array([0.25, 1.0]), np.array([0.5, 0.0]), np.array([0.5, 1.0])])
        array([0.25, 1.  ], dtype=float32)
    """
    low = high = None
    for volume in volumes:
        values = volume.astype(np.float32)
        if low is None:
            low, high = values.copy(), values
            continue
        require_same_shape(low, values, ("volume 1", "a later volume"))
        np.minimum(low, values, out=low)
        np.maximum(high, values, out=high)
    if low is None:
        raise SettingError("Disagreement needs a volume or more. Received: none")
    return high - low


@dataclass(frozen=True, eq=False)
class Tally:
    """How many voxels are right and wrong at each degree of disagreement, in steps of SMALLEST.

    Args:
        right, wrong: shape (32769,), int64.
    """

    right: np.ndarray
    wrong: np.ndarray

    def __add__(self, other: "Tally") -> "Tally":
        """Pool the voxels of two cases."""
        return Tally(self.right + other.right, self.wrong + other.wrong)


def tally(disagreeing: np.ndarray, wrong: Mask, brain: Mask) -> Tally:
    """Count right and wrong voxels inside the brain by disagreement.

    Args:
        disagreeing: see disagreement.
        wrong: where the fused mask is not the truth.
    """
    level = np.rint(disagreeing[brain] / np.float32(SMALLEST)).astype(np.int64)
    missed = wrong[brain]
    count = [np.bincount(level[part], minlength=_LEVELS + 1) for part in (~missed, missed)]
    return Tally(*count)


def area_under_curve(counted: Tally) -> float | None:
    """Return the chance that a wrong voxel disagrees more than a right one, ties counted as half (the AUC).

    0.5: disagreement tells nothing of error; 1: every wrong voxel disagrees more than every right one.

    Returns: None where there is no wrong voxel, or no right one.
    Example:
        >>> area_under_curve(tally(np.array([0.0, 0.5, 0.5]), np.array([False, False, True]), np.ones(3, bool)))
        0.75
    """
    right, wrong = float(counted.right.sum()), float(counted.wrong.sum())
    if not right or not wrong:
        return None
    below = np.cumsum(counted.right) - counted.right
    return float(np.sum(counted.wrong * (below + counted.right / 2.0)) / (right * wrong))


def binned(counted: Tally) -> tuple[np.ndarray, np.ndarray]:
    """Return how many voxels lie in each tenth of disagreement, and how many of them are wrong; 1 is in the last."""
    edges = np.minimum(np.arange(_LEVELS + 1) * BINS // _LEVELS, BINS - 1)
    totals = np.bincount(edges, weights=counted.right + counted.wrong, minlength=BINS)
    wrong = np.bincount(edges, weights=counted.wrong, minlength=BINS)
    return totals.astype(np.int64), wrong.astype(np.int64)


def bin_names() -> Sequence[str]:
    """Return what tables call the tenths."""
    return [f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}" for number in range(BINS)]
