"""From a series in HU to the concentration of contrast agent: what each voxel has gained since before the bolus."""

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.errors import InputFileError

_RISEN = 0.05
"""The bolus has arrived when the brain's mean curve has gained this share of its whole rise."""


def concentration(data: np.ndarray, baseline: int) -> np.ndarray:
    """Return the enhancement above the baseline, to which the concentration of iodine is proportional.

    The formula is C(t) = HU(t) - mean of HU over the baseline. The constant between HU and mg of iodine cancels in
    every perfusion map, because tissue and artery share it.

    Args:
        data: shape (x, y, z, t), HU.
        baseline: how many of the first frames lie before the bolus; see baseline_frames.
    Returns: shape (x, y, z, t), float32, HU.
    Example:
        >>> concentration(np.array([[[[30, 32, 41, 36]]]]), 2).ravel().tolist()
        [-1.0, 1.0, 10.0, 5.0]
    """
    before = data[..., :baseline].mean(axis=-1, dtype=np.float32, keepdims=True)
    return np.subtract(data, before, dtype=np.float32)


def baseline_frames(data: np.ndarray, brain: Mask, *, name: str = "series") -> int:
    """Count the frames before the bolus reaches the brain, one at least.

    The mean over the brain has hardly any noise left; the frame before it has risen by a twentieth is the last that
    is counted, less one more, because the arteries enhance before the mean does.

    Args:
        data: shape (x, y, z, t), HU. name: of the file, for the error.
    Raises: InputFileError if nothing rises, or if the bolus is there from the first frame on.
    """
    curve = data[brain].mean(axis=0, dtype=np.float64)
    rise = curve.max() - curve[:3].min()
    above = np.flatnonzero(curve > curve[:3].min() + _RISEN * rise)
    late = int(curve.argmax())
    if rise <= 0 or late < 3:
        raise InputFileError(
            f"{name}: no bolus: the brain's mean is highest in frame {late + 1} of {curve.size}, so nothing lies "
            "before it. Export the whole series, from before the contrast agent arrives."
        )
    # Noise may lift an early frame; the rise itself is the unbroken run that leads to the peak.
    below = np.setdiff1d(np.arange(late), above)
    last = int(below[-1]) if below.size else 0
    return max(1, last)


def smoothed(curves: np.ndarray, inside: Mask, sigma_voxels: tuple[float, float]) -> np.ndarray:
    """Blur every frame within its slices, drawing on the voxels inside a mask only.

    Args:
        curves: shape (x, y, z, t). sigma_voxels: of the Gaussian, along x and y.
    Returns: shape (x, y, z, t), float32, 0 outside the mask.
    """
    from scipy.ndimage import gaussian_filter1d

    blurred = np.zeros(curves.shape, dtype=np.float32)
    for index in np.flatnonzero(inside.any(axis=(0, 1))):
        # One slice at a time, and of it the box that holds the brain: a copy of a whole series would double the memory.
        rows, columns = (np.flatnonzero(inside[:, :, index].any(axis=axis)) for axis in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1), index)
        piece = np.where(inside[box][..., None], curves[box], np.float32(0)).astype(np.float32, copy=False)
        weight = inside[box].astype(np.float32)
        for axis, sigma in enumerate(sigma_voxels):
            piece = gaussian_filter1d(piece, sigma, axis=axis, mode="constant", truncate=3.0)
            weight = gaussian_filter1d(weight, sigma, axis=axis, mode="constant", truncate=3.0)
        blurred[box] = piece * (inside[box] / np.maximum(weight, np.float32(1e-3)))[..., None]
    return blurred
