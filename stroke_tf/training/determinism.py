"""Same seed, same bits: what TensorFlow must be told for it."""

import tensorflow as tf


def same_seed_same_bits() -> None:
    """Let TensorFlow use only operations whose result does not depend on the timing of threads.

    For the CPU; on a GPU some operations have no such form and others are slower, so there runs of one seed agree
    closely but not to the last bit, and their run cards say so. The bits may still differ between kinds of processor
    or numbers of threads, which run cards therefore record.
    """
    tf.config.experimental.enable_op_determinism()


def order_of_sums_is_fixed(graph: tf.Graph) -> bool:
    """Tell whether every sum in a traced function adds its terms in one order, whatever the timing of threads.

    AddN, with which gradients of one tensor are summed, writes into a term that nobody else needs any more, and
    begins with that one. Where another operation reads a term too, timing decides whether it is free; for three terms
    or more that changes the last bit (two may change places). same_seed_same_bits does not rule AddN.
    """
    sums = (each for each in graph.get_operations() if each.type == "AddN" and len(each.inputs) > 2)
    return all(len(term.consumers()) == 1 for each in sums for term in each.inputs)
