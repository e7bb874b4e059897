"""Attention gates: how much of a skip passes, and that a gate can close it."""

import keras
import numpy as np
import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.attention import GATED_LEVELS, OPEN, attention_gate
from stroke_tf.models.build import build_model
from stroke_tf.models.unet2d import DECODER_FILTERS

SKIP, GATING, WIDTH = (8, 8, 6), (4, 4, 10), 5


@pytest.fixture
def gate() -> keras.Model:
    """Return one gate with random weights, and its coefficients beside what passes."""
    keras.utils.set_random_seed(7)
    skip, gating = keras.Input(SKIP), keras.Input(GATING)
    passed = attention_gate(skip, gating, WIDTH, "gate")
    model = keras.Model([skip, gating], passed)
    return keras.Model([skip, gating], [passed, model.get_layer("gate_alpha").output])


@pytest.fixture
def features() -> list[np.ndarray]:
    draw = np.random.default_rng(2)
    return [draw.normal(scale=5, size=(3, *shape)).astype(np.float32) for shape in (SKIP, GATING)]


def test_a_gate_keeps_the_shape_of_its_skip_and_has_few_weights(gate):
    assert gate.output_shape[0] == (None, *SKIP)
    assert gate.count_params() == 2 * 2 * 6 * WIDTH + 10 * WIDTH + WIDTH + WIDTH + 1


def test_a_coefficient_lies_between_0_and_1_and_weakens_every_channel_of_its_place(gate, features):
    passed, alpha = (np.asarray(output) for output in gate(features))
    assert alpha.shape == (3, 8, 8, 1)
    assert alpha.min() >= 0 and alpha.max() <= 1 and alpha.std() > 0.01
    np.testing.assert_allclose(passed, features[0] * alpha, rtol=1e-5)


def test_a_gate_without_an_opinion_is_open(gate, features):
    alpha = np.asarray(gate([np.zeros_like(features[0]), np.zeros_like(features[1])])[1])
    np.testing.assert_allclose(alpha, 1 / (1 + np.exp(-OPEN)), rtol=1e-5)


def test_a_gate_can_close_its_skip(gate, features):
    gate.get_layer("gate_coefficient").bias.assign([-1e4])
    passed, alpha = gate(features)
    assert not np.any(passed) and not np.any(alpha)


def test_the_network_gates_the_three_deeper_skips(small_model):
    model = small_model(Architecture.ATTENTION_UNET, precision=Precision.MIXED_BFLOAT16)
    unet = model.get_layer("unet")
    gates = [layer.name for layer in unet.layers if layer.name.endswith("_coefficient")]
    assert gates == [f"attention_gate{level}_coefficient" for level in range(GATED_LEVELS)]
    widths = [unet.get_layer(f"attention_gate{level}_skip").filters for level in range(GATED_LEVELS)]
    assert widths == list(DECODER_FILTERS[:GATED_LEVELS])


def test_closed_gates_hide_the_deeper_skips_from_the_answer():
    """With its gates closed the decoder sees of those skips nothing but zeros."""
    model = build_model(
        Architecture.ATTENTION_UNET, seed=1, precision=Precision.FLOAT32, backbone="resnet18", size=32
    ).get_layer("unet")
    outputs = [model.get_layer(f"attention_gate{level}_weakened").output for level in range(GATED_LEVELS)]
    for level in range(GATED_LEVELS):
        model.get_layer(f"attention_gate{level}_coefficient").bias.assign([-1e4])
    images = np.random.default_rng(3).normal(size=(1, 32, 32, 3)).astype(np.float32)
    for passed in keras.Model(model.input, outputs)(images):
        assert passed.shape[-1] >= 64 and not np.any(passed)
