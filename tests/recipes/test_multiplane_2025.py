"""The recipe of the paper, and its shorter forms."""

from dataclasses import fields, replace

import pytest

from stroke_tf.choices import Architecture
from stroke_tf.recipes.multiplane_2025 import PAPER, QUICK, SMOKE, TABLE1

LENGTH = ("phases_pretrained", "phases_random", "steps_per_epoch", "batch_size", "patience")


def test_paper_settings_are_those_of_the_paper():
    planar = PAPER.planar
    assert (planar.size, planar.backbone) == (128, "resnet50")
    assert [phase.encoder_trainable for phase in planar.phases_pretrained] == [False, True]
    assert planar.phases_pretrained[1].learning_rate < planar.phases_pretrained[0].learning_rate
    assert PAPER.cohort.cases == 28


def test_presets_are_found_by_their_names():
    assert {name: preset.name for name, preset in TABLE1.items()} == {
        "smoke": "smoke",
        "quick": "quick",
        "paper": "paper",
    }


@pytest.mark.parametrize("preset", [SMOKE, QUICK])
def test_a_short_preset_changes_the_length_of_the_planes_training_and_nothing_else(preset):
    same = {field.name: getattr(PAPER.planar, field.name) for field in fields(PAPER.planar) if field.name in LENGTH}
    assert replace(preset.planar, **same) == PAPER.planar


@pytest.mark.parametrize("preset", TABLE1.values(), ids=TABLE1)
def test_each_row_has_its_architecture(preset):
    assert preset.planar.architecture is Architecture.UNET_2D
    assert preset.deep.architecture is Architecture.UNET_2D_DEEP
    assert preset.volumetric.architecture is Architecture.UNET_3D


@pytest.mark.parametrize("preset", TABLE1.values(), ids=TABLE1)
def test_every_schedule_that_can_be_asked_for_has_steps(preset):
    for recipe in (preset.planar, preset.deep):
        assert sum(phase.epochs for phase in recipe.phases(pretrained=True)) > 0
    for recipe in (preset.planar, preset.deep, preset.volumetric):
        assert sum(phase.epochs for phase in recipe.phases(pretrained=False)) > 0
