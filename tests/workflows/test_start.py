"""The first line of a run names device, data and weights, and a second one why the weights are not those asked for."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from stroke_tf.choices import Device, Precision
from stroke_tf.errors import WeightsError
from stroke_tf.recipes.multiplane_2025 import TABLE1
from stroke_tf.workflows import start as start_module
from stroke_tf.workflows.networks import EncoderWeights
from stroke_tf.workflows.start import start

COHORT = next(iter(TABLE1.values())).cohort


def started(**changes) -> tuple:
    said: list[str] = []
    plain = {"device": Device.CPU, "precision": Precision.AUTO, "weights": "none", "weights_folder": None, "seed": 5}
    asked = SimpleNamespace(**plain | {"data": Path("somewhere/siss2015.csv")} | changes)
    return *start(asked, backbone="resnet50", cohort=COHORT, say=said.append), said


def test_the_first_line_names_device_data_and_weights():
    chosen, weights, said = started()
    assert chosen.device is Device.CPU
    assert said == [f"device: {chosen} · data: siss2015.csv · weights: none"]
    assert weights.name == "none"


def test_without_data_the_line_names_the_phantoms_and_their_seed():
    _, _, (line,) = started(data=None)
    assert "SYNTHETIC phantoms" in line and "seed 5" in line


def test_a_note_on_the_weights_is_said(monkeypatch):
    found = EncoderWeights("none", note="they could not be had")
    monkeypatch.setattr(start_module, "find_weights", lambda word, **where: found)
    _, weights, said = started(weights="auto")
    assert weights is found
    assert said[1] == "note: they could not be had"


def test_weights_that_are_not_there_stop_the_run_before_anything_is_said(tmp_path: Path):
    with pytest.raises(WeightsError, match="no such file"):
        started(weights=str(tmp_path / "none.h5"))
