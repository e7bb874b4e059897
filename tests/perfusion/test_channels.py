"""What networks see of CT perfusion: one clock, one scale, whoever was scanned and however long."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.perfusion.channels import RELATIVE_CLIP, SERIES_CLIP, bolus_frames, scaled_map

BRAIN = np.ones((2, 2, 1), bool)


def triangle(times: np.ndarray, *, arrival: float, height: float = 10.0) -> np.ndarray:
    """Return a bolus that rises for 10 s and falls for 10 s."""
    return height * np.clip(1 - np.abs(times - arrival - 10) / 10, 0, None)


def series(*, arrival: float = 8.0, seconds: float = 1.0, count: int = 50, height: float = 10.0, hu: float = 35.0):
    """Return (2, 2, 1, t): the same bolus everywhere, on tissue of `hu`."""
    curve = hu + triangle(np.arange(count) * seconds, arrival=arrival, height=height)
    return np.broadcast_to(curve, (2, 2, 1, count)).astype(np.float32)


def frames_of(data: np.ndarray, seconds: float = 1.0, *, brain=BRAIN, frames: int = 20, frame_seconds: float = 2.0):
    return bolus_frames(data, seconds, brain, frames=frames, frame_seconds=frame_seconds)[0]


def test_the_peak_of_the_brains_mean_is_one():
    assert frames_of(series(), frame_seconds=1.0, frames=30).max() == pytest.approx(1.0, abs=1e-6)


def test_when_the_bolus_arrived_and_how_much_it_was_does_not_show():
    first = frames_of(series(arrival=8.0))
    later = frames_of(series(arrival=13.0, height=25.0, hu=40.0))
    assert np.allclose(first, later, atol=1e-5)


def test_a_series_twice_as_coarse_in_time_gives_nearly_the_same_frames():
    assert np.allclose(frames_of(series()), frames_of(series(seconds=2.0, count=25), 2.0), atol=0.12)


def test_a_series_that_ends_early_keeps_its_last_value():
    short = frames_of(series(count=30))
    assert np.allclose(short[..., -5:], short[..., -1:])
    assert short.shape == frames_of(series(count=60)).shape


def test_a_frame_is_the_mean_of_what_it_covers():
    ramp = np.concatenate([np.zeros(6), np.arange(10, 50)]).astype(np.float32)
    data = np.broadcast_to(ramp, (2, 2, 1, 46))
    found = frames_of(data, frames=6, frame_seconds=4.0)[0, 0, 0]
    assert np.allclose(np.diff(found[3:]) * 49, 4, atol=1e-4)


def test_late_tissue_is_late():
    late = series().copy()
    late[0, 0, 0] = 35 + triangle(np.arange(50), arrival=14.0)
    found = frames_of(late, frame_seconds=1.0, frames=30)
    assert found[0, 0, 0].argmax() == found[1, 1, 0].argmax() + 6


def test_the_mean_before_the_bolus_is_a_ct_with_less_noise():
    noise = np.random.default_rng(1).normal(0, 5, (12, 12, 1, 50)).astype(np.float32)
    data = 35 + triangle(np.arange(50), arrival=8.0) + noise
    brain = np.ones((12, 12, 1), bool)
    before = bolus_frames(data, 1.0, brain, frames=10, frame_seconds=2.0)[1]
    assert before.mean() == pytest.approx(35, abs=0.6)
    assert before.std() < 5 / np.sqrt(4)


def test_outside_the_brain_there_is_nothing_and_arteries_are_cut():
    data = series().copy()
    data[0, 0, 0] = 35 + triangle(np.arange(50), arrival=6.0, height=900.0)
    brain = BRAIN.copy()
    brain[1, 1] = False
    found = frames_of(data, brain=brain)
    assert np.all(found[1, 1] == 0)
    assert found.max() <= SERIES_CLIP


def test_a_series_without_bolus_is_refused_by_its_name():
    flat = np.full((2, 2, 1, 50), 35, np.float32)
    with pytest.raises(InputFileError, match=r"CT_4DPWI.nii: no bolus"):
        bolus_frames(flat, 1.0, BRAIN, frames=10, frame_seconds=2.0, name="CT_4DPWI.nii")


@pytest.mark.parametrize("kind", ["CBF", "CBV"])
def test_flow_and_volume_are_relative_so_that_their_unit_does_not_matter(kind):
    volume = np.random.default_rng(2).uniform(1, 80, (3, 3, 2)).astype(np.float32)
    brain = np.ones(volume.shape, bool)
    assert np.allclose(scaled_map(kind, volume, brain), scaled_map(kind, volume * 17, brain), atol=1e-5)
    assert np.median(scaled_map(kind, volume, brain)) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["MTT", "TMAX"])
def test_times_keep_their_seconds_and_are_cut(kind):
    volume = np.array([[[5.0, 10.0, 90.0]]], np.float32)
    brain = np.array([[[True, True, True]]])
    assert scaled_map(kind, volume, brain).tolist() == [[[0.5, 1.0, RELATIVE_CLIP]]]
    assert scaled_map(kind, volume, ~brain).tolist() == [[[0, 0, 0]]]


def test_a_map_of_nothing_is_refused_by_its_name():
    with pytest.raises(InputFileError, match=r"CBF.nii: no voxel of the brain is above 0"):
        scaled_map("CBF", np.zeros((2, 2, 1), np.float32), BRAIN, name="CBF.nii")
