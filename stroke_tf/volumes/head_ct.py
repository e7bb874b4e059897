"""The brain in a CT of the head, whose skull, scalp and air are all in the picture."""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import InputFileError

_SOFT_HU = (-20.0, 110.0)
"""Fluid, brain and blood lie between; fat and air below, bone above."""
_BLUR_MM = 1.0
"""Takes the noise of single voxels away before they are judged."""
_NECK_MM = 2.5
"""Half the width of what is cut: the brain touches the scalp through sutures and thin bone, as narrow necks."""
_SMALLEST_SHARE = 0.002
"""A brain is more than this share of the picture."""


def brain_of_ct(ct: Volume, spacing_mm: Sequence[float], *, name: str = "CT") -> Mask:
    """Mark the brain and the fluid around it: in each slice, the largest piece of soft tissue within bone.

    Slices are looked at one by one, because they are several millimetres apart. Soft tissue is eroded, so that what
    hangs together by a neck falls apart, the largest piece is kept, grown back, and its holes are filled. An image
    whose skull has been removed before gives the same brain.

    Args:
        ct: plain CT, shape (x, y, z), HU. spacing_mm: of its voxels. name: of the file, for the error.
    Returns: (x, y, z), bool. Slices above or below the brain may be empty.
    Raises: InputFileError if no slice holds a brain: the image is not a head in HU.
    """
    from scipy.ndimage import gaussian_filter

    in_plane = [float(side) for side in spacing_mm[:2]]
    blurred = gaussian_filter(ct.astype(np.float32), [min(1.0, _BLUR_MM / side) for side in in_plane] + [0.0])
    soft = (blurred > _SOFT_HU[0]) & (blurred < _SOFT_HU[1])
    brain = np.stack([_largest_piece(soft[:, :, index], in_plane) for index in range(ct.shape[2])], axis=2)
    # A slice of the neck or the eyes holds small pieces only; the brain's slices are of one order of size.
    sizes = brain.sum(axis=(0, 1))
    brain[:, :, sizes < 0.05 * sizes.max()] = False
    if sizes.max() < _SMALLEST_SHARE * soft[:, :, 0].size:
        raise InputFileError(
            f"{name}: no brain found: {int(soft.sum())} of {ct.size} voxels lie between {_SOFT_HU[0]:g} and "
            f"{_SOFT_HU[1]:g} HU. Check that this is a plain CT of a head in HU."
        )
    return brain


def _largest_piece(soft: Mask, spacing_mm: Sequence[float]) -> Mask:
    from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

    padded = np.pad(soft, 1)
    pieces, count = label(distance_transform_edt(padded, sampling=spacing_mm) > _NECK_MM)
    if not count:
        return np.zeros_like(soft)
    largest = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    grown = padded & (distance_transform_edt(~largest, sampling=spacing_mm) <= _NECK_MM)
    return binary_fill_holes(grown)[1:-1, 1:-1]
