"""The generative model's losses beside NumPy, and on images small enough to check by eye."""

import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.training.losses import weighted_cross_entropy
from stroke_tf.training.pixel_region_loss import (
    generalised_dice_loss,
    generative_loss,
    image_loss,
    pixel_region_loss,
)


def constant(values) -> tf.Tensor:
    return tf.constant(values, tf.float32)


def targets(coverage, dwi, brain) -> tf.Tensor:
    return constant(np.stack([coverage, dwi, brain], axis=-1)[None])


def test_generalised_dice_equals_its_formula():
    draw = np.random.default_rng(1)
    p, c = draw.uniform(0.01, 0.99, (2, 5, 7)), np.clip(draw.normal(0.1, 0.5, (2, 5, 7)), 0, 1)
    lesion, background = 1 / c.sum() ** 2, 1 / (1 - c).sum() ** 2
    above = lesion * (p * c).sum() + background * ((1 - p) * (1 - c)).sum()
    below = lesion * (p + c).sum() + background * (2 - p - c).sum()
    assert float(generalised_dice_loss(constant(p), constant(c))) == pytest.approx(1 - 2 * above / below, rel=1e-5)


def test_a_perfect_answer_costs_nothing_and_the_opposite_costs_one():
    truth = constant([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert float(generalised_dice_loss(truth, truth)) == pytest.approx(0, abs=1e-6)
    assert float(generalised_dice_loss(1 - truth, truth)) == pytest.approx(1, abs=1e-6)


def test_a_small_lesion_missed_costs_nearly_as_much_as_a_large_one():
    losses = []
    for area in (2, 200):
        truth = np.zeros(10_000)
        truth[:area] = 1
        losses.append(float(generalised_dice_loss(constant(np.zeros(10_000)), constant(truth))))
    assert losses == pytest.approx([1, 1], abs=0.1)


def test_a_batch_without_lesion_gives_a_finite_loss_and_gradient():
    probability = tf.Variable(tf.fill((4, 4), 0.3))
    with tf.GradientTape() as tape:
        loss = generalised_dice_loss(probability, tf.zeros((4, 4)))
    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, probability)).all()


def test_pixel_and_region_are_added_with_their_weights():
    draw = np.random.default_rng(2)
    p = draw.uniform(0.1, 0.9, (1, 4, 4)).astype(np.float32)
    truth = targets(draw.random((4, 4)) > 0.7, np.zeros((4, 4)), np.ones((4, 4)))
    loss = pixel_region_loss(region=2.0, pixel=0.5, lesion_weight=3.0)(truth, constant(np.stack([1 - p, p], axis=-1)))
    region = generalised_dice_loss(constant(p), truth[..., 0])
    pixel = weighted_cross_entropy(constant(p), truth[..., 0], 3.0)
    assert float(loss) == pytest.approx(float(2 * region + 0.5 * pixel), rel=1e-6)


def test_the_image_loss_is_the_mean_squared_difference_and_that_of_the_edges():
    real, brain = np.zeros((2, 3)), np.ones((2, 3))
    truth = targets(real, real, brain)
    drawn = constant([[[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    # One pixel of six is off by 2: one step down and one across see it.
    assert float(image_loss(drawn, truth, edges=0.0, lesion_weight=3.0)) == pytest.approx(4 / 6, rel=1e-5)
    assert float(image_loss(drawn, truth, edges=1.0, lesion_weight=3.0)) == pytest.approx(4 / 6 + 2 / 6, rel=1e-5)


def test_a_lesion_that_may_be_there_is_drawn_as_bright_as_it_is_likely():
    brain, lesion = np.ones((1, 4)), np.array([[1.0, 0.0, 0.0, 0.0]])
    truth = targets(0 * lesion, 5 * lesion, brain)
    losses = {
        g: float(image_loss(tf.fill((1, 1, 4), float(g)), truth, edges=0.0, lesion_weight=1.0)) for g in (0, 1.25, 5)
    }
    assert min(losses, key=losses.get) == 1.25


def test_a_pixel_of_lesion_counts_more():
    lesion, brain = np.array([[1.0, 0.0]]), np.ones((1, 2))
    losses = []
    for wrong in (constant([[[1.0, 0.0]]]), constant([[[0.0, 1.0]]])):
        losses.append(float(image_loss(wrong, targets(lesion, 0 * lesion, brain), edges=0.0, lesion_weight=3.0)))
    assert losses == pytest.approx([1.5, 0.5], rel=1e-5)


def test_outside_the_brain_any_image_will_do():
    real = np.array([[1.0, 0.0], [2.0, 0.0]])
    brain = np.array([[1.0, 0.0], [1.0, 0.0]])
    drawn = constant([[[1.0, 9.0], [2.0, -9.0]]])
    assert float(image_loss(drawn, targets(real, real, brain), edges=1.0, lesion_weight=1.0)) == 0


def test_the_whole_loss_adds_the_image_with_its_weight():
    draw = np.random.default_rng(3)
    truth = targets(draw.random((4, 4)) > 0.5, draw.normal(size=(4, 4)), np.ones((4, 4)))
    softmax = tf.nn.softmax(constant(draw.normal(size=(1, 4, 4, 2))))
    drawn = constant(draw.normal(size=(1, 4, 4, 1)))
    segmentation = pixel_region_loss(region=1.0, pixel=1.0, lesion_weight=2.0)
    loss = generative_loss(segmentation, image=0.25, edges=0.5, lesion_weight=2.0)(truth, [softmax, drawn])
    expected = segmentation(truth, softmax) + 0.25 * image_loss(drawn[..., 0], truth, edges=0.5, lesion_weight=2.0)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
