"""The same for a 3-D network: patches of volumes, some around lesion and the rest from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stroke_tf.arrays import Channels, Volume
from stroke_tf.batches.coverage import as_coverage, require_coverage
from stroke_tf.batches.memory_maps import give_pages_back, give_pages_back_after
from stroke_tf.batches.pipeline import WORKERS, numbered_batches
from stroke_tf.batches.sampling import from_endless_deck, lesion_count, require_draw
from stroke_tf.errors import GeometryError, ManifestError, SettingError
from stroke_tf.seeds import child_seed

if TYPE_CHECKING:
    import tensorflow as tf

Shape3 = tuple[int, int, int]

MAX_VOXELS = 4096
"""Lesion voxels remembered for each case; a larger lesion is thinned evenly, so memory stays bounded."""


@dataclass(frozen=True, eq=False)
class PatchSource:
    """The volumes of a cohort, left on disk until a patch needs them.

    Raises: ManifestError without cases; GeometryError for volumes and labels that do not match; SettingError for
        volumes that are not floats.
    """

    volumes: Sequence[Channels]
    """For each case (x, y, z, channel), float16 or float32: z-scores, 0 outside the brain."""
    labels: Sequence[Volume]
    """For each case (x, y, z), stored as `coverage.as_coverage` reads it."""

    def __post_init__(self) -> None:
        if len(self.volumes) == 0 or len(self.volumes) != len(self.labels):
            raise ManifestError(
                f"Training needs a volume and a label for each case. "
                f"Received: {len(self.volumes)} and {len(self.labels)}"
            )
        channels = self.volumes[0].shape[-1]
        for case, (volume, label) in enumerate(zip(self.volumes, self.labels, strict=True)):
            if volume.ndim != 4 or volume.shape[:3] != label.shape or volume.shape[-1] != channels:
                raise GeometryError(
                    f"Case number {case}: volume {volume.shape} and label {label.shape} must share x, y and z, and "
                    f"have the {channels} channels of the first case."
                )
            if volume.dtype.kind != "f":
                raise SettingError(f"Case number {case}: volumes are stored as floats. Received: {volume.dtype}")

    @cached_property
    def lesion_voxels(self) -> list[np.ndarray]:
        """For each case (voxel, 3), at most MAX_VOXELS places with lesion; reads the labels once."""
        for case, label in enumerate(self.labels):
            require_coverage(label, f"case number {case}")
        return [_some_lesion_voxels(label) for label in self.labels]


def patch_batches(
    source: PatchSource,
    *,
    batch_size: int,
    steps: int,
    patch: Shape3 = (64, 64, 64),
    lesion_share: float,
    seed: int,
    start_step: int = 0,
    flip: bool,
    workers: int = WORKERS,
) -> "tf.data.Dataset":
    """Return the batches number start_step, start_step + 1, …, steps - 1 of a training run.

    Batch k is a function of (seed, k). Cases take turns, so a patient with a large lesion is not seen more often.

    Args:
        steps: the number at which the run ends, counted from its beginning, not from start_step.
        lesion_share: this share of a batch, rounded, is centred on a random lesion voxel, as far as the volume's
            edge allows; the rest lies anywhere in the volume.
        flip: each of the three axes is turned round in half of the patches.
    Returns: (images (batch, x, y, z, channel) float32, labels (batch, x, y, z) float32 in [0, 1]). A volume smaller
        than the patch stands in its middle, with 0 around it.
    Raises: ManifestError for a cohort without lesion; SettingError for numbers that cannot be.
    """
    require_draw(batch_size=batch_size, steps=steps, start_step=start_step, lesion_share=lesion_share)
    if len(patch) != 3 or min(patch) < 1:
        raise SettingError(f"A patch has three sides of at least one voxel. Received: {patch}")
    if not any(voxels.size for voxels in source.lesion_voxels):
        raise ManifestError(
            f"None of the {len(source.labels)} training cases has lesion. Choose cases whose lesion mask is not empty."
        )

    def make(number: int) -> tuple[np.ndarray, np.ndarray]:
        return patch_batch(
            source,
            batch=number,
            batch_size=batch_size,
            patch=patch,
            lesion_share=lesion_share,
            seed=seed,
            flip=flip,
        )

    shapes = ((batch_size, *patch, source.volumes[0].shape[-1]), (batch_size, *patch))
    return numbered_batches(make, shapes, start=start_step, stop=steps, workers=workers)


def patch_batch(
    source: PatchSource, *, batch: int, batch_size: int, patch: Shape3, lesion_share: float, seed: int, flip: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Make batch number `batch` without TensorFlow; `patch_batches` yields exactly this."""
    around = lesion_count(batch_size, lesion_share)
    with_lesion = np.array([case for case, voxels in enumerate(source.lesion_voxels) if voxels.size])
    cases = np.concatenate(
        [
            _take_turns(with_lesion, batch, around, child_seed(seed, "lesion")),
            _take_turns(np.arange(len(source.volumes)), batch, batch_size - around, child_seed(seed, "anywhere")),
        ]
    )
    images = np.zeros((batch_size, *patch, source.volumes[0].shape[-1]), np.float32)
    labels = np.zeros((batch_size, *patch), np.float32)
    for row, case in enumerate(cases):
        draw = np.random.default_rng(child_seed(seed, "batch", batch, "patch", row))
        shape = source.labels[case].shape
        corner = _corner_around(source.lesion_voxels[case], shape, patch, draw) if row < around else None
        corner = _corner_anywhere(shape, patch, draw) if corner is None else corner
        turned = _drawn_flip(draw) if flip else (slice(None),) * 3
        _fill(images[row], source.volumes[case], corner, turned)
        _fill(labels[row], source.labels[case], corner, turned)
    give_pages_back_after(batch, (*source.volumes, *source.labels))
    return images, labels


