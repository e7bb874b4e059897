"""The whole model and its unguided twin: the same beginning, and a DWI that only one of them is shown."""

import numpy as np
import pytest

from stroke_tf.choices import Precision
from stroke_tf.recipes.song_2019 import SMOKE
from stroke_tf.workflows.generative import build_generative


@pytest.fixture(scope="module")
def twins():
    return [build_generative(recipe, precision=Precision.FLOAT32, seed=1) for recipe in (SMOKE.whole, SMOKE.unguided)]


def targets(dwi: float) -> np.ndarray:
    """Return coverage, DWI and brain of one slice: no lesion, all of it brain."""
    shape = (1, SMOKE.whole.size, SMOKE.whole.size)
    return np.stack([np.zeros(shape), np.full(shape, dwi), np.ones(shape)], axis=-1).astype(np.float32)


def test_the_twins_begin_at_the_same_weights(twins):
    whole, unguided = (each.model.get_weights() for each in twins)
    assert len(whole) == len(unguided)
    assert all(np.array_equal(one, other) for one, other in zip(whole, unguided, strict=True))


def test_only_the_whole_model_is_told_what_the_dwi_looks_like(twins):
    slices = np.random.default_rng(1).normal(size=(1, SMOKE.whole.size, SMOKE.whole.size, SMOKE.whole.channels))
    whole, unguided = (
        [float(each.loss(targets(dwi), each.model(slices.astype(np.float32)))) for dwi in (0.0, 3.0)] for each in twins
    )
    assert whole[0] != whole[1]
    assert unguided[0] == unguided[1]
