import numpy as np
import pytest

from stroke_tf.batches.patches import MAX_VOXELS, PatchSource, patch_batch, patch_batches
from stroke_tf.errors import GeometryError, ManifestError, SettingError

SHAPE = (14, 12, 10)
PATCH = (6, 5, 4)


def cohort(cases=3, shape=SHAPE, dtype=np.float32):
    """Every voxel of every case has a number of its own in channel 0; one lesion voxel a case, none in the last."""
    volumes, labels = [], []
    count = int(np.prod(shape))
    for case in range(cases):
        numbers = np.arange(1 + case * count, 1 + (case + 1) * count, dtype=np.float32).reshape(shape)
        volumes.append(np.stack([numbers, -numbers, numbers / 2], axis=-1).astype(dtype))
        label = np.zeros(shape, np.uint8)
        if case < cases - 1:
            label[case + 2, 6, 1] = 255
        labels.append(label)
    return PatchSource(volumes, labels)


def read(source, **changes):
    settings = {"batch_size": 4, "steps": 5, "patch": PATCH, "lesion_share": 0.5, "seed": 3, "flip": True, **changes}
    return [(image.numpy(), label.numpy()) for image, label in patch_batches(source, **settings)]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_batches_have_the_promised_shapes():
    image, label = read(cohort())[0]
    assert image.shape == (4, *PATCH, 3) and label.shape == (4, *PATCH)
    assert image.dtype == label.dtype == np.float32


def test_one_seed_gives_the_same_bits_and_another_does_not():
    first = read(cohort())
    assert same(first, read(cohort(), workers=5))
    assert not same(first, read(cohort(), seed=4))


def test_a_resumed_run_goes_on_with_the_next_batch():
    assert same(read(cohort())[3:], read(cohort(), start_step=3))


def test_tensorflow_sees_what_numpy_makes():
    source = cohort()
    asked = {"batch_size": 4, "patch": PATCH, "lesion_share": 0.5, "seed": 3, "flip": True}
    assert same([patch_batch(source, batch=batch, **asked) for batch in range(5)], read(source))


def test_a_patch_is_a_piece_of_one_volume():
    source = cohort()
    step = np.array([SHAPE[1] * SHAPE[2], SHAPE[2], 1])
    for images, labels in read(source, flip=False, steps=10):
        for image, label in zip(images, labels, strict=True):
            case, first = divmod(int(image[0, 0, 0, 0]) - 1, int(np.prod(SHAPE)))
            corner = np.unravel_index(first, SHAPE)
            inside = tuple(slice(start, start + side) for start, side in zip(corner, PATCH, strict=True))
            assert np.array_equal(image, source.volumes[case][inside])
            assert np.array_equal(label * 255, source.labels[case][inside])
            assert image[1, 1, 1, 0] - image[0, 0, 0, 0] == step.sum()


def test_the_share_of_patches_around_lesion_is_kept():
    for _, labels in read(cohort(), lesion_share=0.5, steps=20):
        assert labels.any(axis=(1, 2, 3)).sum() >= 2


def test_without_a_share_most_patches_hold_no_lesion():
    held = [labels.any(axis=(1, 2, 3)).mean() for _, labels in read(cohort(), lesion_share=0, steps=30)]
    assert np.mean(held) < 0.5


def test_a_patch_around_lesion_is_centred_on_it_away_from_the_edge():
    label = np.zeros((20, 20, 20), bool)
    label[9, 10, 11] = True
    source = PatchSource([np.ones((20, 20, 20, 3), np.float16)], [label])
    _, labels = patch_batch(source, batch=0, batch_size=1, patch=(4, 6, 8), lesion_share=1, seed=1, flip=False)
    assert np.argwhere(labels[0]).tolist() == [[2, 3, 4]]


def test_cases_take_turns():
    cases = [
        int(image[0, 0, 0, 0] - 1) // int(np.prod(SHAPE))
        for images, _ in read(cohort(), lesion_share=0, flip=False, batch_size=3, steps=8)
        for image in images
    ]
    assert [sorted(cases[start : start + 3]) for start in range(0, 24, 3)] == [[0, 1, 2]] * 8


def test_all_eight_ways_to_flip_occur():
    source = PatchSource([np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4, 1)], [np.ones((2, 3, 4), bool)])
    images = np.concatenate([image for image, _ in read(source, patch=(2, 3, 4), batch_size=8, steps=20)])
    assert sorted({int(image[0, 0, 0, 0]) for image in images}) == [1, 4, 9, 12, 13, 16, 21, 24]


def test_flips_take_image_and_label_together():
    volume = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)
    source = PatchSource([volume[..., None]], [volume / 24])
    for images, labels in read(source, patch=(2, 3, 4), steps=10):
        assert np.allclose(images[..., 0], labels * 24)


def test_a_volume_smaller_than_the_patch_stands_in_the_middle_of_0():
    source = PatchSource([np.ones((2, 6, 3, 1), np.float32)], [np.ones((2, 6, 3), bool)])
    for images, labels in read(source, patch=(4, 4, 5), flip=False):
        assert (labels == images[..., 0]).all()
        assert labels[:, 1:3, :, 1:4].all() and labels.sum() == 4 * 2 * 4 * 3


def test_a_large_lesion_is_remembered_by_a_bounded_number_of_voxels():
    source = PatchSource([np.ones((40, 40, 40, 3), np.float16)], [np.ones((40, 40, 40), bool)])
    (voxels,) = source.lesion_voxels
    assert voxels.shape == (MAX_VOXELS, 3)
    assert voxels.min(axis=0).tolist() == [0, 0, 0] and voxels.max(axis=0).tolist() == [39, 39, 39]


def test_a_cohort_without_lesion_is_refused():
    source = cohort()
    with pytest.raises(ManifestError, match="None of the 3 training cases has lesion"):
        read(PatchSource(source.volumes, [label * 0 for label in source.labels]))


def test_volumes_that_do_not_match_are_refused():
    source = cohort()
    with pytest.raises(GeometryError, match="Case number 0"):
        PatchSource(source.volumes, [label[:-1] for label in source.labels])


def test_a_flat_patch_is_refused():
    with pytest.raises(SettingError, match="three sides"):
        read(cohort(), patch=(4, 4))
