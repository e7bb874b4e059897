"""What a network is, apart from its weights, and how that is told in the JSON beside them. No TensorFlow."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from stroke_tf.choices import Architecture
from stroke_tf.errors import WeightsError
from stroke_tf.files import sha256_of_file

NETWORK_FILE = "network.json"
WEIGHTS_FILE = "model.weights.h5"
FORMAT = 1
_KEYS = {"format", "network", "description", "weights_sha256"}


class InputScaling(str, Enum):
    """What the first layer does to the z-scores."""

    NONE = "none"
    """Nothing: random weights learn from z-scores as they are."""
    IMAGENET = "imagenet"
    """z-scores in [-5, 5] become 0 … 255, the range in which segmentation-models' encoders saw their photographs."""


SCALE_AND_OFFSET = {InputScaling.NONE: (1.0, 0.0), InputScaling.IMAGENET: (25.5, 127.5)}


@dataclass(frozen=True)
class Network:
    """Everything that decides a network's layers, and so all that a weight file needs beside it.

    size and backbone and batchnorm_momentum speak to the 2-D networks, patch and base_filters to the 3-D one.
    """

    architecture: Architecture
    backbone: str = "resnet50"
    size: int = 128
    channels: int = 3
    scaling: InputScaling = InputScaling.NONE
    batchnorm_momentum: float = 0.9
    patch: tuple[int, int, int] = (64, 64, 64)
    base_filters: int = 16


_FIELDS = {field.name for field in dataclasses.fields(Network)}


@dataclass(frozen=True)
class SavedNetwork:
    """A network's folder as models/files.py left it.

    Args:
        description: what the network was made for: plane, sequences, threshold, recipe.
        weights_sha256: of the weights that belong to it.
    """

    folder: Path
    network: Network
    description: Mapping[str, Any]
    weights_sha256: str

    @property
    def weights(self) -> Path:
        """Return the file of the weights, HDF5 as Keras writes it."""
        return self.folder / WEIGHTS_FILE


def read_network(folder: Path) -> SavedNetwork:
    """Read which network a folder holds, without its weights.

    Raises: WeightsError if network.json is missing, damaged or of another format.
    """
    path = Path(folder) / NETWORK_FILE
    content = _read_description(path)
    network = _network_from(content["network"], path)
    return SavedNetwork(Path(folder), network, content["description"], content["weights_sha256"])


def require_intact(saved: SavedNetwork) -> None:
    """Do nothing if the weights are those that the network was saved with.

    Raises: WeightsError if they are missing, damaged, or of another run.
    """
    if not saved.weights.is_file():
        raise WeightsError(f"{saved.weights}: not there, though {NETWORK_FILE} is. Copy the run folder again.")
    if sha256_of_file(saved.weights) != saved.weights_sha256:
        raise WeightsError(
            f"{saved.weights}: damaged, or of another run: its SHA-256 is not the one in {NETWORK_FILE}. "
            "Copy the run folder again."
        )


def _read_description(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"{path}: not there. Pass the folder of a finished run, or copy {NETWORK_FILE} beside the weights."
        ) from None
    except (OSError, ValueError) as fault:
        raise WeightsError(f"{path}: not readable as JSON ({fault}). Copy the run folder again.") from fault
    if not isinstance(content, dict) or set(content) != _KEYS:
        keys = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise WeightsError(f"{path}: the keys must be {', '.join(sorted(_KEYS))}. Received: {keys}")
    if content["format"] != FORMAT:
        raise WeightsError(f"{path}: format {content['format']} is unknown here; update stroke_tf.")
    if not isinstance(content["description"], dict) or not isinstance(content["network"], dict):
        raise WeightsError(f"{path}: network and description must be objects. Copy the run folder again.")
    return content


def _network_from(stored: Mapping[str, Any], path: Path) -> Network:
    if set(stored) != _FIELDS:
        strange = sorted(set(stored) ^ _FIELDS)
        raise WeightsError(f"{path}: the network's keys do not fit this version of stroke_tf: {', '.join(strange)}.")
    try:
        return Network(
            architecture=Architecture(stored["architecture"]),
            backbone=str(stored["backbone"]),
            size=int(stored["size"]),
            channels=int(stored["channels"]),
            scaling=InputScaling(stored["scaling"]),
            batchnorm_momentum=float(stored["batchnorm_momentum"]),
            patch=tuple(int(side) for side in stored["patch"]),
            base_filters=int(stored["base_filters"]),
        )
    except (TypeError, ValueError) as fault:
        raise WeightsError(
            f"{path}: a value of the network cannot be used ({fault}). Copy the run folder again."
        ) from fault
