"""Half precision, as a T4 uses it: the loss is scaled before its gradient, and the scale is part of the state."""

import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.build import build_model
from stroke_tf.training.fit import Trainable
from stroke_tf.training.losses import hybrid_loss


@pytest.fixture(scope="module")
def trainable():
    """A small 2-D network in mixed_float16."""
    model = build_model(Architecture.UNET_2D, seed=1, precision=Precision.MIXED_FLOAT16, backbone="resnet18", size=32)
    return Trainable(model, hybrid_loss(alpha=1.0, beta=1.0, lesion_weight=3.0), Precision.MIXED_FLOAT16)


def batch() -> tuple[tf.Tensor, tf.Tensor]:
    """Return two images whose bright square is the lesion."""
    images = np.zeros((2, 32, 32, 3), np.float32)
    images[:, 8:16, 8:16] = 2.0
    return tf.constant(images), tf.constant(images[..., 0] / 2.0)


def losses(trainable: Trainable, steps: int) -> list[float]:
    """Return the losses of some steps from the network's first weights."""
    trainable.reset()
    step, optimizer = trainable.step_of(encoder_trainable=True)
    optimizer.learning_rate = 1e-3
    return [float(step(*batch())) for _ in range(steps)]


def test_the_loss_falls_and_a_reset_run_repeats_it_to_the_bit(trainable):
    first = losses(trainable, 4)
    assert first[-1] < first[0]
    assert losses(trainable, 4) == first


def test_a_gradient_that_overflows_half_precision_is_skipped_and_the_scale_halved(trainable):
    trainable.reset()
    step, optimizer = trainable.step_of(encoder_trainable=True)
    optimizer.dynamic_scale.assign(3e38)
    before = [variable.numpy() for variable in trainable.model.trainable_variables]
    loss = float(step(*batch()))
    assert np.isfinite(loss)
    assert optimizer.dynamic_scale.numpy() == pytest.approx(1.5e38)
    for value, variable in zip(before, trainable.model.trainable_variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())


def test_the_output_is_float32_whatever_the_arithmetic(trainable):
    assert trainable.model.output.dtype == "float32"
