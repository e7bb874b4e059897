"""From a choice of architecture to a Keras model: the one table, the one place where Keras's seed is set.

Every network takes float32 z-scores (0 outside the brain) and gives float32 softmax probabilities, whose last axis is
(background, lesion), whatever the precision in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models import unet2d
from stroke_tf.models.channel_mixing import mix_channels
from stroke_tf.models.deep_supervision import AUXILIARY_STAGES, auxiliary_logits
from stroke_tf.models.generative_ctp import generative_ctp, segmentor_alone
from stroke_tf.models.network import SCALE_AND_OFFSET, InputScaling, Network
from stroke_tf.models.unet3d import unet3d
from stroke_tf.models.weights import load_encoder, photographs_of

FROM_SCRATCH = frozenset({Architecture.UNET_3D, Architecture.GENERATIVE_CTP, Architecture.SEGMENTOR_2D})
"""Networks without an encoder that could be filled or frozen; all of their layers are trained together."""
_SLICES_AT_ONCE = 16
"""In one call of Keras: with 8 a processor was a tenth slower, with 32 more slices are computed to fill up."""


def build_model(
    architecture: Architecture,
    *,
    seed: int,
    precision: Precision,
    backbone: str = "resnet50",
    size: int = 128,
    channels: int = 3,
    weights: Path | None = None,
    batchnorm_momentum: float = 0.9,
    patch: tuple[int, int, int] = (64, 64, 64),
    base_filters: int = 16,
) -> keras.Model:
    """Build a network with random weights, and fill its encoder from a file if there is one.

    Args:
        seed: of the random weights; also sets the global seeds of Python, NumPy and TensorFlow, as Keras does it.
        precision: never AUTO, which choose_device resolves.
        channels: of an image; where a 2-D network gets other than 3, a learnt 1x1 convolution makes 3 of them.
        weights: file of the encoder's ImageNet weights (weights.imagenet_weights); None begins at random. With the
            backbone it decides the input scaling.
    Returns: a model with one output (b, …, 2); UNET_2D_DEEP gives a list of them, the main one first.
    Raises: SettingError for sizes that do not halve, WeightsError for a file that does not fill the encoder.
    """
    if weights is not None and architecture in FROM_SCRATCH:
        raise SettingError(f"{_NAMES[architecture]} has no pretrained weights. Use --weights none for it.")
    scaling = InputScaling.NONE if weights is None else photographs_of(backbone)
    network = Network(architecture, backbone, size, channels, scaling, batchnorm_momentum, tuple(patch), base_filters)
    model = build_network(network, seed=seed, precision=precision)
    if weights is not None:
        load_encoder(encoder_layers(model), weights)
    return model


def build_network(network: Network, *, seed: int, precision: Precision) -> keras.Model:
    """Build a network from its description, with random weights."""
    if precision is Precision.AUTO:
        raise SettingError("A network is built in a definite precision. Ask choose_device which one suits the machine.")
    keras.utils.set_random_seed(seed)
    with _dtype_policy(precision):
        model = _BUILDERS[network.architecture](network)
    model.network = network
    return model


def network_of(model: keras.Model) -> Network:
    """Return the description of a network that this file built.

    Raises: SettingError for any other Keras model.
    """
    network = getattr(model, "network", None)
    if not isinstance(network, Network):
        raise SettingError(f"The model {model.name!r} was not built by stroke_tf.models.build.")
    return network


def encoder_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the encoder's layers that have weights, in the order of the network.

    Raises: SettingError for networks whose parts are all trained together.
    """
    network = network_of(model)
    if network.architecture in FROM_SCRATCH:
        raise SettingError(f"{_NAMES[network.architecture]} has no encoder of its own that could be frozen or filled.")
    return unet2d.encoder_layers_of(model.get_layer("unet"))


def set_encoder_trainable(model: keras.Model, trainable: bool) -> None:
    """Freeze or free the encoder, the model's argument changed in place as Keras wants it.

    Frozen means frozen: no gradient enters an encoder weight, and its batch normalisation uses and keeps its moving
    statistics (Keras lets a batch normalisation that is not trainable run in inference mode, even at training=True).
    Weights and decoder are left as they are. Layers read `trainable` when a step is traced, so a compiled step made
    before this call still does what it did: make a new tf.function (and a new optimizer, or one built for
    all variables) after it.
    """
    for layer in encoder_layers(model):
        layer.trainable = trainable


