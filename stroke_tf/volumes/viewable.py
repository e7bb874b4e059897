"""A volume as a page can carry it: cropped to what matters, as fine as there is room for, in one byte a voxel."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass

import nibabel
import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.volumes.grid import Grid, resample

_MARGIN = 3
# Eyes tell few more greys than these on a screen, and they are packed in a third less room than 256.
_STEP = 4


@dataclass(frozen=True, eq=False)
class Window:
    """A box of a grid, seen in voxels of its own.

    Args:
        box: which part of the source.
        part: the grid of that part.
        grid: the same part in voxels of the window.
    """

    box: tuple[slice, slice, slice]
    part: Grid
    grid: Grid

    def image(self, volume: Volume) -> np.ndarray:
        """Return an image in the window, uint8: air 0, the brightest half percent of the rest 252.

        Args:
            volume: RAS+, on the source grid.
        """
        air = float(volume.flat[0])
        head = volume[volume != air]
        low, high = (float(value) for value in np.percentile(head, (0.5, 99.5))) if head.size else (air, air + 1)
        low = min(low, air)
        seen = volume[self.box].astype(np.float32)
        if self.grid.shape != self.part.shape:
            seen = resample(seen, self.part, self.grid, order=1, outside=air)
        grey = np.clip((seen - low) / max(high - low, 1e-6), 0, 1) * 255
        return (grey.astype(np.uint8) // _STEP) * np.uint8(_STEP)

    def map(self, volume: Volume) -> np.ndarray:
        """Return a map of values from 0 to 1 in the window, uint8 from 0 to 255."""
        seen = np.clip(volume[self.box], 0, 1).astype(np.float32)
        if self.grid.shape != self.part.shape:
            seen = np.clip(resample(seen, self.part, self.grid, order=1), 0, 1)
        return np.round(seen * 255).astype(np.uint8) // _STEP * np.uint8(_STEP)

    def mask(self, mask: Mask) -> Mask:
        """Return a mask in the window: the nearest voxel's."""
        # The window is only shifted and scaled, so the nearest voxel along each axis is the nearest of all.
        step = np.linalg.inv(self.part.affine) @ self.grid.affine
        nearest = [
            np.clip(np.floor(step[axis, axis] * np.arange(length) + step[axis, 3] + 0.5), 0, most - 1).astype(int)
            for axis, (length, most) in enumerate(zip(self.grid.shape, self.part.shape, strict=True))
        ]
        return mask[self.box][np.ix_(*nearest)]


def window_on(grid: Grid, keep: Mask, *, least_mm: float = 0.0) -> Window:
    """Return the window around what is to be kept, with voxels no smaller than asked along any axis.

    Args:
        grid: of the case.
        keep: what must be inside; the whole grid where it is empty.
        least_mm: a side of a voxel that is longer stays as it is.
    """
    box = _box(keep)
    start = np.array([side.start for side in box], dtype=float)
    shape = tuple(side.stop - side.start for side in box)
    affine = grid.affine @ _shifted(start, np.ones(3))
    part = _plain(shape, affine)
    factors = np.array([max(1.0, least_mm / side) for side in grid.spacing_mm])
    if np.all(factors < 1.01):
        return Window(box, part, part)
    coarse = tuple(int(np.ceil(length / factor)) for length, factor in zip(shape, factors, strict=True))
    # The first voxel of the window begins where the first of the source begins: half of the larger one further in.
    return Window(box, part, _plain(coarse, affine @ _shifted((factors - 1) / 2, factors)))


def packed_nifti(data: np.ndarray, grid: Grid) -> bytes:
    """Return the bytes of a gzipped NIfTI-1 file; the same array gives the same bytes.

    Args:
        data: uint8 or uint16, of the grid's shape; stored behind a header of 352 bytes.
    """
    image = nibabel.Nifti1Image(data, grid.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), 6, mtime=0)


def _box(keep: Mask) -> tuple[slice, slice, slice]:
    if not keep.any():
        return (slice(0, keep.shape[0]), slice(0, keep.shape[1]), slice(0, keep.shape[2]))
    sides = []
    for axis, length in enumerate(keep.shape):
        seen = np.flatnonzero(keep.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(slice(max(0, int(seen[0]) - _MARGIN), min(length, int(seen[-1]) + 1 + _MARGIN)))
    return (sides[0], sides[1], sides[2])


def _shifted(start: Sequence[float], factors: Sequence[float]) -> np.ndarray:
    step = np.diag([*factors, 1.0])
    step[:3, 3] = start
    return step


def _plain(shape: tuple[int, ...], affine: np.ndarray) -> Grid:
    return Grid(shape, affine, shape, affine, "RAS")
