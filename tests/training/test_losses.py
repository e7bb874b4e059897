"""Losses beside NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import LossKind
from stroke_tf.training.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    dice_loss,
    hybrid_loss,
    make_loss,
    pixel_accuracy,
    weighted_cross_entropy,
)


def constant(values) -> tf.Tensor:
    return tf.constant(values, tf.float32)


def softmax_of(probability) -> tf.Tensor:
    """Return an output whose lesion class has this probability."""
    lesion = np.asarray(probability, np.float32)
    return constant(np.stack([1 - lesion, lesion], axis=-1))


def random_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities away from 0 and 1, and coverage with whole and partial pixels."""
    generator = np.random.default_rng(seed)
    coverage = np.clip(generator.normal(0.3, 0.6, (2, 5, 7)), 0, 1)
    return generator.uniform(0.01, 0.99, (2, 5, 7)), coverage


@pytest.mark.parametrize("seed", range(3))
def test_cross_entropy_equals_its_formula(seed):
    p, c = random_pair(seed)
    expected = -np.mean(3.0 * c * np.log(p) + (1 - c) * np.log(1 - p))
    assert float(weighted_cross_entropy(constant(p), constant(c), 3.0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_dice_loss_equals_its_formula(seed):
    p, c = random_pair(seed)
    expected = 1 - (2 * np.sum(p * c) + 1) / (np.sum(p) + np.sum(c) + 1)
    assert float(dice_loss(constant(p), constant(c))) == pytest.approx(expected, rel=1e-5)


def test_half_a_pixel_wants_half_a_probability():
    losses = {p: float(weighted_cross_entropy(constant([p]), constant([0.5]), 1.0)) for p in (0.2, 0.4, 0.5, 0.6, 0.8)}
    assert min(losses, key=losses.get) == 0.5


def test_a_perfect_answer_costs_nothing():
    truth = constant([[0.0, 1.0], [1.0, 0.0]])
    assert float(dice_loss(truth, truth)) == 0
    assert float(weighted_cross_entropy(truth, truth, 2.0)) == pytest.approx(0, abs=1e-5)


def test_the_dice_of_nothing_found_where_nothing_is_costs_nothing():
    assert float(dice_loss(tf.zeros((4, 4)), tf.zeros((4, 4)))) == 0


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_certainty_that_is_wrong_costs_much_and_not_infinitely(coverage):
    probability = tf.Variable([1.0 - coverage])
    with tf.GradientTape() as tape:
        loss = weighted_cross_entropy(probability, constant([coverage]), 1.0)
    assert 10 < float(loss) < 20
    assert np.isfinite(tape.gradient(loss, probability).numpy()).all()


def test_a_missed_lesion_pixel_costs_the_lesions_weight():
    miss = float(weighted_cross_entropy(constant([0.1]), constant([1.0]), 4.0))
    false_alarm = float(weighted_cross_entropy(constant([0.9]), constant([0.0]), 4.0))
    assert miss == pytest.approx(4 * false_alarm, rel=1e-5)


def test_dice_is_of_the_whole_batch_and_not_of_each_slice():
    # Slice 1 is found; slice 2 has no lesion and one false pixel, which alone would cost 1/2.
    probability = constant([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    coverage = constant([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert float(dice_loss(probability, coverage)) == pytest.approx(1 - (2 * 4 + 1) / (5 + 4 + 1))


def test_the_hybrid_adds_both_losses_with_their_weights():
    p, c = random_pair(9)
    p, c = constant(p), constant(c)
    expected = 0.3 * float(weighted_cross_entropy(p, c, 2.0)) + 5.0 * float(dice_loss(p, c))
    loss = hybrid_loss(alpha=0.3, beta=5.0, lesion_weight=2.0)
    assert float(loss(c, softmax_of(p))) == pytest.approx(expected, rel=1e-5)


def test_auxiliary_outputs_count_half_as_much_each_and_the_weights_add_up_to_one():
    coverage = constant([[1.0, 0.0]])
    outputs = [softmax_of([[p, 1 - p]]) for p in (0.9, 0.6, 0.2)]
    loss = hybrid_loss(alpha=1.0, beta=1.0, lesion_weight=1.0)
    main, second, third = (float(loss(coverage, output)) for output in outputs)
    assert float(loss(coverage, outputs)) == pytest.approx((4 * main + 2 * second + third) / 7, rel=1e-5)


def test_the_loss_is_float32_whatever_the_networks_precision():
    output = tf.cast(softmax_of([[0.7, 0.2]]), tf.float16)
    assert hybrid_loss(alpha=1.0, beta=1.0, lesion_weight=1.0)(constant([[1.0, 0.0]]), output).dtype == tf.float32


@pytest.mark.parametrize("loss", [binary_cross_entropy, categorical_cross_entropy])
def test_a_plain_cross_entropy_equals_its_formula(loss):
    p, c = random_pair(5)
    expected = -np.mean(c * np.log(p) + (1 - c) * np.log(1 - p))
    assert float(loss(softmax_of(p), constant(c))) == pytest.approx(expected, rel=1e-5)


def test_binary_cross_entropy_is_kerass_over_both_outputs():
    p, c = random_pair(6)
    both = np.stack([1 - c, c], axis=-1).astype(np.float32)
    keras_own = float(tf.reduce_mean(keras.losses.binary_crossentropy(both, softmax_of(p))))
    assert float(binary_cross_entropy(softmax_of(p), constant(c))) == pytest.approx(keras_own, rel=1e-5)


def test_of_two_softmax_classes_binary_and_categorical_cross_entropy_teach_the_same():
    coverage = constant(random_pair(7)[1])
    logits = tf.Variable(np.random.default_rng(7).normal(size=(2, 5, 7, 2)).astype(np.float32))
    taught = []
    for kind in (LossKind.BINARY, LossKind.CATEGORICAL):
        with tf.GradientTape() as tape:
            loss = make_loss(kind)(coverage, tf.nn.softmax(logits))
        taught.append((float(loss), tape.gradient(loss, logits).numpy()))
    assert taught[0][0] == pytest.approx(taught[1][0], rel=1e-6)
    np.testing.assert_allclose(taught[0][1], taught[1][1], rtol=1e-4, atol=1e-8)


def test_the_table_of_losses_holds_every_choice_and_hands_the_weights_to_the_hybrid_alone():
    p, c = random_pair(8)
    values = {
        kind: [float(make_loss(kind, alpha=alpha)(constant(c), softmax_of(p))) for alpha in (1.0, 2.0)]
        for kind in LossKind
    }
    assert values[LossKind.HYBRID][0] < values[LossKind.HYBRID][1]
    assert all(one == other for kind, (one, other) in values.items() if kind is not LossKind.HYBRID)


def test_the_accuracy_is_the_share_of_pixels_on_the_right_side():
    probability, coverage = [[0.9, 0.2, 0.6, 0.4]], [[1.0, 0.0, 0.2, 0.8]]
    assert float(pixel_accuracy(constant(coverage), softmax_of(probability))) == 0.5
    assert float(pixel_accuracy(constant(coverage), [softmax_of(probability), softmax_of(coverage)])) == 0.5
