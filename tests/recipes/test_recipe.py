"""A recipe is checked when it is made."""

from dataclasses import FrozenInstanceError, replace

import pytest

from stroke_tf.choices import Architecture
from stroke_tf.errors import SettingError
from stroke_tf.recipes.recipe import Phase, Recipe

FROZEN = Phase("frozen", epochs=2, learning_rate=1e-3, encoder_trainable=False)
FREE = Phase("free", epochs=3, learning_rate=1e-3, encoder_trainable=True)
RECIPE = Recipe("one", Architecture.UNET_2D, phases_pretrained=(FROZEN, FREE), phases_random=(FREE,))


def test_an_encoder_is_frozen_only_when_it_has_learnt_before():
    assert RECIPE.phases(pretrained=True) == (FROZEN, FREE)
    assert RECIPE.phases(pretrained=False) == (FREE,)


def test_a_recipe_cannot_be_changed_after_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        RECIPE.batch_size = 0


@pytest.mark.parametrize("sequences", [(), ("FLAIR", "DWI"), ("T1", "T2", "DWI", "FLAIR")])
def test_channels_are_three_sequences_or_one(sequences):
    with pytest.raises(SettingError, match="three sequences, or one"):
        replace(RECIPE, sequences=sequences)


@pytest.mark.parametrize("changed", [{"batch_size": 0}, {"steps_per_epoch": -1}])
def test_batches_and_epochs_hold_something(changed):
    with pytest.raises(SettingError, match=r"at least 1\. Received: "):
        replace(RECIPE, **changed)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 80.5, float("nan")])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(SettingError, match="between 0 and 1"):
        replace(RECIPE, threshold=threshold)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"momentum": 9.0}, r"momentum lies in \[0, 1\).*Received: 9\.0"),
        ({"momentum": -0.1}, "momentum"),
        ({"learning_rate": 0.0}, "learning rate is above 0"),
        ({"learning_rate": float("nan")}, "learning rate is above 0"),
    ],
)
def test_a_phase_refuses_a_momentum_or_rate_that_cannot_teach(changed, said):
    with pytest.raises(SettingError, match=f"'free': .*{said}"):
        replace(FREE, **changed)
