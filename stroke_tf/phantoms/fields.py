"""Smooth random fields and fast separable filters: every filter is one small matrix for each axis of the volume.

A blur, a thick slice, or the stretching of a coarse lattice to full size is a weighted sum along one axis, that is a
matrix. Three matrix products treat a head of three million voxels in a tenth of a second on one core, with one piece
of code for all of them.
"""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import Volume

_SPLINE_STD = 0.479**1.5
"""Standard deviation of white noise after a cubic B-spline along three axes (0.479 is the mean of its squared sum)."""


def along_axes(volume: Volume, matrices: Sequence[np.ndarray | None]) -> Volume:
    """Multiply each axis of a volume by its matrix.

    Args:
        volume: shape (x, y, z), float32.
        matrices: for each axis a matrix (new length, old length), float32, or None to leave the axis as it is.
    Returns: a new volume, float32.
    """
    first, second, third = matrices
    if first is not None:
        volume = (first @ volume.reshape(volume.shape[0], -1)).reshape(first.shape[0], *volume.shape[1:])
    if second is not None:
        volume = np.matmul(second, volume)
    if third is not None:
        volume = np.matmul(volume, np.ascontiguousarray(third.T))
    return volume


def linear_matrix(length: int, positions: np.ndarray) -> np.ndarray:
    """Return the matrix that interpolates `length` samples linearly at the positions (in samples, held at the ends)."""
    positions = np.clip(np.asarray(positions, dtype=np.float64), 0, length - 1)
    distance = np.abs(positions[:, None] - np.arange(length)[None, :])
    return np.maximum(0, 1 - distance).astype(np.float32)


def spline_matrix(length: int, positions: np.ndarray) -> np.ndarray:
    """Return the matrix that lays a cubic B-spline over `length` coefficients; it smooths more than it interpolates."""
    distance = np.abs(np.asarray(positions, dtype=np.float64)[:, None] - np.arange(length)[None, :])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(0, 2 - distance) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)


def gaussian_matrix(length: int, sigma: float) -> np.ndarray | None:
    """Return the matrix of a Gaussian blur with sigma in voxels, or None where the blur would change nothing."""
    if sigma < 0.15:
        return None
    return _normalised(np.exp(-0.5 * (_offsets(np.arange(length), length) / sigma) ** 2))


def slab_matrix(length: int, centres: np.ndarray, thickness: float) -> np.ndarray:
    """Return the matrix that averages slabs of a thickness in voxels around the centres, with soft edges."""
    inside = np.clip(thickness / 2 + 0.5 - np.abs(_offsets(centres, length)), 0.0, 1.0)
    inside[:, :] += 1e-6  # a slab beyond the volume's end still has a mean
    return _normalised(inside)


def smooth_noise(shape: Sequence[int], step: Sequence[float], rng: np.random.Generator) -> Volume:
    """Draw a smooth random field of mean 0 and standard deviation 1.

    Args:
        shape: voxels along each axis.
        step: voxels between two coefficients of the spline; details are about twice as wide.
        rng: source of the coefficients.
    Returns: shape `shape`, float32.
    """
    lengths = [int(np.ceil((n - 1) / h)) + 4 for n, h in zip(shape, step, strict=True)]
    coefficients = rng.standard_normal(lengths, dtype=np.float32) / np.float32(_SPLINE_STD)
    offsets = rng.random(3)  # else every field of one step would have its knots in the same voxels
    matrices = [
        spline_matrix(m, np.arange(n) / h + 1 + o) for n, h, m, o in zip(shape, step, lengths, offsets, strict=True)
    ]
    return along_axes(coefficients, matrices)


def ramp(values: np.ndarray, width: float) -> np.ndarray:
    """Return 0 below -width/2, 1 above width/2, and a straight line between: a border with partial volume."""
    return np.clip(values * np.float32(1 / width) + np.float32(0.5), 0, 1)


def _offsets(centres: np.ndarray, length: int) -> np.ndarray:
    return np.arange(length)[None, :] - np.asarray(centres, dtype=np.float64)[:, None]


def _normalised(weights: np.ndarray) -> np.ndarray:
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
