"""Telling a scan with skull and scalp from a stripped one, and finding the brain in it, on SYNTHETIC heads."""

import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.phantoms.case import draw_case
from stroke_tf.phantoms.scalp import with_scalp
from stroke_tf.volumes.intensity import brain_mask
from stroke_tf.volumes.nifti import read_scan
from stroke_tf.volumes.simple_brain import simple_brain
from stroke_tf.volumes.skull_sign import LIMITS, skull_share

SPACINGS = {"cubes": (2.0, 2.0, 2.0), "thick slices": (1.5, 1.5, 6.0)}
FIELD_MM = (230.0, 240.0, 175.0)


@pytest.fixture(scope="module", params=list(SPACINGS))
def head(request):
    """Return a phantom and its images with a scalp."""
    spacing = SPACINGS[request.param]
    shape = [int(side / step) for side, step in zip(FIELD_MM, spacing, strict=True)]
    phantom = draw_case(seed=7, shape=shape, spacing_mm=spacing, sequences=("T1", "T2", "FLAIR"))
    raw = {
        name: with_scalp(image, phantom.brain, spacing, name=name, seed=7) for name, image in phantom.sequences.items()
    }
    return phantom, raw


@pytest.mark.parametrize("name", list(LIMITS))
def test_a_skull_is_told_by_each_sequence_that_shows_one(head, name):
    phantom, raw = head
    stripped = phantom.sequences[name]
    assert skull_share(stripped, brain_mask([stripped]), phantom.spacing_mm) < LIMITS[name] / 2
    assert skull_share(raw[name], brain_mask([raw[name]]), phantom.spacing_mm) > 1.2 * LIMITS[name]


def test_a_scalp_leaves_the_brain_as_it_is(head):
    phantom, raw = head
    for name, image in raw.items():
        assert np.array_equal(image[phantom.brain], phantom.sequences[name][phantom.brain])
        assert image.min() >= 0 and (image[0] > 0).all()  # air holds noise, as no stripped image does


@pytest.mark.parametrize("name", list(LIMITS))
def test_the_simple_mask_finds_most_of_the_brain(head, name):
    phantom, raw = head
    found = simple_brain(raw[name], brain_mask([raw[name]]), phantom.spacing_mm)
    both = np.count_nonzero(found & phantom.brain)
    assert 2 * both / (found.sum() + phantom.brain.sum()) > 0.8
    # FLAIR is the one it chooses where it can.
    if name == "FLAIR":
        assert both > 0.85 * phantom.brain.sum()
        assert found.sum() < 1.05 * phantom.brain.sum()


def test_an_image_without_a_brain_is_refused():
    volume = np.zeros((40, 40, 40), np.float32)
    volume[18:22, 18:22, 18:22] = 1
    with pytest.raises(InputFileError, match=r"knee\.nii: the simple brain mask found .* ml only"):
        simple_brain(volume, volume > 0, (1.0, 1.0, 1.0), name="knee.nii")


def test_nothing_to_look_at_has_no_skull():
    empty = np.zeros((20, 20, 20), np.float32)
    assert skull_share(empty, empty > 0, (1.0, 1.0, 1.0)) == 0.0


@pytest.mark.real
def test_no_skull_is_seen_in_real_scans_that_were_stripped(real_data):
    images = {path.name.split("_")[-1].split(".")[0].upper(): path for path in real_data.rglob("*.nii.gz")}
    judged = [name for name in LIMITS if name in images]
    assert judged
    for name in judged:
        scan = read_scan(images[name])
        assert skull_share(scan.data, brain_mask([scan.data]), scan.grid.spacing_mm) < LIMITS[name], images[name]
