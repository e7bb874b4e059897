"""Same seed, same bits: asked of TensorFlow in a process of its own, because it cannot be taken back."""

import subprocess
import sys

ASK = """
import tensorflow as tf
from tensorflow.python.framework import config
from stroke_tf.training.determinism import same_seed_same_bits
before = config.is_op_determinism_enabled()
same_seed_same_bits()
print(before, config.is_op_determinism_enabled())
"""


def test_tensorflow_is_told_to_be_deterministic():
    found = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]
