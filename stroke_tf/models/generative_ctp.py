"""From CT perfusion to a lesion by way of a diffusion image that was never taken: extractor, generator, segmentor.

The figure in the paper, from left to right:

    series, CT -> extractor -> feature images
    feature images, perfusion maps -> generator -> DWI
    DWI -> segmentor -> lesion

All three are one Keras model, trained together from random weights. The slice's channels are its time frames in their
order, then what the series shows before the bolus, CT, and the four maps (CHANNELS_AFTER_FRAMES), so that a slice
stays one array on its whole way.
"""

import keras
import numpy as np
import tensorflow as tf

from stroke_tf.errors import SettingError
from stroke_tf.models.batchnorm import FusedBatchNormalization

CHANNELS_AFTER_FRAMES = ("BASELINE", "CT", "CBF", "CBV", "MTT", "TMAX")
"""BASELINE is the mean of the frames before the bolus, a CT of its own; frames hold what is above it."""
_PLAIN = 2
"""BASELINE and CT, the images without contrast agent."""
LEAST_FRAMES = 8
LEVELS = 4
"""Resolutions of generator and segmentor, each half of the one before: 1, 1/2, 1/4, 1/8."""
FEATURE_IMAGES = 8
_SLICES_AT_ONCE = 16


def generative_ctp(*, size: int, channels: int, base_filters: int, batchnorm_momentum: float) -> keras.Model:
    """Build the whole model, from slices to lesion and DWI, under the dtype policy that holds at the call.

    Args:
        size: side of the square slices, a multiple of 8.
        channels: time frames + 6.
        base_filters: filters at the whole resolution; they double at each level.
    Returns: (b, size, size, channels) -> [logits (b, size, size, 2), DWI (b, size, size, 1) float32 z-scores].
    Raises: SettingError for a size that does not halve three times, or for too few channels.
    Source: arXiv 1906.02392 names the three parts and what flows between them; their layers are ours, see
        assumptions.
    """
    frames = channels - len(CHANNELS_AFTER_FRAMES)
    if frames < LEAST_FRAMES:
        raise SettingError(
            f"The generative model sees {LEAST_FRAMES} time frames at least, and {', '.join(CHANNELS_AFTER_FRAMES)}. "
            f"Received: {channels} channels"
        )
    inputs = _input(size, channels)
    series = ChannelRange(0, frames, name="series")(inputs)
    plain = ChannelRange(frames, frames + _PLAIN, name="plain")(inputs)
    maps = ChannelRange(frames + _PLAIN, channels, name="maps")(inputs)
    make = _Maker(batchnorm_momentum)
    features = extractor(series, plain, filters=base_filters, make=make)
    dwi = generator(features, maps, base_filters=base_filters, make=make)
    logits = segmentor(dwi, base_filters=base_filters, make=make)
    return keras.Model(inputs, [logits, dwi], name="generative_ctp")


def segmentor_alone(*, size: int, channels: int, base_filters: int, batchnorm_momentum: float) -> keras.Model:
    """Build the segmentor with other inputs: the perfusion maps, or the real DWI.

    Returns: (b, size, size, channels) -> logits (b, size, size, 2); the layers are those of the whole model.
    """
    inputs = _input(size, channels)
    logits = segmentor(inputs, base_filters=base_filters, make=_Maker(batchnorm_momentum))
    return keras.Model(inputs, logits, name="segmentor")


def extractor(
    series: keras.KerasTensor, plain: keras.KerasTensor, *, filters: int, make: "_Maker"
) -> keras.KerasTensor:
    """Turn the time series of each pixel, and the images without contrast agent, into feature images.

    A 1x1 convolution over frames is a set of filters in time that are learnt: a mean, a slope, an arrival. What they
    find is noisy in a single pixel, so two 3x3 convolutions look at the neighbours.

    Returns: (b, size, size, FEATURE_IMAGES).
    """
    x = make.convolution(series, 2 * filters, "extractor_time0", kernel=1)
    x = make.convolution(x, filters, "extractor_time1", kernel=1)
    x = keras.layers.Concatenate(name="extractor_with_plain")([x, plain])
    x = make.convolution(x, filters, "extractor_space0")
    return make.convolution(x, FEATURE_IMAGES, "extractor_space1")


