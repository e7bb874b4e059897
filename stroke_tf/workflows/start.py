"""What a training stands on, found and said before any long work: the device, the data's name, the weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stroke_tf.choices import Device, Precision
from stroke_tf.models.device import Chosen, choose_device
from stroke_tf.recipes.recipe import Cohort
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.workflows.cohort import phantoms_name
from stroke_tf.workflows.networks import EncoderWeights, find_weights


class Asked(Protocol):
    """What the requests of all trainings have in common.

    Args:
        data: manifest or folder of real cases; None draws the cohort's phantoms.
        weights: auto, imagenet, none, or a file.
    """

    data: Path | None
    weights: str
    weights_folder: Path | None
    device: Device
    precision: Precision
    seed: int


def start(
    asked: Asked, *, backbone: str, cohort: Cohort, say: Callable[[str], None], threads: int | None = None
) -> tuple[Chosen, EncoderWeights]:
    """Choose the device, find the weights, and say both in the first line of a run.

    Args:
        threads: see choose_device.
    Raises: SettingError, WeightsError for a device or weights that were asked for and cannot be had.
    """
    chosen = choose_device(asked.device, asked.precision, threads=threads)
    if chosen.device is Device.CPU:
        same_seed_same_bits()
    found = find_weights(asked.weights, backbone=backbone, folder=asked.weights_folder)
    data = asked.data.name if asked.data else phantoms_name(cohort, asked.seed)
    say(f"device: {chosen} · data: {data} · weights: {found.name}")
    if found.note:
        say(f"note: {found.note}")
    return chosen, found
