"""Slices: nothing is mirrored, shifted, lost or invented on the way to 128x128 and back."""

from itertools import product

import numpy as np
import pytest

from stroke_tf.choices import FitRule
from stroke_tf.errors import GeometryError
from stroke_tf.planes import Plane
from stroke_tf.slices import SliceGeometry, brain_box, cut, cut_labels, plan_fit, restack

SHAPE = (45, 38, 31)
EVERY_WAY = list(product(Plane, FitRule, (24, 40, 64)))


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def brain_of(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    brain = np.zeros(shape, dtype=bool)
    brain[6:40, 5:31, 7:29] = True
    return brain


def blob(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """An asymmetric lesion, far from the middle of each axis."""
    lesion = np.zeros(shape, dtype=bool)
    lesion[10:18, 20:27, 9:14] = True
    lesion[10:12, 18:20, 9:12] = True
    return lesion


def centroid(weights: np.ndarray) -> np.ndarray:
    grid = np.indices(weights.shape).reshape(3, -1)
    return grid @ weights.ravel() / weights.sum()


def whole(shape: tuple[int, int, int], plane: Plane, size: int) -> SliceGeometry:
    return plan_fit(shape, plane, rule=FitRule.PLAIN, brain=None, size=size)


@pytest.mark.parametrize("plane", Plane)
def test_a_numbered_slice_of_the_fitted_size_is_cut_as_it_is(plane: Plane):
    shape = tuple(12 if axis in plane.slice_axes else 7 for axis in range(3))
    volume = numbered(shape)
    stack = cut(volume[..., None], whole(shape, plane, 12))
    for index in range(7):
        assert np.array_equal(stack[index, ..., 0], volume.take(index, axis=plane.axis))


def test_rows_and_columns_are_the_other_two_axes_in_their_order():
    volume = numbered((4, 4, 4))
    assert cut(volume[..., None], whole((4, 4, 4), Plane.Y, 4))[2, 1, 3, 0] == volume[1, 2, 3]


@pytest.mark.parametrize("plane", Plane)
def test_restacking_slices_of_the_native_size_gives_every_voxel_back(plane: Plane):
    shape = tuple(12 if axis in plane.slice_axes else 7 for axis in range(3))
    volume = numbered(shape) / np.prod(shape)
    geometry = whole(shape, plane, 12)
    np.testing.assert_allclose(restack(cut_labels(volume, geometry), geometry), volume, atol=1e-6)


@pytest.mark.parametrize("plane", Plane)
def test_doubled_slices_of_a_numbered_volume_come_back_exactly(plane: Plane):
    shape = tuple(8 if axis in plane.slice_axes else 5 for axis in range(3))
    volume = numbered(shape) / np.prod(shape)
    geometry = whole(shape, plane, 16)
    np.testing.assert_allclose(restack(cut_labels(volume, geometry), geometry), volume, atol=1e-6)


@pytest.mark.parametrize(("plane", "rule", "size"), EVERY_WAY)
def test_the_centroid_stays_where_it_was(plane: Plane, rule: FitRule, size: int):
    lesion = blob()
    geometry = plan_fit(SHAPE, plane, rule=rule, brain=brain_of(), size=size)
    undone = restack(cut_labels(lesion, geometry), geometry)
    assert np.abs(centroid(undone) - centroid(lesion.astype(float))).max() < 0.05


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("size", [24, 40, 64])
def test_a_gradient_of_an_image_has_no_shift(plane: Plane, size: int):
    axis = plane.slice_axes[0]
    ramp = np.indices(SHAPE)[axis].astype(np.float32) + 0.5
    stack = cut(ramp[..., None], whole(SHAPE, plane, size))[..., 0]
    expected = (np.arange(size) + 0.5) * SHAPE[axis] / size
    # A ramp of voxels is a staircase, so a pixel's mean may be off by a part of a step, but not on the whole.
    off = (stack[0, :, 5] - expected)[3:-3]
    assert np.abs(off).max() < 0.13
    assert abs(off.mean()) < 0.02


@pytest.mark.parametrize(("plane", "rule", "size"), EVERY_WAY)
def test_labels_keep_the_lesions_volume(plane: Plane, rule: FitRule, size: int):
    lesion = blob()
    geometry = plan_fit(SHAPE, plane, rule=rule, brain=brain_of(), size=size)
    pixel = geometry.rows.side * geometry.columns.side / size**2
    assert cut_labels(lesion, geometry).sum() * pixel == pytest.approx(lesion.sum(), rel=1e-5)


def test_a_lesion_of_one_voxel_covers_its_share_of_the_pixel_above_it():
    lesion = np.zeros((1, 4, 4), dtype=bool)
    lesion[0, 1, 2] = True
    assert cut_labels(lesion, whole((1, 4, 4), Plane.X, 2)).tolist() == [[[0, 0.25], [0, 0]]]


def test_a_voxel_astride_two_pixels_is_shared_between_them():
    lesion = np.zeros((1, 3, 2), dtype=bool)
    lesion[0, 1] = True
    np.testing.assert_allclose(cut_labels(lesion, whole((1, 3, 2), Plane.X, 2))[0], np.full((2, 2), 1 / 3), rtol=1e-6)


def test_growing_labels_gives_no_value_that_area_does_not_explain():
    lesion = np.array([[[1], [0]]], dtype=bool)
    np.testing.assert_allclose(cut_labels(lesion, whole((1, 2, 1), Plane.X, 3))[0, :, 0], [1, 0.5, 0], rtol=1e-6)


@pytest.mark.parametrize(("plane", "rule", "size"), EVERY_WAY)
def test_probabilities_stay_between_0_and_1(plane: Plane, rule: FitRule, size: int):
    geometry = plan_fit(SHAPE, plane, rule=rule, brain=brain_of(), size=size)
    stack = np.random.default_rng(3).integers(0, 2, (len(geometry.indices), size, size)).astype(np.float32)
    volume = restack(stack, geometry)
    assert volume.dtype == np.float32
    assert volume.min() >= 0 and volume.max() <= 1


@pytest.mark.parametrize("plane", Plane)
def test_certainty_everywhere_fills_the_box_and_nothing_else(plane: Plane):
    geometry = plan_fit(SHAPE, plane, rule=FitRule.BRAIN, brain=brain_of(), size=24)
    inside = np.zeros(SHAPE, dtype=bool)
    inside[tuple(slice(*ends) for ends in geometry.box)] = True
    volume = restack(np.ones((len(geometry.indices), 24, 24), dtype=np.float32), geometry)
    np.testing.assert_allclose(volume, inside, atol=1e-6)


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("rule", FitRule)
def test_the_layout_in_memory_changes_nothing(plane: Plane, rule: FitRule):
    channels = np.random.default_rng(1).random((*SHAPE, 3), dtype=np.float32)
    geometry = plan_fit(SHAPE, plane, rule=rule, brain=brain_of(), size=24)
    assert np.array_equal(cut(channels, geometry), cut(np.asfortranarray(channels), geometry))
    assert np.array_equal(cut_labels(blob(), geometry), cut_labels(np.asfortranarray(blob()), geometry))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_each_channel_is_cut_as_if_it_were_alone(count: int):
    channels = np.random.default_rng(2).random((*SHAPE, count), dtype=np.float32)
    geometry = whole(SHAPE, Plane.Z, 40)
    together = cut(channels, geometry)
    for channel in range(count):
        np.testing.assert_allclose(together[..., channel], cut(channels[..., [channel]], geometry)[..., 0], atol=1e-5)


@pytest.mark.parametrize("plane", Plane)
def test_an_image_that_shrinks_is_averaged_as_its_labels_are(plane: Plane):
    lesion = blob()
    geometry = plan_fit(SHAPE, plane, rule=FitRule.BRAIN, brain=brain_of(), size=16)
    image = cut(lesion[..., None].astype(np.float32), geometry)[..., 0]
    np.testing.assert_allclose(image, cut_labels(lesion, geometry), atol=1e-5)


def test_a_brain_fit_keeps_the_aspect_ratio():
    square = np.zeros((1, 40, 20), dtype=bool)
    square[0, 10:20, 6:16] = True
    geometry = plan_fit(square.shape, Plane.X, rule=FitRule.BRAIN, brain=np.ones_like(square), size=20)
    fitted = cut_labels(square, geometry)[0] > 0.5
    assert fitted.any(axis=1).sum() == fitted.any(axis=0).sum() == 5


def test_the_padding_of_a_square_is_zero():
    geometry = plan_fit((1, 40, 20), Plane.X, rule=FitRule.BRAIN, brain=np.ones((1, 40, 20), bool), size=20)
    stack = cut(np.ones((1, 40, 20, 1)), geometry)[0, ..., 0]
    assert stack[:, :5].max() == stack[:, 15:].max() == 0
    assert stack[:, 5:15].min() == 1


def test_the_brains_box_holds_the_brain_and_the_margin_the_volume_has_room_for():
    brain = np.zeros((10, 10, 10), dtype=bool)
    brain[1:5, 4:6, 9] = True
    assert brain_box(brain, brain.shape, margin=2) == ((0, 7), (2, 8), (7, 10))


def test_slices_know_where_they_were_cut():
    geometry = plan_fit(SHAPE, Plane.Y, rule=FitRule.BRAIN, brain=brain_of(), size=24, margin=2)
    assert geometry.indices == range(3, 33)
    assert len(cut_labels(blob(), geometry)) == len(geometry.indices)


def test_an_argument_is_never_changed():
    lesion, stack = blob(), np.full((SHAPE[2], 24, 24), 0.5, dtype=np.float32)
    geometry = whole(SHAPE, Plane.Z, 24)
    cut_labels(lesion, geometry)
    restack(stack, geometry)
    assert np.array_equal(lesion, blob())
    assert (stack == 0.5).all()


def test_an_empty_brain_cannot_be_cropped_to():
    with pytest.raises(GeometryError, match=r"empty.*plain fit"):
        plan_fit(SHAPE, Plane.X, rule=FitRule.BRAIN, brain=np.zeros(SHAPE, dtype=bool))


@pytest.mark.parametrize("brain", [None, np.ones((2, 3, 4), dtype=bool)])
def test_a_brain_of_another_shape_is_refused(brain: np.ndarray | None):
    with pytest.raises(GeometryError, match=r"\(45, 38, 31\)"):
        plan_fit(SHAPE, Plane.X, rule=FitRule.BRAIN, brain=brain)


def test_a_volume_of_another_shape_than_planned_is_refused():
    geometry = whole(SHAPE, Plane.X, 24)
    with pytest.raises(GeometryError, match="planned for"):
        cut_labels(np.zeros((31, 38, 45), dtype=bool), geometry)
    with pytest.raises(GeometryError, match="planned for"):
        cut(np.zeros((31, 38, 45, 3)), geometry)
    with pytest.raises(GeometryError, match="must have shape"):
        restack(np.zeros((31, 24, 24), dtype=np.float32), geometry)
