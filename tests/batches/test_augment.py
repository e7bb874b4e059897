import subprocess
import sys

import numpy as np
import pytest

from stroke_tf.batches.augment import Augmentation, augmenter
from stroke_tf.errors import SettingError

ONLY_FLIP = Augmentation(rotation_degrees=0, brightness=0, contrast=0)
ONLY_ROTATION = Augmentation(flip=False, rotation_degrees=180, brightness=0, contrast=0)
ONLY_INTENSITY = Augmentation(flip=False, rotation_degrees=0, brightness=0.5, contrast=0.3)
ALL = Augmentation(rotation_degrees=180)
EACH = {"flip": ONLY_FLIP, "rotation": ONLY_ROTATION, "intensity": ONLY_INTENSITY, "all": ALL}


def augment(image, label, settings, *, seed, slices=1):
    return augmenter(settings, slices=slices)(image, label, seed)


def numbered(size=6):
    """A slice where every pixel and channel differs, and goes far beyond [0, 1], with a label that copies it."""
    image = np.arange(1, size * size * 3 + 1, dtype=np.float32).reshape(size, size, 3) - 50.5
    return image, np.linspace(0, 1, size * size, dtype=np.float32).reshape(size, size)


def disc(size=64, radius=10, row=20, column=40):
    rows, columns = np.mgrid[:size, :size]
    label = ((rows - row) ** 2 + (columns - column) ** 2 <= radius**2).astype(np.float32)
    return np.repeat(label[..., None] * 4, 3, axis=2), label


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
def test_one_seed_gives_one_result(settings):
    image, label = numbered()
    first, again = (augment(image, label, settings, seed=3) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
def test_seeds_differ(settings):
    image, label = numbered()
    assert len({augment(image, label, settings, seed=seed)[0].tobytes() for seed in range(30)}) > 3


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
def test_arguments_and_results_do_not_share_memory(settings):
    image, label = numbered()
    before = image.copy(), label.copy()
    for seed in range(8):
        changed = augment(image, label, settings, seed=seed)
        changed[0][:], changed[1][:] = 7, 7
    assert np.array_equal(image, before[0]) and np.array_equal(label, before[1])


def test_all_four_ways_to_flip_occur():
    image, label = numbered()
    seen = [augment(image, label, ONLY_FLIP, seed=seed)[1].tobytes() for seed in range(200)]
    wanted = [label, label[::-1], label[:, ::-1], label[::-1, ::-1]]
    assert {flipped.tobytes() for flipped in wanted} == set(seen)
    assert all(seen.count(flipped.tobytes()) > 30 for flipped in wanted)


def test_image_and_label_move_together():
    image, label = disc()
    for seed in range(20):
        changed_image, changed_label = augment(image, label, Augmentation(True, 180, 0, 0), seed=seed)
        assert np.allclose(changed_image[..., 1], changed_label * 4, atol=1e-4)


def test_flips_keep_values_outside_0_to_1():
    image, label = numbered()
    changed, _ = augment(image, label, ONLY_FLIP, seed=1)
    assert np.array_equal(np.sort(changed, axis=None), np.sort(image, axis=None))


def test_rotation_keeps_values_outside_0_to_1():
    image = np.full((32, 32, 3), -7, np.float32)
    image[:, 16:] = 9
    changed, _ = augment(image, image[..., 0] * 0, ONLY_ROTATION, seed=1)
    assert changed.min() == -7 and changed.max() == 9


def test_rotation_brings_in_0():
    image = np.full((32, 32, 3), -7, np.float32)
    changed = [augment(image, np.ones((32, 32), np.float32), ONLY_ROTATION, seed=seed) for seed in range(10)]
    assert any((image[0, 0] == 0).all() and label[0, 0] == 0 for image, label in changed)


def test_rotation_interpolates_the_label():
    image, label = disc()
    changed = augment(image, label, ONLY_ROTATION, seed=2)[1]
    assert ((changed > 0.01) & (changed < 0.99)).any()
    assert changed.min() >= 0 and changed.max() <= 1


def test_rotation_keeps_the_lesion_s_area():
    image, label = disc(row=32, column=40)
    for seed in range(10):
        assert augment(image, label, ONLY_ROTATION, seed=seed)[1].sum() == pytest.approx(label.sum(), rel=0.01)


def test_rotation_stays_within_its_limit():
    # A mark far right of the centre stays above and below its row by no more than the sine of 10 degrees.
    image, label = disc(size=101, radius=3, row=50, column=90)
    rows = []
    for seed in range(40):
        changed = augment(image, label, Augmentation(False, 10, 0, 0), seed=seed)[1]
        rows.append((changed.sum(axis=1) * np.arange(101)).sum() / changed.sum() - 50)
    assert max(np.abs(rows)) < 40 * np.sin(np.deg2rad(10)) + 0.1
    assert min(rows) < -3 and max(rows) > 3


def test_intensity_leaves_label_and_air():
    image, label = disc()
    changed, same = augment(image, label, ONLY_INTENSITY, seed=5)
    assert np.array_equal(same, label)
    assert not changed[label == 0].any()


def test_intensity_is_one_gain_and_one_shift_for_each_channel():
    image, label = numbered()
    changed, _ = augment(image, label, ONLY_INTENSITY, seed=5)
    lines = [np.polyfit(image[..., channel].ravel(), changed[..., channel].ravel(), 1) for channel in range(3)]
    for (gain, shift), channel in zip(lines, range(3), strict=True):
        assert np.allclose(changed[..., channel], gain * image[..., channel] + shift, atol=1e-3)
        assert 0.7 <= gain <= 1.3 and -0.5 <= shift <= 0.5
    assert len({round(gain, 4) for gain, _ in lines}) == 3


def test_a_zero_inside_one_channel_of_the_brain_is_shifted_too():
    image = np.ones((4, 4, 3), np.float32)
    image[1, 1, 0] = 0
    changed, _ = augment(image, image[..., 0], ONLY_INTENSITY, seed=5)
    assert changed[1, 1, 0] != 0


def test_nothing_to_do_changes_nothing():
    image, label = numbered()
    changed = augment(image, label, Augmentation(False, 0, 0, 0), seed=1)
    assert np.array_equal(changed[0], image) and np.array_equal(changed[1], label)


@pytest.mark.parametrize(
    "name, value", [("rotation_degrees", -1), ("rotation_degrees", 200), ("contrast", 1), ("brightness", float("nan"))]
)
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(SettingError, match=f"{name} lies between 0 and"):
        Augmentation(**{name: value})


def test_the_room_opens_without_albumentations_and_tensorflow():
    code = (
        "import sys, stroke_tf.batches.pipeline, stroke_tf.batches.patches;"
        "print([name for name in ('albumentations', 'cv2', 'tensorflow') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
@pytest.mark.parametrize("channels", [2, 4, 5, 9, 15])
def test_any_number_of_channels_is_treated_alike(settings, channels):
    """A slice whose channels are all one keeps channels that are all one, but for each one's own brightness."""
    image, label = disc()
    one = np.repeat(image[..., :1], channels, axis=2)
    changed, moved = augment(one, label, settings, seed=5)
    assert changed.shape == one.shape and np.array_equal(moved, augment(image, label, settings, seed=5)[1])
    if not settings.brightness:
        for channel in range(channels):
            np.testing.assert_array_equal(changed[..., channel], augment(image, label, settings, seed=5)[0][..., 0])


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
def test_the_slices_of_one_image_are_changed_as_one(settings):
    """Three slices of two sequences, the outer ones empty or another: each is changed as it would be alone."""
    rows, label = disc()
    middle = np.ascontiguousarray(rows[..., :2]) * np.array([1, 2], np.float32)
    around = np.zeros_like(middle)
    around[5:20, 8:40] = 3
    window = np.concatenate([middle, around, np.zeros_like(middle)], axis=2)
    changed, _ = augment(window, label, settings, seed=9, slices=3)
    for place, alone in enumerate((middle, around, np.zeros_like(middle))):
        wanted, _ = augment(alone, label, settings, seed=9)
        np.testing.assert_array_equal(changed[..., 2 * place : 2 * place + 2], wanted)
