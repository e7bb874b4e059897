"""From tissue curves and an arterial input to flow, volume, transit time and Tmax, by deconvolution.

Indicator dilution says that the tissue's curve is the arterial one, convolved with k(t) = CBF R(t): R is the residue
function, the share of the bolus that is still in the tissue after t, with R(0) = 1:

    C(t) = CBF * integral of A(s) R(t - s) ds,   CBV = integral of C / integral of A,   MTT = CBV / CBF

Undoing the convolution gives k; its height is CBF, the time of its peak is Tmax: 0 for tissue that the artery feeds
at once, later where the bolus comes late or is dispersed on its way.

Every voxel shares the arterial input, so that the deconvolution is one matrix, and all voxels one matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.choices import Deconvolution
from stroke_tf.errors import InputFileError, SettingError

THRESHOLDS = {Deconvolution.TRUNCATED: 0.2, Deconvolution.OSCILLATION_LIMITED: 0.035}
"""By method: the share of the largest singular value below which values are dropped (Østergaard 1996, for a
signal-to-noise ratio of 20), and the largest index of oscillation (Wu 2003). The index is the published one, which
grows with the square of the time step: at other steps than 1 to 1.5 s, choose the limit anew."""
_CUTS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the largest singular value that the oscillation-limited method tries, the mildest first."""
_VOXELS_AT_ONCE = 1 << 16
_PER_MINUTE_AND_100_ML = 6000.0


@dataclass(frozen=True, eq=False)
class Maps:
    """The perfusion maps of one case, each of shape (x, y, z), float32, 0 outside the brain.

    Attributes:
        cbf: cerebral blood flow, ml per 100 ml of tissue and minute.
        cbv: cerebral blood volume, ml per 100 ml. mtt: mean transit time, s. tmax: time of the residue's peak, s.
    """

    cbf: Volume
    cbv: Volume
    mtt: Volume
    tmax: Volume


def perfusion_maps(
    concentration: np.ndarray,
    arterial_input: np.ndarray,
    seconds: float,
    *,
    method: Deconvolution,
    brain: Mask,
    threshold: float | None = None,
) -> Maps:
    """Compute CBF, CBV, MTT and Tmax of every voxel of the brain.

    No factor for haematocrit or density is applied: artery and tissue are taken to hold the same blood, so that the
    units are those of 100 ml of tissue.

    Args:
        concentration: shape (x, y, z, t). arterial_input: shape (t,), in the same unit.
        seconds: the time between two frames.
        threshold: see THRESHOLDS; None takes the method's own.
    Returns: the maps. Negative volumes and arrivals before the artery's are 0. MTT is at most the length of the
        series, since longer transits cannot be seen in it.
    Raises: InputFileError if the arterial input encloses no area; SettingError for a threshold outside 0 to 1.
    Source: Østergaard 1996 (Magn Reson Med 36:715); Wu 2003 (Magn Reson Med 50:164).
    """
    threshold = THRESHOLDS[method] if threshold is None else float(threshold)
    if not 0 < threshold < 1:
        raise SettingError(f"The threshold of the deconvolution lies between 0 and 1. Received: {threshold:g}")
    area = float(arterial_input.sum(dtype=np.float64)) * seconds
    if not area > 0:
        raise InputFileError("The arterial input encloses no area, so nothing can be divided by it. Find another one.")
    curves = np.ascontiguousarray(concentration[brain], dtype=np.float32)
    flow, lag = np.empty(len(curves), np.float32), np.empty(len(curves), np.float32)
    for rows in _chunks(len(curves)):
        flow[rows], lag[rows] = _METHODS[method](curves[rows], arterial_input, seconds, threshold)
    volume = np.maximum(curves.sum(axis=1) * np.float32(seconds / area), 0)
    flow = np.maximum(flow, 0)
    longest = np.float32(curves.shape[1] * seconds)
    transit = np.where(flow > 0, np.minimum(volume / np.maximum(flow, np.float32(1e-9)), longest), 0)
    return Maps(
        cbf=_spread(flow * np.float32(_PER_MINUTE_AND_100_ML), brain),
        cbv=_spread(volume * np.float32(100), brain),
        mtt=_spread(transit, brain),
        tmax=_spread(np.maximum(lag, 0), brain),
    )


