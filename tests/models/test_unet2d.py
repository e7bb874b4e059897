"""segmentation-models, kept quiet and in one file."""

import os
import sys
from pathlib import Path

import keras
import pytest

from stroke_tf.errors import SettingError
from stroke_tf.models import unet2d


@pytest.mark.parametrize("before", [None, "keras"])
def test_importing_segmentation_models_is_silent_and_leaves_the_environment(monkeypatch, capfd, before):
    monkeypatch.delenv("SM_FRAMEWORK", raising=False)
    if before:
        monkeypatch.setenv("SM_FRAMEWORK", before)
    for name in [name for name in sys.modules if name.partition(".")[0] == "segmentation_models"]:
        monkeypatch.delitem(sys.modules, name)
    module = unet2d._segmentation_models.__wrapped__()
    assert module.framework() == "tf.keras"
    assert os.environ.get("SM_FRAMEWORK") == before
    assert capfd.readouterr() == ("", "")


def test_one_file_imports_segmentation_models(repository):
    files = [
        path for path in (repository / "stroke_tf").rglob("*.py") if "import segmentation_models" in path.read_text()
    ]
    assert [path.relative_to(repository) for path in files] == [Path("stroke_tf/models/unet2d.py")]


def test_skips_leave_the_encoder_at_each_halving(res_unet):
    unet = res_unet.get_layer("unet")
    sides = [unet.get_layer(name).output.shape[1] for name in unet2d.BACKBONES["resnet50"].skips]
    assert sides == [8, 16, 32, 64]
    assert [unet2d.decoder_stage(unet, stage).shape[1] for stage in range(5)] == [8, 16, 32, 64, 128]


def test_the_network_ends_in_logits(res_unet):
    unet = res_unet.get_layer("unet")
    assert unet.layers[-1].activation is keras.activations.linear
    assert unet.output_shape == (None, 128, 128, 2)


def test_a_layer_of_neither_table_is_an_error():
    inputs = keras.Input((8, 8, 3))
    strange = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="attention")(inputs))
    with pytest.raises(SettingError, match=r"neither.*attention"):
        unet2d.encoder_layers_of(strange, "resnet50")
