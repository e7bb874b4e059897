"""What a page carries of a volume lies where the volume lies, and is no finer than asked."""

import gzip

import nibabel
import numpy as np
import pytest

from stroke_tf.volumes.grid import grid_of_file, resample
from stroke_tf.volumes.viewable import packed_nifti, window_on

AFFINE = np.array([[0.0, 0, 2, -10], [-1, 0, 0, 40], [0, 1, 0, -20], [0, 0, 0, 1]])


def numbered_grid():
    """Return a grid whose file stores its axes in another order, and the RAS+ shape 12 x 30 x 20."""
    grid = grid_of_file((30, 20, 12), AFFINE, "test")
    assert grid.shape == (12, 30, 20)
    return grid


def boxed(grid) -> np.ndarray:
    keep = np.zeros(grid.shape, bool)
    keep[4:7, 10:20, 5:15] = True
    return keep


def test_a_crop_keeps_every_voxel_at_its_place():
    grid = numbered_grid()
    window = window_on(grid, boxed(grid))
    assert window.grid.shape == (9, 16, 16)
    first = [side.start for side in window.box]
    assert np.allclose(window.grid.affine @ [0, 0, 0, 1], grid.affine @ [*first, 1])


def test_nothing_to_keep_keeps_everything():
    grid = numbered_grid()
    assert window_on(grid, np.zeros(grid.shape, bool)).grid.shape == grid.shape


def test_coarser_voxels_cover_the_same_box():
    grid = numbered_grid()
    fine, coarse = window_on(grid, boxed(grid)), window_on(grid, boxed(grid), least_mm=2.0)
    assert coarse.grid.spacing_mm == pytest.approx((2, 2, 2))
    assert coarse.grid.shape == (9, 8, 8)
    # The outer corner of the first voxel stays where it was.
    corner = np.array([-0.5, -0.5, -0.5, 1])
    assert np.allclose(fine.grid.affine @ corner, coarse.grid.affine @ corner)


def test_a_mask_stays_a_mask_and_an_image_spans_its_greys():
    grid = numbered_grid()
    window = window_on(grid, boxed(grid), least_mm=2.0)
    assert window.mask(boxed(grid)).dtype == bool and window.mask(boxed(grid)).any()
    volume = np.zeros(grid.shape, np.float32)
    volume[boxed(grid)] = np.linspace(100, 900, boxed(grid).sum())
    grey = window_on(grid, boxed(grid)).image(volume)
    assert grey.dtype == np.uint8 and grey.min() == 0 and grey.max() == 252
    assert (grey % 4 == 0).all()


def test_a_mask_in_larger_voxels_is_what_lies_at_their_centres():
    grid = numbered_grid()
    noise = np.random.default_rng(1).random(grid.shape) > 0.5
    window = window_on(grid, boxed(grid), least_mm=3.0)
    expected = resample(noise[window.box], window.part, window.grid, order=0)
    # The last voxel along each axis has its centre beyond the box, where a resampler sees nothing.
    inner = (slice(-1),) * 3
    assert np.array_equal(window.mask(noise)[inner], expected[inner]) and expected[inner].any()


def test_a_map_of_shares_keeps_its_ends():
    grid = numbered_grid()
    shares = boxed(grid).astype(np.float32)
    assert set(np.unique(window_on(grid, boxed(grid)).map(shares))) == {0, 252}


def test_the_packed_file_is_nifti_with_its_voxels_behind_352_bytes():
    grid = numbered_grid()
    data = np.arange(np.prod(grid.shape), dtype=np.uint16).reshape(grid.shape)
    raw = gzip.decompress(packed_nifti(data, grid))
    image = nibabel.Nifti1Image.from_bytes(raw)
    assert np.array_equal(image.get_fdata(), data) and np.allclose(image.affine, grid.affine)
    assert len(raw) == 352 + data.nbytes
    assert np.array_equal(np.frombuffer(raw[352:], np.uint16), data.ravel(order="F"))


def test_the_same_volume_is_packed_to_the_same_bytes():
    grid = numbered_grid()
    data = np.zeros(grid.shape, np.uint8)
    assert packed_nifti(data, grid) == packed_nifti(data, grid)
