"""From the planes' probabilities to one mask: each rule, its threshold and its tie, decided here and nowhere else.

Every rule keeps two promises, on which fitting relies: where all planes are below the threshold there is no lesion,
and where all are above it there is one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, require_same_shape
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import SettingError
from stroke_tf.fusion.staple import staple_probability

WEIGHTED = (FusionRule.WEIGHTED_MAJORITY, FusionRule.WEIGHTED_LOGITS)
"""The rules that need a weight for each plane; the others take none."""
FASTSURFER = {"x": 0.2, "y": 0.4, "z": 0.4}
"""What FastSurfer weighs sagittal, coronal and axial with; ours are named after the plane, never after a position.

Source: Henschel et al., NeuroImage 219 (2020) 117012, view aggregation.
"""
SMALLEST = 2.0**-15
"""How near to 0 and 1 a probability is still told apart in log-odds, and the step in which Table 1 stores it."""
_EVEN = 1e-6
"""Votes that differ by less, of a sum of 1, are even: decimal weights such as 0.1 + 0.2 do not add up exactly."""


def fuse(
    rule: FusionRule,
    volumes: Iterable[Probabilities | Mask],
    *,
    threshold: float = 0.5,
    tie: TieRule,
    weights: Sequence[float] | None = None,
) -> Mask:
    """Make one mask of the volumes of several planes.

    Args:
        rule: see FusionRule.
        volumes: the lesion's probabilities, all (x, y, z) on one grid; a mask counts as probabilities of 0 and 1. They
            are taken one after the other, so of a generator's volumes no more than two are in memory.
        threshold: for a rule that counts votes, the probability from which a plane says lesion; for a rule that makes
            one probability of them, the one from which that is lesion. See lesion_where.
        tie: what an even vote means. A fused probability has no tie: it is lesion from the threshold on.
        weights: one for each volume in their order, for the rules in WEIGHTED; None for the others.
    Returns: (x, y, z), bool.
    Raises: SettingError for no volume at all, or weights that do not fit; GeometryError for volumes of different
        shapes.
    Source: arXiv 2511.07281, section II (voxel-wise majority vote), whose conclusion wishes for weighted votes; the
        rules beyond the majority are our reading of that wish.
    Example:
        >>> planes = [np.array([0.9]), np.array([0.4]), np.array([0.4])]
        >>> fuse(FusionRule.MAJORITY, planes, tie=TieRule.BACKGROUND)
        array([False])
        >>> fuse(FusionRule.MEAN_PROBABILITY, planes, tie=TieRule.BACKGROUND)
        array([ True])
    """
    _require_threshold(threshold)
    if (rule in WEIGHTED) != (weights is not None):
        needed = "needs a weight for each volume" if rule in WEIGHTED else "takes no weights"
        raise SettingError(f"The rule {rule.value} {needed}. Received: {weights}")
    if weights is not None:
        volumes, weights = _one_for_each(volumes, weights), normalised(weights)
    return _FUSERS[rule](volumes, threshold, tie, weights)


def lesion_where(probabilities: Probabilities | Mask, *, threshold: float = 0.5) -> Mask:
    """Return where the lesion is at least as probable as the threshold; a mask stays as it is.

    Raises: SettingError for a threshold outside (0, 1].
    """
    _require_threshold(threshold)
    if probabilities.dtype == bool:
        return probabilities
    return probabilities >= threshold


def majority(masks: Sequence[Mask], *, tie: TieRule) -> Mask:
    """Return where more than half of the masks say lesion.

    Args:
        masks: any number of bool arrays of one shape.
        tie: what exactly half means; it can only happen for an even number of masks.
    Returns: bool, the masks' shape.
    Raises: SettingError for no mask or more than 255, GeometryError for masks of different shapes.
    Source: arXiv 2511.07281 votes with three masks; the tie rule is ours.
    Example:
        >>> yes, no = np.array([True]), np.array([False])
        >>> majority([yes, yes, no], tie=TieRule.BACKGROUND)
        array([ True])
        >>> majority([yes, no], tie=TieRule.BACKGROUND)
        array([False])
    """
    # Votes are counted in one byte a voxel, so the memory needed does not grow with the number of masks.
    if not 1 <= len(masks) <= 255:
        raise SettingError(f"A vote needs between 1 and 255 masks. Received: {len(masks)}")
    votes = np.zeros(masks[0].shape, dtype=np.uint8)
    for mask in _of_one_shape(masks, "mask"):
        votes += mask.astype(bool, copy=False)
    half = len(masks) // 2
    if len(masks) % 2 == 0 and tie is TieRule.LESION:
        return votes >= half
    return votes > half


def fused_probability(
    rule: FusionRule, volumes: Iterable[Probabilities | Mask], weights: Sequence[float] | None = None
) -> Probabilities:
    """Make one volume of probabilities of those of several planes, by MEAN_PROBABILITY or WEIGHTED_LOGITS.

    Mean: (p1 + … + pn) / n. Logits: sigmoid(w1 logit(p1) + … + wn logit(pn)) with weights that sum to 1, where
    logit(p) = log(p / (1 - p)) and p is kept SMALLEST away from 0 and 1.

    Returns: the volumes' shape, float32.
    Raises: SettingError for no volume, or a rule that makes masks; GeometryError for volumes of different shapes.
    """
    if rule is FusionRule.MEAN_PROBABILITY:
        return _mean(volumes, lambda volume: volume.astype(np.float32), None)
    if rule is FusionRule.WEIGHTED_LOGITS:
        return 1.0 / (1.0 + np.exp(-_mean(volumes, logits, normalised(weights))))
    raise SettingError(f"The rule {rule.value} makes no probability.")


def logits(probabilities: Probabilities | Mask) -> np.ndarray:
    """Return the log-odds of probabilities, float32, those nearer to 0 and 1 than SMALLEST as if they were there."""
    kept = np.clip(probabilities.astype(np.float32), np.float32(SMALLEST), np.float32(1 - SMALLEST))
    return np.log(kept / (1 - kept))


def in_order(weights: Mapping[str, float], planes: Sequence[str]) -> list[float]:
    """Return the weights in the order of the planes.

    Raises: SettingError if a plane has none, or a weight no plane.
    """
    if set(weights) != set(planes) or len(weights) != len(planes):
        raise SettingError(
            f"Each plane has one weight. Received: weights of {', '.join(sorted(weights))}; volumes of "
            f"{', '.join(planes)}"
        )
    return [weights[plane] for plane in planes]


def normalised(weights: Sequence[float]) -> list[float]:
    """Return weights that sum to 1.

    Raises: SettingError for a weight that is negative or no number, or if none is above 0.
    """
    values = [float(weight) for weight in weights]
    if not values or not all(0 <= value < float("inf") for value in values) or sum(values) == 0:
        raise SettingError(f"Weights are 0 or more, and at least one is above 0. Received: {list(weights)}")
    return [value / sum(values) for value in values]


def _by_majority(volumes, threshold: float, tie: TieRule, weights: None) -> Mask:
    return majority(_masks(volumes, threshold), tie=tie)


def _by_weighted_majority(volumes, threshold: float, tie: TieRule, weights: Sequence[float]) -> Mask:
    share = _mean(volumes, lambda volume: lesion_where(volume, threshold=threshold), weights)
    return _decided(share - np.float32(0.5), tie)


def _by_confidence(volumes, threshold: float, tie: TieRule, weights: None) -> Mask:
    """Let each plane vote with the square of its margin.

    The margin runs from -1 (probability 0) over 0 (the threshold) to 1 (probability 1), linear on either side. Its
    square is the first term of how much a probability tells (1 minus its entropy). Votes in proportion to the margin
    itself would add up to the mean of p - threshold, which is MEAN_PROBABILITY.
    """
    above, below = np.float32(max(1 - threshold, SMALLEST)), np.float32(threshold)

    def vote(volume: Probabilities | Mask) -> np.ndarray:
        margin = volume.astype(np.float32) - np.float32(threshold)
        margin /= np.where(margin > 0, above, below)
        return margin * np.abs(margin)

    balance = _mean(volumes, vote, None)
    return balance >= 0 if tie is TieRule.LESION else balance > 0


def _by_probability(rule: FusionRule) -> Callable[..., Mask]:
    def fuser(volumes, threshold: float, tie: TieRule, weights: Sequence[float] | None) -> Mask:
        return lesion_where(fused_probability(rule, volumes, weights), threshold=threshold)

    return fuser


def _by_union(volumes, threshold: float, tie: TieRule, weights: None) -> Mask:
    return np.logical_or.reduce(_masks(volumes, threshold))


def _by_intersection(volumes, threshold: float, tie: TieRule, weights: None) -> Mask:
    return np.logical_and.reduce(_masks(volumes, threshold))


def _by_staple(volumes, threshold: float, tie: TieRule, weights: None) -> Mask:
    return _decided(staple_probability(_masks(volumes, threshold)) - np.float32(0.5), tie)


def _masks(volumes: Iterable[Probabilities | Mask], threshold: float) -> list[Mask]:
    """Return each plane's mask; of a generator's volumes one is in memory at a time."""
    masks = list(_of_one_shape(lesion_where(volume, threshold=threshold) for volume in volumes))
    if not masks:
        raise SettingError("A vote needs a volume or more. Received: 0")
    return masks


def _mean(
    volumes: Iterable[Probabilities | Mask],
    of: Callable[[np.ndarray], np.ndarray],
    weights: Sequence[float] | None,
) -> np.ndarray:
    """Return the mean, or the weighted sum, of what a function makes of each volume, in float32."""
    total, number = np.float32(0), 0
    for number, volume in enumerate(_of_one_shape(volumes), start=1):
        part = of(volume)
        total = total + (part if weights is None else part * np.float32(weights[number - 1]))
    if number == 0:
        raise SettingError("A vote needs a volume or more. Received: 0")
    return np.asarray(total / np.float32(number) if weights is None else total, dtype=np.float32)


def _decided(balance: np.ndarray, tie: TieRule) -> Mask:
    """Return where the balance of votes by weight is above zero; where it is zero the tie decides."""
    return balance >= -np.float32(_EVEN) if tie is TieRule.LESION else balance > np.float32(_EVEN)


def _of_one_shape(volumes: Iterable[np.ndarray], word: str = "volume") -> Iterator[np.ndarray]:
    first = None
    for number, volume in enumerate(volumes, start=1):
        first = volume if first is None else first
        require_same_shape(first, volume, (f"{word} 1", f"{word} {number}"))
        # Only the shape is needed from here on, and a view of one byte keeps it without the volume.
        first = np.broadcast_to(np.uint8(0), volume.shape)
        yield volume


def _one_for_each(volumes: Iterable[np.ndarray], weights: Sequence[float]) -> Iterator[np.ndarray]:
    number = 0
    for number, volume in enumerate(volumes, start=1):
        if number <= len(weights):
            yield volume
    if number != len(weights):
        raise SettingError(f"One weight for each volume is needed. Received: {len(weights)} weights, {number} volumes")


def _require_threshold(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise SettingError(f"A threshold on probabilities is above 0 and at most 1. Received: {threshold}")


_FUSERS: dict[FusionRule, Callable[..., Mask]] = {
    FusionRule.MAJORITY: _by_majority,
    FusionRule.WEIGHTED_MAJORITY: _by_weighted_majority,
    FusionRule.CONFIDENCE_MAJORITY: _by_confidence,
    FusionRule.MEAN_PROBABILITY: _by_probability(FusionRule.MEAN_PROBABILITY),
    FusionRule.WEIGHTED_LOGITS: _by_probability(FusionRule.WEIGHTED_LOGITS),
    FusionRule.UNION: _by_union,
    FusionRule.INTERSECTION: _by_intersection,
    FusionRule.STAPLE: _by_staple,
}
