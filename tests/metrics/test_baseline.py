"""The threshold rule: one number, fitted by histograms, is the one that trying all would find."""

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, InputFileError, SettingError
from stroke_tf.metrics.baseline import (
    LARGEST_THRESHOLDS,
    STEP,
    apply_threshold,
    fit_threshold,
    fit_threshold_of_largest,
    flair_dwi_product,
    largest_component,
)
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice

SHAPE = (5, 6, 7)


def example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a product and a lesion that is brighter, but not so much that a threshold would separate it."""
    generator = np.random.default_rng(seed)
    truth = generator.random(SHAPE) < 0.15
    product = generator.gamma(4.0, 0.25, size=SHAPE) + truth * generator.gamma(3.0, 0.6, size=SHAPE)
    return product.astype(np.float32), truth


def mean_dice(cases, threshold: float) -> float:
    return float(np.mean([dice(count(apply_threshold(product, threshold), truth)) for product, truth in cases]))


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_the_fitted_threshold_is_the_best_of_all(seed):
    cases = [example(seed + number) for number in range(4)]
    tried = STEP * np.arange(1, 16 * 256 + 1)
    scores = [mean_dice(cases, threshold) for threshold in tried]
    fitted = fit_threshold(iter(cases))
    assert fitted == tried[np.argmax(scores)]
    assert 0.2 < mean_dice(cases, fitted) < 0.95


def test_a_value_on_the_threshold_is_lesion():
    product = np.array([1.0, 2.0, 3.0], dtype=np.float32).reshape(3, 1, 1)
    truth = np.array([False, False, True]).reshape(3, 1, 1)
    threshold = fit_threshold([(product, truth)])
    assert threshold == 2.0 + STEP
    np.testing.assert_array_equal(apply_threshold(product, threshold), truth)
    np.testing.assert_array_equal(apply_threshold(product, 3.0), truth)


def test_lesions_brighter_than_every_threshold_are_kept():
    product = np.array([0.0, 16.0, 1e6], dtype=np.float32).reshape(3, 1, 1)
    threshold = fit_threshold([(product, product > 1)])
    assert apply_threshold(product, threshold).sum() == 2


def test_a_case_without_lesion_asks_for_a_threshold_that_finds_nothing_in_it():
    product = np.array([0.5, 1.5, 4.0], dtype=np.float32).reshape(3, 1, 1)
    assert fit_threshold([(product, product > 9)]) == 4.0 + STEP


def test_the_product_is_free_of_the_scanners_scale():
    generator = np.random.default_rng(2)
    flair, dwi = generator.gamma(9.0, 20.0, size=(2, *SHAPE))
    brain = generator.random(SHAPE) < 0.7
    product = flair_dwi_product(flair, dwi, brain)
    assert product.dtype == np.float32
    np.testing.assert_allclose(product, flair_dwi_product(flair * 37, dwi / 5, brain), rtol=1e-5)
    np.testing.assert_allclose(
        product[brain], (flair / np.median(flair[brain]) * dwi / np.median(dwi[brain]))[brain], rtol=1e-5
    )


def test_the_product_is_0_outside_the_brain_and_where_a_sequence_is_not_positive():
    flair, dwi = np.full((2, 3, 1, 1), 100.0)
    flair[1] = -100.0
    brain = np.array([True, True, False]).reshape(3, 1, 1)
    assert flair_dwi_product(flair, dwi, brain).ravel().tolist() == [1.0, 0.0, 0.0]


def test_the_inputs_are_left_as_they_were():
    flair, dwi = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
    before = flair.copy(), dwi.copy()
    flair_dwi_product(flair, dwi, np.ones(SHAPE, dtype=bool))
    np.testing.assert_array_equal((flair, dwi), before)


def test_no_training_case_is_an_error():
    with pytest.raises(SettingError, match="Received: none"):
        fit_threshold([])


def test_images_that_do_not_fit_are_refused():
    brain = np.ones(SHAPE, dtype=bool)
    with pytest.raises(GeometryError, match="FLAIR has shape"):
        flair_dwi_product(np.ones(SHAPE), np.ones((1, 2, 3)), brain)
    with pytest.raises(InputFileError, match="DWI: no voxel of the brain is positive"):
        flair_dwi_product(np.ones(SHAPE), np.zeros(SHAPE), brain)
    with pytest.raises(InputFileError, match="1 voxels are NaN"):
        flair_dwi_product(np.where(np.arange(210).reshape(SHAPE) == 3, np.nan, 1.0), np.ones(SHAPE), brain)
    with pytest.raises(GeometryError, match="product has shape"):
        fit_threshold([(np.ones(SHAPE, dtype=np.float32), np.ones((1, 2, 3), dtype=bool))])


def test_the_largest_component_stays_alone_and_nothing_stays_nothing():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=bool)
    assert largest_component(mask).tolist() == [[True, False, False, False], [False, True, False, False], [False] * 4]
    assert not largest_component(np.zeros((2, 2), bool)).any()


def with_distractors(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a lesion of 27 voxels with a dim rim, among single voxels that are brighter than all of it."""
    generator = np.random.default_rng(seed)
    product = np.ones((12, 11, 10), np.float32)
    truth = np.zeros(product.shape, bool)
    truth[4:7, 4:7, 4:7] = True
    product[truth] = generator.uniform(2.1, 3.0, 27)
    product[::4, ::5, 9] = 5.0
    return product, truth


def test_the_threshold_of_the_largest_component_is_the_best_of_those_tried():
    cases = [with_distractors(seed) for seed in range(3)]

    def score(threshold: float) -> float:
        found = [largest_component(apply_threshold(product, threshold)) for product, _ in cases]
        return float(np.mean([dice(count(mask, truth)) for mask, (_, truth) in zip(found, cases, strict=True)]))

    fitted = fit_threshold_of_largest(iter(cases))
    assert score(fitted) == max(score(threshold) for threshold in LARGEST_THRESHOLDS) == 1.0
    # What lies around does not count, so the rule beats the plain threshold where distractors are small.
    assert mean_dice(cases, fit_threshold(iter(cases))) < 1.0


def test_cases_without_anything_bright_do_not_stop_the_fitting():
    dark = np.ones((3, 3, 3), np.float32), np.zeros((3, 3, 3), bool)
    assert fit_threshold_of_largest([dark]) == LARGEST_THRESHOLDS[0]
    with pytest.raises(SettingError, match="Received: none"):
        fit_threshold_of_largest([])
