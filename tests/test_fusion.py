"""The vote, its tie and its threshold."""

from itertools import product

import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import GeometryError, SettingError
from stroke_tf.fusion import fuse, lesion_where, majority


def masks_of(*votes: int) -> list[np.ndarray]:
    return [np.full((1, 1, 1), vote, dtype=bool) for vote in votes]


@pytest.mark.parametrize("votes", list(product([0, 1], repeat=3)))
@pytest.mark.parametrize("tie", TieRule)
def test_two_of_three_decide_and_no_tie_can_happen(votes: tuple[int, ...], tie: TieRule):
    assert majority(masks_of(*votes), tie=tie).item() == (sum(votes) >= 2)


def test_a_tie_of_two_votes_is_background_or_lesion_as_asked():
    assert not majority(masks_of(1, 0), tie=TieRule.BACKGROUND).item()
    assert majority(masks_of(1, 0), tie=TieRule.LESION).item()


@pytest.mark.parametrize("tie", TieRule)
def test_two_votes_that_agree_are_no_tie(tie: TieRule):
    assert majority(masks_of(1, 1), tie=tie).item()
    assert not majority(masks_of(0, 0), tie=tie).item()


@pytest.mark.parametrize("tie", TieRule)
def test_one_mask_alone_is_itself(tie: TieRule):
    mask = np.arange(24).reshape(2, 3, 4) % 5 == 0
    assert np.array_equal(majority([mask], tie=tie), mask)


def test_a_vote_of_255_does_not_overflow_its_byte():
    assert majority(masks_of(*[1] * 255), tie=TieRule.BACKGROUND).item()
    assert majority(masks_of(*[1] * 128, *[0] * 127), tie=TieRule.BACKGROUND).item()
    assert not majority(masks_of(*[1] * 127, *[0] * 128), tie=TieRule.BACKGROUND).item()


def test_the_vote_is_bool_and_leaves_its_arguments_alone():
    masks = [np.ones((2, 2, 2), dtype=np.uint8), np.zeros((2, 2, 2), dtype=np.uint8), np.ones((2, 2, 2), dtype=bool)]
    voted = majority(masks, tie=TieRule.BACKGROUND)
    assert voted.dtype == bool and voted.all()
    assert masks[0].all() and not masks[1].any()


@pytest.mark.parametrize("count", [0, 256])
def test_too_few_or_too_many_masks_are_refused(count: int):
    with pytest.raises(SettingError, match=f"Received: {count}"):
        majority(masks_of(*[1] * count), tie=TieRule.BACKGROUND)


def test_masks_of_different_shapes_are_refused_by_number():
    with pytest.raises(GeometryError, match=r"mask 1 .*mask 3"):
        majority([*masks_of(1, 1), np.ones((1, 1, 2), dtype=bool)], tie=TieRule.BACKGROUND)


def test_the_threshold_itself_is_lesion():
    assert lesion_where(np.array([0.49, 0.5, 0.51])).tolist() == [False, True, True]
    assert lesion_where(np.array([0.49, 0.5, 0.51]), threshold=0.51).tolist() == [False, False, True]


def test_a_mask_needs_no_threshold():
    mask = np.array([True, False])
    assert lesion_where(mask, threshold=0.9).tolist() == [True, False]


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1, float("nan")])
def test_a_threshold_that_no_probability_can_fail_or_meet_is_refused(threshold: float):
    with pytest.raises(SettingError, match="threshold"):
        lesion_where(np.zeros(3), threshold=threshold)


def test_probabilities_are_voted_and_not_averaged():
    # The mean of 0.6, 0.6 and 0.0 is 0.4, yet two of three say lesion.
    volumes = [np.full((1, 1, 1), value) for value in (0.6, 0.6, 0.0)]
    assert fuse(FusionRule.MAJORITY, volumes, tie=TieRule.BACKGROUND).item()


@pytest.mark.parametrize("rule", FusionRule)
def test_every_rule_has_a_function(rule: FusionRule):
    assert fuse(rule, [np.ones((2, 2, 2), dtype=bool)] * 3, tie=TieRule.BACKGROUND).all()
