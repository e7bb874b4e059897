"""Prediction: each voxel once by each plane, whatever the batches; patches cover the box."""

import numpy as np
import pytest

from stroke_tf.choices import FitRule, PatchWeight
from stroke_tf.errors import GeometryError, SettingError, WeightsError
from stroke_tf.inference.run import filled_slices, predict_patches, predict_plane, predict_stack
from stroke_tf.neighbours import with_neighbours
from stroke_tf.planes import Plane
from stroke_tf.slices import plan_fit

SHAPE = (20, 18, 14)


def first_channel(batch: np.ndarray) -> np.ndarray:
    return batch[..., 0]


def volume_of(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(5).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_slices_come_back_in_their_order_whatever_the_batch(batch_size: int):
    stack = volume_of()
    assert np.array_equal(predict_stack(stack, first_channel, batch_size=batch_size), stack[..., 0])


def test_empty_slices_are_predicted_once_and_share_the_answer():
    stack = np.zeros((10, 4, 4, 3), dtype=np.float32)
    stack[4] = 0.25
    seen = []

    def predict(batch: np.ndarray) -> np.ndarray:
        seen.append(len(batch))
        return batch[..., 0] + 0.5

    answer = predict_stack(stack, predict, batch_size=32)
    assert seen == [2]
    assert (answer[4] == 0.75).all()
    assert (np.delete(answer, 4, axis=0) == 0.5).all()


def test_a_stack_of_nothing_but_empty_slices_is_predicted():
    answer = predict_stack(np.zeros((5, 4, 4, 3), dtype=np.float32), lambda batch: batch[..., 0] + 0.125)
    assert (answer == 0.125).all()


def test_the_network_sees_float32_however_the_slices_are_kept():
    kinds = []

    def predict(batch: np.ndarray) -> np.ndarray:
        kinds.append(batch.dtype)
        return batch[..., 0].astype(np.float64)

    answer = predict_stack(volume_of().astype(np.float16), predict)
    assert (kinds, answer.dtype) == ([np.float32], np.float32)


def test_progress_counts_every_slice():
    stack = volume_of()
    stack[3:9] = 0
    told = []
    predict_stack(stack, first_channel, batch_size=4, on_batch=told.append)
    assert sum(told) == len(stack)


@pytest.mark.parametrize("plane", Plane)
def test_a_network_that_knows_the_lesion_puts_it_where_it_was(plane: Plane):
    lesion = np.zeros(SHAPE, dtype=np.float32)
    lesion[3:9, 10:15, 2:6] = 1
    channels = np.repeat(lesion[..., None], 3, axis=3)
    geometry = plan_fit(SHAPE, plane, rule=FitRule.PLAIN, brain=None, size=40)
    answer = predict_plane(channels, geometry, first_channel, batch_size=5)
    assert np.array_equal(answer > 0.5, lesion > 0.5)


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(GeometryError, match="must answer with shape"):
        predict_stack(volume_of(), lambda batch: batch)


def test_nan_from_a_network_is_an_error_and_not_background():
    with pytest.raises(WeightsError, match="NaN"):
        predict_stack(volume_of(), lambda batch: batch[..., 0] * np.float32("nan"))


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(SettingError, match="batch size"):
        predict_stack(volume_of(), first_channel, batch_size=0)


BOXES = [((0, 20), (0, 18), (0, 14)), ((3, 17), (1, 18), (2, 11)), ((5, 8), (0, 18), (13, 14))]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("weight", PatchWeight)
def test_patches_of_a_network_that_copies_give_the_box_back_and_nothing_else(box, overlap, weight):
    channels = volume_of()
    answer = predict_patches(channels, box, first_channel, patch=(8, 6, 5), overlap=overlap, weight=weight)
    inside = tuple(slice(*ends) for ends in box)
    expected = np.zeros(SHAPE, dtype=np.float32)
    expected[inside] = channels[inside][..., 0]
    np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_every_voxel_of_the_box_lies_in_a_patch(box, overlap):
    channels = np.stack(np.indices(SHAPE), axis=-1).astype(np.float32) + 1
    seen = np.zeros(SHAPE, dtype=int)

    def predict(batch: np.ndarray) -> np.ndarray:
        x, y, z = (batch[..., axis].astype(int) - 1 for axis in range(3))
        real = x >= 0
        np.add.at(seen, (x[real], y[real], z[real]), 1)
        return batch[..., 0] * 0

    predict_patches(channels, box, predict, patch=(8, 6, 5), overlap=overlap)
    inside = np.zeros(SHAPE, dtype=bool)
    inside[tuple(slice(*ends) for ends in box)] = True
    assert np.array_equal(seen > 0, inside)


def test_a_volume_smaller_than_a_patch_is_padded_with_zero():
    blocks = []

    def predict(batch: np.ndarray) -> np.ndarray:
        blocks.append(batch)
        return batch[..., 0]

    channels = volume_of((3, 4, 5))
    answer = predict_patches(channels, ((0, 3), (0, 4), (0, 5)), predict, patch=(8, 8, 8), overlap=0.5)
    (block,) = blocks
    assert np.array_equal(block[0, :3, :4, :5], channels)
    assert not block[0, 3:].any() and not block[0, :, 4:].any() and not block[0, ..., 5:, :].any()
    np.testing.assert_allclose(answer, channels[..., 0], atol=1e-6)


def test_patches_that_disagree_are_averaged_by_their_weights():
    # Two patches of 4 over 6 voxels overlap in voxels 2 and 3; the first says 0, the second 1.
    answers = iter([0.0, 1.0])
    channels = np.zeros((6, 1, 1, 1), dtype=np.float32)
    answer = predict_patches(
        channels,
        ((0, 6), (0, 1), (0, 1)),
        lambda batch: np.full(batch.shape[:-1], next(answers)),
        patch=(4, 1, 1),
        overlap=0.5,
        weight=PatchWeight.UNIFORM,
    )
    assert answer[:, 0, 0].tolist() == [0, 0, 0.5, 0.5, 1, 1]


def test_a_gaussian_weight_trusts_the_patch_whose_middle_is_nearer():
    answers = iter([0.0, 1.0])
    answer = predict_patches(
        np.zeros((6, 1, 1, 1), dtype=np.float32),
        ((0, 6), (0, 1), (0, 1)),
        lambda batch: np.full(batch.shape[:-1], next(answers)),
        patch=(4, 1, 1),
        overlap=0.5,
    )[:, 0, 0]
    assert 0 < answer[2] < 0.5 < answer[3] < 1
    assert answer[2] + answer[3] == pytest.approx(1)


@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_every_patch_is_told(batch_size: int):
    told = []
    box = ((0, 20), (0, 18), (0, 14))
    predict_patches(
        volume_of(), box, first_channel, patch=(8, 8, 8), overlap=0.5, batch_size=batch_size, on_batch=told.append
    )
    assert sum(told) == 4 * 4 * 3


@pytest.mark.parametrize("overlap", [-0.1, 1.0])
def test_an_impossible_overlap_is_refused(overlap: float):
    with pytest.raises(SettingError, match="overlap"):
        predict_patches(volume_of(), ((0, 20), (0, 18), (0, 14)), first_channel, patch=(8, 8, 8), overlap=overlap)


def test_an_empty_slice_with_a_filled_neighbour_is_predicted_for_itself():
    """Slices 0 and 5 are empty through and through and share an answer; slice 2 sees slice 3."""
    stack = np.zeros((6, 2, 2, 1), np.float32)
    stack[3] = 8
    seen = with_neighbours(stack, 1)
    assert filled_slices(seen).tolist() == [False, False, True, True, True, False]
    asked = []

    def predict(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return images.sum(axis=-1) / 10

    answer = predict_stack(seen, predict)
    assert answer[:, 0, 0].tolist() == pytest.approx([0, 0, 0.8, 0.8, 0.8, 0])
    assert sum(asked) == 4
