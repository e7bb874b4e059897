"""The picture of a case shows what was found, false and missed, in colours and on the right side."""

import io

import numpy as np
import pytest
from PIL import Image

from stroke_tf.reports.mosaic import mosaic_png

SHAPE = (20, 24, 16)


@pytest.fixture
def lesion() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[12:16, 10:14, 6:10] = True  # on the patient's right
    return mask


def picture(truth: np.ndarray | None, found: np.ndarray, disagreement: np.ndarray | None = None) -> np.ndarray:
    """Return the mosaic of a grey head as an array of colours."""
    image = np.full(SHAPE, 80, np.uint8)
    png = mosaic_png(
        image, truth, {"vote": found}, disagreement=disagreement, centre=(13, 11, 7), spacing_mm=(1, 1, 1), name="FLAIR"
    )
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def near(colours: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return where a colour stands, blended over grey 80."""
    blended = 0.35 * 80 + 0.65 * np.array(colour)
    return np.abs(colours - blended).sum(axis=-1) < 24


def test_what_is_found_is_green_and_what_is_missed_pink(lesion: np.ndarray):
    half = lesion.copy()
    half[:, :12] = False
    colours = picture(lesion, half)
    assert near(colours, (0, 158, 115)).any() and near(colours, (204, 121, 167)).any()
    assert not near(colours, (230, 159, 0)).any()


def test_a_false_alarm_is_orange(lesion: np.ndarray):
    colours = picture(np.zeros(SHAPE, bool), lesion)
    assert near(colours, (230, 159, 0)).any() and not near(colours, (0, 158, 115)).any()


def test_the_patients_right_is_on_the_left(lesion: np.ndarray):
    colours = picture(lesion, lesion)
    # The axial slice of the second column, whose head is 20 voxels wide.
    axial = near(colours, (0, 158, 115))[18:246, 194:384]
    assert np.flatnonzero(axial.any(axis=0)).mean() < 95


def test_disagreement_gets_a_column_of_its_own(lesion: np.ndarray):
    without = picture(lesion, lesion)
    beside = picture(lesion, lesion, disagreement=np.full(SHAPE, 252, np.uint8))
    assert beside.shape[1] == without.shape[1] * 3 // 2


def test_a_case_without_truth_is_drawn(lesion: np.ndarray):
    assert near(picture(None, lesion), (0, 158, 115)).any()
