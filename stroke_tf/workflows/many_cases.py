"""Through all cases of a prediction: what is there is kept, what fails is listed, one table tells of all.

A case that fails is passed over, and the others go on. Results of a case are written when it is done, and nothing of it
is held, so memory does not grow with their number; a run that was killed goes on with --continue.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stroke_tf.errors import OutputError, StrokeTfError
from stroke_tf.files import require_absent, write_text
from stroke_tf.manifest.case import Case, natural_order
from stroke_tf.progress import Progress
from stroke_tf.workflows.case_record import (
    CHANGED,
    COLUMNS,
    DONE,
    State,
    damaged,
    of_these_inputs,
    read_record,
    row_of,
    state_of,
)
from stroke_tf.workflows.outputs import FAILED, TABLE, Outputs, Written
from stroke_tf.workflows.seeing import digests_of


@dataclass(frozen=True)
class Task:
    """One case that is to be predicted, and where its files go; it can be pickled."""

    case: Case
    outputs: Outputs


PredictEach = Callable[[Sequence[Task], Progress], Iterator[Written]]
"""Predicts tasks, in any order, and gives what became of each as soon as it is known."""


@dataclass(frozen=True)
class Plan:
    """What a prediction is about to do.

    Args:
        volumes: the volumes that a case will have.
        inputs: the files that a case is made of, by what they are.
        settings: what decides a mask, as JSON.
        parts: into how many steps a case counts on the line that shows the time left.
        before: writes what a folder of predictions has beside its cases, before the first of them.
    """

    cases: tuple[Case, ...]
    faults: Mapping[str, str]
    outputs: Outputs
    volumes: Callable[[Case], Sequence[Path]]
    inputs: Callable[[Case], Mapping[str, Path]]
    settings: Mapping[str, Any]
    parts: int
    before: Callable[[], None] = lambda: None


Through = Callable[..., list[Written]]
"""Takes what through_all takes, and gives what it gives."""


def through_all(plan: Plan, predict_each: PredictEach, *, resume: bool, say: Callable[[str], None]) -> list[Written]:
    """Predict the cases of a plan, and write the table of all and the list of those that failed.

    Args:
        resume: keep the cases that are there, intact, of the same inputs and settings; do the others.
    Returns: what became of each case, those that were kept and those that could not be told included.
    Raises: OutputError, before anything is written, if a file is there that may not be replaced.
    """
    _require_free(plan, resume)
    tasks, kept = still_to_do(plan, resume=resume)
    if kept:
        say(f"kept: {len(kept)} of {len(plan.cases)} cases are there, intact")
    plan.before()
    written = [*kept, *(Written(name, None, 0.0, 0.0, fault) for name, fault in plan.faults.items())]
    progress = Progress("predicting", len(tasks) * plan.parts)
    try:
        for each in predict_each(tasks, progress):
            written.append(each)
    finally:
        # Also when the user stops the run: the table tells of what is there.
        progress.end()
        _write_table(plan)
        _write_failed(plan.outputs.folder, [each for each in written if each.fault])
    order = {case.case_id: number for number, case in enumerate(plan.cases)}
    return sorted(written, key=lambda each: order.get(each.case_id, len(order)))


def through_part(plan: Plan, predict_each: PredictEach, *, resume: bool, say: Callable[[str], None]) -> list[Written]:
    """Predict the cases of a plan, which are some of those of another process; that one asks, and writes the table.

    Args:
        resume: a part that was begun before, by a process that died, goes on after the last case that is whole.
    """
    tasks, kept = still_to_do(plan, resume=resume)
    progress = Progress("predicting", len(tasks) * plan.parts)
    return [*kept, *predict_each(tasks, progress)]


def still_to_do(plan: Plan, *, resume: bool) -> tuple[list[Task], list[Written]]:
    """Tell the cases that are there and intact from those to predict; a volume that was changed is put aside."""
    if not resume:
        return [Task(case, plan.outputs) for case in plan.cases], []
    tasks, kept = [], []
    checking = Progress("checking what is there", len(plan.cases))
    for case in plan.cases:
        record_file, volumes = plan.outputs.record(case), plan.volumes(case)
        state = state_of(record_file, volumes, plan.settings)
        record = read_record(record_file) if state is State.INTACT else None
        changed = damaged(record, volumes) if record else []
        whole = record and not changed and all(path.exists() for path in volumes)
        if whole and _same_inputs(plan, case, record):
            mask = plan.outputs.folder / record["mask"]
            told = tuple(record["warnings"])
            kept.append(Written(case.case_id, mask, record["lesion_ml"], record["seconds"], kept=True, warnings=told))
        else:
            for path in changed:
                os.replace(path, path.with_name(path.name + CHANGED))
            ours = state in (State.UNFINISHED, State.INTACT)
            tasks.append(Task(case, replace(plan.outputs, force=plan.outputs.force or ours)))
        checking.step(note=f"case {case.case_id}")
    return tasks, kept


def passed_over(case_id: str, seconds: float, fault: Exception) -> Written:
    """Return what becomes of a case that failed, and why."""
    if isinstance(fault, OSError) and not isinstance(fault, StrokeTfError):
        place = fault.filename or "a file"
        return Written(case_id, None, 0.0, seconds, f"{place}: {fault.strerror or fault}. Look at the path.")
    return Written(case_id, None, 0.0, seconds, str(fault))


def table_rows(folder: Path) -> list[dict[str, Any]]:
    """Return a row for every finished case whose record lies in a folder of predictions, in natural order."""
    found = (read_record(path) for path in sorted(folder.rglob("*_mask.json")))
    done = {record["case"]: record for record in found if record is not None and record.get("state") == DONE}
    return [row_of(done[name]) for name in sorted(done, key=natural_order)]


def _require_free(plan: Plan, resume: bool) -> None:
    """Refuse to replace what is not ours to replace, for all cases before the first is predicted."""
    if plan.outputs.force:
        return
    for case in plan.cases:
        record, volumes = plan.outputs.record(case), plan.volumes(case)
        if not resume:
            for path in (*volumes, record):
                require_absent(path, force=False)
            continue
        state = state_of(record, volumes, plan.settings)
        if state is State.FOREIGN:
            there = next(path for path in (*volumes, record) if path.exists())
            raise OutputError(
                f"{there}: nothing beside it tells what made it, so --continue will not touch it. Choose another "
                "--out, or pass --force to replace it."
            )
        if state is State.OTHER_SETTINGS:
            differ = _differences(read_record(record).get("settings", {}), plan.settings)
            raise OutputError(
                f"{record}: made with other settings ({differ}). Give the same runs and options to go on, choose "
                "another --out, or pass --force to replace it."
            )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    return ", ".join(name for name in {**then, **now} if then.get(name) != now.get(name))


def _same_inputs(plan: Plan, case: Case, record: Mapping[str, Any]) -> bool:
    try:
        return of_these_inputs(record, digests_of(plan.inputs(case)))
    except StrokeTfError:
        # A file that has gone: predicting the case will say so.
        return False


def _write_table(plan: Plan) -> None:
    rows = table_rows(plan.outputs.folder)
    if rows or (plan.outputs.folder / TABLE).exists():
        _write_csv(plan.outputs.folder / TABLE, COLUMNS, rows)


def _write_failed(folder: Path, failed: Sequence[Written]) -> None:
    path = folder / FAILED
    if failed:
        rows = [{"case": each.case_id, "reason": each.fault} for each in failed]
        _write_csv(path, ("case", "reason"), rows)
    else:
        path.unlink(missing_ok=True)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())
