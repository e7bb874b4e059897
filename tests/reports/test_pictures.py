"""Pictures show what was found the right way round."""

from pathlib import Path

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, SettingError
from stroke_tf.planes import Plane
from stroke_tf.reports import pictures
from stroke_tf.reports.canvas import new_figure
from stroke_tf.reports.pictures import overlay_figure, slices_figure

PNG = b"\x89PNG"
SPACING = (1.0, 2.0, 3.0)


def head() -> np.ndarray:
    image = np.zeros((12, 14, 10), np.float32)
    image[2:10, 2:12, 2:8] = np.random.default_rng(0).normal(5, 1, (8, 10, 6))
    return image


def lesion() -> np.ndarray:
    mask = np.zeros((12, 14, 10), bool)
    mask[3:5, 8:11, 4:7] = True
    return mask


def test_an_overlay_is_written(tmp_path: Path):
    masks = {"x": lesion(), "vote": np.roll(lesion(), 1, axis=0)}
    overlay_figure(tmp_path / "o.png", head(), lesion(), masks, spacing_mm=SPACING, title="case 07", synthetic=True)
    assert (tmp_path / "o.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["o.png"]


def test_an_overlay_of_nothing_found_and_nothing_there_is_drawn(tmp_path: Path):
    nothing = np.zeros_like(lesion())
    overlay_figure(
        tmp_path / "o.png",
        np.zeros_like(head()),
        nothing,
        {"x": nothing},
        spacing_mm=SPACING,
        title="",
        synthetic=False,
    )
    assert (tmp_path / "o.png").exists()


def test_an_overlay_of_another_shape_is_refused_by_its_row(tmp_path: Path):
    with pytest.raises(GeometryError, match="vote"):
        overlay_figure(
            tmp_path / "o.png",
            head(),
            lesion(),
            {"vote": np.zeros((3, 3, 3), bool)},
            spacing_mm=SPACING,
            title="",
            synthetic=False,
        )
    with pytest.raises(SettingError, match="at least one mask"):
        overlay_figure(tmp_path / "o.png", head(), lesion(), {}, spacing_mm=SPACING, title="", synthetic=False)
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    ("plane", "corner"),
    [
        # The voxel that lies at the picture's top left: on the patient's right (or in front), and up.
        (Plane.Z, (-1, -1)),
        (Plane.Y, (-1, -1)),
        (Plane.X, (-1, -1)),
    ],
)
def test_the_patient_faces_the_reader(plane: Plane, corner: tuple[int, int]):
    numbered = np.arange(12).reshape(3, 4)
    assert pictures._upright(numbered, plane)[0, 0] == numbered[corner]


@pytest.mark.parametrize(
    ("plane", "letters"),
    [(Plane.X, "A P S I"), (Plane.Y, "R L S I"), (Plane.Z, "R L A P")],
)
def test_letters_stand_where_the_axes_lead(plane: Plane, letters: str):
    figure = new_figure(2, 2)
    axis = figure.subplots()
    pictures._label_directions(axis, plane)
    places = {(round(text.get_position()[0]), round(text.get_position()[1], 1)): text.get_text() for text in axis.texts}
    left, right, top, bottom = letters.split()
    assert places == {(0, 0.5): left, (1, 0.5): right, (0, 1.0): top, (0, 0.0): bottom}


def test_the_slice_with_most_lesion_is_shown():
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[4, 2, 3] = mask[4, 5, 3] = True
    assert [pictures._fullest_slice(mask, plane) for plane in Plane] == [4, 2, 3]


def test_found_missed_and_false_voxels_have_three_colours():
    from matplotlib.colors import to_rgb

    painted = pictures._colours(np.array([[True, True, False, False]]), np.array([[True, False, True, False]]))
    colours = [tuple(pixel) for pixel in painted[0, :, :3]]
    assert colours[:3] == [to_rgb(each) for each in (pictures.FOUND, pictures.FALSE, pictures.MISSED)]
    assert painted[0, 3, 3] == 0


def test_slices_are_drawn_with_the_truth_and_each_row(tmp_path: Path):
    masks = {"as printed": np.zeros_like(lesion()), "at a rate that learns": lesion()}
    slices_figure(tmp_path / "s.png", [("case 07", head(), lesion(), masks, SPACING)], title="FLAIR", synthetic=False)
    assert (tmp_path / "s.png").read_bytes().startswith(PNG)
    with pytest.raises(SettingError, match="at least one case"):
        slices_figure(tmp_path / "t.png", [], title="", synthetic=False)
