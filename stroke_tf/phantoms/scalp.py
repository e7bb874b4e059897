"""A skull and a scalp around the brain of a phantom, for what must cope with scans that nobody has skull-stripped.

Layers lie by their distance from the brain's hull: fluid and membranes, the dark skull with its marrow, the scalp's
fat. Below the brain the skull is open, and a neck of muscle goes on. Air holds the scanner's noise. It is a drawing: it
has no face, and its layers are more even than a patient's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import SettingError
from stroke_tf.phantoms.contrast import LOOKS
from stroke_tf.phantoms.fields import smooth_noise
from stroke_tf.seeds import child_seed


@dataclass(frozen=True)
class _Layers:
    """What surrounds a brain, relative to its white matter: fluid, bone, marrow, fat, muscle."""

    fluid: float
    bone: float
    marrow: float
    fat: float
    muscle: float


_LAYERS = {
    "T1": _Layers(0.30, 0.10, 0.60, 1.50, 0.55),
    "T2": _Layers(2.40, 0.15, 0.50, 1.10, 0.45),
    "FLAIR": _Layers(0.35, 0.12, 0.40, 1.00, 0.50),
    "DWI": _Layers(0.40, 0.06, 0.08, 0.20, 0.30),  # fat is suppressed in echo-planar images
    "ADC": _Layers(3.60, 0.10, 0.10, 0.20, 1.50),
}
_FLUID_MM, _SKULL_MM, _SCALP_MM = (1.5, 3.0), (5.0, 8.0), (4.0, 7.0)
"""(thin, thick) of each layer; where, changes smoothly from place to place."""
_MARROW_SHARE = 0.3
"""Of the skull's thickness, in its middle."""
_PATCH_MM = 25.0
"""Over about so much does a layer become thicker or thinner."""
_NOISE = 0.03
"""Standard deviation in each part of the signal, relative to white matter."""


def with_scalp(image: Volume, brain: Mask, spacing_mm: Sequence[float], *, name: str, seed: int) -> Volume:
    """Put skull, scalp, neck and noisy air around a stripped phantom.

    Args:
        image: one sequence of a phantom, shape (x, y, z), 0 outside the brain.
        brain: the same shape; its hull is where the skull begins.
        name: of the sequence, a key of LOOKS.
    Returns: float32, the same shape, 0 or more; unchanged inside the brain.
    Raises: SettingError for an unknown sequence.
    Source: thicknesses are an adult's; what each layer shows in each sequence is ours, after the usual look of such
        images.
    """
    from scipy.ndimage import distance_transform_edt

    if name not in LOOKS:
        raise SettingError(f"Unknown sequence. Use one of {', '.join(LOOKS)}. Received: {name!r}")
    layers, white = _LAYERS[name], float(np.median(image[brain]))
    outside_mm = distance_transform_edt(~_hull(brain), sampling=spacing_mm).astype(np.float32)
    fluid = _thickness(_FLUID_MM, brain.shape, spacing_mm, seed=child_seed(seed, "scalp", "fluid"))
    skull = _thickness(_SKULL_MM, brain.shape, spacing_mm, seed=child_seed(seed, "scalp", "skull"))
    scalp = _thickness(_SCALP_MM, brain.shape, spacing_mm, seed=child_seed(seed, "scalp", "scalp"))
    into_skull = (outside_mm - fluid) / skull
    marrow = np.abs(into_skull - 0.5) < _MARROW_SHARE / 2
    surround = np.zeros(brain.shape, np.float32)
    surround[outside_mm <= fluid + skull + scalp] = layers.fat
    surround[into_skull <= 1] = layers.bone
    surround[(into_skull <= 1) & marrow] = layers.marrow
    surround[into_skull <= 0] = layers.fluid
    surround = np.where(_neck(brain, spacing_mm) & (outside_mm > fluid), layers.muscle, surround) * white
    rng = np.random.default_rng(child_seed(seed, "scalp", "noise", name))
    first, second = (rng.normal(0, _NOISE * white, brain.shape).astype(np.float32) for _ in range(2))
    # The magnitude of a signal with noise in both of its parts: Rician, as in air and bone of a real scan.
    noisy = np.hypot(surround + first, second)
    return np.where(brain, image, noisy).astype(np.float32)


def _hull(brain: Mask) -> Mask:
    from scipy.ndimage import binary_fill_holes

    return binary_fill_holes(brain)


def _thickness(ends_mm: tuple[float, float], shape: Sequence[int], spacing_mm: Sequence[float], *, seed: int) -> Volume:
    step = [max(1.0, _PATCH_MM / side) for side in spacing_mm]
    share = np.clip(0.5 + 0.25 * smooth_noise(shape, step, np.random.default_rng(seed)), 0, 1)
    return np.float32(ends_mm[0]) + np.float32(ends_mm[1] - ends_mm[0]) * share


def _neck(brain: Mask, spacing_mm: Sequence[float]) -> Mask:
    """Mark the column below the lowest tenth of the brain, where the skull is open."""
    lowest, highest = np.flatnonzero(brain.any(axis=(0, 1)))[[0, -1]]
    below = int(lowest + 0.1 * (highest - lowest))
    middle = [float(np.mean(np.flatnonzero(brain.any(axis=others)))) for others in ((1, 2), (0, 2))]
    x, y = np.ogrid[: brain.shape[0], : brain.shape[1]]
    away = np.hypot((x - middle[0]) * spacing_mm[0], (y - middle[1]) * spacing_mm[1]) < 55
    neck = np.zeros(brain.shape, bool)
    neck[:, :, :below] = away[..., None]
    return neck & ~brain
