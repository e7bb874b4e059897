"""Same seed, same bits: what TensorFlow must be told for it."""

import tensorflow as tf


def same_seed_same_bits() -> None:
    """Let TensorFlow use only operations whose result does not depend on the timing of threads.

    The bits may still differ between kinds of processor or numbers of threads, which run cards therefore record.
    """
    tf.config.experimental.enable_op_determinism()
