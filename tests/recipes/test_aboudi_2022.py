"""The recipe of Aboudi 2022, as printed, and its shorter forms."""

from dataclasses import replace

import pytest

from stroke_tf.choices import FitRule, LossKind, Optimizer, RateShape
from stroke_tf.recipes.aboudi_2022 import ABOUDI2022, MODELS, PAPER, QUICK, SMOKE


def test_the_printed_schedule_is_the_papers():
    (phase,) = PAPER.printed.phases_pretrained
    assert (phase.optimizer, phase.learning_rate, phase.momentum) == (Optimizer.SGD, 1e-5, 0.9)
    assert (phase.epochs, phase.encoder_trainable, phase.rate) == (100, False, RateShape.CONSTANT)
    assert (PAPER.printed.batch_size, PAPER.printed.size, PAPER.printed.fit) == (32, 128, FitRule.PLAIN)
    varied = PAPER.printed.augmenting
    assert (varied.flip, varied.rotation_degrees, varied.brightness, varied.contrast) == (True, 180.0, 0.0, 0.0)
    assert PAPER.compressed is None


def test_as_printed_means_frozen_with_or_without_pretrained_weights():
    for preset in ABOUDI2022.values():
        assert preset.printed.phases_random == preset.printed.phases_pretrained


def test_only_a_random_encoder_is_trained_in_the_second_row():
    for preset in ABOUDI2022.values():
        (pretrained,), (random,) = preset.learning.phases_pretrained, preset.learning.phases_random
        assert (pretrained.encoder_trainable, random.encoder_trainable) == (False, True)
        assert replace(random, encoder_trainable=False) == pretrained
        assert (random.optimizer, random.momentum) == (Optimizer.SGD, 0.9)


@pytest.mark.parametrize("preset", [QUICK, SMOKE], ids=["quick", "smoke"])
def test_the_compressed_schedule_adds_up_to_the_printed_sum_of_rates(preset):
    (phase,) = preset.compressed.phases_pretrained
    steps = phase.epochs * preset.compressed.steps_per_epoch
    assert phase.learning_rate * steps == pytest.approx(1e-5 * 100 * 88)
    assert preset.compressed_model in {model.id for model in preset.models}


@pytest.mark.parametrize("preset", [QUICK, SMOKE], ids=["quick", "smoke"])
def test_a_short_preset_changes_the_length_of_the_printed_training_and_nothing_else(preset):
    same = {name: getattr(PAPER.printed, name) for name in ("steps_per_epoch", "batch_size")}
    phases = tuple(replace(phase, epochs=100) for phase in preset.printed.phases_pretrained)
    assert replace(preset.printed, phases_pretrained=phases, phases_random=phases, **same) == PAPER.printed


def test_each_sequence_has_a_model_of_its_own_and_three_together_two():
    assert [model.sequences for model in MODELS[:4]] == [("FLAIR",), ("DWI",), ("T1",), ("T2",)]
    three = [model for model in MODELS if len(model.sequences) == 3]
    assert [model.loss for model in three] == [LossKind.BINARY, LossKind.CATEGORICAL]
    assert len({model.id for model in MODELS}) == len(MODELS)


def test_models_of_one_loss_stand_together_so_that_each_network_is_built_once():
    kinds = [model.loss for model in MODELS]
    assert kinds == sorted(kinds, key=list(dict.fromkeys(kinds)).index)
