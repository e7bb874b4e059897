"""Training from pretrained weights: the encoder frozen first, then fine-tuned, and all of it on record."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.files import sha256_of_file
from stroke_tf.train import main


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """Return a file that fills every encoder layer, laid out as ImageNet weights are published, its values random."""
    from stroke_tf.models.build import build_model, encoder_layers

    path = tmp_path_factory.mktemp("weights") / "photographs.h5"
    layers = encoder_layers(build_model(Architecture.UNET_2D, seed=9, precision=Precision.FLOAT32))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            named = {f"{layer.name}/{variable.name}:0": variable.numpy() for variable in layer.weights}
            group.attrs["weight_names"] = [name.encode() for name in named]
            for name, value in named.items():
                group[name] = value
    return path


def test_a_pretrained_encoder_is_frozen_first_and_then_fine_tuned(weights, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["--axis", "y", "--weights", str(weights), "--preset", "smoke", "--out", str(run)]) == 0
    assert "weights: photographs.h5" in capsys.readouterr().out.splitlines()[0]
    with open(run / "history.csv", newline="", encoding="utf-8") as stream:
        epochs = list(csv.DictReader(stream))
    assert [epoch["phase"] for epoch in epochs] == ["frozen encoder", "fine-tuning"]
    assert all(np.isfinite(float(epoch["loss"])) for epoch in epochs)
    card = json.loads((run / "run_card.json").read_text(encoding="utf-8"))
    assert card["weights"] == {"name": "photographs.h5", "sha256": sha256_of_file(weights)}
    # What the weights expect goes with the network: z-scores are scaled as photographs were.
    network = json.loads((run / "network.json").read_text(encoding="utf-8"))
    assert network["network"]["scaling"] == "imagenet"


def test_imagenet_weights_that_cannot_be_had_stop_the_run_before_it_begins(tmp_path, capsys, monkeypatch):
    # A proxy that is not there stands for a machine without network, and keeps this test on this machine.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr("urllib.request._opener", None)  # it remembers the proxies of its first use in this process
    options = ["--axis", "y", "--weights", "imagenet", "--weights-folder", str(tmp_path / "cache"), "--preset", "smoke"]
    assert main([*options, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr()
    for part in ("https://", "resnet50_imagenet_1000_no_top.h5", "MD5 db3b2171", str(tmp_path / "cache")):
        assert part in told.err
    assert told.out == ""
    assert not (tmp_path / "run").exists() and not [path for path in tmp_path.rglob("*") if path.is_file()]
