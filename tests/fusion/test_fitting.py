"""What is chosen on validation cases, and that no test case has a say in it."""

import json
from itertools import product

import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import ManifestError
from stroke_tf.fusion import fuse
from stroke_tf.fusion.clean_up import clean_up
from stroke_tf.fusion.fitted import as_json
from stroke_tf.fusion.fitting import (
    SIZES_ML,
    THRESHOLDS,
    KnownCase,
    fit_clean_up,
    fit_fusion,
    fit_threshold,
    fit_weights,
    known_case,
    plane_dice,
    plane_weights,
)

NETWORKS = {"x": "a" * 64, "y": "b" * 64, "z": "c" * 64}
SHAPE = (14, 13, 12)


def whole_case(number: int, *, strength: tuple[float, float, float] = (1.0, 2.0, 4.0)):
    """Return the volumes of three planes that see a ball through noise, z the clearest, and the ball."""
    generator = np.random.default_rng(number)
    centre = np.array([6, 6, 6]).reshape(3, 1, 1, 1) + number % 2
    truth = np.linalg.norm(np.indices(SHAPE) - centre, axis=0) < 3.2 + number % 3 / 3
    seen = np.where(truth, 1.0, -3.0)
    volumes = {
        plane: (1 / (1 + np.exp(-(seen + generator.normal(0, 4 / by, SHAPE))))).astype(np.float32)
        for plane, by in zip("xyz", strength, strict=True)
    }
    return volumes, truth


def case(number: int, **how) -> KnownCase:
    volumes, truth = whole_case(number, **how)
    return known_case(str(number), volumes, truth, voxel_volume_ml=0.01)


@pytest.fixture(scope="module")
def cases() -> list[KnownCase]:
    return [case(number) for number in range(3)]


def mean_dice(masks, truths) -> float:
    scores = [2 * (mask & truth).sum() / (mask.sum() + truth.sum()) for mask, truth in zip(masks, truths, strict=True)]
    return float(np.mean(scores))


def weights_of(rule: FusionRule) -> dict[str, float] | None:
    weighted = (FusionRule.WEIGHTED_LOGITS, FusionRule.WEIGHTED_MAJORITY)
    return {"x": 0.2, "y": 0.3, "z": 0.5} if rule in weighted else None


@pytest.mark.parametrize("rule", FusionRule)
def test_the_threshold_is_the_best_of_those_tried_on_whole_volumes(rule: FusionRule, cases):
    weights = weights_of(rule)
    ordered = None if weights is None else list(weights.values())
    chosen = fit_threshold(rule, cases, tie=TieRule.BACKGROUND, weights=ordered)
    whole = [whole_case(number) for number in range(3)]
    scores = {
        level: mean_dice(
            [
                fuse(rule, volumes.values(), threshold=level, tie=TieRule.BACKGROUND, weights=ordered)
                for volumes, _ in whole
            ],
            [truth for _, truth in whole],
        )
        for level in THRESHOLDS
    }
    assert scores[chosen] == pytest.approx(max(scores.values()))
    assert scores[chosen] > scores[0.95]


def test_of_equally_good_thresholds_the_nearest_to_one_half_is_taken():
    truth = np.zeros((3, 3, 3), bool)
    truth[1, 1, 1] = True
    volumes = {plane: np.where(truth, 0.8, 0.1).astype(np.float32) for plane in "xyz"}
    sharp = known_case("1", volumes, truth, voxel_volume_ml=1.0)
    assert fit_threshold(FusionRule.MAJORITY, [sharp], tie=TieRule.BACKGROUND) == 0.5


def test_logit_weights_are_the_best_of_all_tenths_that_sum_to_one(cases):
    weights = fit_weights(FusionRule.WEIGHTED_LOGITS, cases, any_threshold=False)
    assert weights["z"] > weights["x"] and sum(weights.values()) == pytest.approx(1)

    def score(tried) -> float:
        masks = [
            fuse(FusionRule.WEIGHTED_LOGITS, each.volumes.values(), tie=TieRule.BACKGROUND, weights=tried)
            for each in cases
        ]
        return mean_dice(masks, [each.truth for each in cases])

    every = [tried for tried in product(range(11), repeat=3) if sum(tried) == 10]
    assert score(list(weights.values())) == pytest.approx(max(score(tried) for tried in every))


def test_planes_that_are_alike_get_even_logit_weights():
    volumes, truth = whole_case(1)
    alike = known_case("1", {plane: volumes["z"] for plane in "wxyz"[:2]}, truth, voxel_volume_ml=1.0)
    assert fit_weights(FusionRule.WEIGHTED_LOGITS, [alike], any_threshold=True) == {"w": 0.5, "x": 0.5}


