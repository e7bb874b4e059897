"""Our one warp against albumentations' HorizontalFlip, VerticalFlip and Rotate, its oracle."""

import itertools
import random

import cv2
import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare, ks_2samp, kstest

from stroke_tf.batches.flip_and_rotate import FlipAndRotate, albumentations, warp_matrix
from stroke_tf.seeds import child_seed

FLIPS = list(itertools.product((False, True), repeat=2))
LIMIT = 30.0
DRAWS = 2000
# The seeds below are fixed, so each test passes or fails for good; chance alone gives a p-value below this once in
# a thousand.
UNLIKELY = 0.001


def theirs(*, limit, p_rows=0.5, p_columns=0.5):
    """The three transforms as a user of albumentations writes them; limit is the range of the angle."""
    return albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=p_columns),
            albumentations.VerticalFlip(p=p_rows),
            albumentations.Rotate(
                limit=limit,
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_LINEAR,
                border_mode=cv2.BORDER_CONSTANT,
                fill=0,
                fill_mask=0,
                p=1,
            ),
        ]
    )


def smooth(rows, columns):
    """A slice of slow waves, so that a hundredth of a pixel changes little, with 0 nowhere inside."""
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    image = np.stack([np.sin(row / 7 + k) + np.cos(column / 9 - k) + 3 for k in range(3)], axis=-1)
    return image, (0.5 + 0.5 * np.sin(row / 5) * np.cos(column / 6)).astype(np.float32)


def ours_at(image, label, rows, columns, angle):
    """Our transform, made to draw what is asked."""
    transform = FlipAndRotate(flip=True, rotation_degrees=180)
    transform.get_params = lambda: {"flip_rows": rows, "flip_columns": columns, "angle": angle}
    return transform(image=image, mask=label)


@pytest.mark.parametrize("shape", [(64, 64), (41, 64), (65, 33)])
@pytest.mark.parametrize("rows, columns", FLIPS)
@pytest.mark.parametrize("angle", [-180.0, -97.3, -15.0, 0.4, 33.0, 90.0, 151.8])
def test_one_warp_is_what_albumentations_does_in_three(angle, rows, columns, shape):
    image, label = smooth(*shape)
    wanted = theirs(limit=(angle, angle), p_rows=float(rows), p_columns=float(columns))(image=image, mask=label)
    got = ours_at(image, label, rows, columns, angle)
    for name in ("image", "mask"):
        # At the rim between slice and 0 a place may round to either side, and both answers are right; elsewhere
        # OpenCV 4 rounds places to 1/32 of a pixel.
        rim = cv2.morphologyEx((wanted["mask"] == 0).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        rim[[0, -1]] = rim[:, [0, -1]] = True
        assert np.abs(got[name] - wanted[name])[~rim].max() < 0.02


@pytest.mark.parametrize("shape", [(64, 64), (41, 64), (65, 33)])
@pytest.mark.parametrize("rows, columns", FLIPS)
def test_without_rotation_pixels_are_copied_exactly(rows, columns, shape):
    draw = np.random.default_rng(1)
    image, label = draw.normal(size=(*shape, 3)).astype(np.float32), draw.random(shape, np.float32)
    got = ours_at(image, label, rows, columns, 0.0)
    order = (slice(None, None, -1 if rows else 1), slice(None, None, -1 if columns else 1))
    assert np.array_equal(got["image"], image[order]) and np.array_equal(got["mask"], label[order])


def test_nothing_drawn_is_no_warp():
    assert warp_matrix((8, 8), False, False, 0.0) is None


def our_draws(seed):
    transform = FlipAndRotate(flip=True, rotation_degrees=LIMIT)
    image = np.zeros((4, 4, 3), np.float32)
    drawn = []
    for number in range(DRAWS):
        transform.set_random_state(np.random.default_rng(child_seed(seed, "geometry", number)), transform.py_random)
        transform(image=image)
        params = transform.get_applied_params()
        drawn.append((params["flip_rows"], params["flip_columns"], params["angle"]))
    return drawn


def their_draws(seed, *, coupled=False):
    """Rows, columns and angle as albumentations draws them.

    Args:
        coupled: seed the transforms by set_random_seed, which starts all three at one state, so that rows are turned
            round whenever columns are.
    """
    transform = theirs(limit=(-LIMIT, LIMIT))
    columns, rows, rotation = transform.transforms
    image = np.zeros((4, 4, 3), np.float32)
    drawn = []
    for number in range(DRAWS):
        start = child_seed(seed, "theirs", number)
        if coupled:
            transform.set_random_seed(start)
        else:
            transform.set_random_state(np.random.default_rng(start), random.Random(start))
        transform(image=image)
        matrix = rotation.get_applied_params()["matrix"]
        angle = np.rad2deg(np.arctan2(matrix[0, 1], matrix[0, 0]))
        drawn.append((bool(rows.get_applied_params()), bool(columns.get_applied_params()), angle))
    return drawn


@pytest.fixture(scope="module")
def ours():
    return our_draws(seed=1)


@pytest.fixture(scope="module")
def albumentations_draws():
    return their_draws(seed=2)


def flips_counted(drawn):
    return [sum((rows, columns) == flips for rows, columns, _ in drawn) for flips in FLIPS]


def angles_by_flips(drawn):
    return [[angle for rows, columns, angle in drawn if (rows, columns) == flips] for flips in FLIPS]


def p_same_flips(first, second):
    """The probability of counts as different as these if both draw flips alike."""
    counts = np.array([flips_counted(first), flips_counted(second)])
    return chi2_contingency(counts[:, counts.any(axis=0)]).pvalue


def p_same_angles(first, second):
    return ks_2samp([angle for *_, angle in first], [angle for *_, angle in second]).pvalue


def test_the_four_ways_to_flip_are_equally_likely(ours):
    assert chisquare(flips_counted(ours)).pvalue > UNLIKELY


def test_the_angle_is_uniform_between_its_limits(ours):
    angles = [angle for *_, angle in ours]
    assert max(np.abs(angles)) <= LIMIT
    assert kstest(angles, "uniform", (-LIMIT, 2 * LIMIT)).pvalue > UNLIKELY


def test_the_angle_does_not_depend_on_the_flips(ours):
    for one, two in itertools.combinations(angles_by_flips(ours), 2):
        assert ks_2samp(one, two).pvalue > UNLIKELY / 6


def test_flips_and_angles_are_distributed_as_in_albumentations(ours, albumentations_draws):
    assert p_same_flips(ours, albumentations_draws) > UNLIKELY
    assert p_same_angles(ours, albumentations_draws) > UNLIKELY


def test_other_distributions_would_be_noticed(ours, albumentations_draws):
    assert p_same_flips(ours, their_draws(seed=2, coupled=True)) < UNLIKELY
    narrower = [(rows, columns, angle * 0.8) for rows, columns, angle in albumentations_draws]
    assert p_same_angles(ours, narrower) < UNLIKELY


def test_switching_flips_off_leaves_the_angles():
    both, alone = FlipAndRotate(True, LIMIT), FlipAndRotate(False, LIMIT)
    for transform in (both, alone):
        transform.set_random_state(np.random.default_rng(5), transform.py_random)
    drawn = [(both.get_params(), alone.get_params()) for _ in range(20)]
    assert [one["angle"] for one, _ in drawn] == [two["angle"] for _, two in drawn]
    assert not any(two["flip_rows"] or two["flip_columns"] for _, two in drawn)
