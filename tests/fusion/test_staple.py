"""STAPLE on counts of patterns: what it estimates, and that it is what SimpleITK computes on voxels."""

import numpy as np
import pytest

from stroke_tf.errors import SettingError
from stroke_tf.fusion.staple import staple_probability


def noisy_masks(*rates: tuple[float, float], shape=(12, 11, 10)) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a ball, and a mask for each pair of sensitivity and specificity."""
    generator = np.random.default_rng(4)
    truth = np.linalg.norm(np.indices(shape) - np.array(shape).reshape(3, 1, 1, 1) / 2, axis=0) < 4
    masks = [
        np.where(truth, generator.random(shape) < right, generator.random(shape) > spared) for right, spared in rates
    ]
    return truth, masks


def test_it_is_what_simpleitk_computes_on_the_voxels():
    import SimpleITK

    _, masks = noisy_masks((0.9, 0.98), (0.8, 0.95), (0.6, 0.9))
    for mask in masks:  # so that the box is the whole volume, which is where SimpleITK looks
        mask[0, 0, 0] = mask[-1, -1, -1] = True
    images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.STAPLE(images, 1.0))
    np.testing.assert_allclose(staple_probability(masks), theirs, atol=1e-4)


def test_a_good_plane_among_bad_ones_is_recognised():
    # Three planes that are mostly right and two that guess: the guesses are not followed though they vote as well.
    truth, masks = noisy_masks((0.95, 0.95), (0.95, 0.95), (0.95, 0.95), (0.5, 0.5), (0.5, 0.5))
    found = staple_probability(masks) >= 0.5
    vote = sum(mask.astype(int) for mask in masks) >= 3
    assert (found == truth).mean() > (vote == truth).mean() > 0.9


def test_it_does_not_depend_on_how_much_air_the_image_holds():
    _, masks = noisy_masks((0.9, 0.98), (0.8, 0.95), (0.6, 0.9))
    wide = [np.pad(mask, 7) for mask in masks]
    assert np.array_equal(staple_probability(wide)[7:-7, 7:-7, 7:-7], staple_probability(masks))


@pytest.mark.parametrize("fill", [False, True])
def test_planes_that_agree_everywhere_are_followed(fill: bool):
    assert (staple_probability([np.full((3, 2, 1), fill)] * 3) >= 0.5).all() == fill


def test_too_many_masks_are_refused():
    with pytest.raises(SettingError, match=r"up to 16 masks\. Received: 17"):
        staple_probability([np.ones((1, 1, 1), bool)] * 17)
