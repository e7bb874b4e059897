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


def augment(
    image: np.ndarray, label: np.ndarray, settings: Augmentation, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Change one slice and its label in the same way; a function of its arguments.

    Args:
        image: (row, column, channel) float32, z-scores inside the brain, 0 outside.
        label: (row, column) float32 in [0, 1], the coverage by lesion.
        seed: another seed, another draw.
    Returns: new arrays of the same shapes. What rotation brings in from outside is 0 in both; both are interpolated
        linearly, so a label stays a coverage and its area is kept.
    """
    return augmenter(settings)(image, label, seed)


def augmenter(settings: Augmentation) -> Augmenter:
    """Return `augment` for one setting, faster for many slices.

    The returned function holds the state of a random generator while it runs: give each thread its own.
    """
    # Late, so that the room opens fast.
    from stroke_tf.batches.flip_and_rotate import FlipAndRotate

    moves = settings.flip or settings.rotation_degrees > 0
    geometry = FlipAndRotate(settings.flip, settings.rotation_degrees) if moves else None

    def change(image: np.ndarray, label: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        image, label = np.array(image, np.float32, order="C"), np.array(label, np.float32, order="C")
        if settings.brightness or settings.contrast:
            image = _intensity(image, settings, np.random.default_rng(child_seed(seed, "intensity")))
        if geometry is None:
            return image, label
        geometry.set_random_state(np.random.default_rng(child_seed(seed, "geometry")), geometry.py_random)
        changed = geometry(image=image, mask=label)
        # Linear weights may add up to 1 + 1e-7.
        return changed["image"], np.clip(changed["mask"], 0, 1)

    return change


def _intensity(image: np.ndarray, settings: Augmentation, draw: np.random.Generator) -> np.ndarray:
    """Scale and shift each channel inside the brain.

    Ours, because RandomBrightnessContrast and its kin clip floats to [0, 1] and would move the background too. The
    brain is where any channel is not 0; a brain pixel that is 0 in all of them stays so.
    """
    import cv2

    channels = image.shape[-1]
    gain = 1 + draw.uniform(-settings.contrast, settings.contrast, channels)
    shift = draw.uniform(-settings.brightness, settings.brightness, channels)
    # OpenCV, because NumPy is ten times slower when it broadcasts over a last axis of three.
    changed = cv2.transform(image, np.column_stack([np.diag(gain), shift]).astype(np.float32))
    brain = cv2.transform(np.abs(image), np.ones((1, channels), np.float32)) > 0
    return cv2.copyTo(changed, brain.astype(np.uint8)).reshape(image.shape)
