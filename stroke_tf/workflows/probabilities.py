"""From a prepared case to the lesion probability of its every voxel, by plane or by patches. No TensorFlow."""

from collections.abc import Callable

import numpy as np

from stroke_tf.arrays import Probabilities
from stroke_tf.inference.run import Predict, predict_patches, predict_stack
from stroke_tf.neighbours import with_neighbours
from stroke_tf.planes import Plane
from stroke_tf.slices import restack
from stroke_tf.workflows.prepare import Prepared

_OVERLAP = 0.25
"""Of neighbouring 3-D patches."""


def predict_plane(
    case: Prepared,
    plane: Plane,
    predict: Predict,
    *,
    neighbours: int = 0,
    on_batch: Callable[[int], None] | None = None,
) -> Probabilities:
    """Predict the lesion probability of every voxel of a case once, from the slices of one plane.

    Args:
        neighbours: how many slices on each side the network sees beside the one it answers for.
    Returns: shape (x, y, z) of the case in RAS+, float32; 0 outside the brain's box where the recipe crops to it.
    """
    stack = predict_stack(with_neighbours(case.images[plane], neighbours), predict, on_batch=on_batch)
    return restack(stack, case.geometries[plane])


def predict_volume(
    case: Prepared, predict: Predict, patch: int, *, on_batch: Callable[[int], None] | None = None
) -> Probabilities:
    """Predict the lesion probability of every voxel of the brain's box from overlapping patches.

    Returns: shape (x, y, z) of the case in RAS+, float32, 0 outside the box.
    """
    volume = np.zeros(case.brain.shape, np.float32)
    inside = tuple(slice(start, stop) for start, stop in case.box)
    whole = tuple((0, side) for side in case.channels.shape[:3])
    boxed = predict_patches(case.channels, whole, predict, patch=(patch,) * 3, overlap=_OVERLAP, on_batch=on_batch)
    volume[inside] = boxed
    return volume
