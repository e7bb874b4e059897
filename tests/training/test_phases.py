"""Schedules as functions of the step."""

import pytest

from stroke_tf.choices import RateShape
from stroke_tf.errors import SettingError
from stroke_tf.training.phases import PlannedPhase, learning_rate, moment_of_epoch

FROZEN = PlannedPhase("frozen", epochs=2, learning_rate=1.0, encoder_trainable=False, warm_up=0.25)
FREE = PlannedPhase("free", epochs=3, learning_rate=0.1, encoder_trainable=True, warm_up=0.0)


def test_epochs_are_dealt_to_phases_in_their_order():
    moments = [moment_of_epoch([FROZEN, FREE], epoch) for epoch in range(5)]
    assert [moment.phase.name for moment in moments] == ["frozen", "frozen", "free", "free", "free"]
    assert [moment.phase_index for moment in moments] == [0, 0, 1, 1, 1]
    assert [moment.epoch_in_phase for moment in moments] == [0, 1, 0, 1, 2]


def test_a_phase_of_no_epochs_is_passed_over():
    empty = PlannedPhase("empty", 0, 1.0, True, 0.0)
    assert moment_of_epoch([empty, FREE], 0).phase is FREE


def test_an_epoch_after_the_last_is_an_error():
    with pytest.raises(SettingError, match=r"5 epochs\. Received: epoch 5"):
        moment_of_epoch([FROZEN, FREE], 5)


def test_the_rate_climbs_in_even_steps_to_its_peak():
    assert [learning_rate(FROZEN, step, 16) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_rate_falls_along_half_a_cosine():
    assert learning_rate(FROZEN, 4, 16) == 1.0
    assert learning_rate(FROZEN, 10, 16) == pytest.approx(0.5)
    rates = [learning_rate(FROZEN, step, 16) for step in range(4, 16)]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.02


def test_a_phase_of_one_step_takes_it_at_the_peak():
    assert learning_rate(FREE, 0, 1) == 0.1


def test_the_first_step_is_never_at_rate_zero():
    assert all(learning_rate(phase, 0, steps) > 0 for phase in (FROZEN, FREE) for steps in range(1, 50))


def test_a_constant_rate_is_the_same_in_every_step():
    phase = PlannedPhase("one rate", 2, 1e-5, False, 0.25, rate=RateShape.CONSTANT)
    assert {learning_rate(phase, step, 16) for step in range(16)} == {1e-5}
