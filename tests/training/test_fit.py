"""The training loop: killed anywhere, it goes on with the same bits."""

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Optimizer, Precision, RateShape
from stroke_tf.errors import TrainingError
from stroke_tf.models.build import build_model, encoder_layers
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.training.fit import Fitted, Schedule, Trainable, Validated, fit
from stroke_tf.training.losses import WATCHED, hybrid_loss
from stroke_tf.training.phases import PlannedPhase
from stroke_tf.training.resume import STATE_FILE, State, load_state, save_state

PATCH = (8, 8, 8)
STEPS = 3
PHASES = (
    PlannedPhase("first", epochs=1, learning_rate=1e-2, encoder_trainable=False, warm_up=0.5),
    PlannedPhase("second", epochs=2, learning_rate=1e-3, encoder_trainable=True, warm_up=0.0),
)
LOSS = hybrid_loss(alpha=1.0, beta=1.0, lesion_weight=2.0)


class Killed(BaseException):
    """What a test raises where a machine would stop; nothing in the package catches it."""


@pytest.fixture(scope="module")
def tiny() -> Trainable:
    """Return a network of a few hundred weights; fit puts it back to its beginning each time."""
    same_seed_same_bits()
    model = build_model(Architecture.UNET_3D, seed=1, precision=Precision.FLOAT32, patch=PATCH, base_filters=2)
    return Trainable(model, LOSS, Precision.FLOAT32)


