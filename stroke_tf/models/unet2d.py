"""The ResNet-encoder U-Net of one plane; the one file that touches segmentation-models.

segmentation-models has not been released since 2020, reads an environment variable and prints when it is imported,
and sets its batch normalisation as it likes. All of that is met here, so that no other file needs to know.
"""

import contextlib
import functools
import io
import os
import warnings

import keras

from stroke_tf.errors import SettingError
from stroke_tf.models.backbones import BACKBONES, DECODER
from stroke_tf.models.batchnorm import FusedBatchNormalization

DECODER_FILTERS = (256, 128, 64, 32, 16)
"""Channels of the decoder's five levels, from 1/16 of the resolution to the whole; segmentation-models' own default."""


def res_unet(backbone: str, *, size: int, channels: int, batchnorm_momentum: float) -> keras.Model:
    """Build encoder and decoder, from scaled images to logits, under the dtype policy that holds at the call.

    Args:
        backbone: a name of BACKBONES.
        size: side of the square slices, a multiple of 32, because the encoder halves it five times.
        batchnorm_momentum: how much of the moving mean and variance stays at each step. segmentation-models sets
            0.99, with which the averages lag a hundred steps behind: in short schedules a network whose training loss
            fell was seen to predict nothing at all, because inference still used the averages of the first steps.
    Returns: a model named "unet", (b, size, size, channels) -> (b, size, size, 2) without softmax.
    """
    if backbone not in BACKBONES:
        raise SettingError(f"Unknown backbone. Use one of {', '.join(BACKBONES)}. Received: {backbone!r}")
    if size % 32 or size < 32:
        raise SettingError(f"The slice size must be a multiple of 32, at least 32. Received: {size}")
    unet = _segmentation_models().models.unet.Unet(
        backbone,
        input_shape=(size, size, channels),
        classes=2,
        activation="linear",
        encoder_weights=None,
        encoder_features=BACKBONES[backbone].skips,
        decoder_filters=DECODER_FILTERS,
        backend=keras.backend,
        layers=_Layers(batchnorm_momentum),
        models=keras.models,
        utils=keras.utils,
    )
    return keras.Model(unet.input, unet.output, name="unet")


def decoder_stage(unet: keras.Model, stage: int) -> keras.KerasTensor:
    """Return the output of one decoder level, 0 at 1/16 of the resolution to 4 at the whole."""
    return unet.get_layer(f"decoder_stage{stage}b_relu").output


def encoder_layers_of(unet: keras.Model, backbone: str) -> list[keras.layers.Layer]:
    """Return the layers with weights that belong to the encoder, told by their names.

    Raises: SettingError if a layer's name is in neither table: then the tables no longer fit segmentation-models,
    and "frozen" would quietly mean something else.
    """
    pattern = BACKBONES[backbone].encoder
    weighted = [layer for layer in unet.layers if layer.weights]
    strangers = [
        layer.name for layer in weighted if not (pattern.fullmatch(layer.name) or DECODER.fullmatch(layer.name))
    ]
    if strangers:
        raise SettingError(f"Layers of neither the {backbone} encoder nor the decoder: {', '.join(strangers)}.")
    return [layer for layer in weighted if pattern.fullmatch(layer.name)]


class _Layers:
    """keras.layers as segmentation-models sees it, with our own batch normalisation."""

    def __init__(self, batchnorm_momentum: float) -> None:
        self._momentum = batchnorm_momentum

    def __getattr__(self, name: str):
        return getattr(keras.layers, name)

    def BatchNormalization(self, **settings) -> keras.layers.Layer:
        return FusedBatchNormalization(**{**settings, "momentum": self._momentum})


@functools.cache
def _segmentation_models():
    """Import segmentation-models silently, for Keras as TensorFlow carries it, and leave the environment as it was."""
    before = os.environ.get("SM_FRAMEWORK")
    os.environ["SM_FRAMEWORK"] = "tf.keras"
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            # Its sources are older than some of Python's syntax warnings.
            warnings.simplefilter("ignore")
            import segmentation_models
    except ImportError as fault:
        raise SettingError(
            f"segmentation-models cannot be imported ({fault}). Install it: pip install segmentation-models"
        ) from fault
    finally:
        if before is None:
            del os.environ["SM_FRAMEWORK"]
        else:
            os.environ["SM_FRAMEWORK"] = before
    return segmentation_models
