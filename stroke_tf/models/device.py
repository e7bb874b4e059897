"""Where the network runs and in which number format: decided once, said in the first line of every run."""

import os
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.choices import Device, Precision
from stroke_tf.errors import SettingError

_BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
_PROCESSOR_FACTS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Chosen:
    """The device of a run, as it is printed and recorded, and the precision, which is never AUTO any more."""

    device: Device
    name: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.name}, {self.precision.value}"


def choose_device(device: Device, precision: Precision, *, threads: int | None = None) -> Chosen:
    """Turn the user's wish into the device and the precision of this run.

    Call it before the first tensor is made: it hides the GPUs when the CPU is asked for, and otherwise lets
    TensorFlow take GPU memory as it needs it, which TensorFlow allows only at the start.

    Args:
        device: AUTO takes a GPU where TensorFlow sees one.
        precision: AUTO takes mixed_float16 on a GPU of compute capability 7.x (a T4), mixed_bfloat16 on a newer GPU
            or on a processor with bfloat16 instructions, and float32 elsewhere.
        threads: how many threads TensorFlow computes with; None is all that this process may use. On a processor the
            last bits of a training may depend on it.
    Raises: SettingError if a GPU is asked for and TensorFlow sees none, or for less than one thread.
    """
    import tensorflow as tf

    if threads is not None:
        if threads < 1:
            raise SettingError(f"--threads takes 1 or more. Received: {threads}")
        _early(tf.config.threading.set_intra_op_parallelism_threads, threads)
        _early(tf.config.threading.set_inter_op_parallelism_threads, threads)
    gpus = tf.config.list_physical_devices("GPU")
    if device is Device.GPU and not gpus:
        raise SettingError(
            "--device gpu: TensorFlow sees no GPU here. Install the gpu extra (pip install 'stroke_tf[gpu]'), look at "
            "nvidia-smi, or pass --device cpu."
        )
    if gpus and device is not Device.CPU:
        return _on_gpu(tf, gpus, precision)
    if gpus:
        _early(tf.config.set_visible_devices, [], "GPU")
    return choose_processor(precision, threads=threads)


def choose_processor(precision: Precision, *, threads: int | None = None) -> Chosen:
    """Return this machine's processor as the device, and the precision that suits it; TensorFlow is not asked."""
    return Chosen(Device.CPU, processor_name(threads), _or_auto(precision, precision_of_processor(_processor_flags())))


def precision_of_gpu(capability: tuple[int, int] | None) -> Precision:
    """Return the precision that suits a GPU of this compute capability; None is an unknown GPU.

    Example:
        >>> precision_of_gpu((7, 5))
        <Precision.MIXED_FLOAT16: 'mixed_float16'>
    """
    if capability is None or capability < (7, 0):
        return Precision.FLOAT32
    return Precision.MIXED_FLOAT16 if capability < (8, 0) else Precision.MIXED_BFLOAT16


def precision_of_processor(flags: frozenset[str]) -> Precision:
    """Return the precision that suits a processor with these instruction sets, named as Linux names them."""
    return Precision.MIXED_BFLOAT16 if flags & _BFLOAT16_INSTRUCTIONS else Precision.FLOAT32


def processor_name(threads: int | None = None) -> str:
    """Say how many threads are used: those asked for, or all this process may use, which a container often limits."""
    threads = threads or usable_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"


def usable_threads() -> int:
    """Return how many threads this process may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_gpu(tf, gpus: list, precision: Precision) -> Chosen:
    for gpu in gpus:
        _early(tf.config.experimental.set_memory_growth, gpu, True)
    facts = tf.config.experimental.get_device_details(gpus[0])
    name = facts.get("device_name", "GPU")
    return Chosen(Device.GPU, name, _or_auto(precision, precision_of_gpu(facts.get("compute_capability"))))


def _or_auto(asked: Precision, suited: Precision) -> Precision:
    return suited if asked is Precision.AUTO else asked


def _early(setting, *arguments) -> None:
    try:
        setting(*arguments)
    except RuntimeError as fault:
        raise SettingError(
            f"The device must be chosen before TensorFlow starts its work ({fault}). Choose it first, in a new process."
        ) from fault


def _processor_flags() -> frozenset[str]:
    """Read the processor's instruction sets; only Linux tells them in a file, elsewhere there are none."""
    try:
        lines = _PROCESSOR_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()
