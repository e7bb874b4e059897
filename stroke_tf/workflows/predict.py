"""From scans to masks on the scans' own grid: the workflow behind `stroke-tf predict`."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import Device, Engine, Precision, TieRule
from stroke_tf.errors import ManifestError, StrokeTfError
from stroke_tf.files import require_absent
from stroke_tf.fusion import lesion_where, majority
from stroke_tf.manifest.case import Case
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, read_run_card
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Place, read_place, write_volume
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.predictors import Predictor, look_at_runs, open_predictors, voted_mask
from stroke_tf.workflows.prepare import Prepared, Viewing, prepare


@dataclass(frozen=True)
class Outputs:
    """What a prediction writes, where, and what an even vote means in it.

    Args:
        folder: holds every file of every case.
        plane_masks: write each plane's own mask beside the vote's; it then has to be complete.
        probabilities: write each plane's probabilities and mask.
        force: replace files that exist.
    """

    folder: Path
    tie: TieRule
    plane_masks: bool
    probabilities: bool
    force: bool

    @property
    def of_each_plane(self) -> bool:
        """Tell whether anything is written for each plane."""
        return self.plane_masks or self.probabilities

    def of_case(self, case: Case, names: Sequence[str]) -> dict[str, Path]:
        """Return the files that predicting a case writes, by purpose; names are those of the predictors."""
        purposes = ["mask"]
        if len(names) > 1 and self.of_each_plane:
            purposes += [f"mask-{name}" for name in names]
        if self.probabilities:
            purposes += [f"prob-{name}" for name in names]
        return {purpose: self.folder / f"{case.case_id}_{purpose}.nii.gz" for purpose in purposes}


@dataclass(frozen=True)
class Written:
    """What was written for one case, or why nothing was."""

    case_id: str
    mask: Path | None
    volume_ml: float
    seconds: float
    fault: str = ""


def predict_cases(
    runs: Sequence[Path],
    data: Path,
    outputs: Outputs,
    *,
    case_ids: Sequence[str],
    data_root: Path | None,
    engine: Engine,
    device: Device,
    precision: Precision,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    say: Callable[[str], None] = print,
) -> list[Written]:
    """Predict every case with every run, and vote where there are several planes.

    A case that fails is listed with its fault and the others go on. Each case is read while the one before it is
    predicted, the first while the networks are loaded.

    Raises: SettingError if the runs do not fit together; OutputError if a result exists and may not be replaced.
    """
    cases = open_cases(data, data_root=data_root)
    wanted = chosen_cases(cases.cases, case_ids) if case_ids else cases.cases
    opening = look_at_runs(runs, engine=engine, device=device, precision=precision, max_voxels=max_voxels)
    viewing = opening.viewing()
    for case in wanted:
        for path in outputs.of_case(case, opening.names).values():
            require_absent(path, force=outputs.force)
    weights = ", ".join(f"{run}" for run in runs)
    say(f"device: {opening} · data: {cases.name}, {len(wanted)} cases · weights: {weights}")
    if seen := cases_seen_in_training(runs, wanted):
        say(f"note: {', '.join(seen)} trained these networks, or has the name of a case that did; its Dice flatters")
    # A mask that may lie beside the images is none of prediction's business: not even an empty or broken one.
    images = [dataclasses.replace(case, lesion=None) for case in wanted]
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(_read, images[0], viewing)
        predictors = open_predictors(opening)
        progress = Progress("predicting", len(wanted) * len(predictors))
        written = []
        for number, case in enumerate(images):
            began = time.monotonic()
            waiting = reading
            if number + 1 < len(images):
                reading = reader.submit(_read, images[number + 1], viewing)
            written.append(_guarded(case, waiting, predictors, outputs, progress, began))
            # Else the case's arrays would stay until the next one is done.
            del waiting
    progress.end()
    return written


def cases_seen_in_training(runs: Sequence[Path], cases: Sequence[Case]) -> list[str]:
    """List the cases whose names stand among the training or validation cases of a run."""
    splits = [read_run_card(run)["split"] for run in runs if (run / RUN_CARD).exists()]
    known = {case_id for split in splits for case_id in (*split["train"], *split["validation"])}
    return [case.case_id for case in cases if case.case_id in known]


def _read(case: Case, viewing: Viewing) -> tuple[Prepared, Place]:
    """Prepare a case, and look at the image on whose grid its mask will lie."""
    prepared = prepare(case, viewing, cache=None)
    return prepared, read_place(_reference_image(case), max_voxels=viewing.max_voxels)


def _guarded(
    case: Case,
    reading: Future[tuple[Prepared, Place]],
    predictors: Sequence[Predictor],
    outputs: Outputs,
    progress: Progress,
    began: float,
) -> Written:
    try:
        prepared, like = reading.result()
        files = outputs.of_case(case, [each.name for each in predictors])

        def done(name: str) -> None:
            progress.step(note=f"case {case.case_id}, {name}")

        fused = _mask_of_case(prepared, like, files, predictors, outputs, done)
        write_volume(files["mask"], fused, like, dtype=np.uint8, force=outputs.force)
    except StrokeTfError as fault:
        return Written(case.case_id, None, 0.0, time.monotonic() - began, str(fault))
    volume_ml = float(fused.sum() * like.grid.voxel_volume_ml)
    return Written(case.case_id, files["mask"], volume_ml, time.monotonic() - began)


def _mask_of_case(
    prepared: Prepared,
    like: Place,
    files: Mapping[str, Path],
    predictors: Sequence[Predictor],
    outputs: Outputs,
    done: Callable[[str], None],
) -> Mask:
    if not outputs.of_each_plane:
        return voted_mask(predictors, prepared, tie=outputs.tie, done=done)
    masks: list[Mask] = []
    for each in predictors:
        # One plane's probabilities at a time: they are the largest arrays, and only their mask is voted on.
        volume = each.probabilities(prepared)
        masks.append(lesion_where(volume, threshold=each.threshold))
        if outputs.probabilities:
            write_volume(files[f"prob-{each.name}"], volume, like, dtype=np.float32, force=outputs.force)
        if len(predictors) > 1:
            write_volume(files[f"mask-{each.name}"], masks[-1], like, dtype=np.uint8, force=outputs.force)
        done(each.name)
    return majority(masks, tie=outputs.tie)


def _reference_image(case: Case) -> Path:
    try:
        return case.images[case.reference]
    except KeyError:
        raise ManifestError(f"case {case.case_id}: no {case.reference} image, whose grid the mask needs.") from None
