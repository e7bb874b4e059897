"""The U-Net decoder with additive attention gates on its skips, after Oktay et al. 2018.

A skip brings back where things are, of lesion and of everything else. A gate asks the coarser level below, which has
seen more of the surroundings, how much of the skip to believe at each place.
"""

from collections.abc import Sequence

import keras

from stroke_tf.models.batchnorm import FusedBatchNormalization

GATED_LEVELS = 3
"""The skips at 1/16, 1/8 and 1/4 of the resolution; that at 1/2 passes as it is, as in the publication: it holds
edges and brightness, and too little meaning to be gated by."""
OPEN = 3.0
"""Where the gates begin: sigmoid(3) = 0.95, so that the first steps are those of the plain U-Net."""


def attention_decoder(
    bottleneck: keras.KerasTensor,
    skips: Sequence[keras.KerasTensor],
    *,
    filters: Sequence[int],
    batchnorm_momentum: float,
) -> keras.KerasTensor:
    """Lead the encoder's features back to the whole resolution: the plain decoder, each skip through its gate.

    Args:
        bottleneck: (b, s/32, s/32, c).
        skips: at 1/16, 1/8, 1/4 and 1/2 of the side s.
        filters: channels of the decoder's levels, one more than skips.
    Returns: logits (b, s, s, 2).
    Source: arXiv 1804.03999, section 3; which levels, which widths: our choice, see assumptions.
    """
    x = bottleneck
    for level, width in enumerate(filters):
        name = f"decoder_stage{level}"
        gating = x
        x = keras.layers.UpSampling2D(2, name=f"{name}_upsampling")(x)
        if level < len(skips):
            skip = skips[level]
            if level < GATED_LEVELS:
                skip = attention_gate(skip, gating, width, f"attention_gate{level}")
            x = keras.layers.Concatenate(name=f"{name}_concat")([x, skip])
        for part in "ab":
            x = _normalised_convolution(x, width, f"{name}{part}", batchnorm_momentum)
    return keras.layers.Conv2D(2, 3, padding="same", name="final_conv")(x)


def attention_gate(skip: keras.KerasTensor, gating: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    """Return the skip, each place weakened by a coefficient between 0 and 1: alpha = sigmoid(psi . relu(W skip + V g)).

    The sum is taken where the gating features are, at half of the skip's resolution, and alpha is brought back by
    linear interpolation. One coefficient holds for all channels of a place.

    Args:
        skip: (b, 2 r, 2 r, c).
        gating: (b, r, r, g), the decoder's features of the level below.
        width: channels in which the two are added.
    Returns: (b, 2 r, 2 r, c).
    Source: arXiv 1804.03999, equations 1 and 2.
    """
    seen = keras.layers.Conv2D(width, 2, strides=2, use_bias=False, name=f"{name}_skip")(skip)
    asked = keras.layers.Conv2D(width, 1, name=f"{name}_gating")(gating)
    both = keras.layers.Add(name=f"{name}_add")([seen, asked])
    both = keras.layers.Activation("relu", name=f"{name}_relu")(both)
    begins_open = keras.initializers.Constant(OPEN)
    alpha = keras.layers.Conv2D(1, 1, bias_initializer=begins_open, name=f"{name}_coefficient")(both)
    alpha = keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(alpha)
    alpha = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_alpha")(alpha)
    return keras.layers.Multiply(name=f"{name}_weakened")([skip, alpha])


def _normalised_convolution(x: keras.KerasTensor, width: int, name: str, batchnorm_momentum: float):
    x = keras.layers.Conv2D(
        width, 3, padding="same", use_bias=False, kernel_initializer="he_uniform", name=f"{name}_conv"
    )(x)
    x = FusedBatchNormalization(momentum=batchnorm_momentum, name=f"{name}_bn")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)
