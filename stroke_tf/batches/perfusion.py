"""Batches for the generative model: slices of CT perfusion with DWI, brain and lesion, all turned alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from stroke_tf.arrays import SliceStack
from stroke_tf.batches.memory_maps import give_pages_back_after
from stroke_tf.batches.pipeline import WORKERS, numbered_batches
from stroke_tf.batches.sampling import draw_slices, numbers_of_nonzero, require_draw, require_lesion_and_brain
from stroke_tf.errors import GeometryError, ManifestError, SettingError
from stroke_tf.seeds import child_seed

if TYPE_CHECKING:
    import tensorflow as tf

TARGETS = 3
"""Lesion's coverage, DWI, brain's coverage, in the order in which training/pixel_region_loss.py reads them."""
_CHANNELS_AT_ONCE = 4
"""OpenCV warps images of four channels at most."""


@dataclass(frozen=True)
class Movement:
    """How far a slice may be moved; it is moved as one piece, so no intensity changes.

    Args:
        flip_sides: left and right are exchanged in half of the draws; rows of an axial slice run from left to right.
        rotation_degrees: the angle is uniform between minus and plus this.
        shift_share: of the slice's side; shifts along both axes are uniform between minus and plus this.
    Source: ours; arXiv 1906.02392 names no augmentation, see assumptions.
    """

    flip_sides: bool = True
    rotation_degrees: float = 10.0
    shift_share: float = 0.05

    def __post_init__(self) -> None:
        for name, high in (("rotation_degrees", 180.0), ("shift_share", 0.5)):
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise SettingError(f"Movement: {name} lies between 0 and {high:g}. Received: {value}")


@dataclass(frozen=True, eq=False)
class PerfusionSource:
    """The axial slices of a cohort, a stack a case, left on disk until a batch needs them.

    Raises: ManifestError without cases; GeometryError for stacks that do not match.
    """

    images: Sequence[SliceStack]
    """For each case (slice, row, column, channel), float: what the network sees."""
    dwi: Sequence[SliceStack]
    """For each case (slice, row, column), float: z-scores, 0 outside the brain."""
    brain: Sequence[SliceStack]
    """For each case (slice, row, column), uint8: 255 where the whole pixel is brain."""
    coverage: Sequence[SliceStack]
    """For each case (slice, row, column), uint8: 255 where the whole pixel is lesion."""

    def __post_init__(self) -> None:
        counts = {len(stacks) for stacks in (self.images, self.dwi, self.brain, self.coverage)}
        if len(counts) != 1 or counts == {0}:
            raise ManifestError(
                "Training needs images, DWI, brain and lesion of each case. "
                f"Received: {len(self.images)}, {len(self.dwi)}, {len(self.brain)} and {len(self.coverage)}"
            )
        for case, stacks in enumerate(zip(self.images, self.dwi, self.brain, self.coverage, strict=True)):
            shapes = {stack.shape[:3] for stack in stacks}
            if len(shapes) != 1 or stacks[0].shape[1:] != self.images[0].shape[1:]:
                raise GeometryError(
                    f"Case number {case}: images {stacks[0].shape}, DWI {stacks[1].shape}, brain {stacks[2].shape} and "
                    f"lesion {stacks[3].shape} must share slices, rows and columns, and have the slice size and "
                    f"channels of the first case, {self.images[0].shape[1:]}."
                )

    @cached_property
    def lesion_slices(self) -> np.ndarray:
        """Numbers, over the whole cohort, of the slices where any pixel has some lesion."""
        return numbers_of_nonzero(self.coverage)

    @cached_property
    def brain_slices(self) -> np.ndarray:
        """Numbers, over the whole cohort, of the slices that hold brain."""
        return numbers_of_nonzero(self.brain)

    @cached_property
    def starts(self) -> np.ndarray:
        """Number of the first slice of each case."""
        return np.cumsum([0, *(len(stack) for stack in self.images[:-1])])

    def read(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return image (row, column, channel) and targets (row, column, 3) of a slice, float32."""
        case = int(np.searchsorted(self.starts, number, side="right")) - 1
        index = number - self.starts[case]
        image = np.asarray(self.images[case][index], np.float32)
        targets = np.empty((*image.shape[:2], TARGETS), np.float32)
        targets[..., 0] = np.asarray(self.coverage[case][index], np.float32) / 255.0
        targets[..., 1] = self.dwi[case][index]
        targets[..., 2] = np.asarray(self.brain[case][index], np.float32) / 255.0
        return image, targets


