"""Every rule on arrays that can be checked by eye, its tie and its threshold."""

import weakref
from itertools import product

import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import GeometryError, SettingError
from stroke_tf.fusion import fuse, fused_probability, lesion_where, majority
from stroke_tf.fusion.rules import FASTSURFER, WEIGHTED, in_order, logits, normalised


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


def planes_of(*probabilities: float) -> list[np.ndarray]:
    """Return a volume of one voxel for each plane."""
    return [np.array([value], dtype=np.float32) for value in probabilities]


def fused(rule, *probabilities: float, threshold: float = 0.5, tie=TieRule.BACKGROUND, weights=None) -> bool:
    return fuse(rule, planes_of(*probabilities), threshold=threshold, tie=tie, weights=weights).item()


def even_weights(rule: FusionRule, planes: int) -> list[float] | None:
    return [1.0] * planes if rule in WEIGHTED else None


@pytest.mark.parametrize("rule", FusionRule)
@pytest.mark.parametrize("tie", TieRule)
@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.95])
def test_planes_that_agree_are_followed_by_every_rule(rule: FusionRule, tie: TieRule, threshold: float):
    below, above = np.float32(threshold - 0.01), np.float32(threshold + 0.01)
    volumes = [np.array([0, below, above, 1], dtype=np.float32)] * 3
    mask = fuse(rule, volumes, threshold=threshold, tie=tie, weights=even_weights(rule, 3))
    assert mask.tolist() == [False, False, True, True]


@pytest.mark.parametrize("rule", FusionRule)
def test_masks_count_as_certain_probabilities(rule: FusionRule):
    masks = [np.array([True, False])] * 3
    assert fuse(rule, masks, tie=TieRule.BACKGROUND, weights=even_weights(rule, 3)).tolist() == [True, False]


@pytest.mark.parametrize("rule", [FusionRule.MAJORITY, FusionRule.MEAN_PROBABILITY, FusionRule.WEIGHTED_LOGITS])
def test_of_a_generators_volumes_two_are_in_memory_at_most(rule: FusionRule):
    alive = []

    def volumes():
        for value in (0.9, 0.8, 0.9, 0.7, 0.1):
            volume = np.full(4, value, dtype=np.float32)
            alive.append(weakref.ref(volume))
            assert sum(each() is not None for each in alive) <= 2
            yield volume
            del volume

    assert fuse(rule, volumes(), tie=TieRule.BACKGROUND, weights=even_weights(rule, 5)).all()


def test_a_plane_that_weighs_half_decides_and_a_lighter_one_does_not():
    rule = FusionRule.WEIGHTED_MAJORITY
    assert fused(rule, 0.9, 0.1, 0.1, weights=[0.6, 0.2, 0.2])
    assert not fused(rule, 0.9, 0.1, 0.1, weights=[0.4, 0.3, 0.3])
    # 0.1 + 0.2 and 0.3 are not equal to the last bit, and even all the same.
    assert not fused(rule, 0.9, 0.9, 0.1, weights=[0.1, 0.2, 0.3])
    assert fused(rule, 0.9, 0.9, 0.1, weights=[0.1, 0.2, 0.3], tie=TieRule.LESION)


def test_of_three_planes_of_which_none_weighs_half_the_weighted_vote_is_the_vote():
    for votes in product([0.1, 0.9], repeat=3):
        assert fused(FusionRule.WEIGHTED_MAJORITY, *votes, weights=[0.45, 0.35, 0.2]) == (sum(votes) > 1.5)


def test_a_plane_that_is_sure_outvotes_two_that_are_not():
    rule = FusionRule.CONFIDENCE_MAJORITY
    # Margins 0.9, -0.6, -0.6; squares 0.81 against 0.72. The mean, 0.45, and the vote say no.
    assert fused(rule, 0.95, 0.2, 0.2)
    assert not fused(FusionRule.MEAN_PROBABILITY, 0.95, 0.2, 0.2)
    # Margins 0.8, -0.6, -0.6; squares 0.64 against 0.72.
    assert not fused(rule, 0.9, 0.2, 0.2)


