"""Surface distances: by hand, and beside SciPy, scikit-image and MedPy on random masks and on the edges."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import metrics as skimage_metrics

from stroke_tf.errors import GeometryError
from stroke_tf.metrics.conventions import SurfaceMean
from stroke_tf.metrics.surface import (
    assd_mm,
    hd95_larger_mm,
    hd95_pooled_mm,
    hd_mm,
    joint_box,
    surface,
    surface_distances,
)

SHAPE = (9, 11, 7)
SPACINGS = [(1.0, 1.0, 1.0), (0.5, 1.25, 6.5)]
FIGURES = (assd_mm, hd_mm, hd95_pooled_mm, hd95_larger_mm)


def drawn(text: str) -> np.ndarray:
    """Turn rows of 0 and 1 into a mask of one slice, shape (rows, columns, 1)."""
    return np.array([[character == "1" for character in row] for row in text.split()])[..., None]


def masks() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return pairs of non-empty masks: random ones, and those at which distances go wrong."""
    generator = np.random.default_rng(5)
    one, other, full, border = np.zeros((4, *SHAPE), dtype=bool)
    one[4, 5, 3] = True
    other[0, 10, 6] = True
    full[:] = True
    border[:, :3, 0] = True
    blobs = ndimage.gaussian_filter(generator.normal(size=(2, *SHAPE)), (0, 1.5, 1.5, 1.5)) > 0.05
    return {
        "sparse": tuple(generator.random((2, *SHAPE)) < 0.03),
        "dense": tuple(generator.random((2, *SHAPE)) < 0.6),
        "blobs": tuple(blobs),
        "the same": (blobs[0], blobs[0].copy()),
        "one voxel each": (one, other),
        "one voxel in a blob": (one, blobs[1]),
        "full and one voxel": (full, one),
        "touching the border": (border, blobs[0]),
    }


PAIRS = masks()


def test_two_voxels_three_apart():
    distances = surface_distances(drawn("10000"), drawn("00010"), (1.0, 2.0, 1.0))
    assert [figure(distances) for figure in FIGURES] == [6.0, 6.0, 6.0, 6.0]


def test_directions_differ_where_one_mask_is_inside_the_other():
    prediction, truth = drawn("11111"), drawn("10000")
    distances = surface_distances(prediction, truth, (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(distances.to_truth_mm, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(distances.to_prediction_mm, [0])
    assert assd_mm(distances) == 1.0  # (2 + 0) / 2
    assert assd_mm(distances, mean=SurfaceMean.POOLED) == 10 / 6
    assert hd_mm(distances) == 4.0
    assert hd95_larger_mm(distances) == pytest.approx(3.8)
    assert hd95_pooled_mm(distances) == pytest.approx(3.75)


def test_a_square_without_its_middle_is_the_surface_of_a_square():
    # Three slices of it: in the middle one the middle voxel has no face toward the outside.
    square = np.repeat(drawn("00000 01110 01110 01110 00000"), 3, axis=2)
    middle = surface(square)[..., 1]
    np.testing.assert_array_equal(middle, drawn("00000 01110 01010 01110 00000")[..., 0])


@pytest.mark.parametrize("name", PAIRS)
def test_the_surface_is_the_mask_without_its_erosion(name):
    cross = ndimage.generate_binary_structure(3, 1)
    for mask in PAIRS[name]:
        np.testing.assert_array_equal(surface(mask), mask ^ ndimage.binary_erosion(mask, cross))


@pytest.mark.parametrize("empty", ["prediction", "truth", "both"])
def test_an_empty_mask_has_no_distances(empty):
    masks = np.zeros((2, 3, 3, 3), dtype=bool)
    if empty != "both":
        masks[int(empty == "prediction")] = True
    distances = surface_distances(*masks, (1.0, 1.0, 1.0))
    assert distances is None
    assert [figure(distances) for figure in FIGURES] == [None] * 4


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", PAIRS)
def test_cropping_to_the_joint_box_changes_nothing(name, spacing):
    prediction, truth = (np.pad(mask, ((4, 0), (0, 9), (2, 5))) for mask in PAIRS[name])
    cropped = surface_distances(prediction, truth, spacing)
    whole = ndimage.distance_transform_edt(~surface(truth), sampling=spacing)[surface(prediction)]
    back = ndimage.distance_transform_edt(~surface(prediction), sampling=spacing)[surface(truth)]
    np.testing.assert_allclose(cropped.to_truth_mm, whole, rtol=0, atol=1e-12)
    np.testing.assert_allclose(cropped.to_prediction_mm, back, rtol=0, atol=1e-12)


def test_the_joint_box_holds_both_masks_and_no_more():
    first, second = np.zeros((2, 6, 7, 8), dtype=bool)
    first[1, 2, 3] = second[4, 2, 6] = True
    assert joint_box(first, second) == (slice(1, 5), slice(2, 3), slice(3, 7))
    assert joint_box(np.zeros_like(first), np.zeros_like(first)) is None


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", PAIRS)
def test_all_figures_equal_medpy(name, spacing):
    oracle = pytest.importorskip("medpy.metric.binary", reason="MedPy, the oracle of this test, is not installed")
    prediction, truth = PAIRS[name]
    distances = surface_distances(prediction, truth, spacing)
    pooled = assd_mm(distances, mean=SurfaceMean.POOLED)
    forth, back = oracle.asd(prediction, truth, spacing), oracle.asd(truth, prediction, spacing)
    assert pooled == pytest.approx(oracle.assd(prediction, truth, spacing), abs=1e-12)
    assert assd_mm(distances) == pytest.approx((forth + back) / 2, abs=1e-12)  # assd of MedPy up to 0.4
    assert hd_mm(distances) == pytest.approx(oracle.hd(prediction, truth, spacing), abs=1e-12)
    assert hd95_pooled_mm(distances) == pytest.approx(oracle.hd95(prediction, truth, spacing), abs=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_hausdorff_distance_equals_scikit_image(name):
    prediction, truth = PAIRS[name]
    of_surfaces = skimage_metrics.hausdorff_distance(surface(prediction), surface(truth))
    assert hd_mm(surface_distances(prediction, truth, (1.0, 1.0, 1.0))) == pytest.approx(of_surfaces, abs=1e-12)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", PAIRS)
def test_swapping_prediction_and_truth_changes_no_figure(name, spacing):
    prediction, truth = PAIRS[name]
    forth, back = surface_distances(prediction, truth, spacing), surface_distances(truth, prediction, spacing)
    for figure in FIGURES:
        assert figure(forth) == pytest.approx(figure(back), abs=1e-12)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0), (1.0, -2.0, 1.0)])
def test_a_spacing_that_no_scan_has_is_refused(spacing):
    with pytest.raises(GeometryError, match="3 positive numbers"):
        surface_distances(*PAIRS["sparse"], spacing)
