"""TensorFlow starts quietly, and its absence or a wrong backend is explained."""

import os
import subprocess
import sys

START = "from stroke_tf.models.tensorflow_start import start_tensorflow; start_tensorflow(); print('started')"


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_starting_tensorflow_prints_nothing_of_its_own():
    done = _run(START)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "started", "")


def test_a_missing_tensorflow_is_answered_with_the_command_that_installs_it():
    done = _run(f"import sys; sys.modules['tensorflow'] = None; {START}")
    assert done.returncode != 0
    assert "pip install 'stroke_tf[cpu]'" in done.stderr


def test_another_backend_of_keras_is_refused():
    done = _run(START, KERAS_BACKEND="numpy")
    assert done.returncode != 0
    assert "needs tensorflow as its backend" in done.stderr


def test_a_backend_that_is_not_installed_is_told_without_the_chatter_of_tensorflow():
    done = _run(f"import sys; sys.modules['jax'] = None; {START}", KERAS_BACKEND="jax")
    assert done.returncode != 0
    assert "unset KERAS_BACKEND" in done.stderr
    assert "oneDNN" not in done.stderr
