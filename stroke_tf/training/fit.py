"""The training loop: one network, phase after phase, that can be killed at any step and go on with the same bits.

It is our own loop and not `model.fit`, because resuming bit for bit needs the loop to be a function of the step: batch
k and rate k depend on seed and k alone, and everything else that changes is in the checkpoint (training/resume.py).
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from stroke_tf.choices import Optimizer, Precision
from stroke_tf.errors import TrainingError
from stroke_tf.inference.run import Predict
from stroke_tf.models.build import FROM_SCRATCH, network_of, predict_function, set_encoder_trainable
from stroke_tf.progress import Progress
from stroke_tf.training.determinism import order_of_sums_is_fixed
from stroke_tf.training.optimizers import make_optimizer
from stroke_tf.training.phases import PlannedPhase, learning_rate, moment_of_epoch
from stroke_tf.training.resume import STATE_FILE, State, assign, load_state, save_state


@dataclass(frozen=True)
class Schedule:
    """How long a network is trained.

    Args:
        patience: epochs without a better validation score before training stops; counted in the last phase only,
            since a frozen encoder reaches its plateau by design.
        checkpoint_every_s: wall-clock seconds between two checkpoints within an epoch.
    """

    phases: tuple[PlannedPhase, ...]
    steps_per_epoch: int
    patience: int
    checkpoint_every_s: float = 300.0

    @property
    def epochs(self) -> int:
        """Return the number of epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)


