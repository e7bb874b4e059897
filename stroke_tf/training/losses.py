"""The losses, on coverage rather than on hard labels: one table from choice to function.

A label here is the share of a 128x128 pixel that the lesion covers, because labels are area-averaged when a slice is
fitted. All losses are written for such soft truths and are the usual ones where the coverage is 0 or 1.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from stroke_tf.choices import LossKind

LossFunction = Callable[[tf.Tensor, tf.Tensor | Sequence[tf.Tensor]], tf.Tensor]
"""(coverage, output or outputs) -> scalar float32; each output is a softmax over (background, lesion)."""
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


def binary_cross_entropy(output: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
    """Compute the mean over pixels and both outputs of -( y * log(p) + (1 - y) * log(1 - p) ).

    Each of the two outputs is taken as a yes or no of its own, as Keras's binary cross-entropy does. Where they are a
    softmax, p of the lesion is 1 - p of the background, both outputs cost the same, and the mean is the categorical
    cross-entropy of the same pixel, gradient included: the two names differ in rounding only.

    Args:
        output: p, shape (..., 2), a softmax over (background, lesion).
        coverage: y of the lesion, shape (...), float32 in [0, 1]; y of the background is what is left of 1.
    Returns: a scalar, float32.
    Source: Aboudi, Drissi, Kraiem 2022, section IV ("binary cross entropy loss function was plotted").
    """
    p, y = _clipped(output), _both_classes(coverage)
    return -tf.reduce_mean(y * tf.math.log(p) + (1.0 - y) * tf.math.log1p(-p))


def categorical_cross_entropy(output: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
    """Compute the mean over pixels of -( y_background * log(p_background) + y_lesion * log(p_lesion) ).

    Args:
        output, coverage: as of `binary_cross_entropy`, to which it is equal but for rounding.
    Returns: a scalar, float32.
    Source: Aboudi, Drissi, Kraiem 2022, section IV ("we used categorical cross-entropy loss function").
    """
    return -tf.reduce_mean(tf.reduce_sum(_both_classes(coverage) * tf.math.log(_clipped(output)), axis=-1))


def pixel_accuracy(coverage: tf.Tensor, outputs: tf.Tensor | Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the share of pixels whose more probable class is the one that covers more of the pixel.

    Args:
        outputs: a softmax over (background, lesion), or several of which the first is the main one.
    """
    main = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
    return tf.reduce_mean(tf.cast((main[..., 1] > 0.5) == (coverage > 0.5), tf.float32))


WATCHED = {"accuracy": pixel_accuracy}
"""What a history can tell of the training beside the loss, by column."""


def make_loss(kind: LossKind, *, alpha: float = 1.0, beta: float = 1.0, lesion_weight: float = 1.0) -> LossFunction:
    """Return the loss of a network with one output, or with a main output and auxiliary ones.

    The k-th auxiliary output counts 1/2**k of the main one, and the weights add up to 1.

    Args:
        kind: which formula.
        alpha, beta, lesion_weight: of the hybrid loss; the cross-entropies have no weights.
    Source: the weights of the auxiliary outputs are ours, see assumptions.
    """
    of_one = _LOSSES[kind](alpha, beta, lesion_weight)

    def of_all(coverage: tf.Tensor, outputs: tf.Tensor | Sequence[tf.Tensor]) -> tf.Tensor:
        if not isinstance(outputs, (list, tuple)):
            return of_one(outputs, coverage)
        shares = [0.5**level for level in range(len(outputs))]
        losses = [share * of_one(output, coverage) for share, output in zip(shares, outputs, strict=True)]
        return tf.add_n(losses) / sum(shares)

    return of_all


def hybrid_loss(*, alpha: float, beta: float, lesion_weight: float) -> LossFunction:
    """Return alpha * weighted cross-entropy + beta * Dice loss; see `make_loss`.

    Source: arXiv 2511.07281, section II-E.
    """
    return make_loss(LossKind.HYBRID, alpha=alpha, beta=beta, lesion_weight=lesion_weight)


def _hybrid(alpha: float, beta: float, lesion_weight: float) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def of_one(output: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
        probability = tf.cast(output[..., 1], tf.float32)
        cross_entropy = weighted_cross_entropy(probability, coverage, lesion_weight)
        return alpha * cross_entropy + beta * dice_loss(probability, coverage)

    return of_one


_LOSSES: dict[LossKind, Callable[[float, float, float], Callable[[tf.Tensor, tf.Tensor], tf.Tensor]]] = {
    LossKind.HYBRID: _hybrid,
    LossKind.BINARY: lambda *_: binary_cross_entropy,
    LossKind.CATEGORICAL: lambda *_: categorical_cross_entropy,
}


def _clipped(output: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.cast(output, tf.float32), _SMALLEST, 1.0 - _SMALLEST)


def _both_classes(coverage: tf.Tensor) -> tf.Tensor:
    return tf.stack([1.0 - coverage, coverage], axis=-1)
