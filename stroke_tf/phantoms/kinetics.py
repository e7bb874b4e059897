"""How a bolus of contrast agent passes: the artery's curve, what tissue keeps of it, and the curve that results.

The artery's curve is a gamma-variate with a second, lower and wider pass behind it. Tissue keeps the share R(t) of
what entered it t seconds ago: 1 less the gamma distribution of transit times, whose shape is 1 for an exponential and
grows towards the box of a plug flow. On its way to the tissue the bolus comes late (delay) and is spread out
(dispersion): a convolution with an exponential of unit area, which changes neither flow nor volume.
"""

from dataclasses import dataclass

import numpy as np

_FINE_S = 0.1
"""Curves are computed in these steps and read off where a frame is taken."""
_DELAYS_S = 0.2
"""Delays are multiples of it: two steps of the fine curve, so that a delay is a shift."""
LONGEST_DELAY_S = 14.0
_TRANSITS_S = np.geomspace(1.5, 30.0, 72).astype(np.float32)
"""Mean transit times in steps of 4 %."""


@dataclass(frozen=True)
class Bolus:
    """The bolus of one injection into one patient.

    Attributes:
        arrival_s: when it reaches the brain's arteries. rise_s: from there to the peak. sharpness: the alpha of the
            gamma-variate; the larger, the narrower. peak_hu: enhancement of an artery at the peak.
        second_pass: height of the recirculating bolus against the first.
        transit_shape: of the gamma distribution of transit times in tissue: 1 exponential, large a box.
        dispersion: seconds of spread for each second of delay.
    """

    arrival_s: float
    rise_s: float
    sharpness: float
    peak_hu: float
    second_pass: float
    transit_shape: float
    dispersion: float


def draw_bolus(rng: np.random.Generator) -> Bolus:
    """Draw an injection: peaks of 200 to 350 HU, 7 to 11 s wide at half their height."""
    return Bolus(
        arrival_s=float(rng.uniform(6, 11)),
        rise_s=float(rng.uniform(5, 7.5)),
        sharpness=float(rng.uniform(2.5, 4)),
        peak_hu=float(rng.uniform(200, 350)),
        second_pass=float(rng.uniform(0.12, 0.25)),
        transit_shape=float(rng.choice((1.0, 1.7, 3.0))),
        dispersion=float(rng.uniform(0.15, 0.4)),
    )


def arterial_curve(bolus: Bolus, times_s: np.ndarray) -> np.ndarray:
    """Return the enhancement of an artery: a gamma-variate, its second pass, and what stays in the blood.

    The gamma-variate is peak * s^a * exp(a (1 - s)) with s = (t - arrival) / rise.

    Returns: HU, the shape of times_s.
    """

    def passage(arrival_s: float, rise_s: float, height: float) -> np.ndarray:
        s = np.maximum(times_s - arrival_s, 0) / rise_s
        return height * s**bolus.sharpness * np.exp(bolus.sharpness * (1 - s))

    first = passage(bolus.arrival_s, bolus.rise_s, bolus.peak_hu)
    height = bolus.second_pass * bolus.peak_hu
    second = passage(bolus.arrival_s + 2.2 * bolus.rise_s, 2.2 * bolus.rise_s, height)
    stays = 0.25 * height * np.clip((times_s - bolus.arrival_s - bolus.rise_s) / 20, 0, 1)
    return first + second + stays


def residue(times_s: np.ndarray, transit_s: float | np.ndarray, shape: float) -> np.ndarray:
    """Return the share of a bolus that is in the tissue after a time: 1 at time 0; its integral is the transit time."""
    from scipy.special import gammaincc

    return gammaincc(shape, np.maximum(times_s, 0) * shape / transit_s)


@dataclass(frozen=True, eq=False)
class TissueCurves:
    """The curves of tissue for one bolus, by delay and transit time, for a flow of 1 per second.

    Attributes:
        table: shape (delays, transits, frames), float32, HU s: times the flow in 1/s it is the enhancement.
        artery: shape (delays, frames), float32, HU: a vessel's own curve after the delay and its dispersion.
    """

    table: np.ndarray
    artery: np.ndarray

    def curves(self, flow: np.ndarray, transit_s: np.ndarray, delay_s: np.ndarray) -> np.ndarray:
        """Return the enhancement of voxels.

        Args:
            flow: ml per 100 ml and minute, shape (n,). transit_s, delay_s: the same shape; see snapped.
        Returns: shape (n, frames), float32, HU.
        """
        late, slow = _places(transit_s, delay_s)
        curves = self.table[late, slow]
        curves *= (flow / np.float32(6000)).astype(np.float32)[:, None]
        return curves

    def vessels(self, delay_s: np.ndarray) -> np.ndarray:
        """Return the enhancement of blood that comes late, shape (n, frames), float32, HU."""
        late, _ = _places(np.ones_like(delay_s), delay_s)
        return self.artery[late]


def tissue_curves(bolus: Bolus, frames: int, seconds: float) -> TissueCurves:
    """Convolve the artery's curve with every residue function, dispersed by every delay."""
    fine = np.arange(0, frames * seconds + _FINE_S, _FINE_S)
    length = 1 << int(np.ceil(np.log2(2 * fine.size)))
    delays = np.arange(0, LONGEST_DELAY_S + _DELAYS_S / 2, _DELAYS_S)
    artery = np.fft.rfft(arterial_curve(bolus, fine), length)
    held = residue(fine, _TRANSITS_S[:, None], bolus.transit_shape) * _FINE_S
    held[:, 0] /= 2  # the trapezoidal rule: else short transits would hold too much
    kept = np.fft.rfft(held, length, axis=1)
    taken = np.rint(np.arange(frames) * seconds / _FINE_S).astype(int)
    table = np.zeros((delays.size, _TRANSITS_S.size, frames), np.float32)
    vessel = np.zeros((delays.size, frames), np.float32)
    for place, delay in enumerate(delays):
        arriving = artery * _dispersed(bolus.dispersion * delay, fine, length)
        shift = round(delay / _FINE_S)
        there = taken >= shift
        table[place][:, there] = np.fft.irfft(arriving * kept, length)[:, taken[there] - shift]
        vessel[place, there] = np.fft.irfft(arriving, length)[taken[there] - shift]
    return TissueCurves(table, vessel)


def snapped(transit_s: np.ndarray, delay_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return transit times and delays as the table has them, so that what is called true is what was drawn."""
    late, slow = _places(transit_s, delay_s)
    return _TRANSITS_S[slow], (late * np.float32(_DELAYS_S)).astype(np.float32)


def _places(transit_s: np.ndarray, delay_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    late = np.rint(np.clip(delay_s, 0, LONGEST_DELAY_S) / _DELAYS_S).astype(np.int32)
    low, high = np.log(_TRANSITS_S[0]), np.log(_TRANSITS_S[-1])
    share = (np.log(np.clip(transit_s, _TRANSITS_S[0], _TRANSITS_S[-1])) - low) / (high - low)
    return late, np.rint(share * (_TRANSITS_S.size - 1)).astype(np.int32)


def _dispersed(spread_s: float, fine: np.ndarray, length: int) -> np.ndarray | float:
    """Return the transform of an exponential of unit area; a spread below a fine step is none."""
    if spread_s < _FINE_S:
        return 1.0
    kernel = np.exp(-fine / spread_s)
    return np.fft.rfft(kernel / kernel.sum(), length)