class Trainable:
    """A model with its loss and its compiled training steps, which several runs of one architecture can share.

    Building and tracing a network costs many seconds, resetting its weights almost none; a run that trains three
    planes pays for the first only. `reset` puts every variable back, so that each run starts as if it were alone.

    Args:
        loss: (coverage, output or outputs) -> scalar.
        watched: further functions of the same arguments, by the column of the history in which their mean over an
            epoch's steps stands; none by default, because each costs a little of every step.
    """

    def __init__(
        self,
        model: keras.Model,
        loss: Callable[..., tf.Tensor],
        precision: Precision,
        *,
        watched: Mapping[str, Callable[..., tf.Tensor]] | None = None,
    ) -> None:
        self.model, self.loss = model, loss
        self.predict: Predict = predict_function(model)
        self.watched = dict(watched or {})
        self._orders: list[bool] = []
        self._precision = precision
        self._initial = [variable.numpy() for variable in model.variables]
        self._steps: dict[tuple[bool, Optimizer, float], tuple[Any, Any, list[Any]]] = {}

    def reset(self) -> None:
        """Put the weights back to what they were when the network was built."""
        for variable, value in zip(self.model.variables, self._initial, strict=True):
            variable.assign(value)

    @property
    def order_is_fixed(self) -> bool:
        """Tell whether steps were traced, and all of them add in one order; see order_of_sums_is_fixed."""
        return bool(self._orders) and all(self._orders)

    def step_of(
        self, *, encoder_trainable: bool, optimizer: Optimizer = Optimizer.ADAM, momentum: float = 0.9
    ) -> tuple[Any, Any]:
        """Return the compiled step of a phase and its optimizer with empty moments.

        The step takes images and coverage and returns the loss, or a vector of the loss and what is watched.
        """
        if network_of(self.model).architecture not in FROM_SCRATCH:
            set_encoder_trainable(self.model, encoder_trainable)
        key = (encoder_trainable, optimizer, momentum)
        if key not in self._steps:
            self._steps[key] = self._compiled(make_optimizer(optimizer, momentum=momentum))
        step, built, initial = self._steps[key]
        for variable, value in zip(built.variables, initial, strict=True):
            variable.assign(value if value is not None else tf.zeros(variable.shape, variable.dtype))
        return step, built

    def _compiled(self, optimizer: Any) -> tuple[Any, Any, list[Any]]:
        model, loss, watched = self.model, self.loss, list(self.watched.values())
        if self._precision is Precision.MIXED_FLOAT16:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        trained = model.trainable_variables
        optimizer.build(trained)

        @tf.function
        def step(images: tf.Tensor, coverage: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                outputs = model(images, training=True)
                value = loss(coverage, outputs)
                scaled = optimizer.scale_loss(value)
            optimizer.apply(tape.gradient(scaled, trained), trained)
            # Runs when the step is traced, not when it is computed.
            self._orders.append(order_of_sums_is_fixed(tf.compat.v1.get_default_graph()))
            return tf.stack([value, *(watch(coverage, outputs) for watch in watched)]) if watched else value

        # The moments start at zero, the few scalars (rate, loss scale, counters) at what Keras gave them; keeping the
        # scalars alone spares a copy of two moments the size of the network.
        initial = [variable.numpy() if variable.shape == () else None for variable in optimizer.variables]
        return step, optimizer, initial


@dataclass(frozen=True)
class Validated:
    """What a validation came to where there is more to tell than one score.

    Args:
        dice: mean 3-D Dice of the validation cases, by which the best epoch is chosen.
        columns: further numbers for the history, by the name of their column.
    """

    dice: float
    columns: Mapping[str, float]


@dataclass
class Fitted:
    """What a run came to."""

    history: list[dict[str, Any]] = field(default_factory=list)
    best_score: float = -math.inf
    best_epoch: int = -1
    stopped_early: bool = False


def fit(
    trainable: Trainable,
    *,
    batches_from: Callable[[int], tf.data.Dataset],
    schedule: Schedule,
    validate: Callable[[Predict], float | Validated],
    keep_best: Callable[[keras.Model], None],
    folder: Path,
    fingerprint: str,
    title: str,
    resume: bool,
    on_epoch: Callable[[Sequence[Mapping[str, Any]]], None] = lambda history: None,
) -> Fitted:
    """Train a network through its phases and keep the weights of the best epoch.

    Args:
        batches_from: step -> dataset of (images, coverage) that begins with the batch of that step.
        validate: predict function -> mean 3-D Dice of the validation cases, alone or with more for the history.
        keep_best: writes the model's weights; called whenever validation is better than ever before.
        folder: of the run; holds the checkpoint, which the caller removes when the run is on record.
        fingerprint: of everything that decides the result; a checkpoint with another one is refused.
        resume: go on from the checkpoint if there is one.
        on_epoch: told the whole history after each epoch.
    Returns: the history and the best score.
    Raises: TrainingError at the first loss that is not finite, or when the checkpoint is of another run.
    """
    trainable.reset()
    progress = Progress(title, schedule.epochs * schedule.steps_per_epoch)
    state = load_state(folder) if resume else None
    run = _Run(trainable, schedule, folder, fingerprint, progress)
    first_step = run.restore(state) if state else 0
    progress.begin_at(first_step)
    batches = iter(batches_from(first_step))
    for epoch in range(first_step // schedule.steps_per_epoch, schedule.epochs):
        if run.fitted.stopped_early:
            break
        run.train_epoch(epoch, batches, first_step)
        if run.note_score(epoch, validate(trainable.predict)):
            keep_best(trainable.model)
        on_epoch(run.fitted.history)
        run.save(step=(epoch + 1) * schedule.steps_per_epoch)
    progress.end(f"best validation Dice {run.fitted.best_score:.3f} after epoch {run.fitted.best_epoch + 1}")
    return run.fitted


class _Run:
    """The moving parts of one call of fit."""

    def __init__(
        self, trainable: Trainable, schedule: Schedule, folder: Path, fingerprint: str, progress: Progress
    ) -> None:
        self.trainable, self.schedule, self.folder = trainable, schedule, folder
        self.fingerprint, self.progress = fingerprint, progress
        self.fitted = Fitted()
        self._phase_index = -1
        self._step: Any = None
        self._optimizer: Any = None
        self._losses: list[float] = []
        self._watched: list[list[float]] = []
        self._saved_at = self._epoch_began = time.monotonic()

    def restore(self, state: State) -> int:
        """Put a checkpoint back and return the step to go on with."""
        if state.facts["fingerprint"] != self.fingerprint:
            raise TrainingError(
                f"{self.folder / STATE_FILE}: the checkpoint is of a run with other settings, data or seed. "
                "Give the settings it was started with, choose another run folder, or pass --force."
            )
        facts = state.facts
        self.fitted = Fitted(
            list(facts["history"]),
            -math.inf if facts["best_score"] is None else facts["best_score"],
            facts["best_epoch"],
            facts["stopped_early"],
        )
        self._losses, self._watched = list(facts["losses"]), list(facts["watched"])
        if facts["phase_index"] >= 0:
            self._enter_phase(facts["phase_index"])
            assign(self._optimizer.variables, state.optimizer, "optimizer")
        assign(self.trainable.model.variables, state.model, "model")
        return facts["step"]

    def save(self, step: int) -> None:
        """Write the checkpoint of the moment before a step."""
        fitted = self.fitted
        facts = {
            "step": step,
            "phase_index": self._phase_index,
            "history": fitted.history,
            "best_score": None if math.isinf(fitted.best_score) else fitted.best_score,
            "best_epoch": fitted.best_epoch,
            "stopped_early": fitted.stopped_early,
            "losses": self._losses,
            "watched": self._watched,
            "fingerprint": self.fingerprint,
        }
        model = [variable.numpy() for variable in self.trainable.model.variables]
        optimizer = [variable.numpy() for variable in self._optimizer.variables]
        save_state(self.folder, State(model, optimizer, facts))
        self._saved_at = time.monotonic()

    def train_epoch(self, epoch: int, batches: Any, first_step: int) -> None:
        """Run the steps of one epoch that are still to do."""
        moment = moment_of_epoch(self.schedule.phases, epoch)
        if moment.phase_index != self._phase_index:
            self._enter_phase(moment.phase_index)
        per_epoch = self.schedule.steps_per_epoch
        self._epoch_began = time.monotonic()
        for step in range(max(first_step, epoch * per_epoch), (epoch + 1) * per_epoch):
            in_phase = moment.epoch_in_phase * per_epoch + step - epoch * per_epoch
            rate = learning_rate(moment.phase, in_phase, moment.phase.epochs * per_epoch)
            self._optimizer.learning_rate = rate
            images, coverage = next(batches)
            loss, *watched = np.atleast_1d(self._step(images, coverage).numpy()).tolist()
            if not math.isfinite(loss):
                raise TrainingError(
                    f"{self.folder}: the loss is {loss} at step {step} (epoch {epoch + 1}, phase "
                    f"'{moment.phase.name}', learning rate {rate:.2g}). Lower the learning rate, or train with "
                    "--precision float32; --resume goes on from the last checkpoint."
                )
            self._losses.append(loss)
            self._watched.append(watched)
            self.progress.step(note=f"{moment.phase.name}, loss {loss:.3f}{self._score_text()}")
            # Not at the end of an epoch: a checkpoint there would let the validation that follows be skipped.
            due = time.monotonic() - self._saved_at > self.schedule.checkpoint_every_s
            if due and (step + 1) % per_epoch:
                self.save(step + 1)

    def note_score(self, epoch: int, found: float | Validated) -> bool:
        """Add the epoch to the history, decide on stopping, and tell whether it is the best so far."""
        fitted, schedule = self.fitted, self.schedule
        validated = found if isinstance(found, Validated) else Validated(found, {})
        score = validated.dice
        watched = np.mean(self._watched, axis=0).tolist() if self.trainable.watched else []
        moment = moment_of_epoch(schedule.phases, epoch)
        best = score > fitted.best_score
        if best:
            fitted.best_score, fitted.best_epoch = score, epoch
        fitted.history.append(
            {
                "epoch": epoch + 1,
                "phase": moment.phase.name,
                "loss": float(np.mean(self._losses)),
                "validation_dice": score,
                "learning_rate": float(self._optimizer.learning_rate.numpy()),
                "seconds": round(time.monotonic() - self._epoch_began, 1),
                **dict(zip(self.trainable.watched, watched, strict=True)),
                **validated.columns,
            }
        )
        self._losses, self._watched = [], []
        in_last_phase = moment.phase_index == len(schedule.phases) - 1
        waited = min(epoch - fitted.best_epoch, moment.epoch_in_phase)
        fitted.stopped_early = in_last_phase and waited >= schedule.patience
        return best

    def _enter_phase(self, index: int) -> None:
        phase = self.schedule.phases[index]
        self._step, self._optimizer = self.trainable.step_of(
            encoder_trainable=phase.encoder_trainable, optimizer=phase.optimizer, momentum=phase.momentum
        )
        self._phase_index = index

    def _score_text(self) -> str:
        history = self.fitted.history
        return f", validation Dice {history[-1]['validation_dice']:.3f}" if history else ""
