"""Cases predicted by the machines of a Ray cluster, in parts; one process asks, and writes the table of all."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stroke_tf.choices import Engine
from stroke_tf.cluster.needs import Needs, needs_of_prediction, require_a_machine, threads_of_a_job
from stroke_tf.cluster.ray_cluster import Node, look_over, ray_cluster, require_answering
from stroke_tf.cluster.ray_tasks import Task, finish_all
from stroke_tf.cluster.shared_folder import SharedFolder, shared_folder
from stroke_tf.errors import SettingError
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.given import Given
from stroke_tf.models.device import Chosen
from stroke_tf.progress import Progress
from stroke_tf.workflows.many_cases import Plan, PredictEach, still_to_do, through_all, through_part
from stroke_tf.workflows.many_cases import Task as CaseToPredict
from stroke_tf.workflows.outputs import Written
from stroke_tf.workflows.predict import Asked, predict_cases, settled
from stroke_tf.workflows.predict_perfusion import of_perfusion, predict_perfusion_cases, settled_perfusion
from stroke_tf.workflows.seeing import SIMPLE

_MOST_CASES, _PARTS_A_JOB = 50, 4
"""A part is so large that opening the networks hardly counts, and so small that all machines end at about one time."""


@dataclass(frozen=True)
class Part:
    """Some of the cases, as another machine is told of them; it can be pickled.

    Args:
        asked: with absolute paths. A mask of the brain is the exception, since its path stands in every record.
        place: the working directory, to which that path is relative; None where it does not matter.
    """

    given: Given
    asked: Asked
    place: Path | None


def predict_on_ray(
    given: Given,
    asked: Asked,
    *,
    address: str | None,
    case_ids: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> list[Written]:
    """Predict as predict_cases or predict_perfusion_cases do, whichever the runs are for, on many machines.

    What is there and what may not be replaced is looked at here, once, and cases are then predicted elsewhere, each by
    the function that would do it here, with as many threads; so the files are the same, to the last bit on the same
    kind of processor.

    Args:
        address: see ray_cluster.
        asked: threads are those of one process; None is as many as it would have on this machine.
    Raises: what these functions, ray_cluster and look_over raise; SettingError if no machine is large enough, or if
        results are to be replaced.
    """
    if asked.outputs.force:
        raise SettingError(
            "--force with --cluster ray: a case that is taken up again after a machine died could not be told from one "
            "to be replaced. Choose another --out, remove the old results, or go on with --continue."
        )
    if address is not None and address != "auto":
        require_answering(address)
    perfusion = of_perfusion(asked.runs)
    asked = settled_perfusion(asked) if perfusion else settled(asked)
    predict = predict_perfusion_cases if perfusion else predict_cases
    through = partial(_through_cluster, given=given, asked=asked, address=address)
    return predict(given, asked, case_ids=case_ids, say=say, through=through)


def _through_cluster(
    plan: Plan,
    here: PredictEach,
    *,
    resume: bool,
    say: Callable[[str], None],
    given: Given,
    asked: Asked,
    address: str | None,
) -> list[Written]:
    """Go through all cases, as through_all does, on a cluster that was looked over before; nothing is done here."""
    part = elsewhere(given, asked)
    folder = part.asked.outputs.folder
    with shared_folder(folder) as shared, ray_cluster(address) as ray:
        nodes, kinds = look_over(ray, shared, _must_see(part, plan))
        needs = _needs(part.asked, nodes)
        require_a_machine([needs], [node.resources for node in nodes])
        part = replace(part, asked=replace(part.asked, threads=needs.threads))
        say(
            f"cluster: Ray, {len(nodes)} {'machine' if len(nodes) == 1 else 'machines'} ({', '.join(kinds)}) · "
            f"each process: {needs}"
        )
        if len(kinds) > 1:
            say("note: the machines differ, so the last digits of a probability depend on which of them computed it")
        each = partial(_on_ray, ray=ray, part=part, plan=plan, needs=needs, nodes=nodes, shared=shared, say=say)
        return through_all(plan, each, resume=resume, say=say)


def elsewhere(given: Given, asked: Asked) -> Part:
    """Return what another machine needs to predict all of the cases, wherever its processes start."""
    word = asked.seeing.brain_mask
    relative_mask = word not in ("", SIMPLE) and not os.path.isabs(word)
    asked = replace(
        asked,
        runs=tuple(_absolute(run) for run in asked.runs),
        outputs=replace(asked.outputs, folder=asked.outputs.folder.resolve()),
        fusion=str(_absolute(Path(asked.fusion))) if Path(asked.fusion).is_file() else asked.fusion,
        resume=True,
    )
    return Part(replace(given, root=_absolute(given.root), faults={}), asked, Path.cwd() if relative_mask else None)


def parts_of(cases: int, *, at_once: int) -> list[slice]:
    """Cut a number of cases into parts, in their order.

    Args:
        at_once: processes that the cluster has room for.

    Example:
        >>> [(part.start, part.stop) for part in parts_of(10, at_once=1)]
        [(0, 3), (3, 6), (6, 9), (9, 10)]
    """
    size = max(1, min(_MOST_CASES, -(-cases // (_PARTS_A_JOB * at_once))))
    return [slice(first, min(first + size, cases)) for first in range(0, cases, size)]


def predict_part(part: Part) -> list[Written]:
    """Predict some cases in a process of their own, and return what became of each; those that fail are told, too.

    Of a part that was begun before, cases that are whole are kept.
    """
    if part.place is not None:
        os.chdir(part.place)
    predict = predict_perfusion_cases if of_perfusion(part.asked.runs) else predict_cases
    return list(predict(part.given, part.asked, say=lambda text: None, through=through_part))


def _on_ray(
    cases: Sequence[CaseToPredict],
    _: Progress,
    *,
    ray: object,
    part: Part,
    plan: Plan,
    needs: Needs,
    nodes: Sequence[Node],
    shared: SharedFolder,
    say: Callable[[str], None],
) -> Iterator[Written]:
    """Predict cases on the cluster, and tell of each; a part whose process cannot go on fails case by case."""
    at_once = max(1, sum(needs.at_once(node.resources) for node in nodes))
    parts = {}
    for cut in parts_of(len(cases), at_once=at_once):
        some = tuple(each.case for each in cases[cut])
        name = f"cases {cut.start + 1} to {cut.stop} of {len(cases)} ({some[0].case_id} to {some[-1].case_id})"
        parts[name] = some
    tasks = [
        Task(
            name=name,
            function=predict_part,
            arguments=(replace(part, given=replace(part.given, cases=some)),),
            needs=needs,
            work=len(some),
            share=partial(_share, [plan.outputs.record(case) for case in some]),
        )
        for name, some in parts.items()
    ]
    finished, failed = finish_all(ray, tasks, shared, say=say)
    for name, some in parts.items():
        if name in finished:
            told = finished[name]
        else:
            left, told = still_to_do(replace(plan, cases=some), resume=True)
            told = [*told, *(Written(each.case.case_id, None, 0.0, 0.0, failed[name]) for each in left)]
        yield from (_as_if_here(each, plan, part.asked.outputs.folder) for each in told)


def _as_if_here(each: Written, plan: Plan, folder: Path) -> Written:
    """Return what became of a case with its mask as the user named the folder, and as predicted by this command."""
    if each.mask is None:
        return each
    inside = each.mask.resolve().relative_to(folder)
    return replace(each, mask=plan.outputs.folder / inside, kept=False)


def _share(records: Sequence[Path]) -> float | None:
    """Return the share of a part's cases that have a record; cases are done in order, so few files are asked for."""
    first, last = 0, len(records)
    while first < last:
        middle = (first + last) // 2
        first, last = (middle + 1, last) if records[middle].exists() else (first, middle)
    # A record is there from when its case is begun.
    return max(0, first - 1) / len(records) if first else None


def _must_see(part: Part, plan: Plan) -> list[Path]:
    """Return the files that stand for all that is read: the runs, and what is read of the first case."""
    first: Sequence[Case] = plan.cases[:1]
    there = [path for case in first for path in plan.inputs(case).values() if path.exists()]
    fusion = [Path(part.asked.fusion)] if os.path.isabs(part.asked.fusion) else []
    place = [] if part.place is None else [part.place]
    return list(dict.fromkeys([*part.asked.runs, *fusion, *place, *(_absolute(path) for path in there)]))


def _needs(asked: Asked, nodes: Sequence[Node]) -> Needs:
    chosen = Chosen(asked.device, asked.device.value, asked.precision)
    cards_here = sum(int(node.resources.get("GPU", 0)) for node in nodes if node.here)
    threads = threads_of_a_job(asked.threads, chosen, cards_here=cards_here)
    return needs_of_prediction(chosen, threads=threads, openvino=asked.engine is Engine.OPENVINO)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
