"""SGD by the fused kernel is Keras's SGD, step by step; each choice has its optimizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Optimizer
from stroke_tf.training.adam import FusedAdam
from stroke_tf.training.optimizers import make_optimizer
from stroke_tf.training.sgd import FusedSGD

SHAPES = ((), (7,), (3, 3, 5, 11))
RATES = (1e-1, 1e-5, 1e-3)


def in_turn(optimizer, *, compiled: bool = True) -> list[np.ndarray]:
    """Return weights, momenta and scalars after three steps, the rate assigned before each as the loop does."""
    draw = np.random.default_rng(1)
    weights = [keras.Variable(draw.normal(size=shape).astype(np.float32)) for shape in SHAPES]
    optimizer.build(weights)

    def apply(gradients: list[tf.Tensor]) -> None:
        optimizer.apply(gradients, weights)

    step = tf.function(apply) if compiled else apply
    for rate in RATES:
        optimizer.learning_rate = rate
        step([tf.constant(draw.normal(size=shape).astype(np.float32)) for shape in SHAPES])
    return [variable.numpy() for variable in (*weights, *optimizer.variables)]


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize(
    "settings", [{"momentum": 0.9}, {"momentum": 0.0}, {"momentum": 0.5, "nesterov": True}], ids=str
)
def test_every_step_is_that_of_kerass_sgd(settings, compiled):
    for ours, wanted in zip(
        in_turn(FusedSGD(**settings), compiled=compiled),
        in_turn(keras.optimizers.SGD(**settings), compiled=compiled),
        strict=True,
    ):
        np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-7)


def test_every_step_is_that_of_kerass_sgd_where_the_loss_is_scaled():
    scaled = keras.optimizers.LossScaleOptimizer
    pairs = zip(
        in_turn(scaled(FusedSGD(momentum=0.9))), in_turn(scaled(keras.optimizers.SGD(momentum=0.9))), strict=True
    )
    for ours, wanted in pairs:
        np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-7)


def test_momentum_carries_the_last_step_on():
    weight = keras.Variable(np.float32([0.0]))
    optimizer = FusedSGD(learning_rate=1.0, momentum=0.5)
    optimizer.build([weight])
    places = []
    for gradient in (1.0, 0.0, 0.0):
        optimizer.apply([tf.constant([gradient])], [weight])
        places.append(float(weight.numpy()[0]))
    assert places == [-1.0, -1.5, -1.75]


def test_a_gradient_of_single_rows_takes_kerass_own_way():
    table = keras.Variable(np.ones((4, 2), np.float32))
    optimizer = FusedSGD(learning_rate=1.0, momentum=0.9)
    optimizer.build([table])
    optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))], [table])
    assert table.numpy()[:, 0].tolist() == [1.0, 1.0, 0.0, 1.0]


def test_each_choice_has_its_optimizer():
    assert type(make_optimizer(Optimizer.ADAM, momentum=0.9)) is FusedAdam
    sgd = make_optimizer(Optimizer.SGD, momentum=0.7)
    assert (type(sgd), sgd.momentum) == (FusedSGD, 0.7)
