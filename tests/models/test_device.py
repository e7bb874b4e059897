"""The device and the precision that a run chooses."""

import pytest
import tensorflow as tf

from stroke_tf.choices import Device, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models import device as room
from stroke_tf.models.device import Chosen, choose_device, precision_of_gpu, precision_of_processor


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])


@pytest.fixture
def one_t4(monkeypatch):
    """Let TensorFlow tell of a T4, and record what is asked of it."""
    asked = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["t4"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: asked.append((gpu, on)))
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: asked.append((devices, kind)))
    facts = {"device_name": "NVIDIA T4", "compute_capability": (7, 5)}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: facts)
    return asked


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        (None, Precision.FLOAT32),
        ((6, 1), Precision.FLOAT32),
        ((7, 0), Precision.MIXED_FLOAT16),
        ((7, 5), Precision.MIXED_FLOAT16),
        ((8, 0), Precision.MIXED_BFLOAT16),
        ((9, 0), Precision.MIXED_BFLOAT16),
    ],
)
def test_precision_follows_the_compute_capability(capability, expected):
    assert precision_of_gpu(capability) is expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx2", "avx512f"}, Precision.FLOAT32),
        ({"avx512f", "avx512_bf16"}, Precision.MIXED_BFLOAT16),
        ({"amx_bf16"}, Precision.MIXED_BFLOAT16),
        (set(), Precision.FLOAT32),
    ],
)
def test_precision_follows_the_instructions_of_the_processor(flags, expected):
    assert precision_of_processor(frozenset(flags)) is expected


def test_instructions_are_read_from_the_flags_line(tmp_path, monkeypatch):
    facts = tmp_path / "cpuinfo"
    facts.write_text("model name\t: Some Xeon\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t\t: none\n")
    monkeypatch.setattr(room, "_PROCESSOR_FACTS", facts)
    assert room._processor_flags() == {"fpu", "avx2", "avx512_bf16"}


def test_a_system_without_cpuinfo_computes_in_float32(tmp_path, monkeypatch, no_gpu):
    monkeypatch.setattr(room, "_PROCESSOR_FACTS", tmp_path / "absent")
    assert choose_device(Device.AUTO, Precision.AUTO).precision is Precision.FLOAT32


def test_a_gpu_that_is_not_there_is_an_error(no_gpu):
    with pytest.raises(SettingError, match=r"sees no GPU.*--device cpu"):
        choose_device(Device.GPU, Precision.AUTO)


def test_auto_without_a_gpu_names_the_processor_and_its_threads(no_gpu):
    chosen = choose_device(Device.AUTO, Precision.FLOAT32)
    assert chosen.device is Device.CPU
    assert chosen.name.startswith("CPU, ") and chosen.name.rstrip("s").endswith("thread")


def test_auto_takes_the_gpu_and_its_memory_as_needed(one_t4):
    assert choose_device(Device.AUTO, Precision.AUTO) == Chosen(Device.GPU, "NVIDIA T4", Precision.MIXED_FLOAT16)
    assert one_t4 == [("t4", True)]


def test_a_named_precision_is_kept_on_any_device(one_t4):
    assert choose_device(Device.GPU, Precision.FLOAT32).precision is Precision.FLOAT32


def test_the_processor_can_be_asked_for_beside_a_gpu(one_t4):
    assert choose_device(Device.CPU, Precision.FLOAT32).device is Device.CPU
    assert one_t4 == [([], "GPU")]


def test_a_device_chosen_too_late_is_an_error_that_says_so(one_t4, monkeypatch):
    def too_late(*_):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", too_late)
    with pytest.raises(SettingError, match="chosen before TensorFlow"):
        choose_device(Device.GPU, Precision.AUTO)


def test_the_first_line_of_a_run_says_device_and_precision():
    assert str(Chosen(Device.CPU, "CPU, 2 threads", Precision.FLOAT32)) == "CPU, 2 threads, float32"
