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
    """z-scores in [-5, 5] become 0 … 255, the range in which segmentation-models' ResNets saw their photographs."""
    IMAGENET_NORMALISED = "imagenet-normalised"
    """They become 0 … 1, less the mean and over the SD of ImageNet's colours: so DenseNet saw its photographs."""


Factors = float | tuple[float, float, float]
"""One for all channels, or one for each."""
_MEANS, _SDS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, as Keras's imagenet_utils has them for the mode that it calls torch."""
SCALE_AND_OFFSET: dict[InputScaling, tuple[Factors, Factors]] = {
    InputScaling.NONE: (1.0, 0.0),
    InputScaling.IMAGENET: (25.5, 127.5),
    InputScaling.IMAGENET_NORMALISED: (
        tuple(0.1 / sd for sd in _SDS),
        tuple((0.5 - mean) / sd for mean, sd in zip(_MEANS, _SDS, strict=True)),
    ),
}


@dataclass(frozen=True)
class Network:
    """Everything that decides a network's layers, and so all that a weight file needs beside it.

    size and backbone and batchnorm_momentum speak to the 2-D networks, patch and base_filters to the 3-D one. A 2-D
    network of other than 3 channels begins with a learnt 1x1 convolution (models/channel_mixing.py).
    """

    architecture: Architecture
    backbone: str = "resnet50"
    size: int = 128
    channels: int = 3
    scaling: InputScaling = InputScaling.NONE
    batchnorm_momentum: float = 0.9
    patch: tuple[int, int, int] = (64, 64, 64)
    base_filters: int = 16

    @property
    def drawn_by_openvino(self) -> bool:
        """Tell whether models/openvino_unet.py draws this network; Keras runs all."""
        plain = self.architecture in (Architecture.UNET_2D, Architecture.UNET_2D_DEEP)
        return plain and self.channels == 3 and self.backbone in ("resnet18", "resnet34", "resnet50")


DRAWN_BY_OPENVINO = "the 2-D U-Nets of three channels with a ResNet18, 34 or 50 as encoder"
"""The same in words, for messages."""
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
