"""Geometry is a contract: no orientation mirrors a volume, and no two grids are taken for one."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import GeometryError
from stroke_tf.volumes.grid import (
    TOLERANCE_MM,
    grid_of_file,
    require_same_grid,
    resample,
    same_grid,
    to_native,
    to_ras,
)

ORIENTATIONS = [
    "".join("RAS"[axis] if up else "LPI"[axis] for axis, up in zip(axes, ups, strict=True))
    for axes in permutations(range(3))
    for ups in product((True, False), repeat=3)
]
SPACING = (0.5, 2.0, 3.0)
ORIGIN = (-7.0, 11.0, 20.0)
TILTED = nibabel.eulerangles.euler2mat(0.1, -0.2, 0.15)


def grid(shape=(4, 5, 6), spacing=SPACING, turn=None, origin=ORIGIN):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(spacing)
    affine[:3, 3] = origin
    return grid_of_file(shape, affine, "scan.nii")


def stored_as(orientation, data, ras):
    """Return a RAS+ array and its grid as a file of another orientation would hold them, by nibabel's own image."""
    image = nibabel.Nifti1Image(data, ras.affine)
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(orientation)
    )
    turned = image.as_reoriented(turn)
    return np.asarray(turned.dataobj), turned.affine


def test_there_are_48_orientations():
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("turn", [None, TILTED], ids=["straight", "oblique"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_is_read_to_the_same_volume_and_undone(orientation, turn, numbered):
    ras = grid(turn=turn)
    native, affine = stored_as(orientation, numbered, ras)
    read = grid_of_file(native.shape, affine, "scan.nii")
    assert read.orientation == orientation
    assert read.shape == (4, 5, 6)
    np.testing.assert_allclose(read.affine, ras.affine, atol=1e-12)
    np.testing.assert_array_equal(to_ras(native, read), numbered)
    np.testing.assert_array_equal(to_native(to_ras(native, read), read), native)


def test_a_voxel_keeps_its_place_in_the_patient(numbered):
    """The brightest voxel of a PIL file stands at the same millimetres before and after."""
    native, affine = stored_as("PIL", numbered, grid())
    read = grid_of_file(native.shape, affine, "scan.nii")
    before = affine @ [*np.unravel_index(native.argmax(), native.shape), 1]
    after = read.affine @ [*np.unravel_index(to_ras(native, read).argmax(), read.shape), 1]
    np.testing.assert_allclose(before, after)


def test_spacing_follows_the_ras_axes(numbered):
    _, affine = stored_as("SRA", numbered, grid())
    assert grid_of_file((6, 4, 5), affine, "scan.nii").spacing_mm == pytest.approx(SPACING)


def test_the_volume_of_a_voxel_is_in_millilitres():
    assert grid(turn=TILTED).voxel_volume_ml == pytest.approx(0.5 * 2 * 3 / 1000)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 7), (4, 0, 6)])
def test_a_shape_that_is_not_3d_is_refused(shape):
    with pytest.raises(GeometryError, match=r"scan.nii: a 3-D volume is needed. Received shape"):
        grid_of_file(shape, np.eye(4), "scan.nii")


def test_a_spacing_of_zero_is_refused():
    with pytest.raises(GeometryError, match=r"scan.nii: the spacing .* above zero. Received: \[1.0, 0.0, 1.0\] mm"):
        grid_of_file((4, 5, 6), np.diag([1.0, 0.0, 1.0, 1.0]), "scan.nii")


def test_a_singular_affine_is_refused():
    flat = np.eye(4)
    flat[:3, 1] = flat[:3, 0]
    with pytest.raises(GeometryError, match=r"scan.nii: the affine is singular, two axes point the same way.*Mend"):
        grid_of_file((4, 5, 6), flat, "scan.nii")


def test_small_voxels_are_not_taken_for_a_singular_affine():
    assert grid(spacing=(0.01, 0.01, 0.01)).spacing_mm == pytest.approx((0.01, 0.01, 0.01))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_affine_that_is_not_finite_is_refused(bad):
    affine = np.eye(4)
    affine[0, 3] = bad
    with pytest.raises(GeometryError, match=r"scan.nii: the affine is not a finite 4x4 matrix"):
        grid_of_file((4, 5, 6), affine, "scan.nii")


def test_an_array_of_another_shape_is_refused(numbered):
    with pytest.raises(GeometryError, match=r"shape \(4, 5, 6\) does not fit a file of shape \(4, 5, 7\)"):
        to_ras(numbered, grid((4, 5, 7)))
    with pytest.raises(GeometryError, match=r"shape \(4, 5, 6\) does not fit a RAS\+ grid of shape \(4, 5, 7\)"):
        to_native(numbered, grid((4, 5, 7)))


