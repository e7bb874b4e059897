"""Weighted cross-entropy + Dice, on coverage rather than on hard labels.

A label here is the share of a 128x128 pixel that the lesion covers, because labels are area-averaged when a slice is
fitted. Both losses are written for such soft truths and are the usual ones where the coverage is 0 or 1.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

_SMALLEST = 1e-6


def weighted_cross_entropy(probability: tf.Tensor, coverage: tf.Tensor, lesion_weight: float) -> tf.Tensor:
    """Compute - mean( w * c * log(p) + (1 - c) * log(1 - p) ).

    Args:
        probability: p, the lesion class, any shape, float32 in [0, 1].
        coverage: c, same shape, float32 in [0, 1].
        lesion_weight: w, what a lesion pixel counts for against a background pixel.
    Returns: a scalar, float32.
    Source: arXiv 2511.07281, section II-E; the weight is lost in print, see assumptions.
    """
    probability = tf.clip_by_value(probability, _SMALLEST, 1.0 - _SMALLEST)
    lesion = lesion_weight * coverage * tf.math.log(probability)
    background = (1.0 - coverage) * tf.math.log1p(-probability)
    return -tf.reduce_mean(lesion + background)


def dice_loss(probability: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
    """Compute 1 - (2 * sum(p * c) + 1) / (sum(p) + sum(c) + 1), over all pixels of the batch at once.

    One sum over the batch, not one a slice: in a slice without lesion the Dice of a single false pixel is as bad as
    that of a thousand, and its gradient drowns those of the slices that teach.
    """
    overlap = tf.reduce_sum(probability * coverage)
    return 1.0 - (2.0 * overlap + 1.0) / (tf.reduce_sum(probability) + tf.reduce_sum(coverage) + 1.0)


def hybrid_loss(
    *, alpha: float, beta: float, lesion_weight: float
) -> Callable[[tf.Tensor, tf.Tensor | Sequence[tf.Tensor]], tf.Tensor]:
    """Return the loss of a network with one output, or with a main output and auxiliary ones.

    Each output is a softmax, shape (..., 2), whose class 1 is the lesion. The k-th auxiliary output counts 1/2**k of
    the main one, and the weights add up to 1.

    Returns: a function of (coverage, output or outputs) -> scalar float32.
    Source: arXiv 2511.07281, section II-E; the weights of the auxiliary outputs are ours, see assumptions.
    """

    def of_one(coverage: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        probability = tf.cast(output[..., 1], tf.float32)
        cross_entropy = weighted_cross_entropy(probability, coverage, lesion_weight)
        return alpha * cross_entropy + beta * dice_loss(probability, coverage)

    def of_all(coverage: tf.Tensor, outputs: tf.Tensor | Sequence[tf.Tensor]) -> tf.Tensor:
        if not isinstance(outputs, (list, tuple)):
            return of_one(coverage, outputs)
        shares = [0.5**level for level in range(len(outputs))]
        losses = [share * of_one(coverage, output) for share, output in zip(shares, outputs, strict=True)]
        return tf.add_n(losses) / sum(shares)

    return of_all
