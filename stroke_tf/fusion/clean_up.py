"""What is tidied in a fused mask: components that are too small, and holes."""

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
from stroke_tf.errors import SettingError

_CORNERS = 3
"""Voxels that touch by a corner are one component, as where lesions are counted (26 neighbours in 3-D)."""


def clean_up(mask: Mask, *, voxel_volume_ml: float, min_component_ml: float = 0.0, fill_holes: bool = False) -> Mask:
    """Fill holes, then drop what is smaller than a volume.

    Args:
        mask: (x, y, z), bool.
        min_component_ml: components of less are dropped; 0 drops none.
        fill_holes: background from which no way leads to the border, from face to face, becomes lesion.
    Returns: a new mask.
    Raises: SettingError for a negative volume.
    Example:
        >>> ring = np.array([[[1, 1, 1], [1, 0, 1], [1, 1, 1]]], bool).reshape(3, 3, 1)
        >>> int(clean_up(np.pad(ring, 1), voxel_volume_ml=1.0, min_component_ml=9.0).sum())
        0
    """
    if not 0 <= min_component_ml < float("inf"):
        raise SettingError(f"The smallest component kept is 0 ml or more. Received: {min_component_ml}")
    cleaned = holes_filled(mask) if fill_holes else mask.copy()
    if min_component_ml > 0:
        labels, sizes = components(cleaned)
        kept = sizes * voxel_volume_ml >= min_component_ml
        kept[0] = False
        cleaned = kept[labels]
    return cleaned


def components(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Number the components of a mask.

    Returns: the number of each voxel's component (0 in the background), and the size of each in voxels by number.
    """
    labels, number = ndimage.label(mask, structure=ndimage.generate_binary_structure(mask.ndim, _CORNERS))
    return labels, np.bincount(labels.ravel(), minlength=number + 1)


def holes_filled(mask: Mask) -> Mask:
    """Return the mask with its holes filled: background that no way leads out of, from face to face."""
    # Labelling the background once is far quicker than ndimage's filling, which grows it from the border step by step.
    outside = np.pad(~mask, 1, constant_values=True)
    labels, _ = ndimage.label(outside)
    return (labels != labels.flat[0])[tuple(slice(1, -1) for _ in range(mask.ndim))]
