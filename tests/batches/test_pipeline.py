import time
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.batches.augment import Augmentation, augmenter
from stroke_tf.batches.pipeline import SliceSource, numbered_batches, slice_batch, slice_batches
from stroke_tf.errors import GeometryError, ManifestError, SettingError
from stroke_tf.neighbours import with_neighbours
from stroke_tf.seeds import child_seed

ALL = Augmentation(rotation_degrees=180)


def cohort(label_dtype=np.uint8, image_dtype=np.float16, cases=3, slices=10, size=16):
    """Slices 2 to 7 of each case hold brain, slices 4 and 5 lesion; every slice has a value of its own."""
    images, labels = [], []
    for case in range(cases):
        image = np.zeros((slices, size, size, 3), image_dtype)
        for index in range(2, 8):
            image[index, 2:-2, 2:-2] = (case * slices + index) / 8 - 1.5
            image[index, 4, 6] = -7
        label = np.zeros((slices, size, size), np.float32)
        label[4:6, 5:9, 5:9] = 1
        label[4:6, 5, 5] = 0.2
        images.append(image)
        labels.append((label * 255).astype(np.uint8) if label_dtype == np.uint8 else label.astype(label_dtype))
    return SliceSource(images, labels)


def read(source, **changes):
    settings = {"batch_size": 4, "steps": 6, "augmentation": ALL, "lesion_share": 0.5, "seed": 11, **changes}
    return [(image.numpy(), label.numpy()) for image, label in slice_batches(source, **settings)]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_batches_have_the_promised_shapes_and_types():
    dataset = slice_batches(cohort(), batch_size=4, steps=6, augmentation=ALL, lesion_share=0.5, seed=1)
    image, label = dataset.element_spec
    assert image.shape == (4, 16, 16, 3) and label.shape == (4, 16, 16)
    assert image.dtype == label.dtype == "float32"
    assert int(dataset.cardinality()) == 6


def test_one_seed_gives_the_same_bits_and_another_does_not():
    first = read(cohort())
    assert same(first, read(cohort()))
    assert not same(first, read(cohort(), seed=12))


@pytest.mark.parametrize("workers", [1, 5])
def test_threads_change_nothing(workers):
    assert same(read(cohort(), steps=20), read(cohort(), steps=20, workers=workers))


def test_a_slow_batch_does_not_lose_its_place():
    def make(number):
        time.sleep(0.03 if number % 3 == 0 else 0)
        return np.full((1, 2), number, np.float32), np.zeros((1,), np.float32)

    batches = numbered_batches(make, ((1, 2), (1,)), start=4, stop=14, workers=4)
    assert [int(image[0, 0]) for image, _ in batches] == list(range(4, 14))


def test_a_resumed_run_goes_on_with_the_next_batch():
    whole = read(cohort(), steps=9)
    assert same(whole[5:], read(cohort(), steps=9, start_step=5))
    assert read(cohort(), steps=9, start_step=9) == []


def test_a_longer_run_begins_like_a_short_one():
    assert same(read(cohort(), steps=4), read(cohort(), steps=9)[:4])


@pytest.mark.parametrize(
    "settings",
    [
        None,
        Augmentation(True, 0, 0, 0),
        Augmentation(False, 90, 0, 0),
        Augmentation(False, 0, 0.5, 0),
        Augmentation(False, 0, 0, 0.5),
        ALL,
    ],
    ids=["none", "flip", "rotation", "brightness", "contrast", "all"],
)
def test_tensorflow_sees_what_numpy_makes(settings):
    source = cohort()
    eager = [
        slice_batch(source, batch=batch, batch_size=4, augmentation=settings, lesion_share=0.5, seed=11)
        for batch in range(6)
    ]
    assert same(eager, read(source, augmentation=settings))


def test_a_slice_of_a_batch_is_the_slice_augmented_alone():
    source, asked = cohort(), {"batch": 3, "batch_size": 4, "lesion_share": 0.5, "seed": 11}
    plain = slice_batch(source, augmentation=None, **asked)
    changed = slice_batch(source, augmentation=ALL, **asked)
    for row in range(4):
        seed = child_seed(11, "batch", 3, "slice", row)
        image, label = augmenter(ALL)(plain[0][row], plain[1][row], seed)
        assert np.array_equal(changed[0][row], image) and np.array_equal(changed[1][row], label)


def test_image_and_label_come_from_one_slice():
    source = cohort()
    stacks = np.concatenate(source.images), np.concatenate(source.labels) / np.float32(255)
    for images, labels in read(source, augmentation=None, steps=10):
        for image, label in zip(images, labels, strict=True):
            found = [number for number in range(30) if np.array_equal(stacks[0][number], image)]
            assert len(found) == 1 and np.array_equal(stacks[1][found[0]], label)


def test_first_and_last_slices_of_every_case_are_read():
    images = [np.full((2, 4, 4, 3), case + 1, np.float32) for case in range(3)]
    images = [stack * np.array([1, 10]).reshape(2, 1, 1, 1) for stack in images]
    source = SliceSource(images, [np.ones((2, 4, 4), bool)] * 3)
    ((batch, _),) = read(source, augmentation=None, steps=1, batch_size=6, lesion_share=1)
    assert sorted(batch[:, 0, 0, 0].tolist()) == [1, 2, 3, 10, 20, 30]


