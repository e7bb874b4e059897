"""Same seed, same bits: what TensorFlow must be told for it."""

import tensorflow as tf


def same_seed_same_bits() -> None:
    """Let TensorFlow use only operations whose result does not depend on the timing of threads.

    For the CPU; on a GPU some operations have no such form and others are slower, so there runs of one seed agree
    closely but not to the last bit, and their run cards say so. The bits may still differ between kinds of processor
    or numbers of threads, which run cards therefore record.
    """
    tf.config.experimental.enable_op_determinism()
