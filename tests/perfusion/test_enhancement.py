"""From HU to concentration: what lies before the bolus, what is added by it, and a blur that stays in the brain."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.perfusion import baseline_frames, concentration, smoothed

BRAIN = np.ones((4, 4, 2), bool)


def series(curve, *, noise=0.0):
    """Return a series in which every voxel follows one curve above 30 HU."""
    data = 30 + np.broadcast_to(np.asarray(curve, np.float32), (*BRAIN.shape, len(curve))).copy()
    return data + noise * np.random.default_rng(1).standard_normal(data.shape)


def test_enhancement_is_counted_from_the_mean_of_the_baseline():
    data = series([1, -1, 0, 6, 12, 4])
    made = concentration(data.astype(np.int16), 2)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0, 0, 0], [1, -1, 0, 6, 12, 4])


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_the_baseline_ends_before_the_bolus(noise):
    """The rise begins in frame 8 (counted from 0)."""
    count = baseline_frames(series([0] * 8 + [3, 9, 18, 25, 20, 10, 6, 5, 5, 5], noise=noise), BRAIN)
    assert count in (6, 7)


def test_only_the_brain_tells_when_the_bolus_comes():
    data = series([0] * 8 + [9, 18, 9, 4])
    data[0, 0, 0, 2:5] = 5000
    brain = BRAIN.copy()
    brain[0, 0, 0] = False
    assert baseline_frames(data, brain) == 7


@pytest.mark.parametrize("curve", [[20, 10, 5, 4, 3, 2, 1, 0], [0] * 8])
def test_a_series_without_a_time_before_the_bolus_is_refused(curve):
    with pytest.raises(InputFileError, match=r"ctp.nii: no bolus.*from before the contrast agent arrives"):
        baseline_frames(series(curve), BRAIN, name="ctp.nii")


def test_a_blur_draws_on_the_brain_only_and_keeps_a_constant():
    inside = BRAIN.copy()
    inside[0] = False
    curves = np.where(inside[..., None], 5.0, 1000.0) * np.ones(3)
    blurred = smoothed(curves.astype(np.float32), inside, (1.0, 2.0))
    np.testing.assert_allclose(blurred[inside], 5, rtol=1e-5)
    assert not blurred[~inside].any()


def test_a_blur_stays_within_its_slice():
    curves = np.zeros((*BRAIN.shape, 1), np.float32)
    curves[1, 1, 0] = 1
    blurred = smoothed(curves, BRAIN, (1.0, 1.0))
    assert blurred[2, 2, 0, 0] > 0
    assert not blurred[:, :, 1].any()
