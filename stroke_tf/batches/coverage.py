"""How a stored label becomes the coverage that a network learns: which share of a pixel is lesion."""

import numpy as np

from stroke_tf.batches.memory_maps import in_chunks
from stroke_tf.errors import SettingError

FULL = 255
"""The uint8 that stands for a pixel which is lesion as a whole; 0 stands for none of it."""


def as_coverage(stored: np.ndarray) -> np.ndarray:
    """Turn stored labels into coverage.

    Args:
        stored: any shape; uint8 is coverage times 255, a float is coverage itself, bool is a mask.
    Returns: the same shape, float32 in [0, 1].
    Example:
        >>> as_coverage(np.array([0, 51, 255], np.uint8)).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    if stored.dtype == np.uint8:
        return stored.astype(np.float32) / np.float32(FULL)
    return stored.astype(np.float32)


def require_coverage(stored: np.ndarray, name: str) -> None:
    """Do nothing if the labels are what `as_coverage` expects; reads them in chunks along the first axis.

    Raises: SettingError for another dtype, for floats outside [0, 1], and for a 0/1 mask stored as uint8, which would
        become a lesion of strength 1/255 and train a network that finds nothing.
    """
    if stored.dtype.kind not in "fb" and stored.dtype != np.uint8:
        raise SettingError(f"{name}: labels are uint8 (coverage x 255), float or bool. Received: {stored.dtype}")
    if stored.dtype == bool:
        return
    chunks = [(chunk.min(), chunk.max()) for chunk in in_chunks(stored)]
    low, high = min(low for low, _ in chunks), max(high for _, high in chunks)
    if stored.dtype == np.uint8 and high == 1:
        raise SettingError(f"{name}: uint8 labels hold coverage x 255, these are 0 and 1. Save them as bool.")
    # Written so that NaN fails as well.
    if stored.dtype.kind == "f" and not (low >= 0 and high <= 1):
        raise SettingError(f"{name}: coverage lies in [0, 1]. Received: {low:g} to {high:g}")
