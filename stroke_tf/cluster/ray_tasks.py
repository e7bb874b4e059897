"""Tasks on a Ray cluster: each in a process of its own, taken up again where a machine dies, and one view of all."""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stroke_tf.cluster.cores import take_cores
from stroke_tf.cluster.needs import Needs
from stroke_tf.cluster.ray_cluster import first_line
from stroke_tf.cluster.shared_folder import SharedFolder
from stroke_tf.errors import StrokeTfError
from stroke_tf.progress import Progress
from stroke_tf.training.lease import FolderHeldError

MOST_LOSSES = 5
"""Machines that may die under one job before it is given up: then the job itself may be what kills them."""
_HELD_S, _HELD_TIMES = 10.0, 12
_STOPPING_S = 30.0


@dataclass(frozen=True)
class Task:
    """One piece of work for one process of one machine.

    Args:
        name: unique, as the view shows it.
        function: of a module, called with the arguments in a fresh process.
        work: how long it takes beside the others, in any unit.
        share: asked by the driver: which part is done; None while it is not running.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    needs: Needs
    work: float
    share: Callable[[], float | None] = lambda: None


def carry_out(ray: Any, tasks: Sequence[Task], shared: SharedFolder, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Run every task as finish_all does, and return what each returned, by name.

    Raises: StrokeTfError, naming each task that failed and why; what finish_all raises.
    """
    finished, failed = finish_all(ray, tasks, shared, say=say)
    if failed:
        listed = "\n".join(f"  {name}: {why}" for name, why in failed.items())
        raise StrokeTfError(
            f"{len(failed)} of {len(tasks)} jobs failed; the others are finished. Mend the cause and run the same "
            f"command again, which goes on from here:\n{listed}"
        )
    return finished


def finish_all(
    ray: Any, tasks: Sequence[Task], shared: SharedFolder, *, say: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Run every task, the longest first, and return by name what each returned, and why others failed.

    A task whose process or machine dies is submitted again, and its function finds what the dead one left. One that
    raises is not; the others are finished.

    Raises: KeyboardInterrupt after the running tasks were told to stop and have given back their folders.
    """
    if not tasks:
        return {}, {}
    remote = ray.remote(max_calls=1, max_retries=0)(_in_worker)

    def submit(task: Task) -> Any:
        needs = task.needs
        return remote.options(
            num_cpus=needs.threads, num_gpus=needs.cards, memory=needs.memory_bytes, name=task.name
        ).remote(task.function, task.arguments, needs.threads, shared)

    still = {submit(task): task for task in sorted(tasks, key=lambda task: -task.work)}
    view = _View(tasks)
    try:
        while still:
            for reference in ray.wait(list(still), num_returns=1, timeout=1.0)[0]:
                task = still.pop(reference)
                try:
                    view.finished[task.name] = ray.get(reference)
                except ray.exceptions.RayTaskError as fault:
                    view.failed[task.name] = _told(fault)
                except ray.exceptions.RayError as fault:
                    lost = view.losses[task.name] = view.losses.get(task.name, 0) + 1
                    if lost > MOST_LOSSES:
                        view.failed[task.name] = f"its process died {lost} times, the last time: {first_line(fault)}"
                    else:
                        say(f"{task.name}: its process was lost ({first_line(fault)}); taken up again elsewhere")
                        still[submit(task)] = task
            view.show(list(still.values()))
    except BaseException:
        _stop(ray, list(still))
        raise
    view.end()
    return view.finished, view.failed


def _in_worker(function: Callable[..., Any], arguments: tuple[Any, ...], threads: int, shared: SharedFolder) -> Any:
    """Run a task in the worker's process, which is made for it and ends with it, and so its hold on its cores."""
    take_cores(threads)
    shared.require_here(f"{socket.gethostname()}-late")
    for _ in range(_HELD_TIMES):
        try:
            return function(*arguments)
        except FolderHeldError:
            # A process whose machine the cluster has given up may live on for a while; it ends, or it finishes the job.
            time.sleep(_HELD_S)
    return function(*arguments)


def _stop(ray: Any, references: Sequence[Any]) -> None:
    """Interrupt what runs, as Ctrl-C would, and give it the time to close its files."""
    for reference in references:
        ray.cancel(reference)
    if references:
        ray.wait(list(references), num_returns=len(references), timeout=_STOPPING_S)


class _View:
    """What is done, running, waiting, and how long it will still take; one line."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._progress = Progress("jobs on the cluster, per cent", 100)
        self._shown = 0
        self.finished: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self.losses: dict[str, int] = {}

    def show(self, still: Sequence[Task]) -> None:
        shares = {task.name: task.share() for task in still}
        running = [name for name, share in shares.items() if share is not None]
        whole = sum(task.work for task in self._tasks) or 1.0
        left = sum(task.work * (1 - (shares[task.name] or 0.0)) for task in still)
        # What a dead machine had done since its last checkpoint is lost, so the share may fall; the line does not.
        percent = max(self._shown, int(100 * (whole - left) / whole))
        counts = f"{len(self.finished)} done, {len(running)} running, {len(still) - len(running)} waiting"
        again = f", {sum(self.losses.values())} taken up again" if self.losses else ""
        failed = f", {len(self.failed)} FAILED" if self.failed else ""
        if percent == 0 and not self.losses and not failed:
            return  # from nothing no time can be foretold
        self._progress.step(percent - self._shown, note=f"jobs: {counts}{again}{failed}")
        self._shown = percent

    def end(self) -> None:
        self._progress.end(f"{len(self.finished)} of {len(self._tasks)} jobs")


def _told(fault: Any) -> str:
    """Return a user's error as it is, and an error of ours with the traceback of the worker."""
    cause = getattr(fault, "cause", None)
    return str(cause) if isinstance(cause, StrokeTfError) else str(fault)
