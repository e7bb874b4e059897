"""From CT perfusion to a mask, and the DWI that the model drew, with a run of reproduce-isles2018; no DWI is read.

`stroke-tf predict` comes here when the run it is given is of this journey: another way, so another workflow.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.choices import PERFUSION_NETWORKS, FitRule, Naming, PerfusionInput
from stroke_tf.errors import SettingError, StrokeTfError, WeightsError
from stroke_tf.fusion import lesion_where
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.given import Given
from stroke_tf.models.device import Chosen, choose_device
from stroke_tf.models.network import SavedNetwork, read_network
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, faults_of_run
from stroke_tf.volumes.nifti import read_place, write_volume
from stroke_tf.workflows.case_record import begin_record, finish_record, lesion_facts, withdraw_record
from stroke_tf.workflows.cohort import is_synthetic
from stroke_tf.workflows.many_cases import Plan, Task, Through, passed_over, through_all
from stroke_tf.workflows.outputs import Outputs, Written
from stroke_tf.workflows.predict import Asked, cases_seen_in_training, cases_to_predict
from stroke_tf.workflows.predict_case import Telling, told_of_mask
from stroke_tf.workflows.prepare_perfusion import PerfusionViewing, see_case
from stroke_tf.workflows.seeing import AS_GIVEN, digests_of

_NAME = "z"
"""What the files of probabilities are called after, as with the other networks of axial slices."""


@dataclass(frozen=True)
class _Predictor:
    """A trained network; `model` is Keras's, which this room does not import."""

    model: Any
    looks_at: PerfusionInput
    viewing: PerfusionViewing
    threshold: float


def of_perfusion(runs: Sequence[Path]) -> bool:
    """Tell whether the runs are of the CT-perfusion journey.

    Raises: WeightsError for a run without a readable network; SettingError if only some of several are, or if they
        are more than one: these networks have one plane, and nothing to vote with.
    """
    found = [read_network(run).network.architecture in PERFUSION_NETWORKS for run in runs]
    if any(found) and len(runs) > 1:
        raise SettingError(
            f"A run of reproduce-isles2018 predicts alone. Received: {', '.join(map(str, runs))}. Name one run."
        )
    return any(found)


def predict_perfusion_cases(
    given: Given,
    asked: Asked,
    *,
    case_ids: Sequence[str] = (),
    say: Callable[[str], None] = print,
    through: Through = through_all,
) -> list[Written]:
    """Predict every case with one run; a case that fails is listed with its fault and the others go on.

    The whole model also writes <case>_generated-dwi.nii.gz, in z-scores.

    Args:
        through: see predict_cases.
    Raises: SettingError for a run that looks at the real DWI, or an option that this journey does not have;
        OutputError if a result exists and may not be replaced.
    """
    (run,) = asked.runs
    saved = read_network(run)
    looks_at = PerfusionInput(saved.description["looks_at"])
    if looks_at is PerfusionInput.DWI:
        raise SettingError(
            f"{run}: this network looks at the real DWI, which no case has at test time; it is an upper bound. Name "
            "the run folder called whole, or maps."
        )
    _require_own_options(asked)
    cases, faults = cases_to_predict(given, asked, case_ids)
    telling = Telling(
        settings={
            "networks": {
                _NAME: {
                    "weights_sha256": saved.weights_sha256,
                    "threshold": saved.description["threshold"],
                    "looks_at": looks_at.value,
                }
            }
        },
        # Told when the device is known, which takes TensorFlow.
        computed_by="",
        seen_in_training=tuple(cases_seen_in_training([run], cases)),
    )
    plan = Plan(
        cases=cases,
        faults=faults,
        outputs=asked.outputs,
        volumes=lambda case: list(_files(case, asked.outputs, looks_at).values()),
        inputs=lambda case: case.images,
        settings=telling.settings,
        parts=1,
    )
    say(f"data: {given.name}, {len(cases)} cases · weights: {run}")
    if telling.seen_in_training:
        named = ", ".join(telling.seen_in_training)
        say(f"note: {named} trained this network, or has the name of a case that did; its Dice flatters")

    def each(tasks: Sequence[Task], progress: Progress) -> Iterator[Written]:
        if not tasks:
            return
        predictor, chosen = _opened(saved, looks_at, asked)
        told = replace(telling, computed_by=f"{chosen}, Keras")
        say(f"device: {told.computed_by}")
        for task in tasks:
            began = time.monotonic()
            try:
                yield _predicted(task, predictor, told, began)
            except (StrokeTfError, OSError) as fault:
                yield passed_over(task.case.case_id, time.monotonic() - began, fault)
            progress.step(note=f"case {task.case.case_id}")

    return through(plan, each, resume=asked.resume, say=say)


