"""Supervised outputs at the decoder's levels: the row that the paper's table leaves without a name and its text
calls "DSN"."""

import keras

AUXILIARY_STAGES = {"half": 3, "quarter": 2, "eighth": 1}
"""Name of each auxiliary output, after the resolution it is made at, and the decoder stage it reads."""


def auxiliary_logits(features: keras.KerasTensor, name: str, *, size: int) -> keras.KerasTensor:
    """Turn the features of one decoder level into logits of the whole slice.

    Args:
        features: (b, r, r, c), r a divisor of size.
        name: a key of AUXILIARY_STAGES.
    Returns: (b, size, size, 2), float32.
    Source: our choice (the paper describes no layer of its DSN): 1x1 convolution, bilinear up-sampling.
    """
    logits = keras.layers.Conv2D(2, 1, name=f"{name}_head")(features)
    factor = size // features.shape[1]
    return keras.layers.UpSampling2D(factor, interpolation="bilinear", dtype="float32", name=f"{name}_upsampling")(
        logits
    )
