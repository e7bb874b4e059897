"""Augmentation of one slice and its label together: intensity, flips, rotation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from stroke_tf.errors import SettingError
from stroke_tf.seeds import child_seed

Augmenter: TypeAlias = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(image, label, seed) -> (image, label)."""


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a slice.

    Source: flips and rotation by up to 180 degrees are Aboudi, Drissi, Kraiem 2022; the milder defaults and the
    intensity are our choice.
    """

    flip: bool = True
    """Rows and columns are each turned round in half of the draws, independently."""
    rotation_degrees: float = 15.0
    """The angle is uniform between minus and plus this many degrees; 0 switches rotation off, 180 is any angle."""
    brightness: float = 0.1
    """A channel moves up or down by at most this many units of its z-score, inside the brain."""
    contrast: float = 0.1
    """A channel's z-scores are multiplied by a factor between 1 minus and 1 plus this."""

    def __post_init__(self) -> None:
        for name, high in (("rotation_degrees", 180.0), ("brightness", 5.0), ("contrast", 0.99)):
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise SettingError(f"Augmentation: {name} lies between 0 and {high:g}. Received: {value}")


def augmenter(settings: Augmentation, *, slices: int = 1) -> Augmenter:
    """Return a function that changes one slice and its label in the same way, and depends on its arguments only.

    It takes the image, (row, column, channel) float32 with z-scores inside the brain and 0 outside; the label,
    (row, column) float32 in [0, 1], the coverage by lesion; and a seed: another seed, another draw. It returns new
    arrays of the same shapes. What rotation brings in from outside is 0 in both; both are interpolated linearly, so a
    label stays a coverage and its area is kept. It holds the state of a random generator while it runs: give each
    thread its own.

    Args:
        slices: how many slices the channels belong to, one slice's after the other's (neighbours.WithNeighbours). They
            are one scan's: what is drawn for one of them holds for all.
    """
    # Late, so that the room opens fast.
    from stroke_tf.batches.flip_and_rotate import FlipAndRotate

    moves = settings.flip or settings.rotation_degrees > 0
    geometry = FlipAndRotate(settings.flip, settings.rotation_degrees) if moves else None

    def change(image: np.ndarray, label: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        image, label = np.array(image, np.float32, order="C"), np.array(label, np.float32, order="C")
        if settings.brightness or settings.contrast:
            image = _intensity(image, settings, np.random.default_rng(child_seed(seed, "intensity")), slices)
        if geometry is None:
            return image, label
        geometry.set_random_state(np.random.default_rng(child_seed(seed, "geometry")), geometry.py_random)
        changed = geometry(image=image, mask=label)
        # Linear weights may add up to 1 + 1e-7.
        return changed["image"], np.clip(changed["mask"], 0, 1)

    return change


def _intensity(image: np.ndarray, settings: Augmentation, draw: np.random.Generator, slices: int) -> np.ndarray:
    """Scale and shift each sequence inside the brain, alike in all slices of an image.

    Ours, because RandomBrightnessContrast and its kin clip floats to [0, 1] and would move the background too. The
    brain of a slice is where any of its channels is not 0; a brain pixel that is 0 in all of them stays so.
    """
    import cv2

    sequences = image.shape[-1] // slices
    gain = 1 + draw.uniform(-settings.contrast, settings.contrast, sequences)
    shift = draw.uniform(-settings.brightness, settings.brightness, sequences)
    # OpenCV, because NumPy is ten times slower when it broadcasts over a last axis of three.
    matrix = np.column_stack([np.diag(gain), shift]).astype(np.float32)
    answer = np.empty_like(image)
    for first in range(0, image.shape[-1], sequences):
        one = np.ascontiguousarray(image[..., first : first + sequences])
        brain = cv2.transform(np.abs(one), np.ones((1, sequences), np.float32)) > 0
        changed = cv2.copyTo(cv2.transform(one, matrix), brain.astype(np.uint8))
        answer[..., first : first + sequences] = changed.reshape(one.shape)
    return answer
