"""The filters do to a volume what they say."""

import numpy as np

from stroke_tf.phantoms.fields import along_axes, gaussian_matrix, linear_matrix, ramp, slab_matrix, smooth_noise


def test_linear_matrix_interpolates_between_samples():
    assert linear_matrix(3, np.array([0, 0.5, 2, 9])).tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1], [0, 0, 1]]


def test_each_matrix_acts_on_its_own_axis():
    volume = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for axis, length in enumerate(volume.shape):
        matrices = [None, None, None]
        matrices[axis] = np.eye(length, dtype=np.float32)[::-1]
        np.testing.assert_array_equal(along_axes(volume, matrices), np.flip(volume, axis))


def test_blur_and_slabs_keep_a_constant():
    constant = np.full((6, 7, 8), 3.0, dtype=np.float32)
    matrices = [gaussian_matrix(6, 1.2), gaussian_matrix(7, 0.8), slab_matrix(8, np.array([1.0, 4.0]), 2.5)]
    np.testing.assert_allclose(along_axes(constant, matrices), np.full((6, 7, 2), 3.0), rtol=1e-5)


def test_a_slab_averages_the_slices_it_covers():
    weights = slab_matrix(9, np.array([4.0]), 3.0)[0]
    np.testing.assert_allclose(weights[3:6], 1 / 3, atol=1e-4)
    np.testing.assert_allclose(np.delete(weights, [3, 4, 5]), 0, atol=1e-4)


def test_smooth_noise_is_smooth_and_of_unit_size():
    noise = smooth_noise((60, 50, 40), [4.0, 4.0, 4.0], np.random.default_rng(1))
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.15
    assert 0.85 < noise.std() < 1.15
    assert np.abs(np.diff(noise, axis=0)).mean() < 0.3


def test_ramp_is_half_at_the_border():
    np.testing.assert_allclose(ramp(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]), 2.0), [0, 0.25, 0.5, 0.75, 1])
