"""Pretrained encoder weights: name, source and checksum in one table."""

from collections.abc import Sequence
from pathlib import Path

import keras


def load_encoder(layers: Sequence[keras.layers.Layer], path: Path) -> list[str]:
    """Fill encoder layers from a file of ImageNet weights (being written)."""
    raise NotImplementedError