def batch(step: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the batch of a step: bright voxels are lesion."""
    images = np.random.default_rng(step).normal(size=(2, *PATCH, 3)).astype(np.float32)
    return tf.constant(images), tf.constant((images[..., 0] > 1).astype(np.float32))


def batches_from(first: int, *, killed_at: int | None = None):
    for step in range(first, 10**6):
        if step == killed_at:
            raise Killed
        yield batch(step)


def mean_answer(predict) -> float:
    """Score a network by a number that any changed weight changes."""
    return float(predict(batch(10**6)[0].numpy()).astype(np.float64).mean())


class Kept:
    """The best weights, as a run folder would hold them."""

    def __init__(self) -> None:
        self.weights: list[np.ndarray] = []

    def __call__(self, model) -> None:
        self.weights = [variable.numpy() for variable in model.variables]


def train(trainable: Trainable, folder: Path, *, resume: bool = False, kept: Kept | None = None, **changed) -> Fitted:
    settings = {
        "batches_from": batches_from,
        "schedule": Schedule(PHASES, STEPS, patience=100, checkpoint_every_s=-1),
        "validate": mean_answer,
        "fingerprint": "this run",
        "title": "tiny",
    }
    keep_best = kept if kept is not None else Kept()
    return fit(trainable, folder=folder, resume=resume, keep_best=keep_best, **{**settings, **changed})


def bits(weights) -> list[bytes]:
    return [np.asarray(value).tobytes() for value in weights]


def without_clock(history) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.fixture(scope="module")
def uninterrupted(tiny, tmp_path_factory):
    """Return history, best weights and last weights of a run that nobody disturbed."""
    kept = Kept()
    fitted = train(tiny, tmp_path_factory.mktemp("whole"), kept=kept)
    return fitted, kept.weights, [variable.numpy() for variable in tiny.model.variables]


def require_same_run(tiny, fitted, kept, uninterrupted) -> None:
    whole, best, last = uninterrupted
    assert without_clock(fitted.history) == without_clock(whole.history)
    assert (fitted.best_score, fitted.best_epoch) == (whole.best_score, whole.best_epoch)
    assert bits(kept.weights) == bits(best)
    assert bits(variable.numpy() for variable in tiny.model.variables) == bits(last)


def test_the_history_tells_each_epoch_with_its_phase(uninterrupted):
    history = uninterrupted[0].history
    assert [(row["epoch"], row["phase"]) for row in history] == [(1, "first"), (2, "second"), (3, "second")]
    assert all(math.isfinite(row["loss"]) for row in history)


def test_training_changes_the_weights(tiny, uninterrupted):
    tiny.reset()
    assert bits(variable.numpy() for variable in tiny.model.variables) != bits(uninterrupted[2])


def test_two_runs_of_one_network_give_the_same_bits(tiny, uninterrupted, tmp_path):
    kept = Kept()
    require_same_run(tiny, train(tiny, tmp_path, kept=kept), kept, uninterrupted)


@pytest.mark.parametrize("step", range(1, 9), ids=lambda step: f"before-step-{step}")
def test_a_run_killed_before_any_step_resumes_with_the_same_bits(tiny, uninterrupted, tmp_path, step):
    kept = Kept()
    with pytest.raises(Killed):
        train(tiny, tmp_path, kept=kept, batches_from=lambda first: batches_from(first, killed_at=step))
    assert load_state(tmp_path).facts["step"] == step
    fitted = train(tiny, tmp_path, resume=True, kept=kept)
    require_same_run(tiny, fitted, kept, uninterrupted)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_run_killed_while_it_validates_resumes_with_the_same_bits(tiny, uninterrupted, tmp_path, epoch):
    scored = []

    def killed_while_validating(predict) -> float:
        scored.append(mean_answer(predict))
        if len(scored) == epoch:
            raise Killed
        return scored[-1]

    kept = Kept()
    with pytest.raises(Killed):
        train(tiny, tmp_path, kept=kept, validate=killed_while_validating)
    fitted = train(tiny, tmp_path, resume=True, kept=kept)
    require_same_run(tiny, fitted, kept, uninterrupted)


def test_a_run_killed_between_keeping_weights_and_the_checkpoint_resumes_with_the_same_bits(
    tiny, uninterrupted, tmp_path
):
    kept = Kept()

    def killed_after_keeping(model) -> None:
        kept(model)
        raise Killed

    with pytest.raises(Killed):
        train(tiny, tmp_path, kept=killed_after_keeping)
    fitted = train(tiny, tmp_path, resume=True, kept=kept)
    require_same_run(tiny, fitted, kept, uninterrupted)


def test_a_run_killed_twice_resumes_with_the_same_bits(tiny, uninterrupted, tmp_path):
    kept = Kept()
    for step, resume in ((2, False), (7, True)):
        with pytest.raises(Killed):
            train(
                tiny,
                tmp_path,
                kept=kept,
                resume=resume,
                batches_from=lambda first, step=step: batches_from(first, killed_at=step),
            )
    fitted = train(tiny, tmp_path, resume=True, kept=kept)
    require_same_run(tiny, fitted, kept, uninterrupted)


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tiny, uninterrupted, tmp_path):
    kept = Kept()
    rare = Schedule(PHASES, STEPS, patience=100, checkpoint_every_s=3600)
    with pytest.raises(Killed):
        train(tiny, tmp_path, schedule=rare, batches_from=lambda first: batches_from(first, killed_at=2))
    assert load_state(tmp_path) is None
    fitted = train(tiny, tmp_path, schedule=rare, resume=True, kept=kept)
    require_same_run(tiny, fitted, kept, uninterrupted)


def test_without_resume_a_checkpoint_is_not_looked_at(tiny, uninterrupted, tmp_path):
    with pytest.raises(Killed):
        train(tiny, tmp_path, batches_from=lambda first: batches_from(first, killed_at=5))
    kept = Kept()
    require_same_run(tiny, train(tiny, tmp_path, kept=kept), kept, uninterrupted)


def test_a_checkpoint_is_written_at_the_end_of_each_epoch_however_rare_they_are(tiny, tmp_path):
    rare = Schedule(PHASES, STEPS, patience=100, checkpoint_every_s=3600)
    with pytest.raises(Killed):
        train(tiny, tmp_path, schedule=rare, batches_from=lambda first: batches_from(first, killed_at=STEPS + 2))
    assert load_state(tmp_path).facts["step"] == STEPS


def test_a_run_killed_after_its_last_epoch_is_not_trained_again(tiny, uninterrupted, tmp_path):
    kept = Kept()
    train(tiny, tmp_path, kept=kept)
    fitted = train(
        tiny, tmp_path, resume=True, kept=kept, batches_from=lambda first: batches_from(first, killed_at=first)
    )
    require_same_run(tiny, fitted, kept, uninterrupted)


def test_a_checkpoint_of_other_settings_is_refused(tiny, tmp_path):
    with pytest.raises(Killed):
        train(tiny, tmp_path, batches_from=lambda first: batches_from(first, killed_at=2))
    before = (tmp_path / STATE_FILE).read_bytes()
    with pytest.raises(TrainingError, match=r"other settings, data or seed.*--force"):
        train(tiny, tmp_path, resume=True, fingerprint="another run")
    assert (tmp_path / STATE_FILE).read_bytes() == before


def test_a_checkpoint_of_another_network_is_refused(tiny, tmp_path):
    with pytest.raises(Killed):
        train(tiny, tmp_path, batches_from=lambda first: batches_from(first, killed_at=2))
    state = load_state(tmp_path)
    save_state(tmp_path, State(state.model[:-1], state.optimizer, state.facts))
    with pytest.raises(TrainingError, match="The checkpoint's model has"):
        train(tiny, tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_says_where(tiny, tmp_path):
    def poisoned(first: int):
        for step in range(first, 10**6):
            images, coverage = batch(step)
            yield images * (math.nan if step == 4 else 1.0), coverage

    with pytest.raises(TrainingError, match=r"the loss is nan at step 4 \(epoch 2, phase 'second', learning rate"):
        train(tiny, tmp_path, batches_from=poisoned)
    state = load_state(tmp_path)
    assert state.facts["step"] == 4
    assert all(np.isfinite(value).all() for value in state.model)


def test_training_stops_when_validation_no_longer_rises(tiny, tmp_path):
    phases = (PlannedPhase("one", 9, 1e-3, True, 0.0),)
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.9])
    fitted = train(tiny, tmp_path, schedule=Schedule(phases, 1, patience=2), validate=lambda predict: next(scores))
    assert (fitted.best_score, fitted.best_epoch, len(fitted.history), fitted.stopped_early) == (0.5, 1, 4, True)


def test_a_frozen_phase_never_stops_a_run_early(tiny, tmp_path):
    phases = (PlannedPhase("frozen", 4, 1e-3, False, 0.0), PlannedPhase("free", 3, 1e-3, True, 0.0))
    fitted = train(tiny, tmp_path, schedule=Schedule(phases, 1, patience=1), validate=lambda predict: 0.5)
    assert [row["phase"] for row in fitted.history] == ["frozen"] * 4 + ["free"] * 2


def test_only_the_best_epochs_weights_are_kept(tiny, tmp_path):
    scores, seen = iter([0.1, 0.5, 0.3]), []
    phases = (PlannedPhase("one", 3, 1e-2, True, 0.0),)

    def validate(predict) -> float:
        seen.append(bits(variable.numpy() for variable in tiny.model.variables))
        return next(scores)

    kept = Kept()
    train(tiny, tmp_path, kept=kept, schedule=Schedule(phases, 2, patience=100), validate=validate)
    assert seen.index(bits(kept.weights)) == 1


def test_each_epoch_is_told_with_the_whole_history(tiny, tmp_path):
    told = []
    train(tiny, tmp_path, on_epoch=lambda history: told.append([row["epoch"] for row in history]))
    assert told == [[1], [1, 2], [1, 2, 3]]


def test_a_frozen_encoder_keeps_every_bit_until_it_is_freed(tmp_path):
    model = build_model(Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32, backbone="resnet18", size=32)
    trainable = Trainable(model, LOSS, Precision.FLOAT32)

    def slices(first: int):
        for step in range(first, 10**6):
            images = np.random.default_rng(step).normal(size=(2, 32, 32, 3)).astype(np.float32)
            yield tf.constant(images), tf.constant((images[..., 0] > 1).astype(np.float32))

    encoder = [variable for layer in encoder_layers(model) for variable in layer.variables]
    seen = [bits(variable.numpy() for variable in encoder)]

    def validate(predict) -> float:
        seen.append(bits(variable.numpy() for variable in encoder))
        return 0.5

    phases = (PlannedPhase("frozen", 1, 1e-2, False, 0.0), PlannedPhase("free", 1, 1e-2, True, 0.0))
    train(trainable, tmp_path, batches_from=slices, validate=validate, schedule=Schedule(phases, 2, patience=100))
    before, frozen, freed = seen
    assert frozen == before
    # Convolutions and batch-norm statistics alike begin to move.
    assert sum(was != now for was, now in zip(frozen, freed, strict=True)) > 0.9 * len(encoder)


SGD = {"optimizer": Optimizer.SGD, "momentum": 0.9, "rate": RateShape.CONSTANT}
SGD_PHASES = (PlannedPhase("slow", 1, 1e-2, True, 0.0, **SGD), PlannedPhase("fast", 2, 1e-1, True, 0.0, **SGD))


@pytest.fixture(scope="module")
def watched() -> Trainable:
    """Return a network whose history tells more than loss and Dice."""
    same_seed_same_bits()
    model = build_model(Architecture.UNET_3D, seed=1, precision=Precision.FLOAT32, patch=PATCH, base_filters=2)
    return Trainable(model, LOSS, Precision.FLOAT32, watched=WATCHED)


def both_scores(predict) -> Validated:
    return Validated(mean_answer(predict), {"validation_loss": 2 * mean_answer(predict)})


def train_by_sgd(trainable: Trainable, folder: Path, **changed) -> Fitted:
    schedule = Schedule(SGD_PHASES, STEPS, patience=100, checkpoint_every_s=-1)
    return train(trainable, folder, schedule=schedule, validate=both_scores, **changed)


@pytest.fixture(scope="module")
def uninterrupted_sgd(watched, tmp_path_factory):
    fitted = train_by_sgd(watched, tmp_path_factory.mktemp("sgd"))
    return fitted, [variable.numpy() for variable in watched.model.variables]


@pytest.mark.parametrize("step", [1, 5, 8])
def test_sgd_with_momentum_and_what_is_watched_resume_with_the_same_bits(watched, uninterrupted_sgd, tmp_path, step):
    with pytest.raises(Killed):
        train_by_sgd(watched, tmp_path, batches_from=lambda first: batches_from(first, killed_at=step))
    # A learning rate, a counter, and a momentum for each weight.
    assert len(load_state(tmp_path).optimizer) == 2 + len(watched.model.trainable_variables)
    fitted = train_by_sgd(watched, tmp_path, resume=True)
    assert without_clock(fitted.history) == without_clock(uninterrupted_sgd[0].history)
    assert bits(variable.numpy() for variable in watched.model.variables) == bits(uninterrupted_sgd[1])


def test_a_constant_rate_is_the_one_the_history_tells(uninterrupted_sgd):
    rates = [row["learning_rate"] for row in uninterrupted_sgd[0].history]
    assert rates == pytest.approx([1e-2, 1e-1, 1e-1])


def test_what_is_watched_stands_in_the_history_beside_loss_and_dice(uninterrupted_sgd):
    for row in uninterrupted_sgd[0].history:
        assert 0 <= row["accuracy"] <= 1
        assert row["validation_loss"] == 2 * row["validation_dice"]


def test_watching_changes_no_bit_of_what_is_learnt(tiny, watched, tmp_path):
    last = []
    for trainable in (tiny, watched):
        train(trainable, tmp_path / str(len(last)), schedule=Schedule(PHASES[:1], STEPS, patience=100))
        last.append(bits(variable.numpy() for variable in trainable.model.variables))
    assert last[0] == last[1]