def test_vote_weights_are_log_odds_of_the_planes_dice(cases):
    dices = {plane: plane_dice(plane, cases) for plane in "xyz"}
    assert fit_weights(FusionRule.WEIGHTED_MAJORITY, cases, any_threshold=True) == plane_weights(dices)
    assert plane_weights({"x": 0.3, "y": 0.2}) == {"x": 0.5, "y": 0.5}


def test_a_perfect_plane_has_a_finite_weight():
    assert plane_weights({"x": 1.0, "y": 0.9})["x"] == pytest.approx(0.863, abs=1e-3)


def test_the_clean_up_is_the_best_of_those_tried(cases):
    masks = [fuse(FusionRule.UNION, each.volumes.values(), tie=TieRule.BACKGROUND) for each in cases]
    size_ml, fill_holes = fit_clean_up(zip(masks, cases, strict=True))

    def score(size: float, fill: bool) -> float:
        done = [clean_up(mask, voxel_volume_ml=0.01, min_component_ml=size, fill_holes=fill) for mask in masks]
        return mean_dice(done, [each.truth for each in cases])

    best = max(score(size, fill) for size, fill in product(SIZES_ML, (False, True)))
    assert score(size_ml, fill_holes) == pytest.approx(best)
    assert best > score(0.0, False)


def test_a_mask_that_is_right_is_not_tidied(cases):
    assert fit_clean_up((each.truth, each) for each in cases) == (0.0, False)


def test_lesion_that_no_plane_sees_still_counts_as_missed():
    volumes, truth = whole_case(2)
    truth = truth.copy()
    truth[0, 0, :5] = True
    for volume in volumes.values():
        volume[0, 0, :5] = 0
        volume[0] = 0
    known = known_case("2", volumes, truth, voxel_volume_ml=1.0)
    assert known.missed >= 5 and known.truth.sum() + known.missed == truth.sum()
    whole = KnownCase("2", volumes, truth, 0, 1.0)
    assert plane_dice("y", [known]) == plane_dice("y", [whole])


def test_a_case_in_which_no_plane_sees_anything_can_be_fitted_on(cases):
    volumes = {plane: np.zeros(SHAPE, np.float32) for plane in "xyz"}
    blank = known_case("9", volumes, np.ones(SHAPE, bool), voxel_volume_ml=1.0)
    assert blank.truth.size == 0 and blank.missed == np.prod(SHAPE)
    for rule in FusionRule:
        fitted = fit_fusion(rule, [*cases, blank], tested=(), networks=NETWORKS, tie=TieRule.BACKGROUND)
        assert fitted.fitted_on == ("0", "1", "2", "9")


@pytest.mark.parametrize("rule", FusionRule)
def test_what_is_fitted_reaches_no_less_on_its_own_cases_than_what_is_not(rule: FusionRule, cases):
    how = {"tested": (), "networks": NETWORKS, "tie": TieRule.BACKGROUND, "weights": weights_of(rule)}
    plain = fit_fusion(rule, cases, threshold=False, clean_up=False, **how)
    fitted = fit_fusion(rule, cases, **how)
    reached = [
        mean_dice(
            [each.mask_of(known.volumes, voxel_volume_ml=0.01) for known in cases], [known.truth for known in cases]
        )
        for each in (plain, fitted)
    ]
    assert reached[1] >= reached[0]
    assert (plain.threshold, plain.fitted_on, fitted.fitted_on) == (0.5, (), ("0", "1", "2"))


def test_a_case_to_be_tested_is_refused_by_name(cases):
    with pytest.raises(ManifestError, match=r"Case 1, 2 is among the cases to be tested"):
        fit_fusion(FusionRule.MAJORITY, cases, tested=["1", "2", "7"], networks=NETWORKS, tie=TieRule.BACKGROUND)


def test_no_case_at_all_is_refused():
    with pytest.raises(ManifestError, match="Received: none"):
        fit_fusion(FusionRule.MAJORITY, [], tested=["1"], networks=NETWORKS, tie=TieRule.BACKGROUND)


def test_the_same_cases_give_the_same_file(cases):
    first, again = (
        fit_fusion(FusionRule.WEIGHTED_LOGITS, list(cases), tested=["8"], networks=NETWORKS, tie=TieRule.BACKGROUND)
        for _ in range(2)
    )
    assert json.dumps(as_json(first)) == json.dumps(as_json(again))
