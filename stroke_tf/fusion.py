"""From the planes' probabilities to one mask: the vote, its threshold and its tie, decided here and nowhere else."""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, require_same_shape
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import SettingError


def fuse(rule: FusionRule, volumes: Sequence[Probabilities | Mask], *, threshold: float = 0.5, tie: TieRule) -> Mask:
    """Make one mask of the volumes of several planes.

    Args:
        rule: see FusionRule.
        volumes: the lesion's probabilities, or masks, all (x, y, z) on one grid.
        threshold: a voxel is lesion for a plane from this probability on; see lesion_where.
        tie: what an even vote means.
    Returns: (x, y, z), bool.
    Raises: SettingError for no volume at all, GeometryError for volumes of different shapes.
    Source: arXiv 2511.07281, section II (voxel-wise majority vote).
    """
    return _FUSERS[rule](volumes, threshold=threshold, tie=tie)


def lesion_where(probabilities: Probabilities | Mask, *, threshold: float = 0.5) -> Mask:
    """Return where the lesion is at least as probable as the threshold; a mask stays as it is.

    Raises: SettingError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise SettingError(f"A threshold on probabilities is above 0 and at most 1. Received: {threshold}")
    if probabilities.dtype == bool:
        return probabilities
    return probabilities >= threshold


def majority(masks: Sequence[Mask], *, tie: TieRule) -> Mask:
    """Return where more than half of the masks say lesion.

    Args:
        masks: any number of bool arrays of one shape.
        tie: what exactly half means; it can only happen for an even number of masks.
    Returns: bool, the masks' shape.
    Raises: SettingError for no mask or more than 255, GeometryError for masks of different shapes.
    Source: arXiv 2511.07281 votes with three masks; the tie rule is ours.
    Example:
        >>> yes, no = np.array([True]), np.array([False])
        >>> majority([yes, yes, no], tie=TieRule.BACKGROUND)
        array([ True])
        >>> majority([yes, no], tie=TieRule.BACKGROUND)
        array([False])
    """
    # Votes are counted in one byte a voxel, so the memory needed does not grow with the number of masks.
    if not 1 <= len(masks) <= 255:
        raise SettingError(f"A vote needs between 1 and 255 masks. Received: {len(masks)}")
    votes = np.zeros(masks[0].shape, dtype=np.uint8)
    for number, mask in enumerate(masks):
        require_same_shape(masks[0], mask, ("mask 1", f"mask {number + 1}"))
        votes += mask.astype(bool, copy=False)
    half = len(masks) // 2
    if len(masks) % 2 == 0 and tie is TieRule.LESION:
        return votes >= half
    return votes > half


def _by_majority(volumes: Sequence[Probabilities | Mask], *, threshold: float, tie: TieRule) -> Mask:
    return majority([lesion_where(volume, threshold=threshold) for volume in volumes], tie=tie)


_FUSERS = {FusionRule.MAJORITY: _by_majority}
