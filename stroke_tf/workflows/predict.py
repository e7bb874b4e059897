"""From scans to masks on the scans' own grid: the workflow behind `stroke-tf predict`."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.choices import Device, Engine, FusionRule, Naming, Precision, TieRule
from stroke_tf.errors import SettingError, StrokeTfError
from stroke_tf.files import sha256_of_file
from stroke_tf.fusion.fitted import read_fitted
from stroke_tf.fusion.origin import require_same_networks
from stroke_tf.fusion.rules import FASTSURFER, WEIGHTED
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.given import Given, with_reference
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, read_run_card
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS
from stroke_tf.workflows.case_record import withdraw_record
from stroke_tf.workflows.cohort import chosen_cases
from stroke_tf.workflows.derivative import describe_derivative
from stroke_tf.workflows.fuse import Fusing, fusing_by
from stroke_tf.workflows.many_cases import Plan, Task, Through, passed_over, through_all
from stroke_tf.workflows.outputs import Outputs, Written
from stroke_tf.workflows.predict_case import Telling, predict_case
from stroke_tf.workflows.predictors import Opening, Predictor, look_at_runs, open_predictors
from stroke_tf.workflows.seeing import AS_GIVEN, CASE_WORD, SIMPLE, Seeing, Seen, inputs_of, see


@dataclass(frozen=True)
class Asked:
    """All that a prediction needs to know beside its cases; it can be pickled, as can Given.

    Args:
        runs: one folder, or one of each plane.
        fusion: see fusing_of.
        reference, resample: the sequence on whose grid masks lie, and whether the others may be resampled onto it;
            empty and False leave both to the layout.
        naming: of the files. resume: keep what is there (see many_cases).
        threads: that a network computes with; None is all that this process may use.
    """

    runs: tuple[Path, ...]
    outputs: Outputs
    engine: Engine = Engine.AUTO
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    fusion: str = ""
    seeing: Seeing = AS_GIVEN
    reference: str = ""
    resample: bool = False
    naming: Naming = Naming.AUTO
    max_voxels: int = DEFAULT_MAX_VOXELS
    resume: bool = False
    threads: int | None = None


def predict_cases(
    given: Given,
    asked: Asked,
    *,
    case_ids: Sequence[str] = (),
    say: Callable[[str], None] = print,
    through: Through = through_all,
) -> list[Written]:
    """Predict every case with every run, and vote where there are several planes.

    A case that fails is listed with its fault and the others go on. Each case is read while the one before it is
    predicted, the first while the networks are loaded.

    Args:
        through: how the plan is gone through: all of it, a part of it, or by many machines.
    Raises: SettingError if the runs do not fit together; OutputError if a result exists and may not be replaced.
    """
    cases, faults = cases_to_predict(given, asked, case_ids)
    opening = _look(asked)
    viewing = opening.viewing()
    outputs = named_outputs(given, asked)
    outputs = dataclasses.replace(outputs, fusing=fusing_of(asked.fusion, opening, tie=outputs.tie))
    telling = _telling(given, asked, opening, cases)
    plan = Plan(
        cases=cases,
        faults=faults,
        outputs=outputs,
        volumes=lambda case: list(outputs.of_case(case, opening.names).values()),
        inputs=lambda case: inputs_of(case, viewing, asked.seeing),
        settings=telling.settings,
        parts=len(asked.runs),
        before=lambda: describe_derivative(outputs.folder, given.root) if outputs.bids else None,
    )
    weights = ", ".join(f"{run}" for run in asked.runs)
    say(f"device: {opening} · data: {given.name}, {len(cases)} cases · weights: {weights}")
    if telling.seen_in_training:
        named = ", ".join(telling.seen_in_training)
        say(f"note: {named} trained these networks, or has the name of a case that did; its Dice flatters")

    def each(tasks: Sequence[Task], progress: Progress) -> Iterator[Written]:
        if tasks:
            yield from _one_after_the_other(tasks, opening, asked.seeing, telling, progress)

    return through(plan, each, resume=asked.resume, say=say)


def settled(asked: Asked) -> Asked:
    """Return the wishes with engine, device and precision decided, so that other machines do not decide otherwise.

    Raises: what look_at_runs raises.
    """
    opening = _look(asked)
    chosen = opening.chosen
    return dataclasses.replace(asked, engine=opening.engine, device=chosen.device, precision=chosen.precision)


def cases_to_predict(given: Given, asked: Asked, case_ids: Sequence[str]) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Return the cases that are wanted, each with its reference, and why others cannot be predicted.

    Raises: ManifestError for an id that no case has; SettingError for one brain mask where there are several cases.
    """
    faults = dict(given.faults)
    wanted = given.cases
    if case_ids:
        wanted = chosen_cases(given.cases, [name for name in case_ids if name not in faults])
        faults = {name: fault for name, fault in faults.items() if name in case_ids}
    cases = []
    for case in wanted:
        try:
            found = with_reference(case, asked.reference)
            cases.append(dataclasses.replace(found, lesion=None, resample=found.resample or asked.resample))
        except StrokeTfError as fault:
            faults[case.case_id] = str(fault)
    word = asked.seeing.brain_mask
    if word not in ("", SIMPLE) and CASE_WORD not in word and len(cases) > 1:
        raise SettingError(
            f"--brain-mask {word}: one mask for {len(cases)} cases. Let {CASE_WORD} stand for the case's name, such as "
            f"masks/{CASE_WORD}_brain.nii.gz."
        )
    return tuple(cases), faults


