"""The life of a run folder: opened, filled while a network learns, and closed with its run card."""

import dataclasses
import datetime
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stroke_tf.choices import Device
from stroke_tf.errors import OutputError, SettingError, TrainingError
from stroke_tf.files import write_json
from stroke_tf.manifest.case import Case
from stroke_tf.models.device import Chosen
from stroke_tf.models.files import save_model
from stroke_tf.planes import Plane
from stroke_tf.recipes.perfusion import PerfusionRecipe
from stroke_tf.recipes.recipe import Recipe
from stroke_tf.reports.plots import curves_figure
from stroke_tf.training.board import scalar_writer
from stroke_tf.training.fit import Schedule, Trainable, fit
from stroke_tf.training.lease import LEASE_FILE, Lease, leased
from stroke_tf.training.phases import PlannedPhase
from stroke_tf.training.record import RUN_CARD, read_run_card, write_history, write_run_card
from stroke_tf.training.resume import STATE_FILE, step_of_checkpoint
from stroke_tf.volumes.cache import cache_key
from stroke_tf.workflows.networks import EncoderWeights
from stroke_tf.workflows.prepare import content_digest

SETTINGS = "settings.json"
ATTEMPTS = "attempts.json"
"""Who began to train here, when, from which step, and how it ended; null where it ended without a word."""


@dataclass(frozen=True)
class Job:
    """One network to be trained: everything that decides its weights.

    Args:
        plane: None for the 3-D network.
        train, validation: disjoint cases, all with truth.
        synthetic: the cases are phantoms, which the run card then says.
    """

    recipe: Recipe | PerfusionRecipe
    plane: Plane | None
    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    weights: EncoderWeights
    seed: int
    synthetic: bool

    def settings(self, chosen: Chosen) -> dict[str, Any]:
        """Return what is compared when a run is resumed, as JSON."""
        return {
            "recipe": json.loads(json.dumps(dataclasses.asdict(self.recipe))),
            "plane": self.plane.value if self.plane else None,
            "seed": self.seed,
            "split": {
                "train": [case.case_id for case in self.train],
                "validation": [case.case_id for case in self.validation],
            },
            "data_sha256": content_digest([*self.train, *self.validation]),
            "synthetic": self.synthetic,
            "weights": {"name": self.weights.name, "sha256": self.weights.sha256},
            "precision": chosen.precision.value,
        }


@dataclass(frozen=True)
class RunOptions:
    """How a run meets what an earlier one left in its folder."""

    resume: bool = False
    force: bool = False
    checkpoint_every_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.checkpoint_every_s >= 0:
            raise SettingError(f"--checkpoint-every takes seconds, 0 or more. Received: {self.checkpoint_every_s}")


def batch_workers(chosen: Chosen) -> int:
    """Return how many batches are made at once: on a processor one, since the network needs the cores more."""
    return 1 if chosen.device is Device.CPU else 2


