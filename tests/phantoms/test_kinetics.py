"""The curves of the phantoms obey the indicator dilution that they are drawn from."""

import numpy as np
import pytest

from stroke_tf.phantoms.kinetics import Bolus, arterial_curve, draw_bolus, residue, snapped, tissue_curves

BOLUS = Bolus(
    arrival_s=8, rise_s=6, sharpness=3, peak_hu=300, second_pass=0, transit_shape=2, dispersion=0.3
)  # without a second pass, so that all of it has left by the end
FRAMES = 110
CURVES = tissue_curves(BOLUS, FRAMES, 1.0)


def curve(flow, transit, delay):
    return CURVES.curves(np.array([flow]), np.array([transit]), np.array([delay]))[0]


def test_the_artery_is_a_gamma_variate_with_its_peak_where_it_was_told():
    times = np.arange(0, 60, 0.1)
    artery = arterial_curve(BOLUS, times)
    assert not artery[times <= 8].any()
    assert times[artery.argmax()] == pytest.approx(14)
    assert artery.max() == pytest.approx(300)


@pytest.mark.parametrize("shape", [1.0, 2.0, 30.0])
def test_a_residue_begins_at_one_falls_and_encloses_the_transit_time(shape):
    times = np.arange(0, 200, 0.01)
    kept = residue(times, 6.0, shape)
    assert kept[0] == 1
    assert (np.diff(kept) <= 1e-12).all()
    assert kept.sum() * 0.01 == pytest.approx(6, rel=2e-3)


@pytest.mark.parametrize("delay", [0.0, 3.0, 8.0])
@pytest.mark.parametrize("transit", [3.0, 6.0, 12.0])
def test_area_of_tissue_over_area_of_artery_is_the_volume(transit, delay):
    transit = float(snapped(np.array([transit]), np.array([delay]))[0][0])
    share = curve(60, transit, delay).sum() / CURVES.artery[0].sum()
    assert share == pytest.approx(60 * transit / 6000, rel=0.01)


def test_a_delay_moves_the_curve_and_disperses_it():
    early, late = curve(60, 5, 0), curve(60, 5, 6)
    moment = [float(c @ np.arange(FRAMES) / c.sum()) for c in (early, late)]
    assert moment[1] - moment[0] == pytest.approx(6 + 0.3 * 6, abs=0.1)
    assert late.max() < early.max()


def test_flow_scales_the_curve():
    np.testing.assert_allclose(curve(60, 5, 2), 3 * curve(20, 5, 2), rtol=1e-6)


def test_boluses_are_those_that_injections_make():
    for seed in range(50):
        bolus = draw_bolus(np.random.default_rng(seed))
        times = np.arange(0, 60, 0.1)
        artery = arterial_curve(bolus, times)
        assert 200 <= artery.max() <= 351
        assert 4 <= (artery > artery.max() / 2).sum() * 0.1 <= 13
