"""Group normalisation normalises, and leaves no sum whose order may change."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.build import build_model
from stroke_tf.models.group_norm import GroupNormalization


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(3, 2, (2, 3, 4, 5, 6)).astype(np.float32)


def test_each_group_of_each_item_gets_mean_0_and_variance_1(features):
    normal = GroupNormalization(2, epsilon=0.0)(features).numpy().reshape(2, 60, 2, 3)
    np.testing.assert_allclose(normal.mean((1, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(normal.var((1, 3)), 1, atol=1e-4)


def test_values_and_gradients_are_those_of_keras(features):
    ours, theirs = GroupNormalization(2), keras.layers.GroupNormalization(2)
    rng = np.random.default_rng(2)
    scale, shift, back = rng.random(6), rng.random(6), tf.constant(rng.random(features.shape, np.float32))
    found = []
    for layer in (ours, theirs):
        layer.build(features.shape)
        layer.set_weights([scale, shift])
        x = tf.constant(features)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        found.append([y, *tape.gradient(y, [x, *layer.trainable_variables], output_gradients=back)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.MIXED_BFLOAT16])
def test_the_3d_network_sums_no_three_gradients(precision: Precision):
    # TensorFlow begins such a sum with whichever buffer is free first, so its last bits would depend on timing.
    model = build_model(Architecture.UNET_3D, seed=1, precision=precision, patch=(16, 16, 16), base_filters=2)
    patch = tf.zeros((1, *model.inputs[0].shape[1:]))

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(patch, training=True)[..., 1] ** 2)
        return tape.gradient(loss, model.trainable_variables)

    graph = gradients.get_concrete_function().graph
    sums = [operation for operation in graph.get_operations() if operation.type == "AddN"]
    assert sums, "the search found no sum of gradients at all"
    assert {len(operation.inputs) for operation in sums} == {2}
