"""Any number of channels into the three that an encoder sees, by a learnt 1x1 convolution."""

import keras
import numpy as np


def mix_channels(scores: keras.KerasTensor, images: int) -> keras.KerasTensor:
    """Make weighted sums of the channels, whose weights are learnt; at first channel j is simply channel j.

    It stands before the encoder and is none of its layers, so it also learns while the encoder is frozen. Without an
    offset, so that what lies outside the brain stays 0.

    Args:
        scores: (b, row, column, channel), float32 z-scores.
        images: how many channels come out.
    Returns: (b, row, column, images), float32 whatever the precision of what follows.
    Source: our choice, see assumptions.
    """

    def first_ones(shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        return starting_weights(shape[2], shape[3]).reshape(shape).astype(dtype)

    return keras.layers.Conv2D(
        images, 1, use_bias=False, kernel_initializer=first_ones, dtype="float32", name="channel_mixing"
    )(scores)


def starting_weights(channels: int, images: int) -> np.ndarray:
    """Return the matrix (channel, image) in which each image begins as one channel, and too few begin again.

    Example:
        >>> starting_weights(2, 3).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    weights = np.zeros((channels, images), np.float32)
    weights[np.arange(images) % channels, np.arange(images)] = 1
    return weights
