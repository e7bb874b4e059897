"""How far apart two surfaces lie, in millimetres.

Imagine standing on each surface voxel of one mask and measuring the way to the nearest surface voxel of the other.
Doing so in both directions gives two lists of distances; ASSD, HD and both kinds of HD95 are figures of these lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
from stroke_tf.errors import GeometryError
from stroke_tf.metrics.conventions import SurfaceMean

Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """From every surface voxel of one mask to the nearest surface voxel of the other."""

    to_truth_mm: np.ndarray
    """One distance for each surface voxel of the prediction, float64."""
    to_prediction_mm: np.ndarray
    """One distance for each surface voxel of the truth, float64."""


def surface_distances(prediction: Mask, truth: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances | None:
    """Measure the distances between the surfaces of two masks, in both directions.

    Only the box that holds both masks is looked at; all surface voxels lie in it, so nothing changes but the time.

    Args:
        prediction: (x, y, z), bool.
        truth: the same shape.
        spacing_mm: between neighbouring voxels, one number for each axis.
    Returns: the distances; None if a mask is empty, because it has no surface.
    Raises: GeometryError for a spacing that is not one positive number for each axis.
    Example:
        >>> row = np.zeros((2, 5, 1, 1), dtype=bool)
        >>> row[0, 0] = row[1, 3] = True
        >>> surface_distances(*row, spacing_mm=(2.0, 1.0, 1.0)).to_truth_mm
        array([6.])
    """
    spacing_mm = require_spacing(spacing_mm, prediction.ndim)
    box = joint_box(prediction, truth)
    if box is None or not prediction.any() or not truth.any():
        return None
    of_prediction, of_truth = surface(prediction[box]), surface(truth[box])
    return SurfaceDistances(
        to_truth_mm=ndimage.distance_transform_edt(~of_truth, sampling=spacing_mm)[of_prediction],
        to_prediction_mm=ndimage.distance_transform_edt(~of_prediction, sampling=spacing_mm)[of_truth],
    )


def assd_mm(distances: SurfaceDistances | None, *, mean: SurfaceMean = SurfaceMean.MEAN_OF_DIRECTIONS) -> float | None:
    """Return the average symmetric surface distance: the mean of the two directed means, or of all distances."""
    if distances is None:
        return None
    if mean is SurfaceMean.POOLED:
        return float(np.concatenate([distances.to_truth_mm, distances.to_prediction_mm]).mean())
    return float((distances.to_truth_mm.mean() + distances.to_prediction_mm.mean()) / 2)


def hd_mm(distances: SurfaceDistances | None) -> float | None:
    """Return the Hausdorff distance: the largest distance of both directions."""
    if distances is None:
        return None
    return float(max(distances.to_truth_mm.max(), distances.to_prediction_mm.max()))


def hd95_pooled_mm(distances: SurfaceDistances | None) -> float | None:
    """Return the 95th percentile of both directions together, as MedPy does."""
    if distances is None:
        return None
    return float(np.percentile(np.concatenate([distances.to_truth_mm, distances.to_prediction_mm]), 95))


def hd95_larger_mm(distances: SurfaceDistances | None) -> float | None:
    """Return the larger of the two directed 95th percentiles, as MONAI does."""
    if distances is None:
        return None
    return float(max(np.percentile(distances.to_truth_mm, 95), np.percentile(distances.to_prediction_mm, 95)))


def surface(mask: Mask) -> Mask:
    """Return the voxels of a mask that have a face toward the outside; beyond the array all is outside.

    This is the mask without its erosion by the 6-neighbourhood (MedPy's border), by shifts instead of a filter.
    """
    padded = np.pad(mask, 1)
    inner = (slice(1, -1),) * mask.ndim
    inside = mask.copy()
    for axis in range(mask.ndim):
        for shifted in (slice(None, -2), slice(2, None)):
            inside &= padded[(*inner[:axis], shifted, *inner[axis + 1 :])]
    return mask & ~inside


def joint_box(first: Mask, second: Mask) -> Box | None:
    """Return the smallest box that holds both masks, or None if both are empty."""
    either = first | second
    box = []
    for axis in range(either.ndim):
        others = tuple(other for other in range(either.ndim) if other != axis)
        hit = np.flatnonzero(either.any(axis=others))
        if hit.size == 0:
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)


def require_spacing(spacing_mm: Sequence[float], axes: int) -> tuple[float, ...]:
    """Return the spacing if it is one positive, finite number for each axis.

    Raises: GeometryError, showing the spacing.
    """
    spacing = tuple(float(side) for side in spacing_mm)
    if len(spacing) != axes or not np.isfinite(spacing).all() or min(spacing) <= 0:
        raise GeometryError(f"A spacing is {axes} positive numbers, in mm. Received: {spacing}")
    return spacing
