"""The middle of the head: the plane between its left and its right half, found on the brain's mask."""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask

HOW_FOUND = (
    "the plane fitted by least squares to the midpoints between the leftmost and the rightmost brain voxel of each row "
    "from left to right, after the quarter of rows that lie farthest from a first fit is left out"
)
_KEPT = 0.75
_ROUNDS = 3
_STEPS = 64
"""About so many rows are looked at along each of the two other axes."""


@dataclass(frozen=True)
class Midplane:
    """x = offset + by_y * y + by_z * z, in RAS+ voxel indices; a head may stand turned or tilted in the scanner."""

    offset: float
    by_y: float
    by_z: float

    def right_of(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Tell which voxels lie to the patient's right of the plane; one exactly on it counts as left."""
        return x > self.offset + self.by_y * y + self.by_z * z


def midplane(brain: Mask) -> Midplane:
    """Find the middle of the head.

    Args:
        brain: RAS+ (x, y, z), x from left to right; without a voxel, the middle of the volume is taken.
    Source: ours; HOW_FOUND tells it in words.
    Example:
        >>> round(midplane(np.pad(np.ones((5, 4, 4), bool), ((2, 4), (0, 0), (0, 0)))).offset, 6)
        4.0
    """
    steps = [max(1, side // _STEPS) for side in brain.shape[1:]]
    rows = brain[:, :: steps[0], :: steps[1]]
    y, z = np.nonzero(rows.any(axis=0))
    if not y.size:
        return Midplane((brain.shape[0] - 1) / 2, 0.0, 0.0)
    hit = rows[:, y, z]
    leftmost, rightmost = hit.argmax(axis=0), rows.shape[0] - 1 - hit[::-1].argmax(axis=0)
    middles = (leftmost + rightmost) / 2
    # Columns that do not vary (a flat brain, a single row) get a slope of 0 by the least-norm solution.
    place = np.stack([y * steps[0], z * steps[1]], axis=1).astype(np.float64)
    centre = place.mean(axis=0)
    terms = np.column_stack([np.ones(len(place)), place - centre])
    kept = np.ones(len(place), bool)
    for _ in range(_ROUNDS):
        found = np.linalg.lstsq(terms[kept], middles[kept], rcond=None)[0]
        away = np.abs(terms @ found - middles)
        kept = away <= np.quantile(away, _KEPT)
    by_y, by_z = float(found[1]), float(found[2])
    return Midplane(float(found[0] - by_y * centre[0] - by_z * centre[1]), by_y, by_z)
