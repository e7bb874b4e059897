"""Any number of channels into three: what the 1x1 convolution begins as, and that it learns."""

import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.build import encoder_layers, set_encoder_trainable
from stroke_tf.models.channel_mixing import starting_weights


def test_at_first_the_first_three_channels_pass():
    assert starting_weights(4, 3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_too_few_channels_begin_again():
    assert starting_weights(2, 3).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_three_channels_need_no_mixing(small_model):
    assert "channel_mixing" not in [layer.name for layer in small_model().layers]


@pytest.mark.parametrize("architecture", [Architecture.UNET_2D, Architecture.UNET_2D_DEEP])
def test_more_channels_begin_as_the_network_of_three(small_model, architecture):
    three, nine = small_model(architecture), small_model(architecture, channels=9)
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 9)).astype(np.float32)
    first, second = three(images[..., :3]), nine(images)
    np.testing.assert_allclose(np.asarray(first)[..., 1], np.asarray(second)[..., 1], atol=1e-6)


def test_what_is_0_in_all_channels_stays_0_and_float32(small_model):
    mixing = small_model(channels=4, precision=Precision.MIXED_BFLOAT16).get_layer("channel_mixing")
    mixing.kernel.assign(np.random.default_rng(1).normal(size=(1, 1, 4, 3)))
    mixed = mixing(np.zeros((1, 2, 2, 4), np.float32))
    assert mixed.dtype == tf.float32 and not np.any(mixed)


def test_the_mixing_learns_while_the_encoder_is_frozen(small_model):
    model = small_model(channels=4)
    set_encoder_trainable(model, False)
    kernel = model.get_layer("channel_mixing").kernel
    assert "channel_mixing" not in [layer.name for layer in encoder_layers(model)]
    assert kernel in model.trainable_variables
    images = tf.random.stateless_normal((2, 32, 32, 4), (1, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(images, training=True)[..., 1]))
    gradient = tape.gradient(loss, kernel)
    # The fourth channel, which counts for nothing at first, is asked for as well.
    assert np.all(np.any(np.asarray(gradient)[0, 0] != 0, axis=1))
