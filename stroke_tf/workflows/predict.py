"""From scans to masks on the scans' own grid: the workflow behind `stroke-tf predict`."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.choices import Architecture, Device, FitRule, Precision, TieRule
from stroke_tf.errors import ManifestError, SettingError, StrokeTfError, WeightsError
from stroke_tf.files import require_absent
from stroke_tf.fusion import lesion_where, majority
from stroke_tf.inference.run import Predict
from stroke_tf.manifest.case import Case
from stroke_tf.models.build import network_of, predict_function
from stroke_tf.models.device import choose_device
from stroke_tf.models.files import load_model
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, faults_of_run, read_run_card
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, read_scan, write_volume
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.planar import predict_plane
from stroke_tf.workflows.prepare import Prepared, Viewing, prepare
from stroke_tf.workflows.volumetric import predict_volume


@dataclass(frozen=True)
class Predictor:
    """A trained network, ready to look at cases.

    Args:
        name: what its files are called after: the plane, or 3d.
        plane: None for the 3-D network.
        patch: side of the 3-D network's patches in voxels; not used by a plane.
    """

    name: str
    plane: Plane | None
    viewing: Viewing
    threshold: float
    predict: Predict
    patch: int

    def probabilities(self, case: Prepared, *, on_batch: Callable[[int], None] | None = None) -> Probabilities:
        """Return the lesion probability of every voxel of a case, shape (x, y, z), float32."""
        if self.plane is None:
            return predict_volume(case, self.predict, self.patch, on_batch=on_batch)
        return predict_plane(case, self.plane, self.predict, on_batch=on_batch)


@dataclass(frozen=True)
class Outputs:
    """What a prediction writes, where, and what an even vote means in it.

    Args:
        folder: holds every file of every case.
        probabilities: write each plane's probabilities beside its mask.
        force: replace files that exist.
    """

    folder: Path
    tie: TieRule
    probabilities: bool
    force: bool

    def of_case(self, case: Case, predictors: Sequence[Predictor]) -> dict[str, Path]:
        """Return the files that predicting a case writes, by purpose."""
        purposes = ["mask"]
        if len(predictors) > 1:
            purposes += [f"mask-{each.name}" for each in predictors]
        if self.probabilities:
            purposes += [f"prob-{each.name}" for each in predictors]
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
    device: Device,
    precision: Precision,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    say: Callable[[str], None] = print,
) -> list[Written]:
    """Predict every case with every run, and vote where there are several planes.

    A case that fails is listed with its fault and the others go on.

    Raises: SettingError if the runs do not fit together; OutputError if a result exists and may not be replaced.
    """
    chosen = choose_device(device, precision)
    cases = open_cases(data, data_root=data_root)
    wanted = chosen_cases(cases.cases, case_ids) if case_ids else cases.cases
    predictors = open_predictors(runs, precision=chosen.precision, max_voxels=max_voxels)
    names = ", ".join(f"{run}" for run in runs)
    say(f"device: {chosen} · data: {cases.name}, {len(wanted)} cases · weights: {names}")
    if seen := cases_seen_in_training(runs, wanted):
        say(f"note: {', '.join(seen)} trained these networks, or has the name of a case that did; its Dice flatters")
    for case in wanted:
        for path in outputs.of_case(case, predictors).values():
            require_absent(path, force=outputs.force)
    progress = Progress("predicting", len(wanted) * len(predictors))
    written = [_guarded(case, predictors, outputs, progress) for case in wanted]
    progress.end()
    return written


def cases_seen_in_training(runs: Sequence[Path], cases: Sequence[Case]) -> list[str]:
    """List the cases whose names stand among the training or validation cases of a run."""
    splits = [read_run_card(run)["split"] for run in runs if (run / RUN_CARD).exists()]
    known = {case_id for split in splits for case_id in (*split["train"], *split["validation"])}
    return [case.case_id for case in cases if case.case_id in known]


def open_predictors(
    runs: Sequence[Path], *, precision: Precision, max_voxels: int = DEFAULT_MAX_VOXELS
) -> list[Predictor]:
    """Load the networks of run folders.

    Raises: SettingError if two runs are of one plane, or look at a case in different ways.
    """
    predictors = [_predictor(run, precision, max_voxels) for run in runs]
    names = [predictor.name for predictor in predictors]
    if len(set(names)) < len(names):
        received = ", ".join(f"{run} ({name})" for run, name in zip(runs, names, strict=True))
        raise SettingError(f"Each plane votes once. Received: {received}. Name one run of each plane.")
    views = {(predictor.viewing.sequences, predictor.viewing.fit) for predictor in predictors}
    if len(views) > 1:
        raise SettingError(
            f"The runs were trained on different sequences or fits ({views}); they cannot vote together. Name runs of "
            "one recipe, or predict with each alone and fuse the results."
        )
    return predictors


def _predictor(run: Path, precision: Precision, max_voxels: int) -> Predictor:
    # A run in training has no card yet; a finished one must still be what its card says, or it may cut the wrong way.
    if (run / RUN_CARD).exists() and (faults := faults_of_run(run)):
        raise WeightsError(f"{faults[0]}. Copy the run folder again, or train it anew.")
    model, description = load_model(run, precision=precision)
    network = network_of(model)
    planar = network.architecture is not Architecture.UNET_3D
    if planar and not description.get("plane"):
        raise SettingError(f"{run}: network.json names no plane; it was not written by stroke-tf train.")
    plane = Plane(description["plane"]) if planar else None
    viewing = Viewing(
        tuple(description["sequences"]), FitRule(description["fit"]), (plane,) if plane else (), max_voxels
    )
    name = plane.value if plane else "3d"
    return Predictor(name, plane, viewing, description["threshold"], predict_function(model), network.patch[0])


def _guarded(case: Case, predictors: Sequence[Predictor], outputs: Outputs, progress: Progress) -> Written:
    began = time.monotonic()
    try:
        path, volume_ml = _predict_case(case, predictors, outputs, progress)
    except StrokeTfError as fault:
        return Written(case.case_id, None, 0.0, time.monotonic() - began, str(fault))
    return Written(case.case_id, path, volume_ml, time.monotonic() - began)


def _predict_case(
    case: Case, predictors: Sequence[Predictor], outputs: Outputs, progress: Progress
) -> tuple[Path, float]:
    first = predictors[0].viewing
    planes = tuple(each.plane for each in predictors if each.plane)
    # A mask that may lie beside the images is none of prediction's business: not even an empty or broken one.
    case = dataclasses.replace(case, lesion=None)
    prepared = prepare(case, Viewing(first.sequences, first.fit, planes, first.max_voxels), cache=None)
    like = read_scan(_reference_image(case), max_voxels=first.max_voxels)
    files = outputs.of_case(case, predictors)
    masks: list[Mask] = []
    for each in predictors:
        # One plane's probabilities at a time: they are the largest arrays, and only their mask is voted on.
        volume = each.probabilities(prepared)
        masks.append(lesion_where(volume, threshold=each.threshold))
        if outputs.probabilities:
            write_volume(files[f"prob-{each.name}"], volume, like, dtype=np.float32, force=outputs.force)
        if len(predictors) > 1:
            write_volume(files[f"mask-{each.name}"], masks[-1], like, dtype=np.uint8, force=outputs.force)
        progress.step(note=f"case {case.case_id}, {each.name}")
    fused = majority(masks, tie=outputs.tie)
    write_volume(files["mask"], fused, like, dtype=np.uint8, force=outputs.force)
    return files["mask"], float(fused.sum() * like.grid.voxel_volume_ml)


def _reference_image(case: Case) -> Path:
    try:
        return case.images[case.reference]
    except KeyError:
        raise ManifestError(f"case {case.case_id}: no {case.reference} image, whose grid the mask needs.") from None