def oscillation(residues: np.ndarray) -> np.ndarray:
    """Return the index of oscillation of residue functions: how much they bend, against their height.

    The formula is O = 1/L * 1/max(k) * sum over i of |k(i) - 2 k(i-1) + k(i-2)|.

    Args:
        residues: shape (voxels, L).
    Source: Wu 2003, after Gobbel 1994.
    """
    bends = np.abs(np.diff(residues, n=2, axis=1)).sum(axis=1)
    return bends / (residues.shape[1] * np.maximum(np.abs(residues).max(axis=1), np.float32(1e-12)))


def _truncated(curves: np.ndarray, artery: np.ndarray, seconds: float, cut: float) -> tuple[np.ndarray, np.ndarray]:
    """Return flow (1/s) and lag (s) by the inverse of the triangular convolution matrix."""
    from scipy.linalg import toeplitz

    weighed = _simpson(artery)
    matrix = toeplitz(weighed, np.zeros_like(weighed)) * seconds
    inverse = np.linalg.pinv(matrix, rcond=cut)
    return _peak(curves @ inverse.T.astype(np.float32), seconds)


def _oscillation_limited(
    curves: np.ndarray, artery: np.ndarray, seconds: float, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return flow (1/s) and lag (s) by circulant matrices, cut in each voxel until its residue is calm.

    Padded with zeros to twice its length, the series takes a shifted residue without losing its end, and the matrix
    is circulant. The singular vectors of such a matrix are waves and its singular values the sizes of the artery's
    Fourier coefficients: dropping the small ones is silencing the frequencies that the artery does not hold.
    """
    length = 2 * len(artery)
    spectrum = np.fft.rfft(_simpson(artery), length) * seconds
    waves = np.fft.rfft(np.eye(len(artery)), length, axis=0)
    size = np.abs(spectrum)
    flow, lag = np.zeros(len(curves), np.float32), np.zeros(len(curves), np.float32)
    waiting = np.arange(len(curves))
    for cut in _CUTS:
        kept = size >= cut * size.max()
        gain = np.divide(1, spectrum, where=kept, out=np.zeros_like(spectrum))
        inverse = np.fft.irfft(gain[:, None] * waves, length, axis=0).astype(np.float32)
        residues = curves[waiting] @ inverse.T
        calm = oscillation(residues) < limit
        if cut == _CUTS[-1]:
            calm[:] = True
        flow[waiting[calm]], lag[waiting[calm]] = _peak(residues[calm], seconds)
        waiting = waiting[~calm]
        if not waiting.size:
            break
    # The second half of a circle is the time before its beginning.
    lag[lag > len(artery) * seconds] -= length * seconds
    return flow, lag


_METHODS = {Deconvolution.TRUNCATED: _truncated, Deconvolution.OSCILLATION_LIMITED: _oscillation_limited}


def _simpson(artery: np.ndarray) -> np.ndarray:
    """Weigh each sample with its neighbours, 1:4:1: artery and residue are lines between the samples, not steps."""
    padded = np.pad(np.asarray(artery, dtype=np.float64), 1)
    return (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6


def _peak(residues: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return height and time of each residue's peak, the time by the parabola through the peak and its neighbours."""
    rows = np.arange(len(residues))
    place = residues.argmax(axis=1)
    height = residues[rows, place]
    before = residues[rows, np.maximum(place - 1, 0)]
    after = residues[rows, np.minimum(place + 1, residues.shape[1] - 1)]
    bend = before - 2 * height + after
    inner = (place > 0) & (place < residues.shape[1] - 1) & (bend < 0)
    shift = np.where(inner, 0.5 * (before - after) / np.where(inner, bend, -1), 0)
    return height, ((place + shift) * seconds).astype(np.float32)


def _chunks(count: int) -> Iterator[slice]:
    yield from (slice(start, start + _VOXELS_AT_ONCE) for start in range(0, count, _VOXELS_AT_ONCE))


def _spread(values: np.ndarray, brain: Mask) -> Volume:
    volume = np.zeros(brain.shape, dtype=np.float32)
    volume[brain] = values
    return volume
