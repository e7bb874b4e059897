"""Adam by the fused kernel: Keras's Adam, step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.training.adam import FusedAdam

SHAPES = ((), (7,), (3, 3, 5, 11), (257, 129))
RATES = (1e-3, 1e-3, 5e-2, 1e-5, 1e-3, 2e-4)


def variables() -> list[keras.Variable]:
    """Return the same first weights each time."""
    draw = np.random.default_rng(1)
    return [keras.Variable(draw.normal(size=shape).astype(np.float32)) for shape in SHAPES]


def gradients(step: int) -> list[tf.Tensor]:
    """Return gradients as unlike each other as those of a network: some of 1e3, some of 1e-6, some 0."""
    draw = np.random.default_rng(100 + step)
    sizes = 10.0 ** draw.uniform(-6, 3, size=len(SHAPES))
    found = [size * draw.normal(size=shape) for size, shape in zip(sizes, SHAPES, strict=True)]
    found[1][:3] = 0
    return [tf.constant(np.asarray(each, np.float32)) for each in found]


def in_turn(optimizer, *, compiled: bool) -> list[list[np.ndarray]]:
    """Return weights and moments after each step, the rate assigned before it as the training loop does."""
    weights = variables()
    optimizer.build(weights)

    def apply(found: list[tf.Tensor]) -> None:
        optimizer.apply(found, weights)

    step = tf.function(apply) if compiled else apply
    seen = []
    for number, rate in enumerate(RATES):
        optimizer.learning_rate = rate
        step(gradients(number))
        seen.append([variable.numpy() for variable in (*weights, *optimizer.variables)])
    return seen


def agree(seen: list[list[np.ndarray]], wanted: list[list[np.ndarray]]) -> None:
    for step, (ours, keras_own) in enumerate(zip(seen, wanted, strict=True)):
        for value, expected in zip(ours, keras_own, strict=True):
            # Keras takes 1 - 0.999 in double precision, the kernel in single: 5e-5 of a velocity, 2e-5 of a step.
            slack = 2e-6 * np.abs(expected).max()
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=slack, err_msg=f"after step {step + 1}")


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_every_step_is_that_of_kerass_adam(compiled):
    wanted = in_turn(keras.optimizers.Adam(), compiled=compiled)
    assert any(not np.array_equal(first, last) for first, last in zip(wanted[0], wanted[-1], strict=True))
    agree(in_turn(FusedAdam(), compiled=compiled), wanted)


def test_every_step_is_that_of_kerass_adam_where_the_loss_is_scaled():
    scaled = keras.optimizers.LossScaleOptimizer
    agree(in_turn(scaled(FusedAdam()), compiled=True), in_turn(scaled(keras.optimizers.Adam()), compiled=True))


def test_the_first_step_moves_each_weight_by_the_rate_against_its_gradient():
    weight = keras.Variable(np.float32([1.0, 1.0]))
    optimizer = FusedAdam(learning_rate=0.25)
    optimizer.build([weight])
    optimizer.apply([tf.constant([4.0, -0.5])], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.75, 1.25], rtol=1e-5)


def test_a_gradient_of_single_rows_takes_kerass_own_way():
    def after_one_step(optimizer) -> np.ndarray:
        table = keras.Variable(np.ones((4, 2), np.float32))
        optimizer.build([table])
        optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))], [table])
        return table.numpy()

    np.testing.assert_array_equal(after_one_step(FusedAdam()), after_one_step(keras.optimizers.Adam()))


def test_the_variant_that_remembers_the_largest_velocity_takes_kerass_own_way():
    def amsgrad(kind) -> list[list[np.ndarray]]:
        return in_turn(kind(amsgrad=True), compiled=False)

    agree(amsgrad(FusedAdam), amsgrad(keras.optimizers.Adam))