def named_outputs(given: Given, asked: Asked) -> Outputs:
    """Return the outputs with their naming decided: a derivative for a BIDS dataset, unless told otherwise."""
    bids = asked.naming is Naming.BIDS or (asked.naming is Naming.AUTO and given.bids)
    return dataclasses.replace(asked.outputs, bids=bids)


def fusing_of(word: str, opening: Opening, *, tie: TieRule) -> Fusing | None:
    """Turn the user's word for a fusion into one; None for the majority vote.

    Args:
        word: empty, a rule without weights, fastsurfer, or the path of a fitted fusion.
    Raises: SettingError for a word that is none of these, fewer than two runs, or runs of other networks than a fusion
        was fitted for.
    """
    rules = {rule.value: rule for rule in FusionRule if rule not in WEIGHTED}
    if word in ("", FusionRule.MAJORITY.value):
        return None
    if len(opening.saved) < 2:
        raise SettingError(f"--fusion {word}: one run alone has nothing to fuse. Name the runs of two planes or more.")
    if word in rules or word == "fastsurfer":
        thresholds = {saved.description["threshold"] for saved in opening.saved}
        if len(thresholds) > 1:
            raise SettingError(f"--fusion {word}: the runs have different thresholds ({sorted(thresholds)}).")
        weights = None if word in rules else FASTSURFER
        return Fusing(rules.get(word, FusionRule.WEIGHTED_LOGITS), weights, thresholds.pop(), tie)
    if not Path(word).is_file():
        raise SettingError(
            f"--fusion takes {', '.join(rules)}, fastsurfer, or a file that compare-fusion wrote. Received: {word!r}"
        )
    fitted = read_fitted(Path(word))
    networks = {name: saved.weights_sha256 for name, saved in zip(opening.names, opening.saved, strict=True)}
    require_same_networks(networks, fitted.networks, word)
    return fusing_by(fitted)


def cases_seen_in_training(runs: Sequence[Path], cases: Sequence[Case]) -> list[str]:
    """List the cases whose names stand among the training or validation cases of a run."""
    splits = [read_run_card(run)["split"] for run in runs if (run / RUN_CARD).exists()]
    known = {case_id for split in splits for case_id in (*split["train"], *split["validation"])}
    return [case.case_id for case in cases if case.case_id in known]


def _look(asked: Asked) -> Opening:
    return look_at_runs(
        asked.runs,
        engine=asked.engine,
        device=asked.device,
        precision=asked.precision,
        max_voxels=asked.max_voxels,
        threads=asked.threads,
    )


def _telling(given: Given, asked: Asked, opening: Opening, cases: Sequence[Case]) -> Telling:
    settings = {
        "networks": {
            name: {
                "weights_sha256": saved.weights_sha256,
                "threshold": saved.description["threshold"],
                "sequences": list(saved.description["sequences"]),
                "fit": saved.description["fit"],
            }
            for name, saved in zip(opening.names, opening.saved, strict=True)
        },
        "fusion": _fusion_word(asked.fusion),
        "tie": asked.outputs.tie.value,
        "resample": asked.resample,
        **asked.seeing.settings(),
    }
    return Telling(
        settings=settings,
        computed_by=str(opening),
        bids_root=given.root if named_outputs(given, asked).bids else None,
        seen_in_training=tuple(cases_seen_in_training(asked.runs, cases)),
    )


def _fusion_word(word: str) -> str:
    """Return a fusion as it is known again: a rule by its name, a fitted one by what its file holds."""
    if not Path(word).is_file():
        return word or FusionRule.MAJORITY.value
    return f"fitted, SHA-256 {sha256_of_file(Path(word))}"


def _one_after_the_other(
    tasks: Sequence[Task], opening: Opening, seeing: Seeing, telling: Telling, progress: Progress
) -> Iterator[Written]:
    """Predict tasks in order; the next case is read by another thread meanwhile."""
    viewing = opening.viewing()
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(see, tasks[0].case, viewing, seeing)
        predictors = open_predictors(opening)
        for number, task in enumerate(tasks):
            began = time.monotonic()
            waiting = reading
            if number + 1 < len(tasks):
                reading = reader.submit(see, tasks[number + 1].case, viewing, seeing)
            yield _guarded(task, waiting, predictors, telling, progress, began)
            # Else the case's arrays would stay until the next one is done.
            del waiting


def _guarded(
    task: Task,
    reading: Future[Seen],
    predictors: Sequence[Predictor],
    telling: Telling,
    progress: Progress,
    began: float,
) -> Written:
    case_id, steps = task.case.case_id, len(predictors)

    def done(name: str) -> None:
        nonlocal steps
        steps -= 1
        progress.step(note=f"case {case_id}, {name}")

    try:
        return _predicted(task, reading.result(), predictors, telling, began, done)
    except (StrokeTfError, OSError) as fault:
        return passed_over(case_id, time.monotonic() - began, fault)
    finally:
        # A case that failed is done too, or the time left would count it for ever.
        if steps:
            progress.step(steps, note=f"case {case_id}")


def _predicted(
    task: Task,
    seen: Seen,
    predictors: Sequence[Predictor],
    telling: Telling,
    began: float,
    done: Callable[[str], None],
) -> Written:
    try:
        return predict_case(task.case, seen, predictors, task.outputs, telling, began=began, done=done)
    except BaseException:
        names = [each.name for each in predictors]
        withdraw_record(task.outputs.record(task.case), list(task.outputs.of_case(task.case, names).values()))
        raise
