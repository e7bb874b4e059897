"""STAPLE: how often each plane is right, estimated from nothing but how the planes agree.

The estimate needs to know only how many voxels have each pattern of votes (of three planes there are eight patterns),
so it is made on those counts: as exact as on the voxels, and a matter of microseconds.
"""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.errors import SettingError

_MOST = 16
_ROUNDS = 1000
_STILL = 1e-7


def staple_probability(masks: Sequence[Mask]) -> Probabilities:
    """Estimate the probability of lesion in each voxel from the masks of several planes.

    Expectation and maximisation in turns. With D_ij the vote of plane j in voxel i, p_j its sensitivity, q_j its
    specificity and g the share of lesion: W_i = a / (a + b), where a = g prod_j p_j^D_ij (1 - p_j)^(1 - D_ij) and
    b = (1 - g) prod_j q_j^(1 - D_ij) (1 - q_j)^D_ij; then p_j = sum_i W_i D_ij / sum_i W_i and
    q_j = sum_i (1 - W_i)(1 - D_ij) / sum_i (1 - W_i). Both begin at 0.99999; g is the mean share of the masks.

    It is computed in the box around all that any plane calls lesion. Without a box the answer depends on how much air
    the image holds: the more of it, the nearer comes each specificity to 1, and the nearer the result to the union.

    Args:
        masks: 1 to 16 bool arrays of one shape.
    Returns: float32, the masks' shape, 0 outside the box.
    Raises: SettingError for more masks than that.
    Source: Warfield, Zou, Wells, IEEE Transactions on Medical Imaging 23 (2004) 903; the box is our choice.
    """
    if len(masks) > _MOST:
        raise SettingError(f"STAPLE takes up to {_MOST} masks. Received: {len(masks)}")
    pattern = np.zeros(masks[0].shape, dtype=np.uint16)
    for place, mask in enumerate(masks):
        pattern |= mask.astype(np.uint16) << np.uint16(place)
    probability = np.zeros(pattern.shape, dtype=np.float32)
    box = _box(pattern > 0)
    if box is not None:
        counts = np.bincount(pattern[box].ravel(), minlength=2 ** len(masks))
        probability[box] = _of_patterns(counts, len(masks)).astype(np.float32)[pattern[box]]
    return probability


def _of_patterns(counts: np.ndarray, planes: int) -> np.ndarray:
    """Return the probability of lesion for each pattern of votes; its k-th bit is the vote of plane k."""
    votes = (np.arange(2**planes)[:, None] >> np.arange(planes)) & 1
    share = counts @ votes.mean(axis=1) / counts.sum()
    right, spared = np.full(planes, 0.99999), np.full(planes, 0.99999)
    lesion = np.zeros(len(counts))
    for _ in range(_ROUNDS):
        before = lesion
        of_lesion = share * np.prod(np.where(votes, right, 1 - right), axis=1)
        of_rest = (1 - share) * np.prod(np.where(votes, 1 - spared, spared), axis=1)
        both = of_lesion + of_rest
        # A pattern that neither can explain does not occur; it belongs to whom most planes give it.
        lesion = np.divide(of_lesion, both, out=votes.mean(axis=1), where=both > 0)
        found, rest = counts * lesion, counts * (1 - lesion)
        if found.sum() > 0:
            right = found @ votes / found.sum()
        if rest.sum() > 0:
            spared = rest @ (1 - votes) / rest.sum()
        if np.abs(lesion - before).max() < _STILL:
            break
    return lesion


def _box(found: Mask) -> tuple[slice, ...] | None:
    if not found.any():
        return None
    sides = []
    for axis in range(found.ndim):
        seen = np.flatnonzero(found.any(axis=tuple(other for other in range(found.ndim) if other != axis)))
        sides.append(slice(int(seen[0]), int(seen[-1]) + 1))
    return tuple(sides)