def perfusion_batches(
    source: PerfusionSource,
    *,
    batch_size: int,
    steps: int,
    movement: Movement | None,
    lesion_share: float,
    seed: int,
    start_step: int = 0,
    workers: int = WORKERS,
) -> "tf.data.Dataset":
    """Return the batches number start_step, start_step + 1, …, steps - 1 of a training run.

    Batch k is a function of (seed, k), so networks with other inputs but one seed meet the same slices, moved alike.

    Args:
        steps: the number at which the run ends, counted from its beginning, not from start_step.
        movement: None leaves the slices where they are.
        lesion_share: floor of the share of slices that hold lesion, in [0, 1].
    Returns: (images (batch, row, column, channel), targets (batch, row, column, 3)), float32.
    Raises: ManifestError for a cohort without lesion or without brain; SettingError for numbers that cannot be.
    """
    require_draw(batch_size=batch_size, steps=steps, start_step=start_step, lesion_share=lesion_share)
    require_lesion_and_brain(source.lesion_slices, source.brain_slices, cases=len(source.images))

    def make(number: int) -> tuple[np.ndarray, np.ndarray]:
        return perfusion_batch(
            source, batch=number, batch_size=batch_size, movement=movement, lesion_share=lesion_share, seed=seed
        )

    image_shape = (batch_size, *source.images[0].shape[1:])
    shapes = (image_shape, (*image_shape[:3], TARGETS))
    return numbered_batches(make, shapes, start=start_step, stop=steps, workers=workers)


def perfusion_batch(
    source: PerfusionSource,
    *,
    batch: int,
    batch_size: int,
    movement: Movement | None,
    lesion_share: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Make batch number `batch` without TensorFlow; `perfusion_batches` yields exactly this."""
    numbers = draw_slices(
        source.lesion_slices,
        source.brain_slices,
        batch_size=batch_size,
        lesion_share=lesion_share,
        seed=seed,
        batch=batch,
    )
    images = np.empty((batch_size, *source.images[0].shape[1:]), np.float32)
    targets = np.empty((*images.shape[:3], TARGETS), np.float32)
    for row, number in enumerate(numbers):
        image, target = source.read(number)
        if movement is not None:
            image, target = move(image, target, movement, seed=child_seed(seed, "batch", batch, "slice", row))
        images[row], targets[row] = image, target
    give_pages_back_after(batch, (*source.images, *source.dwi, *source.brain, *source.coverage))
    return images, targets


def move(image: np.ndarray, targets: np.ndarray, movement: Movement, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Flip, turn and shift a slice and its targets as one piece; a function of its arguments.

    Args:
        image, targets: (row, column, channel), float32.
    Returns: new arrays of the same shapes, interpolated linearly, 0 where nothing comes from. A flip alone copies
        pixels exactly.
    """
    draw = np.random.default_rng(seed)
    # All four numbers are drawn whether they are used or not, so that switching one off leaves the others.
    turned, angle, down, across = draw.random() < 0.5, *draw.uniform(-1, 1, 3)
    rows, columns = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), float(angle) * movement.rotation_degrees, 1)
    matrix[:, 2] += movement.shift_share * np.array([across * columns, down * rows])
    if movement.flip_sides and turned:
        # Before the rest, row r is at rows - 1 - r.
        matrix[:, 2] += matrix[:, 1] * (rows - 1)
        matrix[:, 1] *= -1
    return _warped(image, matrix), _warped(targets, matrix)


def _warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    rows, columns, channels = image.shape
    warped = np.empty_like(image)
    for first in range(0, channels, _CHANNELS_AT_ONCE):
        some = slice(first, first + _CHANNELS_AT_ONCE)
        part = cv2.warpAffine(
            np.ascontiguousarray(image[..., some]),
            matrix,
            (columns, rows),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        warped[..., some] = part.reshape(warped[..., some].shape)
    return warped
