"""Stochastic gradient descent with momentum by TensorFlow's fused kernel."""

import keras
import tensorflow as tf


class FusedSGD(keras.optimizers.SGD):
    """Keras's SGD, which reads and writes each weight and its momentum once a step.

    Keras 3 composes m <- momentum * m - rate * gradient, w <- w + m of elementary operations, because it must run on
    three frameworks; the kernel does the same in one pass. Arguments, variables and the formula are Keras's own.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move one variable and its momentum."""
        if not self.momentum or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        number = variable.dtype
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=tf.cast(learning_rate, number),
            grad=tf.cast(gradient, number),
            momentum=tf.cast(self.momentum, number),
            use_nesterov=self.nesterov,
        )
