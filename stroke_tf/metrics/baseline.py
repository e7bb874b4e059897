"""The rule that any network must beat: one threshold on FLAIR times DWI.

Sub-acute infarct is bright on both sequences, so the product of the two is the best that a single number can do.
"""

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask, Volume, require_binary, require_finite, require_same_shape
from stroke_tf.errors import InputFileError, SettingError

STEP = 1 / 256
"""Distance between the thresholds tried. A power of two, so that a float32 falls on the right side of every one."""
_THRESHOLDS = 16 * 256
"""Thresholds up to 16: healthy brain lies near 1, infarct between 2 and 6; what is above 16 is lesion under any."""

LARGEST_THRESHOLDS = tuple(number / 4 for number in range(6, 25))
"""1.5, 1.75, …, 6: each needs its components counted anew, so they are fewer than for the threshold alone."""


def flair_dwi_product(flair: Volume, dwi: Volume, brain: Mask) -> Volume:
    """Multiply FLAIR and DWI after dividing each by its own median in the brain.

    The median of the positive voxels, so that the scanner's scale falls out and an offset or holes do not turn it.

    Args:
        flair: (x, y, z), any positive scale.
        dwi: the same grid.
        brain: the same shape, bool.
    Returns: float32, about 1 in healthy brain, exactly 0 outside the brain and where a sequence is not positive.
    Raises: GeometryError for shapes that differ; InputFileError if no voxel of the brain is positive, or for NaN.
    """
    require_same_shape(flair, dwi, ("FLAIR", "DWI"))
    require_same_shape(flair, brain, ("FLAIR", "brain"))
    product = np.zeros(flair.shape, dtype=np.float32)
    product[brain] = _by_median(flair, brain, "FLAIR") * _by_median(dwi, brain, "DWI")
    return product


def fit_threshold(products: Iterable[tuple[Volume, Mask]]) -> float:
    """Find the threshold with the highest mean Dice over training cases.

    A case leaves only two histograms behind, so memory does not grow with the cohort and one pass is enough.

    Args:
        products: for each case the product (flair_dwi_product) and its true lesion.
    Returns: the best multiple of STEP in (0, 16]; the lowest where several are equally good.
    Raises: SettingError if there is no case; GeometryError, InputFileError for a case that does not fit.
    """
    total, cases = np.zeros(_THRESHOLDS), 0
    for product, truth in products:
        total += _dice_at_each_threshold(product, truth)
        cases += 1
    if cases == 0:
        raise SettingError("A threshold is fitted on training cases. Received: none.")
    return float((np.argmax(total) + 1) * STEP)


def fit_threshold_of_largest(products: Iterable[tuple[Volume, Mask]]) -> float:
    """Find the threshold whose largest component has the highest mean Dice over training cases.

    Distractors are many and small, so the rule that keeps one component needs a threshold of its own, a lower one.

    Args:
        products: for each case the product (flair_dwi_product) and its true lesion.
    Returns: one of LARGEST_THRESHOLDS; the lowest where several are equally good.
    Raises: SettingError if there is no case; GeometryError, InputFileError for a case that does not fit.
    """
    total, cases = np.zeros(len(LARGEST_THRESHOLDS)), 0
    for product, truth in products:
        truth = require_binary(truth, "truth")
        require_same_shape(product, truth, ("product", "truth"))
        box = _box_above(require_finite(product, "product"), LARGEST_THRESHOLDS[0])
        inside, lesion, size = product[box], truth[box], np.count_nonzero(truth)
        for place, threshold in enumerate(LARGEST_THRESHOLDS):
            found = largest_component(apply_threshold(inside, threshold))
            both = np.count_nonzero(found) + size
            total[place] += 2.0 * np.count_nonzero(found & lesion) / both if both else 1.0
        cases += 1
    if cases == 0:
        raise SettingError("A threshold is fitted on training cases. Received: none.")
    return LARGEST_THRESHOLDS[int(np.argmax(total))]


def largest_component(mask: Mask) -> Mask:
    """Return the largest component of a mask alone; voxels that touch by a corner are one. Empty stays empty."""
    labels, number = ndimage.label(mask, structure=np.ones((3,) * mask.ndim, bool))
    if number < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def apply_threshold(product: Volume, threshold: float) -> Mask:
    """Return the voxels at or above the threshold."""
    return product >= np.float32(threshold)


def _box_above(product: Volume, threshold: float) -> tuple[slice, ...]:
    reached = product >= np.float32(threshold)
    box = ndimage.find_objects(reached.astype(np.uint8))
    return box[0] if box else (slice(0, 0),) * product.ndim


def _by_median(volume: Volume, brain: Mask, name: str) -> np.ndarray:
    values = np.maximum(require_finite(np.asarray(volume), name)[brain].astype(np.float32), 0)
    positive = values[values > 0]
    if positive.size == 0:
        raise InputFileError(f"{name}: no voxel of the brain is positive. Check that it is the raw image.")
    return values / np.median(positive)


def _dice_at_each_threshold(product: Volume, truth: Mask) -> np.ndarray:
    """Return the Dice of one case for the thresholds STEP, 2 STEP, …; two empty masks score 1."""
    truth = require_binary(truth, "truth")
    require_same_shape(product, truth, ("product", "truth"))
    candidate = require_finite(product, "product") >= STEP
    bins = np.minimum(product[candidate] / np.float32(STEP), _THRESHOLDS).astype(np.int64) - 1
    lesion = truth[candidate]
    predicted = _at_or_above(bins)
    right = _at_or_above(bins[lesion])
    size = predicted + np.count_nonzero(truth)
    return np.divide(2.0 * right, size, out=np.ones(_THRESHOLDS), where=size > 0)


def _at_or_above(bins: np.ndarray) -> np.ndarray:
    return np.bincount(bins, minlength=_THRESHOLDS)[::-1].cumsum()[::-1]
