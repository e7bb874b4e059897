"""Slices seen together with those beside them: the channels of 2.5-D, gathered when they are read."""

import numpy as np

from stroke_tf.arrays import SliceStack


def with_neighbours(stack: SliceStack, neighbours: int) -> "SliceStack | WithNeighbours":
    """Return the stack as a network sees it that looks at so many slices on each side; 0 is the stack itself."""
    return stack if neighbours == 0 else WithNeighbours(stack, neighbours)


class WithNeighbours:
    """A stack whose images also hold the slices around each as further channels (2.5-D), gathered when they are read.

    Imagine a window of 2 n + 1 slices that moves along the stack: image k holds the channels of slice k first, then
    those of k - 1, k + 1, k - 2, k + 2, … Beyond the ends of the stack there is nothing, and the channels are 0. So the
    stack itself, mostly a memory map, is kept once.

    It is read as an array is: by an index, a slice or an array of indices along the first axis.
    """

    def __init__(self, stack: SliceStack, neighbours: int) -> None:
        self.base, self.neighbours = stack, neighbours
        steps = range(1, neighbours + 1)
        self._offsets = [0, *(side * step for step in steps for side in (-1, 1))]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (index, row, column, channel)."""
        return (*self.base.shape[:3], self.base.shape[3] * len(self._offsets))

    @property
    def ndim(self) -> int:
        """Return the number of axes, which is 4."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """Return the type of the stack's values."""
        return self.base.dtype

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, key: "int | slice | np.ndarray") -> np.ndarray:
        # An index out of range raises here, which is also how a loop over the images finds its end.
        centres = np.arange(len(self.base))[key]
        images = np.zeros((*np.shape(centres), *self.shape[1:]), self.dtype)
        channels = self.base.shape[3]
        for place, offset in enumerate(self._offsets):
            seen = centres + offset
            inside = (seen >= 0) & (seen < len(self.base))
            images[inside, ..., place * channels : (place + 1) * channels] = self.base[seen[inside]]
        return images
