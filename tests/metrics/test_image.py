"""PSNR and SSIM inside the brain."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from stroke_tf.errors import GeometryError, InputFileError, SettingError
from stroke_tf.metrics.image import image_quality


@pytest.fixture
def real() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(12, 14, 3)).astype(np.float32)


BRAIN = np.zeros((12, 14, 3), bool)
BRAIN[2:10, 2:12] = True


def test_psnr_is_scikit_images_over_the_brains_voxels(real):
    drawn = real + np.random.default_rng(2).normal(0, 0.3, real.shape)
    found = image_quality(drawn, real, BRAIN)
    data_range = float(np.ptp(real[BRAIN]))
    expected = peak_signal_noise_ratio(real[BRAIN].astype(float), drawn[BRAIN], data_range=data_range)
    assert found.data_range == pytest.approx(data_range)
    assert found.psnr_db == pytest.approx(expected, abs=1e-4)


def test_the_same_image_is_perfect(real):
    found = image_quality(real, real, BRAIN)
    assert found.ssim == pytest.approx(1)
    assert found.psnr_db == pytest.approx(120)


def test_what_lies_outside_the_brain_does_not_move_psnr(real):
    drawn = real + np.float32(0.1)
    other = drawn.copy()
    other[~BRAIN] = 50
    assert image_quality(other, real, BRAIN).psnr_db == image_quality(drawn, real, BRAIN).psnr_db


def test_a_blank_image_scores_what_is_said_of_it(real):
    blank = np.full(real.shape, np.median(real[BRAIN]), np.float32)
    found = image_quality(blank, real, BRAIN)
    assert found.psnr_db == pytest.approx(found.psnr_of_blank_db, abs=1e-4)


def test_a_worse_image_has_less_of_both(real):
    near, far = (image_quality(real + np.float32(s) * real[::-1], real, BRAIN) for s in (0.2, 0.8))
    assert near.psnr_db > far.psnr_db
    assert near.ssim > far.ssim


def test_faults_are_named(real):
    with pytest.raises(GeometryError, match="generated image"):
        image_quality(real[:-1], real, BRAIN)
    with pytest.raises(InputFileError, match="constant inside the brain"):
        image_quality(real, np.zeros_like(real), BRAIN)
    with pytest.raises(SettingError, match="7x7 voxels"):
        image_quality(real[:5], real[:5], BRAIN[:5])
