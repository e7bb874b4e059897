"""Same seed, same bits: asked of TensorFlow in a process of its own, because it cannot be taken back."""

import subprocess
import sys

import pytest
import tensorflow as tf

from stroke_tf.training.determinism import order_of_sums_is_fixed

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


@pytest.mark.parametrize(("terms", "shared", "fixed"), [(3, False, True), (2, True, True), (3, True, False)])
def test_a_sum_of_three_has_no_order_where_another_operation_reads_a_term(terms: int, shared: bool, fixed: bool):
    with tf.Graph().as_default() as graph:
        x = [tf.sin(tf.ones(3) * number) for number in range(terms)]
        tf.add_n(x)
        if shared:
            tf.negative(x[0])
    assert order_of_sums_is_fixed(graph) is fixed
