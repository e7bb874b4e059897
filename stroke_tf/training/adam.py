"""Adam by TensorFlow's fused kernel."""

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam, which reads and writes each weight and its two moments once a step instead of about ten times.

    Keras 3 composes the step of elementary operations, because it must run on three frameworks. Arguments, variables
    and the formula are Keras's own; the two agree step by step but for rounding, of which that of 1 - beta_2, here in
    single precision, is the largest: 2e-5 of a step.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move one variable and its moments."""
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        number = variable.dtype
        step = tf.cast(self.iterations.value + 1, number)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, number), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, number), step),
            lr=tf.cast(learning_rate, number),
            beta1=tf.cast(self.beta_1, number),
            beta2=tf.cast(self.beta_2, number),
            epsilon=tf.cast(self.epsilon, number),
            grad=tf.cast(gradient, number),
        )
