"""The recipe of Song 2019: a fair comparison, and its shorter forms."""

from dataclasses import replace

import pytest

from stroke_tf.choices import Architecture, PerfusionInput
from stroke_tf.errors import SettingError
from stroke_tf.recipes.perfusion import PerfusionRecipe
from stroke_tf.recipes.song_2019 import ISLES2018, PAPER


@pytest.mark.parametrize("preset", ISLES2018.values(), ids=ISLES2018)
def test_the_networks_differ_in_what_they_look_at_and_in_nothing_else(preset):
    for other in (preset.unguided, preset.maps, preset.dwi):
        assert replace(other, name=preset.whole.name, looks_at=PerfusionInput.WHOLE) == preset.whole
    assert preset.folds == 5


def test_inputs_decide_network_and_channels():
    assert [recipe.architecture for recipe in (PAPER.whole, PAPER.unguided, PAPER.maps, PAPER.dwi)] == [
        Architecture.GENERATIVE_CTP,
        Architecture.GENERATIVE_CTP,
        Architecture.SEGMENTOR_2D,
        Architecture.SEGMENTOR_2D,
    ]
    channels = [recipe.channels for recipe in (PAPER.whole, PAPER.unguided, PAPER.maps, PAPER.dwi)]
    assert channels == [24 + 6, 24 + 6, 4, 1]
    assert "DWI" not in PAPER.whole.sequences


def test_the_paper_has_the_cohort_of_isles_2018():
    assert (PAPER.cohort.cases, PAPER.cohort.size, PAPER.cohort.slices) == (94, 256, (2, 22))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"frames": 0}, "frames must be 1 or more"),
        ({"threshold": 1.0}, "threshold"),
        ({"frame_seconds": 0.0}, "a frame"),
    ],
)
def test_impossible_settings_are_refused(changed, said):
    with pytest.raises(SettingError, match=said):
        replace(PAPER.whole, **changed)


def test_there_is_nothing_pretrained():
    assert isinstance(PAPER.whole, PerfusionRecipe)
    with pytest.raises(SettingError, match="begin at random weights"):
        PAPER.whole.phases(pretrained=True)
