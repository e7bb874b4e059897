"""Which slices make up batch number k: balanced, each about equally often, and a function of (seed, k) alone."""

from collections.abc import Sequence

import numpy as np

from stroke_tf.arrays import SliceStack
from stroke_tf.batches.memory_maps import in_chunks
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.seeds import child_seed


def draw_slices(
    lesion: np.ndarray, brain: np.ndarray, *, batch_size: int, lesion_share: float, seed: int, batch: int
) -> np.ndarray:
    """Choose the slices of one batch.

    Imagine two endless decks, one of the slices that hold lesion and one of all slices that hold brain, each
    shuffled anew whenever it is used up. Batch k takes its fixed number of cards from each, so after any number of
    batches no card of a deck was seen more than once more often than another.

    Args:
        lesion: numbers of the slices that hold lesion, not empty.
        brain: numbers of the slices that hold brain, lesion or not, not empty.
        lesion_share: this share of the batch, rounded, comes from the first deck. The second deck holds lesion
            slices too, so the share is a floor: 0 leaves the cohort's own proportion.
        batch: the batch's number k, from 0.
    Returns: (batch_size,) slice numbers, in random order.
    """
    first = lesion_count(batch_size, lesion_share)
    rest = batch_size - first
    chosen = np.concatenate(
        [
            from_endless_deck(lesion, start=batch * first, count=first, seed=child_seed(seed, "lesion")),
            from_endless_deck(brain, start=batch * rest, count=rest, seed=child_seed(seed, "brain")),
        ]
    )
    return np.random.default_rng(child_seed(seed, "batch", batch, "order")).permutation(chosen)


def lesion_count(batch_size: int, lesion_share: float) -> int:
    """Return how many members of a batch are drawn for their lesion."""
    return round(lesion_share * batch_size)


def from_endless_deck(cards: np.ndarray, *, start: int, count: int, seed: int) -> np.ndarray:
    """Return cards number start, start + 1, … of a deck that is shuffled anew each time it is used up.

    Example:
        >>> deck = np.arange(3)
        >>> sorted(from_endless_deck(deck, start=3, count=3, seed=1).tolist())
        [0, 1, 2]
    """
    if count == 0:
        return cards[:0]
    first, last = start // len(cards), (start + count - 1) // len(cards)
    rounds = range(first, last + 1)
    shuffled = [np.random.default_rng(child_seed(seed, "round", number)).permutation(cards) for number in rounds]
    return np.concatenate(shuffled)[start - first * len(cards) :][:count]


def require_draw(*, batch_size: int, steps: int, start_step: int, lesion_share: float) -> None:
    """Do nothing if the numbers describe a run of batches.

    Raises: SettingError, with the rule and the value received.
    """
    if batch_size < 1:
        raise SettingError(f"A batch holds at least one example. Received batch size: {batch_size}")
    if not 0 <= lesion_share <= 1:
        raise SettingError(f"The share of lesion examples lies in [0, 1]. Received: {lesion_share}")
    if not 0 <= start_step <= steps:
        raise SettingError(f"A run of {steps} batches begins between 0 and {steps}. Received: {start_step}")


def numbers_of_nonzero(stacks: Sequence[SliceStack]) -> np.ndarray:
    """Count the slices of all stacks through and return the numbers of those with a value that is not 0."""
    found = [chunk.any(axis=tuple(range(1, chunk.ndim))) for stack in stacks for chunk in in_chunks(stack)]
    return np.flatnonzero(np.concatenate(found))


def require_lesion_and_brain(lesion: np.ndarray, brain: np.ndarray, *, cases: int) -> None:
    """Do nothing if there are slices of both kinds to draw from.

    Args:
        lesion, brain: numbers of the slices that hold each.
        cases: how many training cases they were looked for in.
    Raises: ManifestError.
    """
    if lesion.size == 0:
        raise ManifestError(
            f"None of the {cases} training cases has a slice with lesion. Choose cases whose lesion mask is not empty."
        )
    if brain.size == 0:
        raise ManifestError(
            f"None of the {cases} training cases has a slice with brain: all images are 0. "
            "Look at one with: stroke-tf doctor."
        )
