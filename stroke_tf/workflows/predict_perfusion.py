"""From CT perfusion to a mask, and the DWI that the model drew, with a run of reproduce-isles2018; no DWI is read.

`stroke-tf predict` comes here when the run it is given is of this journey: another way, so another workflow.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.choices import PERFUSION_NETWORKS, Device, FitRule, PerfusionInput, Precision
from stroke_tf.errors import SettingError, StrokeTfError, WeightsError
from stroke_tf.files import require_absent
from stroke_tf.fusion import lesion_where
from stroke_tf.manifest.case import Case
from stroke_tf.models.network import SavedNetwork, read_network
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, faults_of_run
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, read_place, write_volume
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.predict import Outputs, Written, cases_seen_in_training
from stroke_tf.workflows.prepare_perfusion import PerfusionViewing, see_case

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
    run: Path,
    data: Path,
    outputs: Outputs,
    *,
    case_ids: Sequence[str],
    data_root: Path | None,
    device: Device,
    precision: Precision,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    say: Callable[[str], None] = print,
) -> list[Written]:
    """Predict every case with one run; a case that fails is listed with its fault and the others go on.

    The whole model also writes <case>_generated-dwi.nii.gz, in z-scores.

    Raises: SettingError for a run that looks at the real DWI; OutputError if a result exists and may not be replaced.
    """
    saved = read_network(run)
    looks_at = PerfusionInput(saved.description["looks_at"])
    if looks_at is PerfusionInput.DWI:
        raise SettingError(
            f"{run}: this network looks at the real DWI, which no case has at test time; it is an upper bound. Name "
            "the run folder called whole, or maps."
        )
    cases = open_cases(data, data_root=data_root)
    wanted = chosen_cases(cases.cases, case_ids) if case_ids else cases.cases
    for case in wanted:
        for path in _files(case, outputs, looks_at).values():
            require_absent(path, force=outputs.force)
    predictor, chosen = _opened(saved, looks_at, device, precision, max_voxels)
    say(f"device: {chosen}, Keras · data: {cases.name}, {len(wanted)} cases · weights: {run}")
    if seen := cases_seen_in_training([run], wanted):
        say(f"note: {', '.join(seen)} trained this network, or has the name of a case that did; its Dice flatters")
    progress = Progress("predicting", len(wanted))
    written = []
    for case in wanted:
        began = time.monotonic()
        try:
            mask, volume_ml = _predicted(case, predictor, outputs)
            written.append(Written(case.case_id, mask, volume_ml, time.monotonic() - began))
        except StrokeTfError as fault:
            written.append(Written(case.case_id, None, 0.0, time.monotonic() - began, str(fault)))
        progress.step(note=f"case {case.case_id}")
    progress.end()
    return written


def _files(case: Case, outputs: Outputs, looks_at: PerfusionInput) -> dict[str, Path]:
    purposes = ["mask"] + ([f"prob-{_NAME}"] if outputs.probabilities else [])
    purposes += ["generated-dwi"] if looks_at is PerfusionInput.WHOLE else []
    return {purpose: outputs.folder / f"{case.case_id}_{purpose}.nii.gz" for purpose in purposes}


def _opened(
    saved: SavedNetwork, looks_at: PerfusionInput, device: Device, precision: Precision, max_voxels: int
) -> tuple[_Predictor, Any]:
    # Late, because TensorFlow starts for seconds, and the other networks of predict may do without it.
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.models.device import choose_device
    from stroke_tf.models.files import load_model

    chosen = choose_device(device, precision)
    model, told = load_model(saved.folder, precision=chosen.precision)
    if (saved.folder / RUN_CARD).exists() and (faults := faults_of_run(saved.folder)):
        raise WeightsError(f"{faults[0]}. Copy the run folder again, or train it anew.")
    viewing = PerfusionViewing(
        told["size"], told["frames"], told["frame_seconds"], FitRule(told["fit"]), max_voxels=max_voxels
    )
    return _Predictor(model, looks_at, viewing, told["threshold"]), chosen


def _predicted(case: Case, predictor: _Predictor, outputs: Outputs) -> tuple[Path, float]:
    from stroke_tf.models.build import predict_function
    from stroke_tf.workflows.generative import lesion_and_generated_dwi, lesion_probabilities

    # Nothing but what is there at test time: a mask or a DWI that may lie beside the images is none of our business.
    seen = see_case(dataclasses.replace(case, lesion=None), predictor.viewing, cache=None)
    files = _files(case, outputs, predictor.looks_at)
    like = read_place(case.images[case.reference], max_voxels=predictor.viewing.max_voxels)
    if predictor.looks_at is PerfusionInput.WHOLE:
        probabilities, generated = lesion_and_generated_dwi(seen, predictor.model)
        write_volume(files["generated-dwi"], generated, like, dtype=np.float32, force=outputs.force)
    else:
        probabilities = lesion_probabilities(seen, None, predictor.looks_at, predict_function(predictor.model))
    if outputs.probabilities:
        write_volume(files[f"prob-{_NAME}"], probabilities, like, dtype=np.float32, force=outputs.force)
    mask = lesion_where(probabilities, threshold=predictor.threshold)
    write_volume(files["mask"], mask, like, dtype=np.uint8, force=outputs.force)
    return files["mask"], float(mask.sum() * like.grid.voxel_volume_ml)
