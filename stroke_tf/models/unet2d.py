"""The 2-D networks of one plane, any encoder with any decoder; the one file that touches segmentation-models.

segmentation-models has not been released since 2020, reads an environment variable and prints when it is imported,
sets its batch normalisation as it likes, and gives layers names that Keras no longer takes, or none. All of that is met
here, so that no other file needs to know. Its PSPNet is left out: it pools in thirds, and so wants sizes that 48
divides, which 128, the papers' size, is not.
"""

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from stroke_tf.choices import Architecture
from stroke_tf.errors import SettingError
from stroke_tf.models.attention import attention_decoder
from stroke_tf.models.backbones import DECODERS, Backbone, require_backbone
from stroke_tf.models.batchnorm import FusedBatchNormalization

DECODER_FILTERS = (256, 128, 64, 32, 16)
"""Channels of the decoder's five levels, from 1/16 of the resolution to the whole; segmentation-models' own default."""
IMAGE_CHANNELS = 3
"""What an encoder sees: those with pretrained weights have learnt from photographs."""


def unet2d(architecture: Architecture, backbone: str, *, size: int, batchnorm_momentum: float) -> keras.Model:
    """Build encoder and decoder, from scaled images to logits, under the dtype policy that holds at the call.

    Args:
        architecture: one of the 2-D ones; for UNET_2D_DEEP see also with_stages.
        backbone: a name of backbones.BACKBONES.
        size: side of the square slices, a multiple of 32, because the encoder halves it five times.
        batchnorm_momentum: how much of the moving mean and variance stays at each step. segmentation-models sets
            0.99, with which the averages lag a hundred steps behind: in short schedules a network whose training loss
            fell was seen to predict nothing at all, because inference still used the averages of the first steps.
    Returns: a model named "unet", (b, size, size, 3) -> (b, size, size, 2) without softmax.
    Raises: SettingError for a backbone that is not there, or a size that does not halve.
    """
    known = require_backbone(backbone)
    if size % 32 or size < known.smallest:
        raise SettingError(
            f"The slice size must be a multiple of 32, at least {known.smallest} for {backbone}. Received: {size}"
        )
    library = _Library(batchnorm_momentum)
    logits = _DECODERS[architecture](backbone, known, size, library)
    encoder = library.models.made[0]
    return _with_encoder(keras.Model(encoder.input, logits, name="unet"), [layer.name for layer in encoder.layers])


def with_stages(unet: keras.Model, stages: Sequence[int]) -> keras.Model:
    """Return the same network with some of its decoder's levels as further outputs."""
    outputs = [unet.output, *(decoder_stage(unet, stage) for stage in stages)]
    return _with_encoder(keras.Model(unet.input, outputs, name="unet"), unet.encoder)


def decoder_stage(unet: keras.Model, stage: int) -> keras.KerasTensor:
    """Return the output of one decoder level, 0 at 1/16 of the resolution to 4 at the whole."""
    return unet.get_layer(f"decoder_stage{stage}b_relu").output


