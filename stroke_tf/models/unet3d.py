"""The 3-D U-Net on patches, the paper's baseline."""

import keras

from stroke_tf.errors import SettingError
from stroke_tf.models.group_norm import GroupNormalization

LEVELS = 4
"""Resolutions, each half of the one before: 1, 1/2, 1/4, 1/8."""


def unet3d(*, patch: tuple[int, int, int], channels: int, base_filters: int) -> keras.Model:
    """Build the network from normalised patches to logits, under the dtype policy that holds at the call.

    Two 3x3x3 convolutions a level, max pooling down, nearest up-sampling and concatenation up, filters doubled at
    each level. Group normalisation stands where the published network has batch normalisation: a batch holds one to
    four patches, too few to estimate a mean.

    Args:
        patch: sides in voxels, each a multiple of 8.
        base_filters: filters of the finest level; 16 for the paper's schedule, 8 where two cores must do.
    Returns: a model named "unet3d", (b, *patch, channels) -> (b, *patch, 2) without softmax.
    Source: Cicek et al. 2016 (arXiv 1606.06650); the paper says no more than "3D UNet", so the sizes are ours.
    """
    factor = 2 ** (LEVELS - 1)
    if len(patch) != 3 or any(side % factor or side < factor for side in patch):
        raise SettingError(f"Each side of a patch must be a multiple of {factor}. Received: {tuple(patch)}")
    inputs = x = keras.Input((*patch, channels), name="patch")
    skips = {}
    for level in range(LEVELS - 1):
        skips[level] = _two_convolutions(x, base_filters << level, f"down{level}")
        x = keras.layers.MaxPooling3D(2, name=f"down{level}_pool")(skips[level])
    x = _two_convolutions(x, base_filters << (LEVELS - 1), "bottleneck")
    for level in reversed(range(LEVELS - 1)):
        x = keras.layers.UpSampling3D(2, name=f"up{level}_upsampling")(x)
        x = keras.layers.Concatenate(name=f"up{level}_concat")([skips[level], x])
        x = _two_convolutions(x, base_filters << level, f"up{level}")
    logits = keras.layers.Conv3D(2, 1, name="final_conv")(x)
    return keras.Model(inputs, logits, name="unet3d")


def _two_convolutions(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    for part in "ab":
        x = keras.layers.Conv3D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_uniform", name=f"{name}{part}_conv"
        )(x)
        x = GroupNormalization(min(4, filters), name=f"{name}{part}_norm")(x)
        x = keras.layers.Activation("relu", name=f"{name}{part}_relu")(x)
    return x
