"""Our fused batch normalisation against Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.models.batchnorm import FusedBatchNormalization

SETTINGS = {"momentum": 0.75, "epsilon": 2e-5}


@pytest.fixture
def features() -> tf.Tensor:
    """Return (4, 8, 8, 3) features, each channel with a mean and a spread of its own."""
    random = np.random.default_rng(5)
    return tf.constant(random.normal([1.0, -2.0, 0.0], [1.0, 3.0, 0.1], size=(4, 8, 8, 3)), tf.float32)


def pair(features: tf.Tensor, **settings):
    """Return ours and Keras's layer with equal, uneven weights."""
    layers = FusedBatchNormalization(**SETTINGS, **settings), keras.layers.BatchNormalization(**SETTINGS, **settings)
    for layer in layers:
        layer.build(features.shape)
        for number, variable in enumerate(layer.weights):
            variable.assign(np.linspace(0.5, 1.5, 3) + number)
    return layers


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_outputs_and_gradients_are_those_of_keras(features, training, scale):
    found = []
    for layer in pair(features, scale=scale):
        with tf.GradientTape() as tape:
            tape.watch(features)
            outputs = layer(features, training=training)
            loss = tf.reduce_sum(outputs * tf.cumsum(features, axis=1))
        found.append([outputs, *tape.gradient(loss, [features, *(v.value for v in layer.trainable_variables)])])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


def test_moving_statistics_follow_the_momentum(features):
    ours, theirs = pair(features)
    before = ours.moving_variance.numpy()
    ours(features, training=True)
    theirs(features, training=True)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    unbiased = np.var(features.numpy().reshape(-1, 3), axis=0, ddof=1)
    np.testing.assert_allclose(ours.moving_variance, 0.75 * before + 0.25 * unbiased, rtol=1e-5)


def test_a_frozen_layer_normalises_as_in_inference_and_keeps_its_statistics(features):
    layer, _ = pair(features)
    layer.trainable = False
    before = [variable.numpy() for variable in layer.weights]
    np.testing.assert_array_equal(layer(features, training=True), layer(features, training=False))
    for variable, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_statistics_stay_float32_when_features_are_bfloat16(features):
    layer = FusedBatchNormalization(dtype="mixed_bfloat16", **SETTINGS)
    assert layer(features, training=True).dtype == tf.bfloat16
    assert {variable.dtype for variable in layer.weights} == {"float32"}


def test_features_of_volumes_take_the_way_of_keras(features):
    volumes = features[:, :, :, None, :]
    ours, theirs = pair(volumes)
    np.testing.assert_array_equal(ours(volumes, training=True), theirs(volumes, training=True))
    np.testing.assert_array_equal(ours.moving_variance, theirs.moving_variance)
