"""What slices of 128x128 cost before any network errs: the best Dice that a perfect network could reach."""

from stroke_tf.arrays import Mask, require_same_shape
from stroke_tf.choices import FitRule, FusionRule, TieRule
from stroke_tf.fusion import fuse, lesion_where
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.planes import Plane
from stroke_tf.slices import cut_labels, plan_fit, restack

VOTE = "vote"
THRESHOLD = 0.5


def ceiling(
    mask: Mask, brain: Mask | None, *, rule: FitRule, size: int = 128, tie: TieRule = TieRule.BACKGROUND
) -> dict[str, float]:
    """Compare a mask with itself after it was cut, fitted, undone and voted by three planes.

    The shares of lesion that cut_labels gives stand for the answer of a network that never errs. Lesion outside the
    brain's box is lost and counts.

    Args:
        mask: the truth, (x, y, z).
        brain: needed by the BRAIN rule.
        rule: how slices are fitted.
        size: rows and columns of a fitted slice.
        tie: what an even vote means; of three planes there is none.
    Returns: Dice by plane ("x", "y", "z") and of the "vote"; 1 if the mask is empty and stays so.
    Raises: GeometryError if the mask and the brain have different shapes.
    """
    if brain is not None:
        require_same_shape(mask, brain, ("the mask", "the brain"))
    undone = []
    for plane in Plane:
        geometry = plan_fit(mask.shape, plane, rule=rule, brain=brain, size=size)
        undone.append(lesion_where(restack(cut_labels(mask, geometry), geometry), threshold=THRESHOLD))
    voted = fuse(FusionRule.MAJORITY, undone, tie=tie)
    names = [*(plane.value for plane in Plane), VOTE]
    return {name: dice(count(each, mask)) for name, each in zip(names, [*undone, voted], strict=True)}
