"""A simple brain mask for when no better tool is at hand: tissue that hangs together in the depth of the head.

It separates brain from scalp by the dark skull between them, and cuts what hangs by a neck (eyes, muscles). A tool
made for it (HD-BET, SynthStrip, BET) is better, most of all at the base of the skull; docs/predict.md has figures.
"""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import InputFileError

_COARSE_MM = 2.0
"""The size of voxels on which the brain is sought."""
_BLUR_MM = 1.0
_TISSUE = 0.55
"""Of the intensity in the depth of the head; what is less is bone, air, or a dark fluid."""
_DEEP_MM = 30.0
_NECKS_MM = (2.5, 3.5, 4.5, 5.5, 6.5, 8.0)
"""Half the widths of what is cut, tried from the narrowest on."""
_SCALP_MM = 5.0
"""What lies so near to the air is scalp; a brain does not reach there."""
_LEAKED = 0.02
_SMOOTH_MM = 7.0
"""Sulci narrower than twice this are closed: fluid on the surface belongs to a brain mask."""
_HEIGHT_MM = 165.0
"""From the top of the head to the lowest end of the cerebellum; below is neck."""
_SMALLEST_ML = 300.0


def simple_brain(volume: Volume, head: Mask, spacing_mm: Sequence[float], *, name: str = "image") -> Mask:
    """Mark the brain in a scan with skull and scalp.

    Args:
        volume: one image, RAS+ (x, y, z); FLAIR, T2 or T1, in which scalp and skull are to be seen.
        head: where it departs from its background (see brain_mask), the same shape.
        spacing_mm: of its voxels. name: of the file, for the error.
    Returns: (x, y, z), bool.
    Raises: InputFileError if nothing as large as a brain is found.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    sides = np.asarray(spacing_mm, np.float64)
    every = tuple(slice(None, None, max(1, round(_COARSE_MM / side))) for side in sides)
    coarse_mm = sides * [each.step for each in every]
    blurred = gaussian_filter(volume.astype(np.float32), _BLUR_MM / sides, truncate=2.0)[every]
    solid = _solid(head[every])
    solid[:, :, : max(0, _top(solid) - round(_HEIGHT_MM / coarse_mm[2]))] = False
    into_mm = distance_transform_edt(_open_ended(solid), sampling=coarse_mm)[1:-1, 1:-1, :]
    deep = into_mm >= min(_DEEP_MM, 0.7 * float(into_mm.max()))
    tissue = solid & (blurred > _TISSUE * float(np.median(blurred[deep]))) if deep.any() else solid
    brain = _freed(tissue, deep, into_mm, coarse_mm)
    if brain.sum() * float(np.prod(coarse_mm)) / 1000.0 < _SMALLEST_ML:
        raise InputFileError(
            f"{name}: the simple brain mask found {brain.sum() * float(np.prod(coarse_mm)) / 1000.0:.0f} ml only. Make "
            "one with a tool such as HD-BET or SynthStrip, and pass it with --brain-mask FILE."
        )
    return _refined(brain, volume.shape, every)


def _solid(head: Mask) -> Mask:
    """Return the largest piece of head, its openings closed and its holes filled slice by slice."""
    from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label

    closed = binary_closing(np.pad(binary_opening(head), 3), iterations=3)[3:-3, 3:-3, 3:-3]
    filled = np.stack([binary_fill_holes(closed[:, :, z]) for z in range(closed.shape[2])], axis=2)
    pieces, count = label(filled)
    return pieces == 1 + np.bincount(pieces.ravel())[1:].argmax() if count else filled


def _open_ended(solid: Mask) -> Mask:
    """Put air beside the head, but none above and below: where the picture ends, the head does not."""
    return np.pad(solid, ((1, 1), (1, 1), (0, 0)))


def _top(solid: Mask) -> int:
    heights = np.flatnonzero(solid.any(axis=(0, 1)))
    return int(heights[-1]) + 1 if heights.size else 0


def _freed(tissue: Mask, deep: Mask, into_mm: np.ndarray, coarse_mm: np.ndarray) -> Mask:
    """Return the tissue of the depth, cut by the narrowest neck that frees it from the scalp."""
    from scipy.ndimage import distance_transform_edt, label

    within_mm = distance_transform_edt(np.pad(tissue, 1), sampling=coarse_mm)[1:-1, 1:-1, 1:-1]
    brain = np.zeros_like(tissue)
    for neck_mm in _NECKS_MM:
        pieces, _ = label(within_mm > neck_mm)
        sizes = np.bincount(pieces[deep], minlength=2)
        sizes[0] = 0
        if not sizes.any():
            break
        core = pieces == sizes.argmax()
        brain = tissue & (distance_transform_edt(~core, sampling=coarse_mm) <= neck_mm + float(coarse_mm.min()))
        if (brain & (into_mm < _SCALP_MM)).sum() <= _LEAKED * brain.sum():
            break
    return _closed(brain, coarse_mm)


def _closed(brain: Mask, coarse_mm: np.ndarray) -> Mask:
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    margin = [int(np.ceil(_SMOOTH_MM / side)) + 1 for side in coarse_mm]
    padded = np.pad(brain, [(each, each) for each in margin])
    grown = distance_transform_edt(~padded, sampling=coarse_mm) <= _SMOOTH_MM
    shrunk = distance_transform_edt(grown, sampling=coarse_mm) > _SMOOTH_MM
    inner = tuple(slice(each, -each) for each in margin)
    return binary_fill_holes(shrunk[inner] | brain)


def _refined(coarse: Mask, shape: tuple[int, ...], every: Sequence[slice]) -> Mask:
    """Bring a mask of every second voxel back to all voxels, with borders between the coarse ones."""
    from scipy.ndimage import affine_transform

    step = [1.0 / each.step for each in every]
    fine = affine_transform(coarse.astype(np.float32), step, output_shape=shape, order=1, mode="nearest")
    return fine >= 0.5
