"""Names for array shapes, and the checks that hold at every door.

Volumes are RAS+ and indexed (x, y, z). Slices are indexed (row, column), and a stack of slices (index, row, column).
"""

from typing import Any, TypeAlias

import numpy as np

from stroke_tf.errors import GeometryError, InputFileError

Volume: TypeAlias = np.ndarray
"""(x, y, z), a real number in each voxel."""
Channels: TypeAlias = np.ndarray
"""(x, y, z, channel), float32: the sequences of one case, normalised, on one grid."""
Mask: TypeAlias = np.ndarray
"""(x, y, z), bool."""
Probabilities: TypeAlias = np.ndarray
"""(x, y, z), float32 in [0, 1]: the lesion class."""
SliceStack: TypeAlias = np.ndarray
"""(index, row, column) or (index, row, column, channel)."""


def require_volume(array: Any, name: str) -> Volume:
    """Return the array if it has three axes and at least one voxel.

    Raises: GeometryError, naming the array and its shape.
    """
    array = np.asarray(array)
    if array.ndim != 3 or array.size == 0:
        raise GeometryError(f"{name}: a 3-D volume is needed. Received shape: {array.shape}")
    return array


def require_finite(array: np.ndarray, name: str) -> np.ndarray:
    """Return the array if it holds no NaN and no infinity.

    Raises: InputFileError, naming the array and how many values are at fault.
    """
    # One sum in float64 is an order faster than a full isfinite pass and is finite only if every value is.
    # Infinities of both signs sum to NaN, which NumPy warns about; here it is just the answer.
    with np.errstate(invalid="ignore"):
        suspect = array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64))
    if suspect:
        bad = int(array.size - np.isfinite(array).sum())
        if bad:
            raise InputFileError(
                f"{name}: {bad} voxels are NaN or infinite. Export the image again, or replace them by the background."
            )
    return array


def require_binary(array: np.ndarray, name: str) -> Mask:
    """Return the array as a boolean mask if it holds only two values, of which one is 0.

    Raises: InputFileError, naming the array and the first values found.
    """
    array = np.asarray(array)
    if array.dtype == bool:
        return array
    lesion = array != 0
    values = np.unique(array[lesion])
    if values.size > 1:
        shown = ", ".join(f"{value:g}" for value in values[:6])
        raise InputFileError(
            f"{name}: a mask holds 0 and one other value. Received: 0, {shown}. Choose one label and save it alone."
        )
    return lesion


def require_same_shape(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    """Do nothing if two arrays have one shape.

    Raises: GeometryError, naming both arrays and both shapes.
    """
    if first.shape != second.shape:
        raise GeometryError(f"{names[0]} has shape {first.shape}, {names[1]} has {second.shape}; they must be equal.")
