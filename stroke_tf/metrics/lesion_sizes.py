"""What one predicted mask holds, lesion by lesion: volume, side, diameter, place. No truth is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
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


def lesion_sizes(mask: Mask, grid: Grid, middle: Midplane) -> list[LesionSize]:
    """Measure each lesion of a mask, the largest first.

    Args:
        mask: RAS+ (x, y, z), bool, on the grid.
        middle: of the head, in the same voxels.
    Returns: one entry a lesion; none for an empty mask.
    """
    labels, _ = ndimage.label(mask, structure=_CORNERS_26)
    sizes = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        voxels = np.argwhere(labels[box] == number) + [side.start for side in box]
        sizes.append(_size_of(voxels, grid, middle))
    return sorted(sizes, key=lambda size: (-size.volume_ml, size.centre_mm))


def largest_distance(points: np.ndarray) -> float:
    """Return the largest distance between two points.

    Args:
        points: (n, 3), at least one.
    Example:
        >>> largest_distance(np.array([[0, 0, 0], [1, 0, 0], [0, 3, 4]]))
        5.0990195135927845
    """
    points = np.asarray(points, np.float64)
    longest = 0.0
    rows = max(1, _PAIRS_AT_ONCE // len(points))
    for start in range(0, len(points), rows):
        apart = ((points[start : start + rows, None] - points[None]) ** 2).sum(axis=2)
        longest = max(longest, float(apart.max()))
    return longest**0.5


def _size_of(voxels: np.ndarray, grid: Grid, middle: Midplane) -> LesionSize:
    right = int(middle.right_of(*voxels.T).sum())
    left = len(voxels) - right
    both = min(left, right) >= _BOTH * len(voxels)
    millimetres = _ends_of_lines(voxels) @ grid.affine[:3, :3].T
    centre = grid.affine[:3, :3] @ voxels.mean(axis=0) + grid.affine[:3, 3]
    return LesionSize(
        volume_ml=len(voxels) * grid.voxel_volume_ml,
        left_ml=left * grid.voxel_volume_ml,
        right_ml=right * grid.voxel_volume_ml,
        side="both" if both else "left" if left > right else "right",
        diameter_mm=largest_distance(_corners_of_hull(millimetres)),
        centre_mm=tuple(round(float(side), 2) for side in centre),
    )


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


def total_ml(sizes: Sequence[LesionSize]) -> tuple[float, float, float]:
    """Return the volume of all lesions, and of it what lies left and right of the middle."""
    left, right = sum(size.left_ml for size in sizes), sum(size.right_ml for size in sizes)
    return left + right, left, right
