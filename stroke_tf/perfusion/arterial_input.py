"""The arterial input: the curve with which the bolus enters the brain, found without a hand that points at it."""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.errors import InputFileError

_CANDIDATES = 0.005
"""The share of the brain's voxels, those of the highest peaks, among which the artery is looked for: arteries and veins
stand out of the tissue by ten times and more."""
_FEWEST_CANDIDATES = 12


@dataclass(frozen=True, eq=False)
class ArterialInput:
    """The arterial input function of one case.

    Attributes:
        curve: shape (t,), float32, HU above the baseline.
        voxels: (x, y, z), bool: those of which the curve is the mean.
    """

    curve: np.ndarray
    voxels: Mask


def find_arterial_input(curves: np.ndarray, brain: Mask, *, count: int = 5, name: str = "series") -> ArterialInput:
    """Find the arterial input: of the highest curves those that are early and narrow.

    Of every candidate three things are compared: the height of its peak, how early its first moment lies, and how
    narrow it is (its area over its peak), each from 0 for the best candidate to 1 for the worst. Veins are as high but
    late and wide, voxels that an artery fills in part are early and narrow but low. The curves with the least sum are
    averaged.

    Args:
        curves: concentration, shape (x, y, z, t), not smoothed, which would mix artery with tissue.
        count: how many voxels are averaged.
        name: of the file, for the error.
    Raises: InputFileError if no voxel enhances like a vessel.
    Source: the criteria are those of Mouridsen 2006 (Magn Reson Med 55:524), without its clustering.
    """
    inside = curves[brain]
    peaks = inside.max(axis=1) if inside.size else np.zeros(0, np.float32)
    wanted = min(peaks.size, max(_FEWEST_CANDIDATES, round(_CANDIDATES * peaks.size)))
    if wanted < 1 or peaks.max() <= 0:
        raise InputFileError(f"{name}: no artery found: nothing in the brain enhances. Check that it shows a bolus.")
    best = np.argpartition(peaks, peaks.size - wanted)[peaks.size - wanted :]
    # Half of the highest peak sorts out tissue where vessels are few, as in a slab of two slices.
    best = best[peaks[best] >= 0.5 * peaks.max()]
    candidates = np.maximum(inside[best], 0)
    area = candidates.sum(axis=1)
    moment = candidates @ np.arange(candidates.shape[1], dtype=np.float32) / area
    width = area / peaks[best]
    faults = _shares(-peaks[best]) + _shares(moment) + _shares(width)
    chosen = best[np.argsort(faults, kind="stable")[:count]]
    voxels = np.zeros(brain.shape, dtype=bool)
    voxels[tuple(axis[chosen] for axis in np.nonzero(brain))] = True
    return ArterialInput(inside[chosen].mean(axis=0), voxels)


def _shares(values: np.ndarray) -> np.ndarray:
    """Return where values lie between the best (0) and the worst (1), so that three measures can be added."""
    return (values - values.min()) / max(float(np.ptp(values)), 1e-12)
