"""Intensities of all scanners come to one scale, inside the brain, negative ones too."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.volumes.intensity import CLIP, background_of, brain_mask, normalise, require_varied

INSIDE = (slice(5, 15), slice(6, 16), slice(7, 17))


def box(shape):
    mask = np.zeros(shape, bool)
    mask[INSIDE] = True
    return mask


def test_the_brain_is_what_departs_from_zero(head):
    np.testing.assert_array_equal(brain_mask([head]), box(head.shape))


def test_negative_voxels_are_brain_too(head):
    """Resampling leaves negative values at the rim; they belong to the head as much as positive ones."""
    head[5, 6:16, 7:17] = -20.0
    np.testing.assert_array_equal(brain_mask([head]), box(head.shape))


def test_a_voxel_that_one_sequence_lost_is_brain_by_another(head):
    """Fluid may be exactly 0 on FLAIR; T2 still shows it."""
    other = head.copy()
    head[8:10] = 0.0
    np.testing.assert_array_equal(brain_mask([head, other]), box(head.shape))


@pytest.mark.parametrize("background", [-1024.0, 7.0])
def test_the_background_need_not_be_zero(head, background):
    np.testing.assert_array_equal(brain_mask([head + np.float32(background)]), box(head.shape))
    assert background_of(head + np.float32(background)) == (background, 0.0)


def test_noise_in_the_air_is_not_brain():
    """A scan that was not skull-stripped has no exact background; its air must still be left out."""
    noise = np.random.default_rng(3).rayleigh(2.0, (60, 60, 60)).astype(np.float32)
    scan = noise.copy()
    scan[20:40, 20:40, 20:40] += 100
    brain = brain_mask([scan])
    assert brain[20:40, 20:40, 20:40].all()
    assert brain.sum() < 1.01 * 20**3


def test_an_image_without_background_is_brain_throughout():
    assert brain_mask([np.full((4, 5, 6), 3.0, np.float32)]).all()


def test_the_brain_has_median_zero_and_spread_one(head):
    brain = box(head.shape)
    values = normalise(head, brain)[brain]
    assert np.median(values) == pytest.approx(0.0, abs=1e-4)
    assert values.std() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("gain", "offset"), [(0.001, 0), (1000, 0), (1, -500), (3, 70)])
def test_gain_and_offset_of_the_scanner_vanish(head, gain, offset):
    brain = box(head.shape)
    np.testing.assert_allclose(
        normalise(head * np.float32(gain) + np.float32(offset), brain), normalise(head, brain), atol=2e-3
    )


def test_a_bright_lesion_does_not_move_the_scale(head):
    brain = box(head.shape)
    bright = head.copy()
    bright[5:7, 6:16, 7:17] = 10_000.0
    healthy = np.s_[7:15, 6:16, 7:17]
    apart = np.abs(normalise(bright, brain)[healthy] - normalise(head, brain)[healthy])
    assert apart.mean() < 0.5
    assert normalise(bright, brain).max() == CLIP


def test_outside_the_brain_is_exactly_zero_and_inside_is_clipped(head):
    head[10, 10, 10], head[11, 10, 10], head[0, 0, 0] = 1e6, -1e6, 50.0
    brain = box(head.shape)
    normal = normalise(head, brain)
    assert normal.dtype == np.float32
    assert (normal[~brain] == 0).all()
    assert (normal.min(), normal.max()) == (-CLIP, CLIP)


def test_the_argument_is_left_as_it_was(head):
    before = head.copy()
    normalise(head, box(head.shape))
    np.testing.assert_array_equal(head, before)


def test_an_image_with_one_value_in_most_voxels_is_still_scaled(head):
    """Three quarters of a brain may be saturated: the interquartile range is then 0, but the rest tells something."""
    brain = box(head.shape)
    head[brain] = 100.0
    head[5, 6:16, 7:17] = 200.0
    normal = normalise(head, brain)
    assert np.isfinite(normal).all()
    assert normal[5, 10, 10] > 1.0


def test_a_brain_that_is_constant_is_refused_by_name(head):
    head[INSIDE] = 5.0
    with pytest.raises(InputFileError, match=r"t1.nii: the image is constant inside the brain \(5\).*Export it again"):
        normalise(head, box(head.shape), name="t1.nii")


def test_an_empty_brain_is_refused(head):
    with pytest.raises(InputFileError, match=r"constant inside the brain"):
        normalise(head, np.zeros(head.shape, bool), name="t1.nii")


def test_large_brains_are_scaled_from_a_sample_as_well_as_from_all():
    volume = np.random.default_rng(4).normal(50, 20, (100, 100, 60)).astype(np.float32)
    values = normalise(volume, np.ones(volume.shape, bool))
    assert np.median(values) == pytest.approx(0.0, abs=0.01)
    assert values.std() == pytest.approx(1.0, abs=0.02)


def test_a_constant_image_is_refused_by_name():
    with pytest.raises(InputFileError, match=r"t1.nii: the image is constant, every voxel is 3"):
        require_varied(np.full((4, 5, 6), 3.0), "t1.nii")
