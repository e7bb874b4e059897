"""From scans to masks on the scans' own grid: the workflow behind `stroke-tf predict`."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.choices import Device, Engine, FusionRule, Precision, TieRule
from stroke_tf.errors import ManifestError, SettingError, StrokeTfError
from stroke_tf.files import require_absent
from stroke_tf.fusion import fuse, lesion_where, majority
from stroke_tf.fusion.clean_up import clean_up
from stroke_tf.fusion.fitted import read_fitted
from stroke_tf.fusion.origin import origin_file, require_same_networks, write_origin
from stroke_tf.fusion.rules import FASTSURFER, WEIGHTED, in_order
from stroke_tf.manifest.case import Case
from stroke_tf.progress import Progress
from stroke_tf.training.record import RUN_CARD, read_run_card
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Place, read_place, write_volume
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.fuse import Fusing, fusing_by
from stroke_tf.workflows.predictors import Opening, Predictor, look_at_runs, open_predictors, voted_mask
from stroke_tf.workflows.prepare import Prepared, Viewing, prepare


@dataclass(frozen=True)
class Outputs:
    """What a prediction writes, where, and what an even vote means in it.

    Args:
        folder: holds every file of every case.
        plane_masks: write each plane's own mask beside the vote's; it then has to be complete.
        probabilities: write each plane's probabilities and mask, and beside the former which network made them.
        force: replace files that exist.
        fusing: how the planes become one mask; None is the majority vote, which leaves out slices that cannot matter.
    """

    folder: Path
    tie: TieRule
    plane_masks: bool
    probabilities: bool
    force: bool
    fusing: Fusing | None = None

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
        files = {purpose: self.folder / f"{case.case_id}_{purpose}.nii.gz" for purpose in purposes}
        if self.probabilities:
            files |= {f"origin-{name}": origin_file(files[f"prob-{name}"]) for name in names}
        return files


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
    fusion: str = "",
    max_voxels: int = DEFAULT_MAX_VOXELS,
    say: Callable[[str], None] = print,
) -> list[Written]:
    """Predict every case with every run, and vote where there are several planes.

    A case that fails is listed with its fault and the others go on. Each case is read while the one before it is
    predicted, the first while the networks are loaded.

    Args:
        fusion: see fusing_of.
    Raises: SettingError if the runs do not fit together; OutputError if a result exists and may not be replaced.
    """
    cases = open_cases(data, data_root=data_root)
    wanted = chosen_cases(cases.cases, case_ids) if case_ids else cases.cases
    opening = look_at_runs(runs, engine=engine, device=device, precision=precision, max_voxels=max_voxels)
    viewing = opening.viewing()
    outputs = dataclasses.replace(outputs, fusing=fusing_of(fusion, opening, tie=outputs.tie))
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
    if not outputs.of_each_plane and outputs.fusing is None:
        return voted_mask(predictors, prepared, tie=outputs.tie, done=done)

    def volumes() -> Iterator[Probabilities | Mask]:
        # One plane's probabilities at a time: they are the largest arrays.
        for each in predictors:
            volume = each.probabilities(prepared)
            mask = lesion_where(volume, threshold=each.threshold)
            if outputs.probabilities:
                write_volume(files[f"prob-{each.name}"], volume, like, dtype=np.float32, force=outputs.force)
                if each.origin is not None:
                    write_origin(files[f"prob-{each.name}"], each.origin)
            if len(predictors) > 1 and outputs.of_each_plane:
                write_volume(files[f"mask-{each.name}"], mask, like, dtype=np.uint8, force=outputs.force)
            done(each.name)
            # A vote by the networks' own thresholds needs their masks only.
            yield mask if outputs.fusing is None else volume

    if outputs.fusing is None:
        return majority(list(volumes()), tie=outputs.tie)
    return _fused(outputs.fusing, volumes(), [each.name for each in predictors], like)


def _fused(fusing: Fusing, volumes: Iterable[Probabilities], names: Sequence[str], like: Place) -> Mask:
    weights = in_order(fusing.weights, names) if isinstance(fusing.weights, Mapping) else None
    fused = fuse(fusing.rule, volumes, threshold=fusing.threshold, tie=fusing.tie, weights=weights)
    return clean_up(
        fused,
        voxel_volume_ml=like.grid.voxel_volume_ml,
        min_component_ml=fusing.min_component_ml,
        fill_holes=fusing.fill_holes,
    )


def _reference_image(case: Case) -> Path:
    try:
        return case.images[case.reference]
    except KeyError:
        raise ManifestError(f"case {case.case_id}: no {case.reference} image, whose grid the mask needs.") from None
