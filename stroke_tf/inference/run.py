"""Predict every voxel of a volume with a function from arrays to probabilities.

The function may be a Keras model, another engine, or a lambda in a test; this room does not know. It must treat each
slice of a batch on its own, as every network does whose batch-norm statistics are fixed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np

from stroke_tf.arrays import Channels, Probabilities, SliceStack
from stroke_tf.choices import PatchWeight
from stroke_tf.errors import GeometryError, SettingError, WeightsError
from stroke_tf.slices import SliceGeometry, cut, restack

Predict = Callable[[np.ndarray], np.ndarray]
"""(batch, …, channel) float32 to (batch, …): the lesion's probability in each pixel or voxel."""
OnBatch = Callable[[int], None]
"""Told how many slices or patches are newly finished."""
Box = Sequence[tuple[int, int]]
"""(start, stop) of each axis."""


def predict_plane(
    channels: Channels,
    geometry: SliceGeometry,
    predict: Predict,
    *,
    batch_size: int = 32,
    on_batch: OnBatch | None = None,
) -> Probabilities:
    """Cut a case into slices of one plane, predict each once, and put them back into a volume.

    Args:
        channels: (x, y, z, channel), normalised, 0 outside the brain.
        geometry: from slices.plan_fit.
        predict: see Predict.
        batch_size: slices for each call; the memory needed beyond the volume grows with it.
        on_batch: called with the number of slices finished since the last call.
    Returns: (x, y, z) on the volume's grid, float32 in [0, 1]; 0 outside the geometry's box.
    """
    stack = predict_stack(cut(channels, geometry), predict, batch_size=batch_size, on_batch=on_batch)
    return restack(stack, geometry)


def predict_stack(
    stack: SliceStack,
    predict: Predict,
    *,
    wanted: np.ndarray | None = None,
    batch_size: int = 32,
    on_batch: OnBatch | None = None,
) -> SliceStack:
    """Predict fitted slices; those that are 0 everywhere are predicted once and share the answer.

    Args:
        stack: (index, size, size, channel), an array or a memory map.
        predict: see Predict.
        wanted: (index,), bool: the slices whose answer matters; None wants all. The others are answered with 0.
        batch_size: slices for each call.
        on_batch: called with the number of slices finished since the last call; the calls sum to len(stack).
    Returns: (index, size, size), float32.
    Raises: WeightsError if predict gives NaN, GeometryError if it gives another shape.
    """
    _require_positive(batch_size, "batch size")
    answer = np.zeros(stack.shape[:3], dtype=np.float32)
    wanted = np.ones(len(stack), dtype=bool) if wanted is None else wanted
    holds_something = filled_slices(stack)
    _tell(on_batch, int(np.count_nonzero(~wanted)))
    empty = np.flatnonzero(~holds_something & wanted)
    # One empty slice stands for all: it takes part in the ordinary batches like any other slice.
    work = np.sort(np.concatenate([np.flatnonzero(holds_something & wanted), empty[:1]]))
    for first in range(0, len(work), batch_size):
        some = work[first : first + batch_size]
        answer[some] = _predicted(predict, np.asarray(stack[some], dtype=np.float32))
        _tell(on_batch, len(some))
    if len(empty) > 1:
        answer[empty[1:]] = answer[empty[0]]
        _tell(on_batch, len(empty) - 1)
    return answer


def filled_slices(stack: SliceStack) -> np.ndarray:
    """Return which slices hold anything but 0, shape (index,), bool: those that cost a prediction."""
    return np.array([bool(np.any(image)) for image in stack], dtype=bool)


