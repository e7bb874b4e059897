"""From stacks of slices to a tf.data.Dataset: draw, read, augment, batch, prefetch, in this order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stroke_tf.arrays import SliceStack
from stroke_tf.batches.augment import Augmentation, augmenter
from stroke_tf.batches.coverage import as_coverage, require_coverage
from stroke_tf.batches.memory_maps import give_pages_back_after
from stroke_tf.batches.quiet_albumentations import import_albumentations
from stroke_tf.batches.sampling import draw_slices, numbers_of_nonzero, require_draw, require_lesion_and_brain
from stroke_tf.errors import GeometryError, ManifestError, SettingError
from stroke_tf.neighbours import WithNeighbours
from stroke_tf.seeds import child_seed

if TYPE_CHECKING:
    import tensorflow as tf

MakeBatch = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""The batch's number -> (images, labels)."""

WORKERS = 2
"""Batches made at once. OpenCV and NumPy let go of Python's lock in part of their work only, so more bring little."""
READY = 2
"""Finished batches that wait for the network; with WORKERS the whole memory of the pipeline."""


@dataclass(frozen=True, eq=False)
class SliceSource:
    """The slices of a cohort in one plane, a stack a case, left on disk until a batch needs them.

    Raises: ManifestError without cases; GeometryError for stacks that do not match; SettingError for other dtypes.
    """

    images: Sequence[SliceStack]
    """For each case (slice, row, column, channel), float16 or float32: z-scores, 0 outside the brain. They may be seen
    through neighbours.with_neighbours."""
    labels: Sequence[SliceStack]
    """For each case (slice, row, column): coverage by lesion, stored as `coverage.as_coverage` reads it."""

    def __post_init__(self) -> None:
        if len(self.images) == 0 or len(self.images) != len(self.labels):
            raise ManifestError(
                f"Training needs an image stack and a label stack for each case. "
                f"Received: {len(self.images)} and {len(self.labels)}"
            )
        for case, (images, labels) in enumerate(zip(self.images, self.labels, strict=True)):
            if images.ndim != 4 or images.shape[:3] != labels.shape or images.shape[1:] != self.images[0].shape[1:]:
                raise GeometryError(
                    f"Case number {case}: images {images.shape} and labels {labels.shape} must share slices, rows and "
                    f"columns, and have the slice size of the first case, {self.images[0].shape[1:]}."
                )
            if images.dtype.kind != "f":
                raise SettingError(f"Case number {case}: slices are stored as floats. Received: {images.dtype}")

    @property
    def slices_an_image(self) -> int:
        """Return how many slices the channels of an image belong to."""
        first = self.images[0]
        return 2 * first.neighbours + 1 if isinstance(first, WithNeighbours) else 1

    @cached_property
    def lesion_slices(self) -> np.ndarray:
        """Numbers, over the whole cohort, of the slices where any pixel has some lesion; reads the labels once."""
        for case, labels in enumerate(self.labels):
            require_coverage(labels, f"case number {case}")
        return numbers_of_nonzero(self.labels)

    @cached_property
    def brain_slices(self) -> np.ndarray:
        """Numbers, over the whole cohort, of the slices where any channel is not 0; reads the images once."""
        return numbers_of_nonzero(self.images)

    @cached_property
    def starts(self) -> np.ndarray:
        """Number of the first slice of each case."""
        return np.cumsum([0, *(len(stack) for stack in self.images[:-1])])


def slice_batches(
    source: SliceSource,
    *,
    batch_size: int,
    steps: int,
    augmentation: Augmentation | None,
    lesion_share: float,
    seed: int,
    start_step: int = 0,
    workers: int = WORKERS,
) -> "tf.data.Dataset":
    """Return the batches number start_step, start_step + 1, …, steps - 1 of a training run.

    Batch k is a function of (seed, k), the same bits whichever thread makes it and whenever.

    Args:
        steps: the number at which the run ends, counted from its beginning, not from start_step.
        augmentation: None leaves the slices as they are.
        lesion_share: floor of the share of slices that hold lesion, in [0, 1]; see `sampling.draw_slices`.
        workers: threads; changes the speed and nothing else.
    Returns: (images (batch, row, column, channel) float32, labels (batch, row, column) float32 in [0, 1]).
    Raises: ManifestError for a cohort without lesion or without brain; SettingError for numbers that cannot be.
    """
    require_draw(batch_size=batch_size, steps=steps, start_step=start_step, lesion_share=lesion_share)
    require_lesion_and_brain(source.lesion_slices, source.brain_slices, cases=len(source.images))
    if augmentation is not None:
        # Here and not in the threads: two of them would touch the environment at once.
        import_albumentations()

    def make(number: int) -> tuple[np.ndarray, np.ndarray]:
        return slice_batch(
            source, batch=number, batch_size=batch_size, augmentation=augmentation, lesion_share=lesion_share, seed=seed
        )

    label_shape = (batch_size, *source.labels[0].shape[1:])
    image_shape = (batch_size, *source.images[0].shape[1:])
    return numbered_batches(make, (image_shape, label_shape), start=start_step, stop=steps, workers=workers)


def slice_batch(
    source: SliceSource,
    *,
    batch: int,
    batch_size: int,
    augmentation: Augmentation | None,
    lesion_share: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Make batch number `batch` without TensorFlow; `slice_batches` yields exactly this."""
    numbers = draw_slices(
        source.lesion_slices,
        source.brain_slices,
        batch_size=batch_size,
        lesion_share=lesion_share,
        seed=seed,
        batch=batch,
    )
    images = np.empty((batch_size, *source.images[0].shape[1:]), np.float32)
    labels = np.empty(images.shape[:3], np.float32)
    change = None if augmentation is None else augmenter(augmentation, slices=source.slices_an_image)
    for row, number in enumerate(numbers):
        image, label = _read(source, number)
        if change is not None:
            image, label = change(image, label, child_seed(seed, "batch", batch, "slice", row))
        images[row], labels[row] = image, label
    give_pages_back_after(batch, (*source.images, *source.labels))
    return images, labels


def numbered_batches(
    make: MakeBatch, shapes: tuple[tuple[int, ...], tuple[int, ...]], *, start: int, stop: int, workers: int
) -> "tf.data.Dataset":
    """Turn a function of the batch's number into a dataset that keeps the order of the numbers."""
    import tensorflow as tf

    # One Python call a batch and not one a slice: the way into Python and back costs as much as a small slice.
    def load(number):
        batch = tf.numpy_function(lambda number: make(int(number)), [number], (tf.float32, tf.float32))
        return tuple(tf.ensure_shape(part, shape) for part, shape in zip(batch, shapes, strict=True))

    numbers = tf.data.Dataset.range(start, stop)
    # A parallel map of one is not the same as a plain map: under op determinism TensorFlow rewrites the former, loudly.
    parallel = {"num_parallel_calls": workers, "deterministic": True} if workers > 1 else {}
    return numbers.map(load, **parallel).prefetch(READY)


def _read(source: SliceSource, number: int) -> tuple[np.ndarray, np.ndarray]:
    case = int(np.searchsorted(source.starts, number, side="right")) - 1
    index = number - source.starts[case]
    return source.images[case][index].astype(np.float32), as_coverage(source.labels[case][index])
