"""One whole phantom: head, infarcts, distractors and the pictures of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import SettingError
from stroke_tf.phantoms.anatomy import Head, draw_head
from stroke_tf.phantoms.contrast import SISS_SEQUENCES, draw_sequence
from stroke_tf.phantoms.lesions import Patch, draw_pathology
from stroke_tf.phantoms.plan import LesionPlan, draw_lesion_plan
from stroke_tf.seeds import child_seed

SMALLEST_SIDE = 16
DEFAULT_SHAPE = (230, 230, 154)
DEFAULT_SPACING_MM = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Phantom:
    """A phantom case on its own RAS+ grid.

    Attributes:
        sequences: by name, shape (x, y, z), float32, 0 outside the brain.
        lesion, brain: bool, the same shape. distractors: by name (see lesions.DISTRACTORS), bool.
        spacing_mm: size of a voxel. plan: what was to be drawn. description: for the settings file, plain JSON.
    """

    sequences: Mapping[str, Volume]
    lesion: Mask
    brain: Mask
    distractors: Mapping[str, Mask]
    spacing_mm: tuple[float, float, float]
    plan: LesionPlan
    description: Mapping[str, Any]


def draw_case(
    *,
    seed: int,
    shape: Sequence[int] = DEFAULT_SHAPE,
    spacing_mm: Sequence[float] = DEFAULT_SPACING_MM,
    sequences: Sequence[str] = SISS_SEQUENCES,
    min_lesion_ml: float = 0.0,
) -> Phantom:
    """Draw one phantom case.

    Args:
        shape: voxels, at least 16 along each axis. spacing_mm: size of a voxel. A field of view smaller than a
            head gets a smaller head, and smaller lesions with it.
        sequences: names out of contrast.LOOKS. min_lesion_ml: least total lesion volume; see draw_lesion_plan.
    Returns: the phantom; the same arguments give the same voxels.
    Raises: SettingError for a shape or a spacing that cannot hold a head.
    """
    shape, spacing_mm = require_field_of_view(shape, spacing_mm)
    head = draw_head(seed=child_seed(seed, "anatomy"), shape=shape, spacing_mm=spacing_mm)
    plan = draw_lesion_plan(seed=seed, min_lesion_ml=min_lesion_ml)
    pathology = draw_pathology(head, plan, seed=seed)
    pictures = {name: _whole(draw_sequence(name, head, pathology, seed=seed), head) for name in sequences}
    distractors = {name: _whole(_cores(patches, head), head) for name, patches in pathology.distractors.items()}
    lesion = _whole(pathology.mask, head)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    description = {
        "seed": int(seed),
        "head_scale": round(head.scale, 4),
        "lesions": [
            {"volume_ml": round(item.volume_ml, 4), "side": item.side, "kind": item.kind.value, "lobe": item.lobe.value}
            for item in plan.lesions
        ],
        "lesion_ml": round(float(lesion.sum()) * voxel_ml, 4),
        "distractors_ml": {name: round(float(mask.sum()) * voxel_ml, 4) for name, mask in distractors.items()},
    }
    return Phantom(pictures, lesion, _whole(head.brain, head), distractors, spacing_mm, plan, description)


def require_field_of_view(
    shape: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    """Return shape and spacing as tuples, if a head can be drawn on them.

    Raises: SettingError, with the values received.
    """
    shape = tuple(int(n) for n in shape)
    spacing_mm = tuple(float(s) for s in spacing_mm)
    if len(shape) != 3 or min(shape) < SMALLEST_SIDE:
        raise SettingError(f"A phantom needs three sides of at least {SMALLEST_SIDE} voxels. Received: {shape}")
    if len(spacing_mm) != 3 or not all(0.2 <= s <= 10 for s in spacing_mm):
        raise SettingError(f"A phantom's voxels measure 0.2 to 10 mm along three axes. Received: {spacing_mm}")
    return shape, spacing_mm


def _whole(boxed: np.ndarray, head: Head) -> np.ndarray:
    # Fortran order is NIfTI's order on disk: a volume is turned around once here, not again at each write.
    whole = np.zeros(head.shape, dtype=boxed.dtype, order="F")
    whole[tuple(slice(*ends) for ends in head.box)] = boxed
    return whole


def _cores(patches: Sequence[Patch], head: Head) -> Mask:
    mask = np.zeros(head.brain.shape, dtype=bool)
    for patch in patches:
        mask[patch.window] |= patch.core
    return mask
