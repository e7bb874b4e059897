"""The losses of the generative model: pixels and regions of the lesion, and the image that stands in for the DWI.

Targets come as one array (b, row, column, 3): the lesion's coverage, the DWI in z-scores, and the brain's coverage.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from stroke_tf.training.losses import weighted_cross_entropy

COVERAGE, DWI, BRAIN = range(3)
_LEAST_AREA = 1.0
"""In pixels. A class that is absent from a batch would otherwise weigh infinitely."""
_SMALLEST = 1e-6


def generalised_dice_loss(probability: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
    """Compute 1 - 2 * sum_l(w_l * sum(p_l * c_l)) / sum_l(w_l * sum(p_l + c_l)), with w_l = 1 / sum(c_l)**2.

    The sums run over all pixels of the batch, l over background and lesion. A class counts the more the smaller it
    is, so that a lesion of a few pixels is not drowned by its background.

    Args:
        probability: p of the lesion, any shape, float32 in [0, 1]; the background has 1 - p.
        coverage: c of the lesion, same shape, float32 in [0, 1].
    Returns: a scalar, float32 in [0, 1].
    Source: Sudre et al. 2017 (arXiv 1707.03237), equation 3; named by arXiv 1906.02392.
    """
    overlap, total = [], []
    for p, c in ((probability, coverage), (1.0 - probability, 1.0 - coverage)):
        area = tf.reduce_sum(c)
        weight = 1.0 / tf.square(tf.maximum(area, _LEAST_AREA))
        overlap.append(weight * tf.reduce_sum(p * c))
        total.append(weight * (tf.reduce_sum(p) + area))
    return 1.0 - 2.0 * tf.add_n(overlap) / tf.add_n(total)


def pixel_region_loss(
    *, region: float, pixel: float, lesion_weight: float
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return the segmentor's loss: region * generalised Dice + pixel * weighted cross-entropy.

    Returns: a function of (targets, softmax (b, row, column, 2)) -> scalar float32.
    Source: arXiv 1906.02392 names the two parts; their weights are ours, see assumptions.
    """

    def loss(targets: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        probability = tf.cast(output[..., 1], tf.float32)
        coverage = targets[..., COVERAGE]
        cross_entropy = weighted_cross_entropy(probability, coverage, lesion_weight)
        return region * generalised_dice_loss(probability, coverage) + pixel * cross_entropy

    return loss


def image_loss(image: tf.Tensor, targets: tf.Tensor, *, edges: float, lesion_weight: float) -> tf.Tensor:
    """Compare a generated DWI with the real one inside the brain: mean w (g - d)**2 + edges * mean |grad g - grad d|.

    Squares and not absolute differences: the image that has the least of the latter is a median, and where a lesion
    is less likely than not it shows none at all. The least squares are a mean, so that a lesion is drawn as bright as
    it is likely, which is what the segmentor needs to know. The second part keeps borders sharp; the gradient is the
    difference of neighbouring pixels along rows and columns.

    Args:
        image: g, (b, row, column), float32 z-scores.
        targets: see the module.
        lesion_weight: w where the lesion covers the pixel; 1 where there is none.
    Source: ours; arXiv 1906.02392 does not say how generated and real DWI are compared, see assumptions.
    """
    real, brain = targets[..., DWI], targets[..., BRAIN]
    difference = image - real
    area = tf.reduce_sum(brain) + _SMALLEST
    weight = brain * (1.0 + (lesion_weight - 1.0) * targets[..., COVERAGE])
    squared = tf.reduce_sum(weight * tf.square(difference)) / area
    down = tf.abs(difference[:, 1:] - difference[:, :-1]) * tf.minimum(brain[:, 1:], brain[:, :-1])
    across = tf.abs(difference[:, :, 1:] - difference[:, :, :-1]) * tf.minimum(brain[:, :, 1:], brain[:, :, :-1])
    return squared + edges * 0.5 * (tf.reduce_sum(down) + tf.reduce_sum(across)) / area


def generative_loss(
    segmentation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], *, image: float, edges: float, lesion_weight: float
) -> Callable[[tf.Tensor, Sequence[tf.Tensor]], tf.Tensor]:
    """Return the loss of the whole model: the segmentor's + image * image_loss of what the generator drew.

    Args:
        segmentation: from pixel_region_loss.
    Returns: a function of (targets, [softmax, DWI (b, row, column, 1)]) -> scalar float32.
    """

    def loss(targets: tf.Tensor, outputs: Sequence[tf.Tensor]) -> tf.Tensor:
        softmax, generated = outputs
        drawn = image_loss(generated[..., 0], targets, edges=edges, lesion_weight=lesion_weight)
        return segmentation(targets, softmax) + image * drawn

    return loss
