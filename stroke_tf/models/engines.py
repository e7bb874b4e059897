"""Which engine computes a trained network's answers, and how it is started: Keras on TensorFlow, or OpenVINO.

An engine is loaded only when it was chosen: a prediction with OpenVINO never imports TensorFlow, whose start alone
takes as long as a plane.
"""

import contextlib
import ctypes
import importlib.util
import os
from collections.abc import Callable, Sequence

import numpy as np

from stroke_tf.choices import Device, Engine, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models.device import Chosen, choose_device, choose_processor
from stroke_tf.models.network import DRAWN_BY_OPENVINO, Network, SavedNetwork, require_intact

_SIGNS_OF_A_GPU = ("/proc/driver/nvidia/gpus", "/dev/nvidia0", "/dev/dxg")
"""Where Linux, and Linux within Windows, show a card; looking costs nothing, asking TensorFlow costs seconds."""


_M_ARENA_MAX = -8
"""As glibc's malloc.h numbers it."""


def choose_engine(
    engine: Engine, device: Device, precision: Precision, networks: Sequence[Network], *, threads: int | None = None
) -> tuple[Engine, Chosen]:
    """Turn the user's wishes into the engine, the device and the precision of this run.

    Args:
        engine: AUTO takes the fastest that can: OpenVINO if it is installed, it draws the networks, no GPU is asked
            for or seen, and the precision is one it has; Keras otherwise.
        networks: all that are to run.
        threads: that compute; None is all that this process may use.
    Returns: KERAS or OPENVINO, and where it runs. Keras is started by then.
    Raises: SettingError if what was asked for cannot be had together, or is not installed; for less than one thread.
    """
    if threads is not None and threads < 1:
        raise SettingError(f"--threads takes 1 or more. Received: {threads}")
    if engine is Engine.AUTO:
        engine = Engine.KERAS if _why_not_openvino(device, precision, networks) else Engine.OPENVINO
    elif engine is Engine.OPENVINO and (fault := _why_not_openvino(device, precision, networks, asked=True)):
        raise SettingError(f"--engine openvino: {fault}")
    if engine is Engine.OPENVINO:
        _keep_memory_together()
        return engine, choose_processor(precision, threads=threads)
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    return engine, choose_device(device, precision, threads=threads)


def start_network(
    saved: SavedNetwork, engine: Engine, precision: Precision, *, threads: int | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Load a network into an engine.

    Args:
        engine, precision: as choose_engine gave them.
        threads: as choose_engine was given them, which has told Keras.
    Returns: images (b, …, c) to lesion probabilities (b, …), both float32 NumPy; each image on its own, whatever
        stands beside it.
    Raises: WeightsError if the weights are damaged or of another network.
    """
    if engine is Engine.OPENVINO:
        from stroke_tf.models.openvino_unet import openvino_function

        require_intact(saved)
        return openvino_function(saved, precision, threads=threads)
    from stroke_tf.models.build import predict_function
    from stroke_tf.models.files import load_model

    return predict_function(load_model(saved.folder, precision=precision)[0])


def _keep_memory_together() -> None:
    """Let all threads share one heap, where the C library is glibc.

    By default each thread gets its own, and what a thread frees no other can use: three networks that are loaded side
    by side were seen to take 60 MB more.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _why_not_openvino(device: Device, precision: Precision, networks: Sequence[Network], *, asked: bool = False) -> str:
    """Say why OpenVINO cannot serve, or nothing; a GPU that is there but not asked for only counts against AUTO."""
    if not _installed("openvino"):
        return "OpenVINO is not installed. Install it with: pip install openvino (or 'stroke_tf[fast]')."
    if any(not network.drawn_by_openvino for network in networks):
        return f"it runs {DRAWN_BY_OPENVINO}. Predict others with --engine keras."
    if device is Device.GPU:
        return "it runs on the processor here. Leave --device gpu away, or take --engine keras."
    if precision is Precision.MIXED_FLOAT16:
        return "it computes in float32 or mixed_bfloat16 here. Choose one of them, or --engine keras."
    if not asked and device is Device.AUTO and any(os.path.exists(sign) for sign in _SIGNS_OF_A_GPU):
        return "a GPU is there."
    return ""


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:
        # The module was marked as absent in this process.
        return False
