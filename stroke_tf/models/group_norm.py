"""Group normalisation whose gradient has the same bits in every run."""

import keras
from keras import ops


class GroupNormalization(keras.layers.Layer):
    """Bring each group of channels of each item to mean 0 and variance 1, then scale and shift each channel.

    Keras's own layer computes the same, but uses its input three times. TensorFlow sums the three gradients in an
    order that depends on which of them is ready first, so that two runs of one seed part in their last digits. Here
    no tensor is used more than twice, and a + b is b + a.

    Args:
        groups: a divisor of the channels, which are the last axis.
    Source: Wu and He 2018 (arXiv 1803.08494), equations 1 and 7.
    """

    def __init__(self, groups: int, *, epsilon: float = 1e-3, **options) -> None:
        super().__init__(**options)
        self.groups, self.epsilon = groups, epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        *places, channels = inputs.shape[1:]
        # Half precision has too few digits for a mean over a whole patch.
        x = ops.reshape(ops.cast(inputs, "float32"), (-1, *places, self.groups, channels // self.groups))
        of_a_group = (*range(1, len(places) + 1), len(places) + 2)
        centred = x - ops.mean(x, of_a_group, keepdims=True)
        variance = ops.mean(ops.square(centred), of_a_group, keepdims=True)
        normal = ops.reshape(centred * ops.rsqrt(variance + self.epsilon), (-1, *places, channels))
        return ops.cast(normal * ops.cast(self.gamma, "float32") + ops.cast(self.beta, "float32"), self.compute_dtype)
