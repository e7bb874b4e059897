"""Maps are tested against tissue whose flow, volume, transit time and delay are known, without noise and with it."""

import numpy as np
import pytest
from scipy.special import gammaincc

from stroke_tf.choices import Deconvolution
from stroke_tf.errors import InputFileError, SettingError
from stroke_tf.perfusion import perfusion_maps
from stroke_tf.perfusion.deconvolution import oscillation

PLAIN, CALM = Deconvolution.TRUNCATED, Deconvolution.OSCILLATION_LIMITED
FINE = 0.05
TIMES = np.arange(0, 60, FINE)
S = np.maximum(TIMES - 8, 0) / 4.5
ARTERY = 300 * S**3 * np.exp(3 * (1 - S))
EXPONENTIAL, BOX, GAMMA = (
    lambda t, mtt: np.exp(-t / mtt),
    lambda t, mtt: (t < mtt) * 1.0,
    lambda t, mtt: gammaincc(3, 3 * t / mtt),
)
RESIDUES = {"exponential": EXPONENTIAL, "box": BOX, "gamma": GAMMA}


def tissue(residue, *, cbf=60.0, mtt=4.0, delay=0.0, spread=0.0):
    """Convolve on a grid twenty times as fine as the frames; a spread disperses by an exponential of unit area."""
    kept = np.where(delay <= TIMES, residue(np.maximum(TIMES - delay, 0), mtt), 0)
    curve = np.convolve(ARTERY, cbf / 6000 * kept)[: TIMES.size] * FINE
    if spread:
        kernel = np.exp(-TIMES / spread)
        curve = np.convolve(curve, kernel / kernel.sum())[: TIMES.size]
    return curve


def maps(curves, method, *, threshold=None, noise=0.0, copies=1):
    frames = np.repeat(np.stack(curves)[:, ::20], copies, axis=0)
    frames += noise * np.random.default_rng(1).standard_normal(frames.shape)
    brain = np.ones((len(frames), 1, 1), dtype=bool)
    made = perfusion_maps(
        frames[:, None, None, :].astype(np.float32),
        ARTERY[::20].astype(np.float32),
        1.0,
        method=method,
        brain=brain,
        threshold=threshold,
    )
    return {name: getattr(made, name).ravel() for name in ("cbf", "cbv", "mtt", "tmax")}


# One frame's spike: the artery passes every frequency, so nothing has to be dropped and everything comes back.
SPIKE = np.array([0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], np.float32)


@pytest.mark.parametrize(("method", "threshold"), [(PLAIN, 1e-6), (CALM, 0.9)])
def test_a_spike_gives_the_residue_back_exactly(method, threshold):
    residue = np.array([0, 0, 0, 0.8, 1.0, 0.8, 0.4, 0.2, 0.1, 0, 0, 0, 0, 0], np.float32)
    weighed = np.array([0, 1, 4, 1], np.float32)  # the spike's lines to its neighbours, 6 of them
    curve = (0.01 * np.convolve(weighed, residue))[: SPIKE.size].astype(np.float32)
    made = perfusion_maps(
        curve[None, None, None], SPIKE, 1.0, method=method, brain=np.ones((1, 1, 1), bool), threshold=threshold
    )
    assert made.cbf.item() == pytest.approx(60, rel=1e-4)
    assert made.tmax.item() == pytest.approx(4, abs=1e-3)
    assert made.cbv.item() == pytest.approx(100 * 0.01 * residue.sum(), rel=1e-4)


@pytest.mark.parametrize("delay", [0.0, 4.0, 8.0])
@pytest.mark.parametrize("mtt", [4.0, 10.0])
@pytest.mark.parametrize("name", RESIDUES)
def test_known_tissue_comes_back_within_the_stated_tolerances(name, mtt, delay):
    """A bolus of 8 s hides what is shorter: flow to 28 %, transit to 40 %, volume to 3 %, Tmax to 2.5 s."""
    made = maps([tissue(RESIDUES[name], mtt=mtt, delay=delay)], CALM)
    assert made["cbv"][0] == pytest.approx(60 * mtt / 60, rel=0.03)
    assert made["cbf"][0] == pytest.approx(60, rel=0.28)
    assert made["mtt"][0] == pytest.approx(mtt, rel=0.4)
    assert 0 <= made["tmax"][0] - delay <= 2.5


def test_the_central_volume_theorem_holds_in_every_voxel():
    curves = [tissue(EXPONENTIAL, cbf=cbf, mtt=mtt) for cbf in (10, 25, 60) for mtt in (3, 6, 12)]
    for method in Deconvolution:
        made = maps(curves, method)
        np.testing.assert_allclose(made["mtt"], 60 * made["cbv"] / made["cbf"], rtol=1e-4)


def test_flow_is_proportional_to_flow():
    made = maps([tissue(EXPONENTIAL, cbf=cbf, mtt=5) for cbf in (10, 20, 60)], CALM)
    np.testing.assert_allclose(made["cbf"] / made["cbf"][0], [1, 2, 6], rtol=1e-3)


