"""Which engine is chosen, and what is loaded for it."""

import subprocess
import sys

import pytest

from stroke_tf.choices import Architecture, Device, Engine, Precision
from stroke_tf.errors import SettingError, WeightsError
from stroke_tf.models import engines
from stroke_tf.models.build import build_network
from stroke_tf.models.engines import choose_engine, start_network
from stroke_tf.models.files import save_model
from stroke_tf.models.network import Network, read_network

PLANAR = Network(Architecture.UNET_2D)
VOLUMETRIC = Network(Architecture.UNET_3D)


def choose(engine: Engine, *, device=Device.CPU, precision=Precision.FLOAT32, networks=(PLANAR,)) -> Engine:
    return choose_engine(engine, device, precision, networks)[0]


def test_the_fastest_engine_that_can_is_taken():
    assert choose(Engine.AUTO) is Engine.OPENVINO
    assert choose(Engine.AUTO, precision=Precision.MIXED_BFLOAT16) is Engine.OPENVINO
    assert choose(Engine.AUTO, precision=Precision.MIXED_FLOAT16) is Engine.KERAS
    assert choose(Engine.AUTO, networks=(PLANAR, VOLUMETRIC)) is Engine.KERAS
    assert choose(Engine.KERAS) is Engine.KERAS


def test_what_cannot_be_had_is_refused_with_the_reason():
    with pytest.raises(SettingError, match="--engine openvino: it runs the 2-D U-Nets"):
        choose(Engine.OPENVINO, networks=(VOLUMETRIC,))
    with pytest.raises(SettingError, match="float32 or mixed_bfloat16"):
        choose(Engine.OPENVINO, precision=Precision.MIXED_FLOAT16)
    with pytest.raises(SettingError, match="Leave --device gpu away"):
        choose(Engine.OPENVINO, device=Device.GPU)


def test_a_gpu_that_is_there_is_left_to_keras_unless_openvino_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "_SIGNS_OF_A_GPU", (str(tmp_path),))
    assert choose(Engine.AUTO, device=Device.AUTO) is Engine.KERAS
    assert choose(Engine.AUTO, device=Device.CPU) is Engine.OPENVINO
    assert choose(Engine.OPENVINO, device=Device.AUTO) is Engine.OPENVINO


def test_without_openvino_keras_serves_and_asking_for_it_tells_what_to_install(monkeypatch):
    # None in sys.modules is how Python itself marks a module that must not be found.
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert choose(Engine.AUTO) is Engine.KERAS
    with pytest.raises(SettingError, match="pip install openvino"):
        choose(Engine.OPENVINO)


def test_openvino_starts_without_tensorflow(tmp_path):
    save_model(
        build_network(Network(Architecture.UNET_2D, "resnet18", 32), seed=1, precision=Precision.FLOAT32), tmp_path, {}
    )
    code = (
        "import sys, numpy as np; from pathlib import Path; from stroke_tf.choices import *; "
        "from stroke_tf.models.network import read_network; "
        "from stroke_tf.models.engines import choose_engine, start_network; "
        f"saved = read_network(Path({str(tmp_path)!r})); "
        "engine, chosen = choose_engine(Engine.AUTO, Device.CPU, Precision.FLOAT32, [saved.network]); "
        "print(start_network(saved, engine, chosen.precision)(np.ones((1, 32, 32, 3), np.float32)).shape); "
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(1, 32, 32)", "[]"]


@pytest.mark.parametrize("engine", [Engine.KERAS, Engine.OPENVINO])
def test_damaged_weights_are_refused_by_every_engine(engine, tmp_path):
    save_model(
        build_network(Network(Architecture.UNET_2D, "resnet18", 32), seed=1, precision=Precision.FLOAT32), tmp_path, {}
    )
    weights = tmp_path / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsError, match="damaged, or of another run"):
        start_network(read_network(tmp_path), engine, Precision.FLOAT32)
