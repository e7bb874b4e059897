"""What a phantom is made of: the share of fluid, grey and white matter in each voxel, which no scan could tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.phantoms.anatomy import draw_head
from stroke_tf.phantoms.case import DEFAULT_SHAPE, DEFAULT_SPACING_MM, require_field_of_view
from stroke_tf.seeds import child_seed


@dataclass(frozen=True)
class Tissues:
    """The healthy tissue of a head, under an infarct too: what lies there, or lay there before the stroke.

    Attributes:
        brain: bool, shape (x, y, z).
        fluid, grey, white: share of each voxel, float32 in [0, 1], the same shape; they add up to 1 in the brain and
            are 0 outside.
    """

    brain: Mask
    fluid: Volume
    grey: Volume
    white: Volume


def draw_tissues(
    *,
    seed: int,
    shape: Sequence[int] = DEFAULT_SHAPE,
    spacing_mm: Sequence[float] = DEFAULT_SPACING_MM,
) -> Tissues:
    """Return the tissues of the head that draw_case draws from the same arguments.

    Args:
        seed: of the case; for a case of a written cohort see write.seed_of_case.
        shape: voxels of the whole volume. spacing_mm: size of a voxel.
    Raises: SettingError for a shape or a spacing that cannot hold a head.
    """
    shape, spacing_mm = require_field_of_view(shape, spacing_mm)
    head = draw_head(seed=child_seed(seed, "anatomy"), shape=shape, spacing_mm=spacing_mm)
    inside = tuple(slice(*ends) for ends in head.box)

    def whole(boxed: np.ndarray) -> np.ndarray:
        volume = np.zeros(head.shape, dtype=boxed.dtype)
        volume[inside] = boxed * head.brain
        return volume

    white = np.clip(1 - head.gm - head.csf, 0, 1)
    return Tissues(whole(head.brain), whole(head.csf), whole(head.gm), whole(white))