def test_a_delay_leaves_circulant_flow_alone_and_lowers_that_of_the_triangular_matrix():
    curves = [tissue(EXPONENTIAL, mtt=4, delay=delay) for delay in (1, 3, 5, 7)]
    calm = maps(curves, CALM)
    # Here 6 %: one more singular value is dropped where the end of the curve is cut off.
    np.testing.assert_allclose(calm["cbf"], calm["cbf"][0], rtol=0.07)
    np.testing.assert_allclose(calm["tmax"] - calm["tmax"][0], [0, 2, 4, 6], atol=0.15)
    # Plain SVD calls late tissue poorly fed: here by a tenth and more, for a delay of 5 s against none.
    plain = maps([tissue(EXPONENTIAL, mtt=4), curves[2]], PLAIN)
    assert plain["cbf"][1] < 0.9 * plain["cbf"][0]


def test_tissue_before_the_artery_is_kept_by_the_circle_and_cut_by_the_triangle():
    """The artery that was found may lie behind the tissue: then everything comes too early, by 3 s here."""
    early = np.roll(tissue(GAMMA, mtt=4), -60)
    made = {method: maps([tissue(GAMMA, mtt=4), early], method) for method in Deconvolution}
    assert made[CALM]["cbf"][1] == pytest.approx(made[CALM]["cbf"][0], rel=0.02)
    assert made[CALM]["tmax"][1] == 0
    assert abs(made[PLAIN]["cbf"][1] / made[PLAIN]["cbf"][0] - 1) > 0.2


def test_dispersion_lowers_the_flow_and_moves_tmax_but_keeps_the_volume():
    made = maps([tissue(GAMMA, mtt=4, delay=3, spread=spread) for spread in (0, 2, 4)], CALM)
    np.testing.assert_allclose(made["cbv"], made["cbv"][0], rtol=0.03)
    assert made["cbf"][0] > made["cbf"][1] > made["cbf"][2]
    assert made["tmax"][0] < made["tmax"][1] < made["tmax"][2]


@pytest.mark.parametrize("method", Deconvolution)
def test_noise_of_a_smoothed_scan_spreads_the_flow_by_less_than_a_third(method):
    made = maps([tissue(GAMMA, cbf=50, mtt=4.5, delay=1)], method, noise=0.6, copies=400)
    assert made["cbf"].std() / made["cbf"].mean() < 0.33
    assert 20 < np.median(made["cbf"]) < 60
    assert made["cbv"].mean() == pytest.approx(3.75, rel=0.05)


def test_voxels_do_not_depend_on_their_neighbours():
    curves = [tissue(EXPONENTIAL, mtt=mtt, delay=mtt / 3) for mtt in (3, 5, 9)]
    together = maps(curves, CALM)
    for place, curve in enumerate(curves):
        alone = maps([curve], CALM)
        assert all(alone[name][0] == pytest.approx(together[name][place], rel=1e-4, abs=1e-4) for name in alone)


def test_outside_the_brain_and_without_contrast_agent_all_maps_are_zero():
    curves = np.zeros((2, 1, 1, 60), np.float32)
    curves[1, 0, 0] = tissue(BOX)[::20]
    brain = np.array([True, False]).reshape(2, 1, 1)
    made = perfusion_maps(curves, ARTERY[::20], 1.0, method=CALM, brain=brain)
    for volume in (made.cbf, made.cbv, made.mtt, made.tmax):
        assert (volume.shape, volume.dtype) == ((2, 1, 1), np.float32)
        assert not volume.any()


def test_a_step_of_two_seconds_gives_the_same_maps():
    """By plain SVD: the index of oscillation, as it was published, grows with the step."""
    curve, brain = tissue(GAMMA, mtt=8, delay=4), np.ones((1, 1, 1), bool)
    one = maps([curve], PLAIN)
    two = perfusion_maps(curve[None, None, None, ::40].astype(np.float32), ARTERY[::40], 2.0, method=PLAIN, brain=brain)
    assert two.cbf.item() == pytest.approx(one["cbf"][0], rel=0.12)
    assert two.cbv.item() == pytest.approx(one["cbv"][0], rel=0.03)
    assert two.tmax.item() == pytest.approx(one["tmax"][0], abs=1.0)


def test_oscillation_is_the_sum_of_bends_over_length_and_height():
    # Bends of 0 2 0 2 0: -4, 4, -4; over 5 samples and a height of 2.
    assert oscillation(np.array([[0.0, 2, 0, 2, 0]])) == pytest.approx(12 / 10)
    assert oscillation(np.array([[0.0, 1, 2, 3, 4]])) == pytest.approx(0)


def test_an_artery_without_area_and_a_threshold_that_is_none_are_refused():
    curves, brain = np.zeros((1, 1, 1, 20), np.float32), np.ones((1, 1, 1), bool)
    with pytest.raises(InputFileError, match="encloses no area"):
        perfusion_maps(curves, np.zeros(20), 1.0, method=CALM, brain=brain)
    with pytest.raises(SettingError, match=r"between 0 and 1. Received: 1.5"):
        perfusion_maps(curves, np.ones(20), 1.0, method=PLAIN, brain=brain, threshold=1.5)
