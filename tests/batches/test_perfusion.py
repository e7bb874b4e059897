"""Batches of CT perfusion: numbered, moved as one piece, and the same slices whatever the network looks at."""

import numpy as np
import pytest

from stroke_tf.batches.perfusion import Movement, PerfusionSource, move, perfusion_batch, perfusion_batches
from stroke_tf.errors import GeometryError, ManifestError, SettingError

SIZE = 8
STILL = Movement(flip_sides=False, rotation_degrees=0, shift_share=0)


def source(*, slices=(3, 2), channels: int = 5, size: int = SIZE, lesion: bool = True) -> PerfusionSource:
    """Return cases whose first channel holds the slice's number, with lesion in the first slice of each."""
    draw = np.random.default_rng(5)
    images, dwi, brain, coverage, number = [], [], [], [], 0
    for count in slices:
        stack = draw.normal(size=(count, size, size, channels)).astype(np.float16)
        for index in range(count):
            stack[index, ..., 0] = number
            number += 1
        images.append(stack)
        dwi.append(stack[..., 1].copy())
        brain.append(np.full((count, size, size), 255, np.uint8))
        labels = np.zeros((count, size, size), np.uint8)
        labels[0, 2:4, 2:4] = 255 if lesion else 0
        coverage.append(labels)
    return PerfusionSource(images, dwi, brain, coverage)


def batch(of: PerfusionSource, number: int, *, movement: Movement | None = None, seed: int = 1):
    return perfusion_batch(of, batch=number, batch_size=4, movement=movement, lesion_share=0.5, seed=seed)


def test_targets_are_lesion_dwi_and_brain_of_the_same_slice():
    images, targets = batch(source(), 0)
    assert np.array_equal(targets[..., 1], images[..., 1])
    assert set(np.unique(targets[..., 0])) == {0.0, 1.0}
    assert np.all(targets[..., 2] == 1)
    lesion = targets[..., 0].any(axis=(1, 2))
    assert [number in (0, 3) for number in images[:, 0, 0, 0]] == lesion.tolist()


def test_the_lesion_share_is_kept():
    for number in range(5):
        assert batch(source(), number)[1][..., 0].any(axis=(1, 2)).sum() >= 2


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    moving = Movement()
    images, targets = batch(source(), 3, movement=moving)
    again = batch(source(), 3, movement=moving)
    assert np.array_equal(images, again[0]) and np.array_equal(targets, again[1])
    assert not np.array_equal(images, batch(source(), 4, movement=moving)[0])
    assert not np.array_equal(images, batch(source(), 3, movement=moving, seed=2)[0])


def test_networks_with_other_inputs_meet_the_same_slices_moved_alike():
    whole = source()
    maps = PerfusionSource([stack[..., 2:] for stack in whole.images], whole.dwi, whole.brain, whole.coverage)
    images, targets = batch(whole, 7, movement=Movement())
    some, same = batch(maps, 7, movement=Movement())
    assert np.array_equal(targets, same)
    assert np.array_equal(images[..., 2:], some)


def test_image_and_targets_are_moved_as_one_piece():
    image = np.random.default_rng(1).random((9, 9, 6)).astype(np.float32)
    for seed in range(5):
        moved, targets = move(image, image[..., :3], Movement(), seed=seed)
        assert np.array_equal(moved[..., :3], targets)


def test_no_movement_leaves_every_bit():
    image = np.random.default_rng(1).random((8, 8, 5)).astype(np.float32)
    assert np.array_equal(move(image, image, STILL, seed=3)[0], image)


def test_a_flip_exchanges_left_and_right_and_not_front_and_back():
    image = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    flips = Movement(flip_sides=True, rotation_degrees=0, shift_share=0)
    seen = {move(image, image, flips, seed=seed)[0].tobytes() for seed in range(20)}
    assert seen == {image.tobytes(), image[::-1].tobytes()}


def test_a_shift_moves_by_no_more_than_its_share():
    image = np.zeros((20, 20, 1), np.float32)
    image[10, 10] = 1
    shifts = Movement(flip_sides=False, rotation_degrees=0, shift_share=0.1)
    for seed in range(20):
        rows, columns = np.nonzero(move(image, image, shifts, seed=seed)[0][..., 0])
        assert rows.size
        assert np.abs([*(rows - 10), *(columns - 10)]).max() <= 3


def test_the_dataset_yields_the_numbered_batches_and_goes_on_anywhere():
    of = source()
    settings = {"batch_size": 4, "movement": Movement(), "lesion_share": 0.5, "seed": 1}
    whole = [(x.numpy(), y.numpy()) for x, y in perfusion_batches(of, steps=4, workers=1, **settings)]
    later = [(x.numpy(), y.numpy()) for x, y in perfusion_batches(of, steps=4, start_step=2, workers=2, **settings)]
    assert len(whole) == 4
    for number, (images, targets) in enumerate(whole):
        expected = batch(of, number, movement=Movement())
        assert np.array_equal(images, expected[0]) and np.array_equal(targets, expected[1])
    for first, second in zip(whole[2:], later, strict=True):
        assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_stacks_that_do_not_match_are_refused():
    good = source()
    with pytest.raises(GeometryError, match=r"Case number 1: .* must share slices"):
        PerfusionSource(good.images, good.dwi, good.brain, [good.coverage[0], good.coverage[0]])
    with pytest.raises(ManifestError, match=r"Received: 2, 1, 2 and 2"):
        PerfusionSource(good.images, good.dwi[:1], good.brain, good.coverage)


def test_a_cohort_without_lesion_is_refused():
    settings = {"batch_size": 4, "steps": 1, "movement": None, "lesion_share": 0.5, "seed": 1}
    with pytest.raises(ManifestError, match="slice with lesion"):
        perfusion_batches(source(lesion=False), **settings)


def test_an_impossible_movement_is_refused():
    with pytest.raises(SettingError, match=r"shift_share lies between 0 and 0.5. Received: 2"):
        Movement(shift_share=2)
