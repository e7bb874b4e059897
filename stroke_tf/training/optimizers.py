"""From a choice of optimizer to Keras's object: the one table."""

from collections.abc import Callable

import keras

from stroke_tf.choices import Optimizer
from stroke_tf.training.adam import FusedAdam
from stroke_tf.training.sgd import FusedSGD


def make_optimizer(kind: Optimizer, *, momentum: float) -> keras.optimizers.Optimizer:
    """Return an optimizer that is not built yet; the training loop gives it its rate before each step.

    Args:
        momentum: of SGD, 0 for none; Adam keeps moments of its own and passes over it.
    """
    return _OPTIMIZERS[kind](momentum)


_OPTIMIZERS: dict[Optimizer, Callable[[float], keras.optimizers.Optimizer]] = {
    Optimizer.ADAM: lambda momentum: FusedAdam(),
    Optimizer.SGD: lambda momentum: FusedSGD(momentum=momentum),
}