def test_air_is_never_drawn_and_the_share_of_lesion_is_kept():
    for images, labels in read(cohort(), augmentation=None, steps=10, batch_size=8, lesion_share=0.25):
        assert images.any(axis=(1, 2, 3)).all()
        assert labels.any(axis=(1, 2)).sum() >= 2


def test_slices_are_numbered_over_the_cohort():
    source = cohort()
    assert source.lesion_slices.tolist() == [4, 5, 14, 15, 24, 25]
    assert source.brain_slices.tolist() == [*range(2, 8), *range(12, 18), *range(22, 28)]


@pytest.mark.parametrize("image_dtype", [np.float16, np.float32])
@pytest.mark.parametrize("label_dtype", [np.uint8, np.float32])
def test_all_stored_types_give_the_same_batches(label_dtype, image_dtype):
    wanted, got = read(cohort(np.float32, np.float32)), read(cohort(label_dtype, image_dtype))
    for one, two in zip(wanted, got, strict=True):
        assert np.allclose(one[0], two[0], atol=0.01) and np.allclose(one[1], two[1], atol=0.005)


def test_labels_stay_coverage():
    labels = np.concatenate([label for _, label in read(cohort(), steps=20)])
    assert labels.min() == 0 and labels.max() == 1
    assert ((labels > 0.05) & (labels < 0.95)).any()


def test_a_cohort_without_lesion_is_refused():
    source = cohort()
    empty = SliceSource(source.images, [labels * 0 for labels in source.labels])
    with pytest.raises(ManifestError, match="None of the 3 training cases has a slice with lesion"):
        read(empty)


def test_a_cohort_without_brain_is_refused():
    source = cohort()
    with pytest.raises(ManifestError, match="None of the 3 training cases has a slice with brain"):
        read(SliceSource([images * 0 for images in source.images], source.labels))


def test_no_case_is_refused():
    with pytest.raises(ManifestError, match="Received: 0 and 0"):
        SliceSource([], [])


def test_stacks_that_do_not_match_are_refused():
    source = cohort()
    with pytest.raises(GeometryError, match="Case number 1"):
        SliceSource(source.images, [source.labels[0], source.labels[1][:-1], source.labels[2]])


def test_images_that_are_not_floats_are_refused():
    source = cohort()
    with pytest.raises(SettingError, match="Case number 0: slices are stored as floats"):
        SliceSource([images.astype(np.int16) for images in source.images], source.labels)


def test_labels_that_are_masks_in_disguise_are_refused():
    source = cohort()
    with pytest.raises(SettingError, match="case number 0: uint8 labels hold coverage"):
        read(SliceSource(source.images, [(labels > 0).astype(np.uint8) for labels in source.labels]))


def _memory_mb():
    """All memory of the process, the mapped pages of files included, which a careless reader leaves mapped."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the memory of a process in /proc")
def test_memory_does_not_grow_with_the_cohort(tmp_path):
    # 295 MB of images in a file with holes; only the few slices with brain take space on the disk.
    shape = (1500, 128, 128, 3)
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.float32, shape)
    labels = np.lib.format.open_memmap(tmp_path / "labels.npy", "w+", np.uint8, shape[:3])
    for index in range(0, 1500, 100):
        images[index, 30:90, 30:90] = 1
        labels[index, 40:50, 40:50] = 255
    del images, labels
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("images.npy", "labels.npy")]
    source = SliceSource([mapped[0]], [mapped[1]])
    read(cohort(), steps=3, batch_size=8)
    before = _memory_mb()
    grown = []
    batches = slice_batches(source, batch_size=8, steps=80, augmentation=ALL, lesion_share=0.5, seed=1)
    for _ in batches:
        grown.append(_memory_mb() - before)
    assert source.brain_slices.size == 15
    assert max(grown) < 60


def test_neighbours_reach_the_network_and_are_augmented_as_one(tmp_path):
    """Inside tf.data and outside of it: the first channels are those of the slice alone, moved alike."""
    plain = cohort()
    seen = SliceSource([with_neighbours(stack, 1) for stack in plain.images], plain.labels)
    # Slices 1 and 8 hold no brain, but a neighbour that does.
    assert [number % 10 for number in seen.brain_slices[:8]] == list(range(1, 9))
    settings = {"batch_size": 6, "steps": 3, "augmentation": ALL, "lesion_share": 1.0, "seed": 3}
    for number, ((wide, label), (narrow, same_label)) in enumerate(
        zip(slice_batches(seen, **settings), slice_batches(plain, **settings), strict=True)
    ):
        assert wide.shape == (6, 16, 16, 9)
        np.testing.assert_array_equal(wide[..., :3], narrow)
        np.testing.assert_array_equal(label, same_label)
        alone = slice_batch(seen, batch=number, batch_size=6, augmentation=ALL, lesion_share=1.0, seed=3)
        np.testing.assert_array_equal(wide, alone[0])
