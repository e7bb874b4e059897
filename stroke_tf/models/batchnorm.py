"""Batch normalisation by TensorFlow's fused kernel."""

import keras
import tensorflow as tf

_FUSED_RANK = 4


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, computed in one pass over the features instead of about ten.

    Keras 3 composes it of elementary operations, because it must run on three frameworks; on two cores this one made
    a training step of the ResNet50 U-Net 1.2 times as fast and its trace twice as fast. Weights, arguments and the
    meaning of `trainable` are Keras's own: a layer that is not trainable normalises with its moving statistics and
    keeps them, whatever `training` says. Statistics are float32 under every dtype policy. As in Keras 2, the moving
    variance is averaged from unbiased estimates (N - 1), which differs from Keras 3 by less than a percent here.

    Input: (b, row, column, channel) with the channels last; anything else takes Keras's own way.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Normalise a batch, and move the moving statistics if the layer is in training."""
        # Keras 3.12, the newest for Python 3.10, knows no renorm yet.
        unusual = mask is not None or getattr(self, "renorm", False)
        if unusual or len(inputs.shape) != _FUSED_RANK or self.axis not in (-1, 3):
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            return self._fused(inputs, self.moving_mean, self.moving_variance, is_training=False)[0]
        outputs, mean, variance = self._fused(inputs, [], [], is_training=True)
        kept, new = self.momentum, 1.0 - self.momentum
        self.moving_mean.assign(self.moving_mean * kept + mean * new)
        self.moving_variance.assign(self.moving_variance * kept + variance * new)
        return outputs

    def _fused(self, inputs: tf.Tensor, mean, variance, *, is_training: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones([channels]),
            offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros([channels]),
            mean=tf.convert_to_tensor(mean, tf.float32),
            variance=tf.convert_to_tensor(variance, tf.float32),
            epsilon=self.epsilon,
            is_training=is_training,
        )
        return outputs, mean, variance
