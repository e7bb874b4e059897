"""Behind a closed artery lie a core and a penumbra, which overlap in every property but the water of the dead."""

import numpy as np
import pytest

from stroke_tf.phantoms.anatomy import draw_head
from stroke_tf.phantoms.ischaemia import draw_ischaemia

HEAD = draw_head(seed=3, shape=(58, 58, 31), spacing_mm=(4.0, 4.0, 5.0))


def closed(seed, **changes):
    return draw_ischaemia(HEAD, rng=np.random.default_rng(seed), **changes)


CASES = [closed(seed) for seed in range(24)]


def test_core_penumbra_and_old_infarcts_lie_in_the_brain_and_apart():
    for case in CASES:
        assert case.core.any() and case.penumbra.any()
        assert not (case.core & case.penumbra).any()
        assert not (case.old & (case.core | case.penumbra)).any()
        assert not ((case.core | case.penumbra | case.old) & ~HEAD.brain).any()


def test_core_and_penumbra_lie_on_one_side_behind_one_artery():
    for case in CASES:
        sides = np.sign(HEAD.midline_mm[case.core | case.penumbra])
        assert abs(sides.mean()) > 0.9
        touching = np.zeros_like(case.core)
        for axis in range(3):
            for step in (-1, 1):
                touching |= np.roll(case.core, step, axis=axis)
        assert (touching & case.penumbra).any()


def test_flow_is_lower_in_the_core_of_a_case_but_not_across_cases():
    """What is penumbra in one patient flows less than the core of another: no threshold serves both."""
    core = np.array([np.median(case.perfusion.flow[case.core]) for case in CASES])
    penumbra = np.array([np.median(case.perfusion.flow[case.penumbra]) for case in CASES])
    assert (core < penumbra).mean() > 0.8
    assert core.max() > penumbra.min()


def test_delay_is_long_in_both_and_short_elsewhere():
    for case in CASES:
        delay = case.perfusion.delay_s
        assert min(np.median(delay[case.core]), np.median(delay[case.penumbra])) > 2
        if not case.description["narrow_carotid"]:
            assert np.median(delay[HEAD.brain & ~case.core & ~case.penumbra]) < 1.5


def test_only_the_core_and_old_tissue_have_lost_density():
    for case in CASES:
        water = case.perfusion.water_hu
        assert np.median(water[case.core]) > 3
        assert np.median(water[case.penumbra]) < 1.5
        if case.old.any():
            assert np.median(water[case.old]) > np.median(water[case.core])


def test_the_central_volume_theorem_gives_a_plausible_volume():
    for case in CASES:
        volume = case.perfusion.flow * case.perfusion.transit_s / 60
        healthy = HEAD.brain & (HEAD.gm > 0.6) & ~case.core & ~case.penumbra & ~case.old
        assert 2.5 < np.median(volume[healthy]) < 6
        assert np.median(volume[case.core]) < np.median(volume[healthy])


def test_the_same_generator_gives_the_same_tissue():
    first, second = closed(7), closed(7)
    np.testing.assert_array_equal(first.perfusion.flow, second.perfusion.flow)
    assert first.description == second.description
    assert (first.core != CASES[8].core).any()


@pytest.mark.parametrize("least", [5.0, 30.0])
def test_the_least_volume_of_a_core_is_kept(least):
    assert min(closed(seed, min_core_ml=least).description["core_ml"] for seed in range(12)) >= 0.97 * least
    assert min(case.description["core_ml"] for case in CASES) < 5