def test_one_grid_stored_in_two_ways_is_one_grid(numbered):
    native, affine = stored_as("LAS", numbered, grid())
    assert same_grid(grid(), grid_of_file(native.shape, affine, "other.nii"))


def test_the_tolerance_is_that_of_the_farthest_corner():
    """Turned about its first voxel, a box moves most at its far end; that is what counts."""
    long = (1, 1, 201)
    for angle, same in [(0.9 * TOLERANCE_MM / 200, True), (1.1 * TOLERANCE_MM / 200, False)]:
        turned = grid(long, (1, 1, 1), nibabel.eulerangles.euler2mat(0, 0, angle))
        assert same_grid(grid(long, (1, 1, 1)), turned) is same


def test_what_a_qform_loses_is_within_the_tolerance():
    """The justification of the tolerance: the rounding of a quaternion, at the far corner of a SISS volume."""
    far = np.array([229, 229, 153, 1])
    losses = []
    for tilt in np.geomspace(2e-3, 0.1, 60):
        turn = nibabel.eulerangles.euler2mat(np.pi - tilt, 0.3 * tilt, 0.7 * tilt)
        wanted = nibabel.affines.from_matvec(turn, ORIGIN)
        header = nibabel.Nifti1Header()
        header.set_qform(wanted, code=1)
        losses.append(np.linalg.norm((header.get_qform() - wanted) @ far))
    assert 1e-3 < max(losses) < TOLERANCE_MM / 5


def test_different_grids_are_named_with_what_to_do():
    moved = grid(origin=(-7.0, 11.0, 23.0))
    with pytest.raises(
        GeometryError, match=r"t2.nii .*and flair.nii .*different grids: the farthest corners lie 3 mm apart.*resample"
    ):
        require_same_grid({"flair.nii": grid(), "t1.nii": grid(), "t2.nii": moved})


def test_different_shapes_are_named():
    with pytest.raises(
        GeometryError, match=r"t1.nii \(shape \(4, 5, 7\).*flair.nii \(shape \(4, 5, 6\).*shapes differ"
    ):
        require_same_grid({"flair.nii": grid(), "t1.nii": grid((4, 5, 7))})


def test_resampling_onto_the_own_grid_changes_nothing(numbered):
    np.testing.assert_array_equal(resample(numbered, grid(), grid(), order=1), numbered)


def test_resampling_moves_by_whole_voxels_exactly(numbered):
    """The target begins one voxel further along x: what it sees is the source from its second voxel on."""
    target = grid((3, 5, 6), origin=(ORIGIN[0] + SPACING[0], *ORIGIN[1:]))
    np.testing.assert_allclose(resample(numbered, grid(), target, order=1), numbered[1:], rtol=1e-6)


def test_resampling_follows_the_patient_not_the_index():
    """A ramp in millimetres keeps its values at any point, on a tilted and finer grid too."""
    source = grid((20, 20, 20), (1, 1, 1), origin=(0, 0, 0))
    ramp = np.add.outer(np.add.outer(np.arange(20.0), 2 * np.arange(20.0)), 3 * np.arange(20.0)).astype(np.float32)
    target = grid((5, 6, 7), (0.7, 0.8, 0.9), TILTED, origin=(6.0, 7.0, 8.0))
    indices = np.stack([*np.meshgrid(*map(np.arange, target.shape), indexing="ij"), np.ones(target.shape)], axis=-1)
    millimetres = indices @ target.affine.T
    expected = millimetres[..., :3] @ [1.0, 2.0, 3.0]
    moved = resample(ramp, source, target, order=1)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, expected, rtol=1e-4)


def test_a_coarser_grid_sees_the_mean_not_single_voxels():
    """A chequerboard of 0 and 2 taken at every fourth voxel would be all 0 or all 2."""
    fine = grid((32, 32, 32), (1, 1, 1), origin=(0, 0, 0))
    board = (np.indices(fine.shape).sum(axis=0) % 2 * 2).astype(np.float32)
    coarse = grid((6, 6, 6), (4, 4, 4), origin=(4, 4, 4))
    np.testing.assert_allclose(resample(board, fine, coarse, order=1), 1.0, atol=0.05)


def test_what_the_source_did_not_see_gets_the_value_asked_for(numbered):
    away = grid(origin=(500.0, 500.0, 500.0))
    assert (resample(numbered, grid(), away, order=1, outside=-3.0) == -3.0).all()


def test_a_mask_is_resampled_by_nearest_voxel_or_not_at_all(numbered):
    mask = numbered > 60
    np.testing.assert_array_equal(resample(mask, grid(), grid(), order=0), mask)
    with pytest.raises(GeometryError, match=r"A mask can be resampled with order 0 only. Received: 1"):
        resample(mask, grid(), grid(), order=1)
