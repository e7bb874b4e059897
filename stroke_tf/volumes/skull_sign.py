"""Whether a scan shows skull and scalp, measured along rays from outside into the head.

Imagine walking from the air towards the middle of an axial slice. In a scan as it comes from the scanner one meets the
scalp, then the dark bone of the skull, then the brain. In a skull-stripped one the first tissue is the brain; a gap on
the way is a sulcus, which some rays meet and most do not.
"""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Mask, Volume

LIMITS = {"FLAIR": 0.4, "T2": 0.2, "T1": 0.5}
"""From this share of rays on a scan counts as not skull-stripped: about half-way between the largest share of a
stripped scan and the smallest of one with a skull (docs/predict.md has both). The sequences are in the order in which
they tell it best; DWI and ADC do not tell it, because fat is suppressed in them."""
_SLICES, _ANGLES = 12, 72
_STEP_MM, _DEPTH_MM = 1.0, 35.0
_TISSUE, _DARK = 0.5, 0.3
"""Of the intensity in the depth of the head: what is more is tissue, what is less is bone, air, or a dark fluid."""
_GAP_MM = 3.0
_DEEP_MM = 25.0
_UPPER_PART = (0.35, 0.9)
"""Of the head's height: below are face and neck, above are slices that cut the skull flat."""


def skull_share(volume: Volume, head: Mask, spacing_mm: Sequence[float]) -> float:
    """Return the share of rays that meet tissue, a dark gap of 3 mm, and tissue again within 35 mm of the surface.

    Args:
        volume: one image, RAS+ (x, y, z).
        head: where it departs from its background (see brain_mask), the same shape.
        spacing_mm: of its voxels.
    Returns: 0 (no ray) to 1 (every ray); 0 if there is nothing to look at.
    """
    filled = _slices_filled(head, spacing_mm)
    if not filled:
        return 0.0
    reference = _depth_intensity(volume, filled, spacing_mm)
    if reference <= 0:
        return 0.0
    met = [_rays_with_skull(volume[:, :, z] / reference, inside, spacing_mm) for z, inside in filled.items()]
    return float(np.mean(np.concatenate(met)))


def _slices_filled(head: Mask, spacing_mm: Sequence[float]) -> dict[int, Mask]:
    """Return the largest piece of head in some axial slices of the upper part, without holes."""
    from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label

    heights = np.flatnonzero(head.any(axis=(0, 1)))
    if heights.size == 0:
        return {}
    low, high = (heights[0] + share * (heights[-1] - heights[0]) for share in _UPPER_PART)
    chosen = np.unique(np.rint(np.linspace(low, high, _SLICES)).astype(int))
    filled = {}
    for z in chosen:
        # Single loud voxels of air are no head, and a thin scalp may be open in places.
        solid = binary_closing(np.pad(binary_opening(head[:, :, z]), 3), iterations=3)[3:-3, 3:-3]
        pieces, count = label(binary_fill_holes(solid))
        if count:
            filled[int(z)] = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    return filled


def _depth_intensity(volume: Volume, filled: dict[int, Mask], spacing_mm: Sequence[float]) -> float:
    """Return the median intensity deep inside the head, where only the brain can be."""
    from scipy.ndimage import distance_transform_edt

    depths = {z: distance_transform_edt(np.pad(inside, 1), sampling=spacing_mm[:2]) for z, inside in filled.items()}
    limit = min(_DEEP_MM, 0.6 * max(float(depth.max()) for depth in depths.values()))
    deep = [volume[:, :, z][depth[1:-1, 1:-1] >= limit] for z, depth in depths.items()]
    values = np.concatenate(deep)
    return float(np.median(values)) if values.size else 0.0


def _rays_with_skull(relative: np.ndarray, inside: Mask, spacing_mm: Sequence[float]) -> np.ndarray:
    """Tell of each ray of one slice whether it meets a skull; bool, one entry a ray that meets the head."""
    from scipy.ndimage import map_coordinates

    sides = np.asarray(spacing_mm[:2])
    centre = np.argwhere(inside).mean(axis=0) * sides
    reach = float(np.hypot(*(np.asarray(inside.shape) * sides)))
    away = np.arange(reach, 0.0, -_STEP_MM)
    angles = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    points = centre[:, None, None] + np.stack([np.cos(angles), np.sin(angles)])[:, :, None] * away
    voxels = points / sides[:, None, None]
    within = map_coordinates(inside.view(np.uint8), voxels, order=0, cval=0) > 0
    met = within.any(axis=1)
    within, voxels = within[met], voxels[:, met]
    if not within.size:
        return np.zeros(0, bool)
    # Every ray is read from its first point inside the head.
    steps = within.argmax(axis=1)[:, None] + np.arange(round(_DEPTH_MM / _STEP_MM))
    steps = np.minimum(steps, away.size - 1)
    on_ray = np.take_along_axis(voxels, np.broadcast_to(steps, (2, *steps.shape)), axis=2)
    profile = map_coordinates(relative, on_ray, order=1, mode="nearest")
    return _tissue_gap_tissue(profile)


def _tissue_gap_tissue(profile: np.ndarray) -> np.ndarray:
    """Tell which rows hold tissue, then a dark run of the gap's length, then tissue.

    Example:
        >>> rows = np.array([[1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 1, 1], [0, 0, 0, 0, 1, 1.0]])
        >>> _tissue_gap_tissue(rows)
        array([ True, False, False])
    """
    tissue, dark = profile >= _TISSUE, profile <= _DARK
    steps = round(_GAP_MM / _STEP_MM)
    runs = np.stack([dark[:, shift : dark.shape[1] - steps + 1 + shift] for shift in range(steps)]).all(axis=0)
    before = np.logical_or.accumulate(tissue, axis=1)[:, : runs.shape[1]]
    after = np.logical_or.accumulate(tissue[:, ::-1], axis=1)[:, ::-1]
    after = np.pad(after, ((0, 0), (0, steps)))[:, steps : steps + runs.shape[1]]
    return (runs & before & after).any(axis=1)