def test_margins_run_to_one_on_either_side_of_any_threshold():
    # At 0.2: 0.6 is half of the way up, 0.1 half of the way down: even.
    assert not fused(FusionRule.CONFIDENCE_MAJORITY, 0.6, 0.1 - 1e-4, threshold=0.2)
    assert fused(FusionRule.CONFIDENCE_MAJORITY, 0.6, 0.1 + 1e-4, threshold=0.2)


def test_votes_by_the_plain_margin_would_be_the_mean():
    # What the rule's text says of its rejected alternative, at a threshold that is not one half.
    volumes = np.random.default_rng(1).uniform(size=(3, 1000)).astype(np.float32)
    margins = np.where(volumes >= 0.3, 1, -1) * np.abs(volumes - np.float32(0.3))
    mean = fuse(FusionRule.MEAN_PROBABILITY, list(volumes), threshold=0.3, tie=TieRule.BACKGROUND)
    assert np.array_equal(margins.sum(axis=0) >= 0, mean)


def test_the_mean_is_lesion_from_the_threshold_on_whatever_the_tie():
    for tie in TieRule:
        assert fused(FusionRule.MEAN_PROBABILITY, 0.75, 0.25, tie=tie)
        assert not fused(FusionRule.MEAN_PROBABILITY, 0.75, 0.24, tie=tie)


def test_logits_are_weighed_and_become_a_probability_again():
    volumes = planes_of(0.8, 0.5, 0.5)
    # logit 0.8 = log 4; half of it is log 2, whose probability is 2/3.
    assert fused_probability(FusionRule.WEIGHTED_LOGITS, volumes, [2, 1, 1]).item() == pytest.approx(2 / 3, abs=1e-6)
    assert fused(FusionRule.WEIGHTED_LOGITS, 0.8, 0.5, 0.5, threshold=0.66, weights=[2, 1, 1])
    assert not fused(FusionRule.WEIGHTED_LOGITS, 0.8, 0.5, 0.5, threshold=0.67, weights=[2, 1, 1])


def test_a_certain_plane_does_not_silence_the_others_in_log_odds():
    assert not fused(FusionRule.WEIGHTED_LOGITS, 1.0, 0.0, 0.4, weights=[1, 1, 1])
    assert np.isfinite(logits(np.array([0.0, 1.0, 0.5]))).all()


def test_fastsurfers_weights_belong_to_planes_and_not_to_positions():
    assert FASTSURFER == {"x": 0.2, "y": 0.4, "z": 0.4}
    assert in_order(FASTSURFER, ["z", "x", "y"]) == [0.4, 0.2, 0.4]
    with pytest.raises(SettingError, match=r"weights of x, y, z; volumes of x, y"):
        in_order(FASTSURFER, ["x", "y"])


def test_one_plane_is_enough_for_the_union_and_all_are_needed_for_the_intersection():
    assert fused(FusionRule.UNION, 0.1, 0.1, 0.9) and not fused(FusionRule.UNION, 0.1, 0.1, 0.1)
    assert fused(FusionRule.INTERSECTION, 0.9, 0.9, 0.9) and not fused(FusionRule.INTERSECTION, 0.9, 0.9, 0.1)


@pytest.mark.parametrize("weights", [[1.0, 1.0], [1.0] * 4])
def test_a_wrong_number_of_weights_is_refused(weights: list[float]):
    with pytest.raises(SettingError, match=rf"{len(weights)} weights, 3 volumes"):
        fuse(FusionRule.WEIGHTED_LOGITS, planes_of(1, 1, 1), tie=TieRule.BACKGROUND, weights=weights)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [1, float("nan")], [1, float("inf")]])
def test_weights_that_are_none_are_refused(weights: list[float]):
    with pytest.raises(SettingError, match="at least one is above 0"):
        normalised(weights)


def test_weights_go_with_the_rules_that_need_them_only():
    with pytest.raises(SettingError, match="needs a weight for each volume"):
        fused(FusionRule.WEIGHTED_MAJORITY, 1, 1)
    with pytest.raises(SettingError, match="takes no weights"):
        fused(FusionRule.UNION, 1, 1, weights=[1, 1])


@pytest.mark.parametrize("rule", FusionRule)
def test_no_volume_at_all_is_refused_by_every_rule(rule: FusionRule):
    with pytest.raises(SettingError, match=r"Received: 0|0 volumes"):
        fuse(rule, [], tie=TieRule.BACKGROUND, weights=even_weights(rule, 3))