def encoder_layers_of(unet: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers with weights that belong to the encoder: those it had before there was a decoder.

    Raises: SettingError if one of them is called as a decoder's layer, or one of the others is not: then what
        backbones.py knows no longer fits segmentation-models, and "frozen" would quietly mean something else.
    """
    weighted = [layer for layer in unet.layers if layer.weights]
    strangers = [
        layer.name for layer in weighted if (layer.name in unet.encoder) == bool(DECODERS.fullmatch(layer.name))
    ]
    if strangers:
        raise SettingError(f"Layers of neither the encoder nor the decoder: {', '.join(strangers)}.")
    return [layer for layer in weighted if layer.name in unet.encoder]


def _with_encoder(model: keras.Model, names: Iterable[str]) -> keras.Model:
    """Note at a model which of its layers are the encoder's; Keras itself forgets it."""
    model.encoder = frozenset(names)
    return model


class _Library:
    """Keras as segmentation-models sees it while it builds one network."""

    def __init__(self, batchnorm_momentum: float) -> None:
        self.batchnorm_momentum = batchnorm_momentum
        self.models = _Models()
        # The backend is tf.keras's, because Keras's own has lost functions that segmentation-models asks for.
        self.modules = {
            "backend": tf.keras.backend,
            "layers": _Layers(batchnorm_momentum, self.models),
            "models": self.models,
            "utils": keras.utils,
        }


class _Models:
    """keras.models, with a note of what was made: first the encoder, then the whole."""

    def __init__(self) -> None:
        self.made: list[keras.Model] = []

    def __getattr__(self, name: str):
        return getattr(keras.models, name)

    def Model(self, *arguments, **settings) -> keras.Model:
        self.made.append(keras.Model(*arguments, **settings))
        return self.made[-1]


class _Layers:
    """keras.layers, with our own batch normalisation, and names that Keras 3 takes."""

    def __init__(self, batchnorm_momentum: float, models: _Models) -> None:
        self._momentum, self._models = batchnorm_momentum, models
        self._nameless: dict[str, int] = {}

    def __getattr__(self, name: str):
        return getattr(keras.layers, name)

    def Input(self, *arguments, **settings) -> keras.KerasTensor:
        return keras.layers.Input(*arguments, **self._named("input_layer", settings))

    def Add(self, **settings) -> keras.layers.Layer:
        return keras.layers.Add(**self._named("add", settings))

    def ZeroPadding2D(self, *arguments, **settings) -> keras.layers.Layer:
        return keras.layers.ZeroPadding2D(*arguments, **self._named("zero_padding2d", settings))

    def BatchNormalization(self, **settings) -> keras.layers.Layer:
        return FusedBatchNormalization(**{**_without_slash(settings), "momentum": self._momentum})

    def Conv2D(self, *arguments, **settings) -> keras.layers.Layer:
        if self._models.made and settings.get("name") is None:
            # The last one of Linknet's decoder.
            settings = {**settings, "name": "final_conv"}
        return keras.layers.Conv2D(*arguments, **_without_slash(settings))

    def Activation(self, *arguments, **settings) -> keras.layers.Layer:
        return keras.layers.Activation(*arguments, **_without_slash(settings))

    def _named(self, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Count nameless layers anew in each network.

        Keras counts them through the life of a process and writes the names into the file of the weights, so that one
        network, built after another or alone, would give two files of different SHA-256.
        """
        if settings.get("name") is not None:
            return settings
        count = self._nameless[kind] = self._nameless.get(kind, -1) + 1
        return {**settings, "name": f"{kind}_{count}" if count else kind}


def _without_slash(settings: dict[str, Any]) -> dict[str, Any]:
    """Call DenseNet's conv1/conv conv1_conv, as Keras's own DenseNet does by now."""
    name = settings.get("name")
    return settings if name is None else {**settings, "name": name.replace("/", "_")}


_Decoder = Callable[[str, Backbone, int, _Library], keras.KerasTensor]
"""(backbone, what is known of it, size, library) -> logits."""


def _unet(backbone: str, known: Backbone, size: int, library: _Library) -> keras.KerasTensor:
    build = _segmentation_models().models.unet.Unet
    return build(backbone, decoder_filters=DECODER_FILTERS, **_settings(known, size, library)).output


def _linknet(backbone: str, known: Backbone, size: int, library: _Library) -> keras.KerasTensor:
    # The other levels have as many channels as the skip that is added to them.
    filters = (None, None, None, None, DECODER_FILTERS[-1])
    build = _segmentation_models().models.linknet.Linknet
    return build(backbone, decoder_filters=filters, **_settings(known, size, library)).output


def _fpn(backbone: str, known: Backbone, size: int, library: _Library) -> keras.KerasTensor:
    return _segmentation_models().models.fpn.FPN(backbone, **_settings(known, size, library)).output


def _attention_unet(backbone: str, known: Backbone, size: int, library: _Library) -> keras.KerasTensor:
    factory = _segmentation_models().backbones.backbones_factory.Backbones
    shape = (size, size, IMAGE_CHANNELS)
    encoder = factory.get_backbone(backbone, input_shape=shape, weights=None, include_top=False, **library.modules)
    skips = known.skips or factory.get_feature_layers(backbone, n=4)
    found = [encoder.get_layer(**{"name" if isinstance(skip, str) else "index": skip}).output for skip in skips]
    return attention_decoder(
        encoder.output, found, filters=DECODER_FILTERS, batchnorm_momentum=library.batchnorm_momentum
    )


_DECODERS: dict[Architecture, _Decoder] = {
    Architecture.UNET_2D: _unet,
    Architecture.UNET_2D_DEEP: _unet,
    Architecture.LINKNET: _linknet,
    Architecture.FPN: _fpn,
    Architecture.ATTENTION_UNET: _attention_unet,
}


def _settings(known: Backbone, size: int, library: _Library) -> dict[str, Any]:
    return {
        "input_shape": (size, size, IMAGE_CHANNELS),
        "classes": 2,
        "activation": "linear",
        "encoder_weights": None,
        "encoder_features": known.skips or "default",
        **library.modules,
    }


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