def _take_turns(cases: np.ndarray, batch: int, count: int, seed: int) -> np.ndarray:
    return from_endless_deck(cases, start=batch * count, count=count, seed=seed)


def _corner_around(voxels: np.ndarray, shape: Shape3, patch: Shape3, draw: np.random.Generator) -> np.ndarray:
    """Centre the patch on one of the voxels, then push it into the volume where it reaches out."""
    corner = voxels[draw.integers(len(voxels))] - np.array(patch) // 2
    room = np.subtract(shape, patch)
    return np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), room // 2)


def _corner_anywhere(shape: Shape3, patch: Shape3, draw: np.random.Generator) -> np.ndarray:
    room = np.subtract(shape, patch)
    return np.where(room >= 0, draw.integers(0, np.maximum(room, 0) + 1), room // 2)


def _drawn_flip(draw: np.random.Generator) -> tuple[slice, ...]:
    return tuple(slice(None, None, -1) if turn else slice(None) for turn in draw.integers(0, 2, 3))


def _fill(target: np.ndarray, volume: np.ndarray, corner: np.ndarray, turned: tuple[slice, ...]) -> None:
    """Write the patch whose first voxel is `corner` into target; what lies outside the volume stays 0."""
    side = target.shape[:3]
    start = np.maximum(corner, 0)
    stop = np.minimum(corner + side, volume.shape[:3])
    inside = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    place = tuple(slice(a, b) for a, b in zip(start - corner, stop - corner, strict=True))
    piece = volume[inside]
    target[turned][place] = as_coverage(piece) if piece.ndim == 3 else piece


def _some_lesion_voxels(label: Volume) -> np.ndarray:
    """Return the places of up to MAX_VOXELS voxels with lesion, spread evenly over all of them."""
    places = np.flatnonzero(label)
    give_pages_back(label)
    if len(places) > MAX_VOXELS:
        places = places[np.linspace(0, len(places) - 1, MAX_VOXELS).astype(int)]
    return np.stack(np.unravel_index(places, label.shape), axis=1)
