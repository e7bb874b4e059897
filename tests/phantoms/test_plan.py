"""The plans of 200 cases have the statistics that the organisers of SISS report (FACTS: count, volume, side, kind)."""

import math

import pytest

from stroke_tf.errors import SettingError
from stroke_tf.phantoms.plan import Kind, draw_lesion_plan

PLANS = [draw_lesion_plan(seed=seed) for seed in range(200)]
MANY = [*PLANS, *(draw_lesion_plan(seed=seed) for seed in range(200, 4000))]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def test_lesion_counts_are_those_of_siss():
    counts = [plan.count for plan in PLANS]
    assert min(counts) == 1
    assert 6 < max(counts) <= 14
    assert mean(counts) == pytest.approx(2.49, abs=0.45)
    assert mean(plan.count for plan in MANY) == pytest.approx(2.49, abs=0.1)


def test_lesion_volumes_are_those_of_siss():
    volumes = [plan.total_ml for plan in PLANS]
    assert min(volumes) >= 0.001 - 1e-9
    assert 100 < max(volumes) <= 346.064 + 1e-6
    # A heavy tail: the mean of 200 such volumes has a standard error of about 2.7 ml.
    assert mean(volumes) == pytest.approx(17.59, abs=6)
    assert mean(plan.total_ml for plan in MANY) == pytest.approx(17.59, abs=1.5)


def test_three_of_56_cases_have_lesions_on_both_sides():
    for plans, margin in ((MANY, 0.015), (PLANS, 0.05)):
        one_sided = mean(len({lesion.side for lesion in plan.lesions}) == 1 for plan in plans)
        assert one_sided == pytest.approx(53 / 56, abs=margin)


def test_left_and_right_are_equally_often_hit():
    assert mean(plan.lesions[0].side == 1 for plan in MANY) == pytest.approx(0.5, abs=0.03)


def test_36_of_85_lesions_are_cortical():
    share = mean(lesion.kind is Kind.CORTICAL for plan in PLANS for lesion in plan.lesions)
    assert share == pytest.approx(36 / 85, abs=0.06)
    share = mean(lesion.kind is Kind.CORTICAL for plan in MANY for lesion in plan.lesions)
    assert share == pytest.approx(36 / 85, abs=0.03)


def test_volumes_of_the_lesions_sum_to_the_case():
    for plan in PLANS:
        assert min(lesion.volume_ml for lesion in plan.lesions) > 0
        assert plan.lesions[0].volume_ml == max(lesion.volume_ml for lesion in plan.lesions)
        assert math.isfinite(plan.total_ml)


def test_the_same_seed_gives_the_same_plan():
    assert draw_lesion_plan(seed=5) == draw_lesion_plan(seed=5)
    assert draw_lesion_plan(seed=5) != draw_lesion_plan(seed=6)


def test_least_volume_is_kept():
    assert min(draw_lesion_plan(seed=seed, min_lesion_ml=2).total_ml for seed in range(100)) >= 2 - 1e-9
    assert min(plan.total_ml for plan in PLANS) < 2


def test_a_least_volume_that_no_brain_holds_is_refused():
    with pytest.raises(SettingError, match="Received: 500"):
        draw_lesion_plan(seed=1, min_lesion_ml=500)
