"""An image that holds the slices around its own as further channels, without a copy of the stack."""

import numpy as np
import pytest

from stroke_tf.neighbours import with_neighbours


def numbered_stack(slices: int = 5, channels: int = 2) -> np.ndarray:
    """Slices of one value each: that of slice k in channel c is 10 k + c + 1."""
    values = 10 * np.arange(slices)[:, None] + np.arange(channels) + 1
    return np.broadcast_to(values[:, None, None], (slices, 3, 4, channels)).astype(np.float16)


def test_an_image_holds_its_own_slice_first_and_then_its_neighbours():
    stack = numbered_stack()
    seen = with_neighbours(stack, 1)
    assert (seen.shape, seen.ndim, len(seen), seen.dtype) == ((5, 3, 4, 6), 4, 5, np.float16)
    assert seen[2][0, 0].tolist() == [21, 22, 11, 12, 31, 32]
    assert with_neighbours(stack, 2)[2][0, 0].tolist() == [21, 22, 11, 12, 31, 32, 1, 2, 41, 42]
    assert with_neighbours(stack, 0) is stack


def test_beyond_the_ends_there_is_nothing():
    seen = with_neighbours(numbered_stack(), 1)
    assert seen[0][0, 0].tolist() == [1, 2, 0, 0, 11, 12]
    assert seen[4][0, 0].tolist() == seen[-1][0, 0].tolist() == [41, 42, 31, 32, 0, 0]


def test_neighbours_are_read_by_index_slice_array_and_loop():
    stack = np.random.default_rng(1).normal(size=(6, 3, 4, 2))
    seen = with_neighbours(stack, 2)
    whole = seen[:]
    assert whole.shape == (6, 3, 4, 10)
    np.testing.assert_array_equal(whole[..., :2], stack)
    np.testing.assert_array_equal(seen[np.array([5, 0, 3])], whole[[5, 0, 3]])
    np.testing.assert_array_equal(seen[1:4], whole[1:4])
    np.testing.assert_array_equal(np.stack(list(seen)), whole)
    assert seen[np.array([], int)].shape == (0, 3, 4, 10)
    with pytest.raises(IndexError):
        seen[6]