def predict_function(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return the model as inference sees it: images (b, …, c) to lesion probabilities (b, …), NumPy float32.

    It gives the main output where there are several. Slices are computed in batches of one size, the last one filled
    up: TensorFlow sums in another order in another batch, and a slice's answer must not depend, not even in its last
    bit, on which others are asked for (the vote leaves slices out, workflows/predictors.py).
    """
    shape = model.inputs[0].shape
    at_once = 1 if network_of(model).architecture is Architecture.UNET_3D else _SLICES_AT_ONCE

    @tf.function(input_signature=[tf.TensorSpec([at_once, *shape[1:]], tf.float32)])
    def traced(images: tf.Tensor) -> tf.Tensor:
        outputs = model(images, training=False)
        main = outputs[0] if isinstance(outputs, list | tuple) else outputs
        return main[..., 1]

    def predict(images: np.ndarray) -> np.ndarray:
        answer = np.empty(images.shape[:-1], np.float32)
        for first in range(0, len(images), at_once):
            some = images[first : first + at_once]
            filled = np.zeros((at_once, *shape[1:]), np.float32)
            filled[: len(some)] = some
            answer[first : first + at_once] = traced(tf.convert_to_tensor(filled)).numpy()[: len(some)]
        return answer

    return predict


def _planar(network: Network) -> keras.Model:
    inputs, images = _images(network)
    return keras.Model(inputs, _softmax(_unet_of(network)(images), "main"), name="res_unet")


def _planar_deep(network: Network) -> keras.Model:
    inputs, images = _images(network)
    main, *features = unet2d.with_stages(_unet_of(network), list(AUXILIARY_STAGES.values()))(images)
    outputs = [_softmax(main, "main")]
    for name, level in zip(AUXILIARY_STAGES, features, strict=True):
        outputs.append(_softmax(auxiliary_logits(level, name, size=network.size), name))
    return keras.Model(inputs, outputs, name="res_unet_deep")


def _volumetric(network: Network) -> keras.Model:
    inputs, scaled = _scaled_input((*network.patch, network.channels), network.scaling)
    logits = unet3d(patch=network.patch, channels=network.channels, base_filters=network.base_filters)(scaled)
    return keras.Model(inputs, _softmax(logits, "main"), name="unet3d_patch")


def _generative(network: Network) -> keras.Model:
    """Lesion first, as everywhere, and the DWI that it was found on second."""
    inputs, scaled = _scaled_input((network.size, network.size, network.channels), network.scaling)
    logits, dwi = generative_ctp(**_scratch_settings(network))(scaled)
    return keras.Model(inputs, [_softmax(logits, "main"), dwi], name="generative_ctp_model")


def _segmentor(network: Network) -> keras.Model:
    inputs, scaled = _scaled_input((network.size, network.size, network.channels), network.scaling)
    logits = segmentor_alone(**_scratch_settings(network))(scaled)
    return keras.Model(inputs, _softmax(logits, "main"), name="segmentor_model")


def _scratch_settings(network: Network) -> dict[str, int | float]:
    return {
        "size": network.size,
        "channels": network.channels,
        "base_filters": network.base_filters,
        "batchnorm_momentum": network.batchnorm_momentum,
    }


_BUILDERS: dict[Architecture, Callable[[Network], keras.Model]] = {
    Architecture.UNET_2D: _planar,
    Architecture.LINKNET: _planar,
    Architecture.FPN: _planar,
    Architecture.ATTENTION_UNET: _planar,
    Architecture.UNET_2D_DEEP: _planar_deep,
    Architecture.UNET_3D: _volumetric,
    Architecture.GENERATIVE_CTP: _generative,
    Architecture.SEGMENTOR_2D: _segmentor,
}
_NAMES = {
    Architecture.UNET_3D: "The 3-D U-Net",
    Architecture.GENERATIVE_CTP: "The generative model",
    Architecture.SEGMENTOR_2D: "The segmentor",
}


def _unet_of(network: Network) -> keras.Model:
    return unet2d.unet2d(
        network.architecture,
        network.backbone,
        size=network.size,
        batchnorm_momentum=network.batchnorm_momentum,
    )


def _images(network: Network) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return a 2-D network's input, and the images of three channels that its encoder sees."""
    shape = (network.size, network.size, network.channels)
    if network.channels == unet2d.IMAGE_CHANNELS:
        return _scaled_input(shape, network.scaling)
    inputs = _input(shape)
    return inputs, _scaled(mix_channels(inputs, unet2d.IMAGE_CHANNELS), network.scaling)


def _scaled_input(shape: tuple[int, ...], scaling: InputScaling) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    inputs = _input(shape)
    return inputs, _scaled(inputs, scaling)


def _input(shape: tuple[int, ...]) -> keras.KerasTensor:
    return keras.Input(shape, name="z_scores", dtype="float32")


def _scaled(scores: keras.KerasTensor, scaling: InputScaling) -> keras.KerasTensor:
    scale, offset = SCALE_AND_OFFSET[scaling]
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="input_scaling")(scores)


def _softmax(logits: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.Activation("softmax", dtype="float32", name=name)(logits)


@contextmanager
def _dtype_policy(precision: Precision) -> Iterator[None]:
    """Set Keras's global dtype policy for the block; segmentation-models' layers listen to nothing else."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision.value)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
