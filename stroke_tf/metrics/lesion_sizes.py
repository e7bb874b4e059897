"""What one predicted mask holds, lesion by lesion: volume, side, diameter, place. No truth is needed."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
from stroke_tf.metrics.surface import joint_box, surface
from stroke_tf.volumes.grid import Grid
from stroke_tf.volumes.midplane import HOW_FOUND, Midplane

DEFINITIONS = {
    "lesion": "voxels of the mask that touch by a face, an edge or a corner (26 neighbours)",
    "volume_ml": "number of voxels times the volume of one",
    "side": "left or right of the head's middle, the patient's own; both where the smaller part is a quarter or more",
    "middle": HOW_FOUND,
    "diameter_mm": "the largest distance between the centres of two voxels of the lesion, in any direction; 0 for one",
    "centre_mm": "mean position of its voxels in the scan's world coordinates (RAS+)",
}
MOST_LISTED = 200
_BOTH = 0.25
_CORNERS_26 = np.ones((3, 3, 3), dtype=bool)
_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class LesionSize:
    """One connected lesion; DEFINITIONS tells what each figure means."""

    volume_ml: float
    left_ml: float
    right_ml: float
    side: str
    diameter_mm: float
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Burden:
    """All of a mask, and its lesions one by one, the largest first.

    Args:
        count: of all lesions, those included that are not listed.
    """

    volume_ml: float
    left_ml: float
    right_ml: float
    count: int
    lesions: tuple[LesionSize, ...]


def burden_of(mask: Mask, grid: Grid, middle: Midplane, *, most: int = MOST_LISTED) -> Burden:
    """Measure a mask and each of its lesions.

    Args:
        mask: RAS+ (x, y, z), bool, on the grid.
        middle: of the head, in the same voxels.
        most: how many lesions are listed; a mask of noise holds thousands, and nobody reads of them.
    """
    box = joint_box(mask, mask)
    if box is None:
        return Burden(0.0, 0.0, 0.0, 0, ())
    # Only the box that holds all lesions is numbered, and of each lesion only its surface is listed voxel by voxel: a
    # network that marks the whole brain must not need more memory than one that finds something.
    labels, count = ndimage.label(mask[box], structure=_CORNERS_26)
    start = np.array([side.start for side in box])
    parts = ndimage.find_objects(labels)
    voxels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    sizes = []
    for place in np.argsort(-voxels, kind="stable")[:most]:
        corner = start + [side.start for side in parts[place]]
        sizes.append(_size_of(labels[parts[place]] == place + 1, corner, grid, middle))
    right = _right_of(mask[box], start, middle)
    left = int(voxels.sum()) - right
    one_ml = grid.voxel_volume_ml
    return Burden((left + right) * one_ml, left * one_ml, right * one_ml, count, tuple(sizes))


def largest_distance(points: np.ndarray) -> float:
    """Return the largest distance between two points.

    Args:
        points: (n, 3), at least one.
    Example:
        >>> largest_distance(np.array([[0, 0, 0], [1, 0, 0], [0, 3, 4]]))
        5.0990195135927845
    """
    from scipy.spatial.distance import cdist

    points = np.asarray(points, np.float64)
    longest = 0.0
    rows = max(1, _PAIRS_AT_ONCE // len(points))
    for start in range(0, len(points), rows):
        longest = max(longest, float(cdist(points[start : start + rows], points).max()))
    return longest


def _size_of(lesion: Mask, corner: np.ndarray, grid: Grid, middle: Midplane) -> LesionSize:
    """Measure one lesion, given in its own box, whose first voxel is the corner."""
    voxels = int(np.count_nonzero(lesion))
    right = _right_of(lesion, corner, middle)
    left = voxels - right
    both = min(left, right) >= _BOTH * voxels
    millimetres = _ends_of_lines(np.argwhere(surface(lesion)) + corner) @ grid.affine[:3, :3].T
    along = [np.count_nonzero(lesion, axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    mean = corner + [float(counts @ np.arange(len(counts))) / voxels for counts in along]
    centre = grid.affine[:3, :3] @ mean + grid.affine[:3, 3]
    return LesionSize(
        volume_ml=voxels * grid.voxel_volume_ml,
        left_ml=left * grid.voxel_volume_ml,
        right_ml=right * grid.voxel_volume_ml,
        side="both" if both else "left" if left > right else "right",
        diameter_mm=largest_distance(_corners_of_hull(millimetres)),
        centre_mm=tuple(round(float(side), 2) for side in centre),
    )


def _right_of(lesion: Mask, corner: np.ndarray, middle: Midplane) -> int:
    y, z = (np.arange(side) + first for side, first in zip(lesion.shape[1:], corner[1:], strict=True))
    y, z = y[:, None], z[None, :]
    return sum(int(np.count_nonzero(lesion[x] & middle.right_of(x + corner[0], y, z))) for x in range(len(lesion)))


def _ends_of_lines(voxels: np.ndarray) -> np.ndarray:
    """Keep the voxels that are first or last on their lines along each axis: the farthest two are among them."""
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        order = np.lexsort((voxels[:, axis], *(voxels[:, other] for other in others)))
        voxels = voxels[order]
        changes = (np.diff(voxels[:, others], axis=0) != 0).any(axis=1)
        first, last = np.append(True, changes), np.append(changes, True)
        voxels = voxels[first | last]
    return voxels


def _corners_of_hull(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull, or all points where they are few or lie in one plane."""
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 1000:
        return points
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:
        return points
