"""A network on disk: weights as weights, beside a JSON that rebuilds the layers. No pickle, no code in the file."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import keras

from stroke_tf.choices import Precision
from stroke_tf.errors import WeightsError
from stroke_tf.files import sha256_of_file, write_json, written_whole
from stroke_tf.models.build import build_network, network_of
from stroke_tf.models.network import FORMAT, NETWORK_FILE, WEIGHTS_FILE, read_network, require_intact

_HDF5_OVERHEAD = 4 * 2**20
"""Bytes beyond the weights themselves; a ResNet50-UNet takes under one MiB."""


def save_model(model: keras.Model, folder: Path, description: Mapping[str, Any]) -> None:
    """Write network.json and model.weights.h5 into a folder, in place of older ones.

    Both are complete on disk before either takes its final name, so a machine that stops leaves the old pair or the
    new one, or, in the instant between two renames, a pair that load_model refuses because the SHA-256 differs.

    Args:
        description: what the network was made for (plane, sequences, recipe, …), plain enough for JSON; load_model
            gives it back and compares it with what is expected.
    Raises: OutputError if the disk is full or the folder cannot be written.
    """
    folder = Path(folder)
    with written_whole(folder / WEIGHTS_FILE) as weights:
        _reserve(weights, model)
        model.save_weights(weights)
        content = {
            "format": FORMAT,
            "network": dataclasses.asdict(network_of(model)),
            "description": dict(description),
            "weights_sha256": sha256_of_file(weights),
        }
        write_json(folder / NETWORK_FILE, content)


def load_model(
    folder: Path, *, expect: Mapping[str, Any] | None = None, precision: Precision = Precision.FLOAT32
) -> tuple[keras.Model, dict[str, Any]]:
    """Rebuild a saved network.

    Args:
        folder: as save_model left it.
        expect: what the caller needs, such as {"architecture": Architecture.UNET_2D, "plane": Plane.X}; each key is
            looked up in the description first, then in the network.
        precision: of the arithmetic to come; the weights are float32 whatever it is.
    Returns: the model, and the description that was saved with it.
    Raises: WeightsError if a file is missing, damaged, of another format, or of another network than expected.
    """
    folder = Path(folder)
    saved = read_network(folder)
    known = {**dataclasses.asdict(saved.network), **saved.description}
    _require_expected(expect or {}, known, folder / NETWORK_FILE)
    require_intact(saved)
    model = build_network(saved.network, seed=0, precision=precision)
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that a file leaves at their random weights.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(saved.weights)
    except (OSError, ValueError, KeyError, UserWarning) as fault:
        raise WeightsError(
            f"{folder / WEIGHTS_FILE}: the weights do not fit the network of {NETWORK_FILE} ({_first_line(fault)}). "
            "Train again, or copy the whole run folder again."
        ) from fault
    return model, dict(saved.description)


def _reserve(path: Path, model: keras.Model) -> None:
    """Ask the disk for the room that the weights need, so that it is full now or not at all.

    HDF5 that meets a full disk half-way cannot close its file, and takes the whole process down when it ends.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    with open(path, "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, 4 * model.count_params() + _HDF5_OVERHEAD)


def _require_expected(expect: Mapping[str, Any], found: Mapping[str, Any], path: Path) -> None:
    for name, wanted in expect.items():
        received = found.get(name)
        if _plain(received) != _plain(wanted):
            raise WeightsError(
                f"{path}: weights of {name} {_plain(received)!r}, but {_plain(wanted)!r} is needed. "
                "Pass the run folder that fits."
            )


def _plain(value: Any) -> Any:
    """Bring enums and tuples to the form they have in JSON, so that both sides compare."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _first_line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__


def restore_weights(model: keras.Model, folder: Path) -> None:
    """Fill a network that is already built with the weights of a folder, at a hundredth of the cost of building it.

    Raises: WeightsError if the folder's network is another one, or its weights are missing or damaged.
    """
    saved, built = read_network(folder), network_of(model)
    if saved.network != built:
        raise WeightsError(
            f"{saved.folder / NETWORK_FILE}: the weights are of {saved.network}, and the network at hand is {built}."
        )
    require_intact(saved)
    model.load_weights(saved.weights)
