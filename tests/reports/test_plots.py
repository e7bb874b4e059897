"""Plots are drawn from the rows they are given, gaps and all."""

from pathlib import Path

import pytest

from stroke_tf.reports import plots
from stroke_tf.reports.plots import curves_figure, dice_figure, progress_figure, readings_figure

PNG = b"\x89PNG"

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
    assert plots._scores(rows[0]) == [0.4, 0.6]
    dice_figure(tmp_path / "dice.png", {"synthetic": True, "rows": rows})
    assert (tmp_path / "dice.png").read_bytes().startswith(PNG)


def test_curves_of_accuracy_loss_and_dice_are_drawn_for_each_schedule(tmp_path: Path):
    history = [
        {"epoch": epoch, "learning_rate": 0.1, "loss": 1 / epoch, "accuracy": 0.9, "validation_dice": 0.1 * epoch}
        | {"validation_loss": 2 / epoch, "validation_accuracy": 0.8}
        for epoch in (1, 2)
    ]
    both = {"as printed": history[:1], "at a rate that learns": history}
    progress_figure(tmp_path / "c.png", both, title="FLAIR", synthetic=True)
    assert (tmp_path / "c.png").read_bytes().startswith(PNG)


def test_readings_without_a_number_leave_a_gap(tmp_path: Path):
    readings = {
        "pooled voxels": {"dice": 0.6, "precision": None},
        "both classes, mean": {"dice": 0.8, "precision": 0.9},
    }
    row = {"id": "a", "model": "m", "readings": readings, "paper": {"dice": 0.64, "precision": 0.99}}
    results = {"rows": [row], "main_rows": ["a"], "models": [{"id": "m", "title": "FLAIR"}], "synthetic": True}
    readings_figure(tmp_path / "r.png", results)
    assert (tmp_path / "r.png").read_bytes().startswith(PNG)
