"""Figures are drawn from what they are given, the right way round, and leave nothing open."""

import sys
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.errors import GeometryError, SettingError
from stroke_tf.planes import Plane
from stroke_tf.reports import figures
from stroke_tf.reports.figures import (
    curves_figure,
    dice_figure,
    overlay_figure,
    progress_figure,
    readings_figure,
    slices_figure,
)

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
    assert figures._upright(numbered, plane)[0, 0] == numbered[corner]


@pytest.mark.parametrize(
    ("plane", "letters"),
    [(Plane.X, "A P S I"), (Plane.Y, "R L S I"), (Plane.Z, "R L A P")],
)
def test_letters_stand_where_the_axes_lead(plane: Plane, letters: str):
    figure = figures._figure(2, 2)
    axis = figure.subplots()
    figures._label_directions(axis, plane)
    places = {(round(text.get_position()[0]), round(text.get_position()[1], 1)): text.get_text() for text in axis.texts}
    left, right, top, bottom = letters.split()
    assert places == {(0, 0.5): left, (1, 0.5): right, (0, 1.0): top, (0, 0.0): bottom}


def test_the_slice_with_most_lesion_is_shown():
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[4, 2, 3] = mask[4, 5, 3] = True
    assert [figures._fullest_slice(mask, plane) for plane in Plane] == [4, 2, 3]


def test_found_missed_and_false_voxels_have_three_colours():
    from matplotlib.colors import to_rgb

    painted = figures._colours(np.array([[True, True, False, False]]), np.array([[True, False, True, False]]))
    colours = [tuple(pixel) for pixel in painted[0, :, :3]]
    assert colours[:3] == [to_rgb(each) for each in (figures.FOUND, figures.FALSE, figures.MISSED)]
    assert painted[0, 3, 3] == 0


HISTORY = [
    {"epoch": 1, "phase": "frozen encoder", "loss": 1.5, "validation_dice": None},
    {"epoch": 2, "phase": "frozen encoder", "loss": 1.0, "validation_dice": 0.4},
    {"epoch": 3, "phase": "fine-tuning", "loss": 0.8, "validation_dice": 0.3},
]


@pytest.mark.parametrize("length", [0, 1, 3])
def test_curves_of_any_length_are_drawn(tmp_path: Path, length: int):
    curves_figure(tmp_path / "curves.png", HISTORY[:length], title="plane y", synthetic=True)
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


def test_every_case_is_a_dot(tmp_path: Path):
    summary = {"dice": {"mean": 0.5, "low": 0.4, "high": 0.6}}
    cases = [{"case": "1", "dice": 0.4}, {"case": "2", "dice": 0.6}, {"case": "3", "dice": None}]
    rows = [
        {"id": "x", "title": "X", "summary": summary, "cases": cases, "paper": {"dice": 0.807}},
        {"id": "ceiling", "title": "Ceiling", "summary": {}, "cases": cases, "paper": None},
        {"id": "y", "title": "Y", "summary": {}, "cases": [], "paper": None},
    ]
    assert figures._scores(rows[0]) == [0.4, 0.6]
    dice_figure(tmp_path / "dice.png", {"synthetic": True, "rows": rows})
    assert (tmp_path / "dice.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(("synthetic", "title"), [(True, "SYNTHETIC PHANTOM · case 1"), (False, "case 1")])
def test_a_title_says_what_is_synthetic(synthetic: bool, title: str):
    assert figures._titled("case 1", synthetic) == title


def test_drawing_leaves_no_figure_open(tmp_path: Path):
    curves_figure(tmp_path / "curves.png", HISTORY, title="", synthetic=False)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_curves_of_accuracy_loss_and_dice_are_drawn_for_each_schedule(tmp_path: Path):
    history = [
        {"epoch": epoch, "learning_rate": 0.1, "loss": 1 / epoch, "accuracy": 0.9, "validation_dice": 0.1 * epoch}
        | {"validation_loss": 2 / epoch, "validation_accuracy": 0.8}
        for epoch in (1, 2)
    ]
    both = {"as printed": history[:1], "at a rate that learns": history}
    progress_figure(tmp_path / "c.png", both, title="FLAIR", synthetic=True)
    assert (tmp_path / "c.png").read_bytes().startswith(PNG)


def test_slices_are_drawn_with_the_truth_and_each_row(tmp_path: Path):
    masks = {"as printed": np.zeros_like(lesion()), "at a rate that learns": lesion()}
    slices_figure(tmp_path / "s.png", [("case 07", head(), lesion(), masks, SPACING)], title="FLAIR", synthetic=False)
    assert (tmp_path / "s.png").read_bytes().startswith(PNG)
    with pytest.raises(SettingError, match="at least one case"):
        slices_figure(tmp_path / "t.png", [], title="", synthetic=False)


def test_readings_without_a_number_leave_a_gap(tmp_path: Path):
    readings = {
        "pooled voxels": {"dice": 0.6, "precision": None},
        "both classes, mean": {"dice": 0.8, "precision": 0.9},
    }
    row = {"id": "a", "model": "m", "readings": readings, "paper": {"dice": 0.64, "precision": 0.99}}
    results = {"rows": [row], "main_rows": ["a"], "models": [{"id": "m", "title": "FLAIR"}], "synthetic": True}
    readings_figure(tmp_path / "r.png", results)
    assert (tmp_path / "r.png").read_bytes().startswith(PNG)
