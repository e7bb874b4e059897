"""What networks see of CT perfusion: the bolus as frames on one clock and one scale, and the maps on fixed scales.

Cases differ in when the bolus arrives, how much of it there was, and how long the scanner ran. Frames are therefore
counted from the arrival, in parts of the brain's own mean peak, and are as many for every case.
"""

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import InputFileError
from stroke_tf.perfusion.enhancement import baseline_frames, concentration

SERIES_CLIP = 6.0
"""Enhancement lies in [-SERIES_CLIP, SERIES_CLIP] times the peak of the brain's mean; arteries lie above."""
RELATIVE_CLIP = 3.0
"""CBF and CBV are divided by the brain's median, MTT and Tmax by SECONDS; then all lie in [0, RELATIVE_CLIP]."""
SECONDS = 10.0
_BEFORE = 2
"""Output frames that lie before the arrival."""


def bolus_frames(
    data: np.ndarray, seconds: float, brain: Mask, *, frames: int, frame_seconds: float, name: str = "series"
) -> tuple[np.ndarray, Volume]:
    """Turn a series into enhancement on the clock of the bolus.

    Args:
        data: (x, y, z, t), HU.
        seconds: between two volumes.
        brain: (x, y, z).
        frames, frame_seconds: the output's count and length; each is the mean of what it covers, and a series that
            ends early keeps its last value.
        name: of the file, for messages.
    Returns: (x, y, z, frames) float32, 0 outside the brain, in which 1 is the peak of the brain's mean; and the mean
        before the bolus, (x, y, z) float32 in HU: a CT with the noise of several frames averaged away.
    Raises: InputFileError if no bolus can be seen.
    """
    baseline = baseline_frames(data, brain, name=name)
    before = data[..., :baseline].mean(axis=-1, dtype=np.float32)
    inside = concentration(data[brain], baseline)
    peak = float(inside.mean(axis=0, dtype=np.float64).max())
    # A volume stands for half a step before and after its moment; so does the first of the bolus.
    start = (baseline - 0.5) * seconds - _BEFORE * frame_seconds
    weights = _covering(data.shape[3], seconds, start, frames, frame_seconds)
    enhancement = inside @ weights.astype(np.float32) / np.float32(peak)
    result = np.zeros((*brain.shape, frames), np.float32)
    result[brain] = np.clip(enhancement, -SERIES_CLIP, SERIES_CLIP)
    return result, before


def scaled_map(kind: str, volume: Volume, brain: Mask, *, name: str = "map") -> Volume:
    """Bring a perfusion map to a scale that is the same for every case.

    Args:
        kind: CBF or CBV, of which programs differ in unit, so each is divided by the brain's median; MTT or TMAX, in
            seconds.
        name: of the file, for messages.
    Returns: (x, y, z) float32 in [0, RELATIVE_CLIP], 0 outside the brain.
    Raises: InputFileError if no voxel of the brain is positive in CBF or CBV.
    """
    if kind in ("MTT", "TMAX"):
        scale = SECONDS
    else:
        positive = volume[brain & (volume > 0)]
        if positive.size == 0:
            raise InputFileError(f"{name}: no voxel of the brain is above 0. Check that it is the {kind} map.")
        scale = float(np.median(positive))
    scaled = np.zeros(volume.shape, np.float32)
    scaled[brain] = np.clip(volume[brain] / scale, 0, RELATIVE_CLIP)
    return scaled


def _covering(count: int, seconds: float, start: float, frames: int, frame_seconds: float) -> np.ndarray:
    """Return the (count, frames) weights with which volumes make up frames: the share that each covers of a frame.

    A volume stands for the time from half a step before it to half a step after; the first and the last reach on
    without end.
    """
    edges = (np.arange(count + 1) - 0.5) * seconds
    edges[0], edges[-1] = -np.inf, np.inf
    begins = start + np.arange(frames) * frame_seconds
    shared = np.minimum(edges[1:, None], begins + frame_seconds) - np.maximum(edges[:-1, None], begins)
    return np.clip(shared, 0, None) / frame_seconds
