"""Read files that are mapped into memory without keeping them there."""

import mmap
from collections.abc import Iterable, Iterator

import numpy as np

from stroke_tf.neighbours import WithNeighbours

_CHUNK = 64
# After each slice it would cost a quarter of the pipeline's speed.
_BATCHES_BETWEEN = 4


def in_chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Walk along the first axis in pieces small enough that a memory map never becomes memory as a whole."""
    for start in range(0, len(array), _CHUNK):
        yield array[start : start + _CHUNK]
        give_pages_back(array)


def give_pages_back(array: np.ndarray) -> None:
    """Let the kernel forget that this process has read a mapped file; what the array holds stays as it is.

    Pages that were read once count as the process's memory until the kernel wants them back, which it may never do:
    a cohort that is read through would stand in `top` as the memory of the process. The file stays in the kernel's
    own cache, and reading a page again costs about a microsecond. Does nothing to an array that is no map of a file
    opened for reading.
    """
    base = array.base if isinstance(array, WithNeighbours) else array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            # What was written into a private map would be lost.
            return
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def give_pages_back_after(batch: int, arrays: Iterable[np.ndarray]) -> None:
    """Give the pages of all arrays back after batch number 0, 4, 8, …, so that what is mapped stays bounded."""
    if batch % _BATCHES_BETWEEN == 0:
        for array in arrays:
            give_pages_back(array)