def settled_perfusion(asked: Asked) -> Asked:
    """Return the wishes with device and precision decided, so that other machines do not decide otherwise.

    Raises: SettingError if a GPU is asked for and there is none.
    """
    chosen = _chosen(asked)
    return replace(asked, device=chosen.device, precision=chosen.precision)


def _require_own_options(asked: Asked) -> None:
    """Refuse what belongs to the journey of planes."""
    if asked.naming is Naming.BIDS:
        raise SettingError("--naming bids: CT perfusion has no BIDS names here. Leave it out.")
    if asked.seeing != AS_GIVEN:
        raise SettingError(
            "--missing-sequence and --brain-mask do not apply to CT perfusion: all its images are needed, and the "
            "brain is found within the skull. Leave them out."
        )
    if asked.fusion:
        raise SettingError(f"--fusion {asked.fusion}: a run of reproduce-isles2018 has one plane. Leave it out.")


def _files(case: Case, outputs: Outputs, looks_at: PerfusionInput) -> dict[str, Path]:
    purposes = ["mask"] + ([f"prob-{_NAME}"] if outputs.probabilities else [])
    purposes += ["generated-dwi"] if looks_at is PerfusionInput.WHOLE else []
    return {purpose: outputs.volume(case, purpose) for purpose in purposes}


def _chosen(asked: Asked) -> Chosen:
    # Late, because TensorFlow starts for seconds, and the other networks of predict may do without it.
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    return choose_device(asked.device, asked.precision, threads=asked.threads)


def _opened(saved: SavedNetwork, looks_at: PerfusionInput, asked: Asked) -> tuple[_Predictor, Chosen]:
    chosen = _chosen(asked)
    from stroke_tf.models.files import load_model

    model, told = load_model(saved.folder, precision=chosen.precision)
    if (saved.folder / RUN_CARD).exists() and (faults := faults_of_run(saved.folder)):
        raise WeightsError(f"{faults[0]}. Copy the run folder again, or train it anew.")
    viewing = PerfusionViewing(
        told["size"], told["frames"], told["frame_seconds"], FitRule(told["fit"]), max_voxels=asked.max_voxels
    )
    return _Predictor(model, looks_at, viewing, told["threshold"]), chosen


def _predicted(task: Task, predictor: _Predictor, telling: Telling, began: float) -> Written:
    from stroke_tf.models.build import predict_function
    from stroke_tf.workflows.generative import lesion_and_generated_dwi, lesion_probabilities

    # Nothing but what is there at test time: a mask or a DWI that may lie beside the images is none of our business.
    case, outputs = task.case, task.outputs
    inputs = digests_of(case.images)
    seen = see_case(case, predictor.viewing, cache=None)
    files, record = _files(case, outputs, predictor.looks_at), outputs.record(case)
    like = read_place(case.images[case.reference], max_voxels=predictor.viewing.max_voxels)
    begin_record(record, case.case_id, telling.settings)
    try:
        if predictor.looks_at is PerfusionInput.WHOLE:
            probabilities, generated = lesion_and_generated_dwi(seen, predictor.model)
            write_volume(files["generated-dwi"], generated, like, dtype=np.float32, force=outputs.force)
        else:
            probabilities = lesion_probabilities(seen, None, predictor.looks_at, predict_function(predictor.model))
        if outputs.probabilities:
            write_volume(files[f"prob-{_NAME}"], probabilities, like, dtype=np.float32, force=outputs.force)
        mask = lesion_where(probabilities, threshold=predictor.threshold)
        write_volume(files["mask"], mask, like, dtype=np.uint8, force=outputs.force)
        facts = lesion_facts(mask, seen.brain, like.grid)
        warnings = told_of_mask(case, mask, [], telling)
        content = {
            "case": case.case_id,
            "synthetic": is_synthetic([case]),
            "mask": files["mask"].relative_to(outputs.folder).as_posix(),
            **facts,
            "reference": case.reference,
            "spacing_mm": [round(side, 5) for side in like.grid.spacing_mm],
            "warnings": warnings,
            "seconds": round(time.monotonic() - began, 2),
            "inputs": inputs,
            "settings": telling.settings,
            "computed_by": telling.computed_by,
        }
        finish_record(record, content, list(files.values()))
    except BaseException:
        withdraw_record(record, list(files.values()))
        raise
    seconds = time.monotonic() - began
    return Written(case.case_id, files["mask"], facts["lesion_ml"], seconds, warnings=tuple(warnings))