def is_finished(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Tell whether the folder holds a finished run of these very settings."""
    if not (folder / RUN_CARD).exists():
        return False
    card = read_run_card(folder)
    return all(card.get(name) == value for name, value in settings.items())


def require_free(folder: Path, options: RunOptions) -> None:
    """Do nothing if a run may be written here; asked before the long work, too, so that a refusal costs no minutes.

    Raises: OutputError if the folder holds anything and neither resume nor force was given; TrainingError if it is to
        be resumed and holds no run.
    """
    if options.force or not _holds_something(folder):
        return
    if not options.resume:
        raise OutputError(f"{folder} exists already. Pass --resume to go on with it, or --force to start anew.")
    if not (folder / SETTINGS).exists():
        raise TrainingError(f"{folder}: holds no run that could go on (no {SETTINGS}). Choose another folder.")


def open_run(folder: Path, settings: Mapping[str, Any], options: RunOptions) -> None:
    """Make a run folder ready, or refuse it.

    Raises: OutputError if it holds anything and neither resume nor force was given; TrainingError if it is to be
        resumed and holds a run of other settings, or none.
    """
    path = folder / SETTINGS
    if path.exists() and options.resume and not options.force:
        found = _settings_in(path)
        differing = sorted(name for name in settings if found.get(name) != settings[name])
        if differing:
            raise TrainingError(
                f"{folder}: holds a run with another {', '.join(differing)}. Resume it with the settings in "
                f"{path.name}, choose another folder, or pass --force to start anew."
            )
        _sweep(folder)
        return
    require_free(folder, options)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    for stale in (RUN_CARD, STATE_FILE, ATTEMPTS):
        (folder / stale).unlink(missing_ok=True)
    write_json(path, settings)


def run_job(
    job: Job,
    trainable: Trainable,
    chosen: Chosen,
    folder: Path,
    options: RunOptions,
    *,
    batches_from: Callable[[int], Any],
    validate: Callable[[Callable[..., Any]], float],
    title: str,
    further: Mapping[str, Any] | None = None,
) -> Path:
    """Train one network in its folder; a finished run of the same settings, resumed, is left as it is.

    Args:
        further: what network.json tells of this journey beside what it tells of every network.
    Returns: the folder, which now holds weights, network.json, history.csv, curves.png, logs/, attempts.json and
        run_card.json.
    Raises: FolderHeldError if another living process trains in the folder, on this machine or another.
    """
    settings = job.settings(chosen)

    def finished() -> bool:
        return options.resume and not options.force and is_finished(folder, settings)

    if finished():
        return folder
    with leased(folder) as lease:
        # Asked again, because the wait for a lease may have been the end of another process's training.
        if not finished():
            open_run(folder, settings, options)
            with _attempt(folder):
                _fit_and_close(
                    job, trainable, chosen, folder, options, lease, batches_from, validate, title, further or {}
                )
    return folder


def _fit_and_close(
    job: Job,
    trainable: Trainable,
    chosen: Chosen,
    folder: Path,
    options: RunOptions,
    lease: Lease,
    batches_from: Callable[[int], Any],
    validate: Callable[[Callable[..., Any]], float],
    title: str,
    further: Mapping[str, Any],
) -> None:
    settings = job.settings(chosen)
    schedule = _schedule(job, options)
    began = time.monotonic()
    board = scalar_writer(folder / "logs")

    def keep_best(model: Any) -> None:
        lease.require()
        save_model(model, folder, _description(job) | dict(further))

    def on_epoch(history: Sequence[Mapping[str, Any]]) -> None:
        lease.require()
        lease.tell(len(history) / schedule.epochs)
        write_history(folder, history)
        board(history[-1])

    fitted = fit(
        trainable,
        batches_from=batches_from,
        schedule=schedule,
        validate=validate,
        keep_best=keep_best,
        folder=folder,
        fingerprint=cache_key(**settings),
        title=title,
        resume=options.resume,
        on_epoch=on_epoch,
    )
    curves_figure(folder / "curves.png", fitted.history, title=title, synthetic=job.synthetic)
    write_run_card(
        folder,
        {
            **settings,
            "device": str(chosen),
            "same_seed_same_bits": chosen.device is Device.CPU and trainable.order_is_fixed,
            "weights_note": job.weights.note,
            "best_validation_dice": fitted.best_score,
            "best_epoch": fitted.best_epoch + 1,
            "stopped_early": fitted.stopped_early,
            # Summed over the epochs, so that a run that was interrupted does not count the time it lay still.
            "training_seconds": round(sum(row["seconds"] for row in fitted.history), 1),
            "wall_seconds": round(time.monotonic() - began, 1),
        },
    )
    # Only now: a run that is killed while its curves are drawn would otherwise be trained a second time.
    (folder / STATE_FILE).unlink(missing_ok=True)


@contextmanager
def _attempt(folder: Path) -> Iterator[None]:
    """Note in the folder that a training begins here, and how it ends if it ends by itself."""
    try:
        attempts = json.loads((folder / ATTEMPTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        attempts = []
    this = {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "from_step": step_of_checkpoint(folder),
        "began": _now(),
        "ended": None,
        "how": None,
    }
    write_json(folder / ATTEMPTS, [*attempts, this])
    how = "finished"
    try:
        yield
    except BaseException as fault:
        how = f"stopped: {type(fault).__name__}"
        raise
    finally:
        write_json(folder / ATTEMPTS, [*attempts, {**this, "ended": _now(), "how": how}])


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _settings_in(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise TrainingError(f"{path}: not readable as JSON ({fault}). Pass --force to start anew.") from fault


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed in the middle of a write left behind; a checkpoint is hundreds of megabytes."""
    for leftover in folder.glob(".tmp-*"):
        leftover.unlink(missing_ok=True)


def _holds_something(folder: Path) -> bool:
    """Tell whether a folder holds more than a lease, and than what a run that was killed at its first write left."""
    return folder.exists() and any(
        path.name != LEASE_FILE and not path.name.startswith(".tmp-") for path in folder.iterdir()
    )


def _schedule(job: Job, options: RunOptions) -> Schedule:
    recipe = job.recipe
    phases = tuple(
        PlannedPhase(**dataclasses.asdict(phase))
        for phase in recipe.phases(pretrained=job.weights.pretrained)
        if phase.epochs
    )
    return Schedule(phases, recipe.steps_per_epoch, recipe.patience, options.checkpoint_every_s)


def _description(job: Job) -> dict[str, Any]:
    recipe = job.recipe
    return {
        "recipe": recipe.name,
        "plane": job.plane.value if job.plane else None,
        "sequences": list(recipe.sequences),
        "neighbours": recipe.neighbours,
        "fit": recipe.fit.value,
        "threshold": recipe.threshold,
        "encoder_weights": job.weights.name,
        "synthetic": job.synthetic,
    }
