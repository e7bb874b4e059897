"""What is trained when, and at which rate: pure functions of the step, so that a resumed run needs no memory of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stroke_tf.choices import Optimizer, RateShape
from stroke_tf.errors import SettingError


@dataclass(frozen=True)
class PlannedPhase:
    """A stretch of epochs with one set of trainable layers.

    Args:
        warm_up: share of the steps over which the rate climbs to its peak before it falls along a half cosine; a
            constant rate has none.
        momentum: of SGD.
    """

    name: str
    epochs: int
    learning_rate: float
    encoder_trainable: bool
    warm_up: float
    optimizer: Optimizer = Optimizer.ADAM
    momentum: float = 0.9
    rate: RateShape = RateShape.WARM_UP_COSINE


@dataclass(frozen=True)
class Moment:
    """Where an epoch stands in a schedule."""

    phase: PlannedPhase
    phase_index: int
    epoch_in_phase: int


def moment_of_epoch(phases: Sequence[PlannedPhase], epoch: int) -> Moment:
    """Find the phase of an epoch counted from 0 over the whole schedule.

    Raises: SettingError if the schedule is shorter.
    """
    start = 0
    for index, phase in enumerate(phases):
        if epoch < start + phase.epochs:
            return Moment(phase, index, epoch - start)
        start += phase.epochs
    raise SettingError(f"The schedule has {start} epochs. Received: epoch {epoch}")


def learning_rate(phase: PlannedPhase, step: int, steps: int) -> float:
    """Return the rate of one step of a phase.

    Unless it is constant, the rate climbs linearly, because Adam's first steps from fresh moments are its least
    trustworthy, and ends near zero, so that the weights and batch-norm's moving averages that describe them come to
    rest together.

    Args:
        step: counted from 0 within the phase.
        steps: of the whole phase.
    """
    if phase.rate is RateShape.CONSTANT:
        return phase.learning_rate
    climb = max(1, round(phase.warm_up * steps))
    if step < climb:
        return phase.learning_rate * (step + 1) / climb
    return phase.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - climb) / max(1, steps - climb)))
