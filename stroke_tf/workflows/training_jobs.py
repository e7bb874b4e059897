"""A reproduction's networks as a list of jobs that can be trained anywhere, in any order, each by itself.

The journey of a reproduction trains its networks one after the other and passes over every run folder that is finished.
So whoever trains the folders beforehand, on other machines, changes nothing but the time: the journey then finds them,
measures, and writes the table.
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stroke_tf.choices import Device
from stroke_tf.errors import SettingError, WeightsError
from stroke_tf.models.device import Chosen, choose_device
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.workflows.prepare import Viewing
from stroke_tf.workflows.prepare_perfusion import PerfusionViewing
from stroke_tf.workflows.run import Job, RunOptions, is_finished


@dataclass(frozen=True)
class TrainingJob:
    """One network to be trained in a run folder; plain values, which can be sent to another process.

    Args:
        name: what a list of jobs calls it: its folder below the results.
        folder, cache: of the run, and of prepared cases; absolute.
        viewing: how the cases are prepared; that of the journey, so that its cache serves.
        teach: a function of a module, (this job, chosen, options) -> None, which prepares, builds and trains.
        work: how long it takes beside the others, in any unit.
        title: what progress calls it, where the journey has a title of its own.
    """

    name: str
    job: Job
    folder: Path
    cache: Path
    viewing: Viewing | PerfusionViewing
    teach: Callable[["TrainingJob", Chosen, RunOptions], Any]
    work: float
    title: str = ""


Wave = Sequence[TrainingJob]
"""Jobs of which none waits for another."""


@dataclass(frozen=True)
class Plan:
    """The networks of a reproduction, and on what they are trained.

    Args:
        waves: lists of jobs; the next is asked for when those before it are trained, because which networks a paper
            needs may depend on what the first have learnt.
        chosen: device and precision of all of them, decided once.
        out: the results folder, absolute; everything that a job reads of ours and writes lies below it.
    """

    waves: Iterable[Wave]
    chosen: Chosen
    out: Path


def run_training_job(each: TrainingJob, chosen: Chosen, *, threads: int | None) -> Path:
    """Train one job in this process, which has not computed anything yet, and return its run folder.

    What a training comes to depends on the job, the precision and, in the last bits on a processor, the threads; not on
    the process, nor on what was trained before it.

    Args:
        chosen: the device and precision that the whole plan decided on.
        threads: of TensorFlow; None is all that this process may use.
    Raises: SettingError, WeightsError if this machine lacks the device or the weights; what the training raises.
    """
    found = choose_device(chosen.device, chosen.precision, threads=threads)
    if found.device is Device.CPU:
        same_seed_same_bits()
    if not is_finished(each.folder, each.job.settings(found)):
        require_weights(each)
        each.teach(each, found, RunOptions(resume=True))
    return each.folder


def unfinished(jobs: Wave, chosen: Chosen) -> list[TrainingJob]:
    """Return the jobs whose folder holds no finished run yet, each folder once."""
    return [each for each in each_folder_once(jobs) if not is_finished(each.folder, each.job.settings(chosen))]


def each_folder_once(jobs: Wave) -> list[TrainingJob]:
    """Return the jobs without those whose folder an earlier one fills: two rows may be one network."""
    first = {each.folder: each for each in reversed(jobs)}
    return [each for each in jobs if first[each.folder] is each]


def numbered(plan: Plan, number: int) -> TrainingJob:
    """Return a job of the first wave by its number, which it keeps when others are finished.

    Raises: SettingError if there is none of this number.
    """
    jobs = first_wave(plan)
    if not 0 <= number < len(jobs):
        raise SettingError(f"--only-job takes list, or 0 to {len(jobs) - 1}. Received: {number}")
    return jobs[number]


def first_wave(plan: Plan) -> list[TrainingJob]:
    """Return the jobs that wait for nothing, finished or not, each folder once."""
    return each_folder_once(next(iter(plan.waves), ()))


def require_weights(each: TrainingJob) -> None:
    """Do nothing if the file of pretrained weights, where the job has one, lies on this machine, too.

    Raises: WeightsError, naming the file and the machine.
    """
    path = each.job.weights.path
    if path is not None and not path.is_file():
        raise WeightsError(
            f"{path}: not on {socket.gethostname()}, where {each.name} is to be trained. Put the file on shared "
            "storage and name its folder with --weights-folder."
        )
