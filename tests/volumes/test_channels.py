"""The sequences of a case become channels of one grid, or an error says why they cannot."""

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, InputFileError, ManifestError
from stroke_tf.volumes.channels import load_case

SHIFTED = np.diag([-1.0, 1.0, 1.0, 1.0])
SHIFTED[2, 3] = 2.0


def load(images, **changes):
    settings = {"sequences": ("FLAIR", "DWI", "T2"), "reference": "FLAIR", "lesion": None, "resample": False}
    return load_case("07", images, **{**settings, **changes})


@pytest.fixture
def images(saved, head):
    """Three sequences of one head, each with a gain of its own and a bright voxel of its own."""
    paths = {}
    for place, name in enumerate(("FLAIR", "DWI", "T2")):
        data = head * (place + 1)
        data[10, 10, 10 + place] = 1e5
        paths[name] = saved(f"{name}.nii", data)
    return paths


def test_channels_are_in_the_order_of_the_names(images):
    """Each sequence has its brightest voxel at another height, which tells the channels apart."""
    case = load(images, sequences=("T2", "FLAIR", "DWI"))
    assert case.channels.shape == (20, 22, 24, 3)
    assert case.channels.dtype == np.float32
    heights = [np.unravel_index(case.channels[..., place].argmax(), (20, 22, 24))[2] for place in range(3)]
    assert heights == [12, 10, 11]


@pytest.mark.parametrize("sequences", [("DWI",), ("DWI", "DWI", "DWI")])
def test_one_sequence_fills_all_three_channels(images, sequences):
    channels = load({"DWI": images["DWI"], "FLAIR": images["FLAIR"]}, sequences=sequences).channels
    np.testing.assert_array_equal(channels[..., 0], channels[..., 1])
    np.testing.assert_array_equal(channels[..., 0], channels[..., 2])
    assert channels.any()


def test_one_sequence_alone_stays_one_where_it_is_not_to_be_repeated(images):
    alone = load(images, sequences=("DWI",), repeat_one=False).channels
    np.testing.assert_array_equal(alone, load(images, sequences=("DWI",)).channels[..., :1])


def test_any_other_number_of_sequences_is_as_many_channels(images):
    two, three = load(images, sequences=("FLAIR", "DWI")), load(images, sequences=("FLAIR", "DWI", "T2"))
    assert two.channels.shape[-1] == 2
    np.testing.assert_array_equal(two.channels, three.channels[..., :2])
    with pytest.raises(ManifestError, match="Case 07: name at least one sequence"):
        load(images, sequences=())


def test_a_missing_sequence_is_named(images):
    with pytest.raises(
        ManifestError,
        match=r"Case 07: no T1 image; it has \S+FLAIR.nii, \S+DWI.nii, \S+T2.nii. Add the file, or choose",
    ):
        load(images, sequences=("FLAIR", "T1", "T2"))


def test_a_missing_reference_is_named(images):
    with pytest.raises(ManifestError, match=r"Case 07: no ADC image"):
        load(images, reference="ADC")


def test_the_mask_comes_along_in_ras(images, saved, head):
    mask = np.zeros(head.shape, np.uint8)
    mask[6, 7, 8] = 1
    case = load(images, lesion=saved("mask.nii", mask))
    assert np.argwhere(case.lesion).tolist() == [[19 - 6, 7, 8]]


def test_outside_the_brain_all_channels_are_zero(images):
    case = load(images)
    assert (case.channels[~case.brain] == 0).all()
    assert case.brain.sum() == 1000


def test_one_head_stored_in_two_orientations_is_one_grid(images, saved, head):
    """T2 is saved with its first axis the other way round, and its affine says so."""
    mirrored = np.diag([1.0, 1.0, 1.0, 1.0])
    mirrored[0, 3] = -19.0
    paths = {**images, "T2": saved("turned.nii", head[::-1], mirrored), "FLAIR": saved("straight.nii", head)}
    case = load(paths)
    np.testing.assert_array_equal(case.channels[..., 0], case.channels[..., 2])


def test_another_grid_without_leave_to_resample_names_both_files(images, saved, head):
    moved = saved("moved.nii", head, SHIFTED)
    with pytest.raises(GeometryError, match=r"moved.nii .*FLAIR.nii .*lie on different grids.*2 mm apart.*resample"):
        load({**images, "T2": moved})


def test_another_grid_is_resampled_where_the_layout_allows_it(images, saved, head):
    """T2 has been moved by two voxels in the array and back by its affine: in the patient nothing has moved."""
    moved = saved("moved.nii", np.roll(head, -2, axis=2), SHIFTED)
    case = load({"FLAIR": saved("own.nii", head), "DWI": images["DWI"], "T2": moved}, resample=True)
    np.testing.assert_allclose(case.channels[..., 2], case.channels[..., 0], atol=1e-4)
    assert case.reference.path.name == "own.nii"


def test_resampling_keeps_a_background_that_is_not_zero(images, saved, head):
    """Outside of what the moved scan saw there is its own background, not a rim of false brain."""
    moved = saved("moved.nii", np.roll(head, -2, axis=2) - 1000, SHIFTED)
    case = load({"FLAIR": saved("own.nii", head), "DWI": images["DWI"], "T2": moved}, resample=True)
    assert case.brain.sum() == 1000


def test_images_that_do_not_overlap_are_refused(images, saved, head):
    far = np.diag([-1.0, 1.0, 1.0, 1.0])
    far[0, 3] = 900.0
    paths = {**images, "T2": saved("far.nii", head, far)}
    with pytest.raises(GeometryError, match=r"far.nii does not overlap .*FLAIR.nii in space. Check which patient"):
        load(paths, resample=True)


def test_a_mask_on_another_grid_is_refused_even_where_images_are_resampled(images, saved, head):
    mask = saved("mask.nii", (head > 0).astype(np.uint8), SHIFTED)
    with pytest.raises(GeometryError, match=r"mask.nii .*different grids.*masks are never resampled"):
        load(images, lesion=mask, resample=True)


def test_a_mask_of_another_shape_is_refused(images, saved, head):
    mask = saved("mask.nii", (head > 0).astype(np.uint8)[:-1])
    with pytest.raises(GeometryError, match=r"mask.nii \(shape \(19, 22, 24\).*FLAIR.nii .*shapes differ"):
        load(images, lesion=mask)


def test_an_empty_mask_is_refused_unless_meant(images, saved, head):
    mask = saved("mask.nii", np.zeros(head.shape, np.uint8))
    with pytest.raises(InputFileError, match=r"mask.nii: the mask is empty"):
        load(images, lesion=mask)
    assert not load(images, lesion=mask, allow_empty_lesion=True).lesion.any()


def test_a_constant_image_is_refused_by_its_file(images, saved, head):
    with pytest.raises(InputFileError, match=r"flat.nii: the image is constant, every voxel is 4"):
        load({**images, "T2": saved("flat.nii", np.full(head.shape, 4.0, np.float32))})


def test_an_image_constant_inside_the_brain_is_refused_by_its_file(images, saved, head):
    """One wrong pixel in the air must not hide that an image shows nothing."""
    flat = np.zeros(head.shape, np.float32)
    flat[0, 0, 12] = 1e-9
    with pytest.raises(InputFileError, match=r"flat.nii: the image is constant inside the brain"):
        load({**images, "T2": saved("flat.nii", np.where(head > 0, 5.0, flat).astype(np.float32))})


def test_the_limit_on_voxels_is_passed_on(images):
    with pytest.raises(InputFileError, match=r"claims 10,560 voxels .*at most 100"):
        load(images, max_voxels=100)