def predict_patches(
    channels: Channels,
    brain_box: Box,
    predict3d: Predict,
    *,
    patch: tuple[int, int, int],
    overlap: float = 0.5,
    weight: PatchWeight = PatchWeight.GAUSSIAN,
    batch_size: int = 1,
    on_batch: OnBatch | None = None,
) -> Probabilities:
    """Predict the brain's box by overlapping patches, and average where they overlap.

    Every voxel of the box lies in one patch or more. The sum is taken in place, in one fixed order; the weights are a
    product of three axes and so is their sum, which therefore needs no volume of its own.

    Args:
        channels: (x, y, z, channel), normalised, 0 outside the brain.
        brain_box: (start, stop) of each axis; nothing outside is predicted.
        predict3d: (batch, *patch, channel) to (batch, *patch).
        patch: side lengths; a box that is smaller is padded with 0.
        overlap: share of a patch's side that the next patch covers again, in [0, 1).
        weight: how much a patch's answer counts near its border; see PatchWeight.
        batch_size: patches for each call.
        on_batch: called with the number of patches finished.
    Returns: (x, y, z), float32 in [0, 1]; 0 outside the box.
    Raises: SettingError for an impossible overlap or patch, WeightsError if predict3d gives NaN.
    Source: arXiv 2511.07281 names a 3-D U-Net and no more; patches, overlap and weights are ours.
    """
    _require_positive(batch_size, "batch size")
    starts = _patch_starts(brain_box, patch, overlap)
    profiles = [_profile(side, weight) for side in patch]
    kernel = profiles[0][:, None, None] * profiles[1][:, None] * profiles[2]
    lengths = [stop - start for start, stop in brain_box]
    total = np.zeros([max(pair) for pair in zip(lengths, patch, strict=True)], dtype=np.float32)
    for corners in _batched(product(*starts), batch_size):
        blocks = np.stack([_patch_at(channels, brain_box, corner, patch) for corner in corners])
        for corner, answer in zip(corners, _predicted(predict3d, blocks), strict=True):
            total[_region(corner, patch)] += answer * kernel
        _tell(on_batch, len(corners))
    for axis, (profile, places) in enumerate(zip(profiles, starts, strict=True)):
        total /= np.expand_dims(_summed(profile, places, total.shape[axis]), tuple({0, 1, 2} - {axis}))
    volume = np.zeros(channels.shape[:3], dtype=np.float32)
    inside = total[tuple(slice(length) for length in lengths)]
    np.clip(inside, 0, 1, out=volume[tuple(slice(*ends) for ends in brain_box)])
    return volume


def _patch_starts(box: Box, patch: Sequence[int], overlap: float) -> list[list[int]]:
    """Return, for each axis, where patches begin, counted from the box's corner."""
    if not 0 <= overlap < 1:
        raise SettingError(f"The overlap of patches is a share in [0, 1). Received: {overlap}")
    starts = []
    for (start, stop), side in zip(box, patch, strict=True):
        _require_positive(side, "patch side")
        _require_positive(stop - start, "side of the brain's box")
        room = max(0, stop - start - side)
        steps = int(np.ceil(room / max(1, int(side * (1 - overlap)))))
        # Spread evenly, so that no voxel is predicted more often than another only because it lies at the end.
        starts.append([round(room * step / max(1, steps)) for step in range(steps + 1)])
    return starts


def _patch_at(channels: Channels, box: Box, corner: Sequence[int], patch: Sequence[int]) -> np.ndarray:
    block = np.zeros((*patch, channels.shape[3]), dtype=np.float32)
    source = []
    for (start, stop), offset, side in zip(box, corner, patch, strict=True):
        source.append(slice(start + offset, min(start + offset + side, stop)))
    found = channels[tuple(source)]
    block[tuple(slice(length) for length in found.shape[:3])] = found
    return block


def _region(corner: Sequence[int], patch: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(start, start + side) for start, side in zip(corner, patch, strict=True))


def _profile(side: int, weight: PatchWeight) -> np.ndarray:
    if weight is PatchWeight.UNIFORM:
        return np.ones(side, dtype=np.float32)
    # A standard deviation of a quarter leaves the corner of a patch a weight of 0.002: small, but never 0, so that a
    # voxel which only one patch covers keeps its answer.
    distance = (np.arange(side) - (side - 1) / 2) / (side / 4)
    return np.exp(-0.5 * distance**2).astype(np.float32)


def _summed(profile: np.ndarray, places: Sequence[int], length: int) -> np.ndarray:
    total = np.zeros(length, dtype=np.float32)
    for start in places:
        total[start : start + len(profile)] += profile
    return total


def _batched(items: Iterator[tuple[int, ...]], size: int) -> Iterator[list[tuple[int, ...]]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _predicted(predict: Predict, batch: np.ndarray) -> np.ndarray:
    answer = np.asarray(predict(batch), dtype=np.float32)
    if answer.shape != batch.shape[:-1]:
        raise GeometryError(f"The network must answer with shape {batch.shape[:-1]}. Received: {answer.shape}")
    if not np.isfinite(answer).all():
        raise WeightsError("The network predicts NaN or infinity. Its weights are damaged; train it again.")
    return answer


def _tell(on_batch: OnBatch | None, finished: int) -> None:
    if on_batch is not None and finished:
        on_batch(finished)


def _require_positive(value: int, name: str) -> None:
    if value < 1:
        raise SettingError(f"The {name} must be 1 or more. Received: {value}")
