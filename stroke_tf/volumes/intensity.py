"""Which voxels are brain, and one scale of intensities for all scanners."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import GeometryError, InputFileError

CLIP = 5.0
"""Normalised intensities lie in [-CLIP, CLIP]."""
_SAMPLE = 200_000
"""How many voxels a percentile is taken from: its error is then about 0.001 of a standard deviation."""
_DEPARTURE = 0.01
"""A voxel departs from the background by more than this share of the image's range."""
_NOISE = 2.0
"""How far beyond the loudest noise of the corners a voxel must lie: a few thousand corner voxels are a small sample of
the millions around the head, and single loud ones would stretch the box that slices are cropped to."""
_IQR_OF_A_NORMAL = 1.349


def background_of(volume: Volume) -> tuple[float, float]:
    """Return the background's value and how far it wavers, both seen in the eight corners of the box.

    A skull-stripped image has exactly one value there; a raw one has noise.
    """
    corners = _corners(volume)
    value = float(np.median(corners))
    return value, float(np.abs(corners - value).max())


def brain_mask(volumes: Sequence[Volume]) -> Mask:
    """Mark the voxels in which any sequence departs from its background.

    Negative values depart as well as positive ones: resampling leaves both at the rim of a brain. Images that show
    no background at all are brain throughout.

    Args:
        volumes: the sequences of one case, RAS+, on one grid; skull-stripped, or else the whole head is marked.
    Returns: (x, y, z), bool.
    """
    brain = np.zeros(volumes[0].shape, dtype=bool)
    for volume in volumes:
        value, wavering = background_of(volume)
        coarse = volume[::3, ::3, ::3]
        limit = max(_NOISE * wavering, _DEPARTURE * float(np.abs(coarse - value).max()))
        brain |= volume > value + limit
        brain |= volume < value - limit
    if not brain.any():
        brain[:] = True
    return brain


def brain_box(brain: Mask | None, volume_shape: tuple[int, ...], *, margin: int) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) of each axis of the smallest box around the brain, with a margin inside the volume.

    Raises: GeometryError if there is no brain, or one of another shape.
    """
    if brain is None or brain.shape != tuple(volume_shape):
        found = None if brain is None else brain.shape
        raise GeometryError(f"The brain's mask must have the volume's shape {tuple(volume_shape)}. Received: {found}")
    if not brain.any():
        raise GeometryError("The brain's mask is empty, so there is nothing to crop to. Use the plain fit instead.")
    box = []
    for axis, length in enumerate(brain.shape):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(brain.any(axis=others))
        box.append((max(0, int(inside[0]) - margin), min(length, int(inside[-1]) + 1 + margin)))
    return tuple(box)


def normalise(volume: Volume, brain: Mask, *, name: str = "image") -> Volume:
    """Centre the brain's intensities at their median and scale them by their spread.

    Median and interquartile range are used because a large lesion, or the ringing at the rim, shifts a mean and a
    standard deviation. Outside the brain the result is exactly 0, the median of the brain.

    Args:
        name: of the file, for the error.
    Returns: (x, y, z), float32 in [-5, 5].
    Raises: InputFileError if the image is constant inside the brain.
    """
    values = _sample(volume[brain])
    low, centre, high = np.percentile(values, [25, 50, 75]) if values.size else (0.0, 0.0, 0.0)
    spread = (high - low) / _IQR_OF_A_NORMAL
    if spread <= 0:
        # More than half of the voxels share one value; what differs still tells.
        spread = float(volume[brain].std(dtype=np.float64)) if values.size else 0.0
    if spread <= 0:
        raise InputFileError(
            f"{name}: the image is constant inside the brain ({centre:g}), so it shows nothing. Export it again."
        )
    result = np.subtract(volume, np.float32(centre), dtype=np.float32)
    result *= np.float32(1.0 / spread)
    np.clip(result, -CLIP, CLIP, out=result)
    result *= brain
    return result


def require_varied(volume: Volume, name: str) -> Volume:
    """Return the volume if it holds more than one value.

    Raises: InputFileError for a constant image.
    """
    if volume.min() == volume.max():
        raise InputFileError(
            f"{name}: the image is constant, every voxel is {volume.flat[0]:g}. Export it again, or leave the case out."
        )
    return volume


def _corners(volume: Volume) -> np.ndarray:
    """Return the voxels of the eight corner blocks, each a twentieth of the box along every side."""
    ends = [(slice(0, max(1, side // 20)), slice(side - max(1, side // 20), side)) for side in volume.shape]
    return np.concatenate([volume[block].ravel() for block in product(*ends)])


def _sample(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, values.size // _SAMPLE)]
