"""The ISLES 2022 rules of counting lesions, on masks drawn as 0 and 1."""

import numpy as np
import pytest
from skimage import measure

from stroke_tf.metrics.conventions import BothEmpty
from stroke_tf.metrics.lesionwise import LesionCounts, count_lesions, lesion_count_difference, lesion_f1


def drawn(text: str) -> np.ndarray:
    """Turn rows of 0 and 1 into a mask of one slice, shape (rows, columns, 1)."""
    return np.array([[character == "1" for character in row] for row in text.split()])[..., None]


CASES = {
    # name: prediction, truth, (tp, fp, fn, predicted), F1, count difference
    "one voxel touches": ("0001 0000", "1111 1111", (1, 0, 0, 1), 1.0, 0),
    "beside it, touching nothing": ("0001 0001", "1100 1100", (0, 1, 1, 1), 0.0, 0),
    "a corner is no touch": ("1000 0000", "0000 0100", (0, 1, 1, 1), 0.0, 0),
    "found, missed and invented": ("10001 00001", "10100 00100", (1, 1, 1, 2), 0.5, 0),
    "one prediction joins two lesions": ("11111", "11011", (2, 0, 0, 1), 1.0, 1),
    "one lesion in two pieces": ("11011", "11111", (1, 0, 0, 2), 1.0, 1),
    "corners make one lesion": ("100 010 001", "100 010 001", (1, 0, 0, 1), 1.0, 0),
    "nothing predicted": ("00000", "10101", (0, 0, 3, 0), 0.0, 3),
    "nothing there": ("10101", "00000", (0, 3, 0, 3), 0.0, 3),
    "nothing at all": ("00000", "00000", (0, 0, 0, 0), 1.0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_lesions_are_counted_by_the_rules_of_isles_2022(name):
    prediction, truth, (tp, fp, fn, predicted), f1, difference = CASES[name]
    lesions = count_lesions(drawn(prediction), drawn(truth))
    assert lesions == LesionCounts(tp=tp, fp=fp, fn=fn, predicted=predicted)
    assert lesion_f1(lesions) == f1
    assert lesion_count_difference(lesions) == difference


@pytest.mark.parametrize(("rule", "value"), [("one", 1.0), ("zero", 0.0), ("undefined", None)])
def test_f1_of_two_empty_masks_is_what_the_rule_says(rule, value):
    assert lesion_f1(LesionCounts(0, 0, 0, 0), both_empty=BothEmpty(rule)) == value


@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_those_of_a_loop_over_scikit_image_labels(seed):
    generator = np.random.default_rng(seed)
    prediction, truth = generator.random((2, 12, 13, 11)) < 0.02
    true, predicted = measure.label(truth, connectivity=3), measure.label(prediction, connectivity=3)
    found = sum(prediction[true == lesion].any() for lesion in range(1, true.max() + 1))
    invented = sum(not truth[predicted == lesion].any() for lesion in range(1, predicted.max() + 1))
    expected = LesionCounts(found, invented, true.max() - found, predicted.max())
    assert count_lesions(prediction, truth) == expected
    assert expected.true == true.max() > 0
