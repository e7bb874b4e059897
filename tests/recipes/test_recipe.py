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


@pytest.mark.parametrize("sequences", [(), ("FLAIR", "FLAIR"), ("T1", "T2", "T1")])
def test_sequences_are_different_and_at_least_one(sequences):
    with pytest.raises(SettingError, match="different sequences, at least one"):
        replace(RECIPE, sequences=sequences)


@pytest.mark.parametrize(
    ("sequences", "neighbours", "channels"),
    [("DWI", 0, 3), ("DWI", 1, 3), ("FLAIR DWI", 0, 2), ("FLAIR DWI T2", 1, 9), ("FLAIR DWI T2 T1", 0, 4)],
)
def test_channels_are_sequences_times_slices_and_one_alone_is_repeated(sequences, neighbours, channels):
    assert replace(RECIPE, sequences=tuple(sequences.split()), neighbours=neighbours).channels == channels


@pytest.mark.parametrize("neighbours", [-1, 4])
def test_neighbours_are_few(neighbours):
    with pytest.raises(SettingError, match=f"0 to 3 neighbours on each side. Received: {neighbours}"):
        replace(RECIPE, neighbours=neighbours)


def test_the_3d_network_has_neighbours_already():
    with pytest.raises(SettingError, match="Leave --neighbours away"):
        replace(RECIPE, architecture=Architecture.UNET_3D, neighbours=1)


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