def generator(
    features: keras.KerasTensor, maps: keras.KerasTensor, *, base_filters: int, make: "_Maker"
) -> keras.KerasTensor:
    """Draw the DWI from feature images and perfusion maps, by a U-Net of residual blocks.

    Returns: (b, size, size, 1), float32 whatever the precision: it is compared with the real image.
    """
    x = keras.layers.Concatenate(name="generator_inputs")([features, maps])
    x = make.u_net(x, base_filters, "generator", make.residual_block)
    return keras.layers.Conv2D(1, 1, dtype="float32", name="dwi")(x)


def segmentor(images: keras.KerasTensor, *, base_filters: int, make: "_Maker") -> keras.KerasTensor:
    """Find the lesion on an image, by a U-Net of two convolutions a level.

    Returns: logits (b, size, size, 2), background and lesion.
    """
    x = make.u_net(images, base_filters, "segmentor", make.two_convolutions)
    return keras.layers.Conv2D(2, 1, name="segmentor_logits")(x)


class ChannelRange(keras.layers.Layer):
    """Some of the channels of a tensor, from `start` up to `stop`."""

    def __init__(self, start: int, stop: int, **settings) -> None:
        super().__init__(**settings)
        self.start, self.stop = start, stop

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return the range."""
        return inputs[..., self.start : self.stop]

    def get_config(self) -> dict:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "start": self.start, "stop": self.stop}


def lesion_and_dwi(model: keras.Model, stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict slices with the whole model and keep the DWI that it drew on the way.

    Args:
        model: as build_model makes it for GENERATIVE_CTP.
        stack: (slice, size, size, channel), any float.
    Returns: lesion probability and DWI in z-scores, both (slice, size, size) float32.
    """
    lesion = np.empty(stack.shape[:3], np.float32)
    dwi = np.empty_like(lesion)
    for first in range(0, len(stack), _SLICES_AT_ONCE):
        some = slice(first, first + _SLICES_AT_ONCE)
        outputs = model(tf.convert_to_tensor(np.asarray(stack[some], np.float32)), training=False)
        lesion[some], dwi[some] = outputs[0].numpy()[..., 1], outputs[1].numpy()[..., 0]
    return lesion, dwi


class _Maker:
    """The blocks of which the three parts are made, with one momentum of batch normalisation in all."""

    def __init__(self, batchnorm_momentum: float) -> None:
        self._momentum = batchnorm_momentum

    def convolution(self, x: keras.KerasTensor, filters: int, name: str, *, kernel: int = 3) -> keras.KerasTensor:
        return self._relu(self._normalised(x, filters, name, kernel), name)

    def two_convolutions(self, x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
        return self.convolution(self.convolution(x, filters, f"{name}a"), filters, f"{name}b")

    def residual_block(self, x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
        straight = self._normalised(x, filters, f"{name}_shortcut", 1)
        bent = self._normalised(self.convolution(x, filters, f"{name}a"), filters, f"{name}b", 3)
        return self._relu(keras.layers.Add(name=f"{name}_add")([straight, bent]), name)

    def u_net(self, x: keras.KerasTensor, base_filters: int, name: str, block) -> keras.KerasTensor:
        size = x.shape[1]
        factor = 2 ** (LEVELS - 1)
        if size % factor:
            raise SettingError(f"The slice size must be a multiple of {factor}. Received: {size}")
        skips = {}
        for level in range(LEVELS - 1):
            skips[level] = block(x, base_filters << level, f"{name}_down{level}")
            x = keras.layers.MaxPooling2D(2, name=f"{name}_down{level}_pool")(skips[level])
        x = block(x, base_filters << (LEVELS - 1), f"{name}_bottleneck")
        for level in reversed(range(LEVELS - 1)):
            # Fewer filters before the image grows: the convolution at the larger size costs four times as much.
            x = self.convolution(x, base_filters << level, f"{name}_up{level}_narrow", kernel=1)
            x = keras.layers.UpSampling2D(2, name=f"{name}_up{level}_upsampling")(x)
            x = keras.layers.Concatenate(name=f"{name}_up{level}_concat")([skips[level], x])
            x = block(x, base_filters << level, f"{name}_up{level}")
        return x

    def _normalised(self, x: keras.KerasTensor, filters: int, name: str, kernel: int) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            filters, kernel, padding="same", use_bias=False, kernel_initializer="he_uniform", name=f"{name}_conv"
        )(x)
        return FusedBatchNormalization(momentum=self._momentum, name=f"{name}_norm")(x)

    def _relu(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def _input(size: int, channels: int) -> keras.KerasTensor:
    return keras.Input((size, size, channels), name="slices", dtype="float32")
