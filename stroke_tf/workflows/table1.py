"""The whole of Table 1: cohort, networks, masks, measures, verdicts. Reads like the paper's sections II and III.

Every stage leaves its result in the output folder and is passed over when that result is there, so that a run which
was killed goes on where it was: finished networks by their run card, masks and measures by their files.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import Architecture, Device, Precision, Protocol
from stroke_tf.files import write_json
from stroke_tf.fusion import majority
from stroke_tf.metrics.baseline import apply_threshold, fit_threshold, flair_dwi_product
from stroke_tf.metrics.protocols import measure_case
from stroke_tf.models.device import Chosen, choose_device
from stroke_tf.models.files import restore_weights
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress
from stroke_tf.recipes.multiplane_2025 import TABLE1
from stroke_tf.recipes.recipe import Recipe, Table1
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.training.fit import Trainable
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.nifti import read_mask, read_scan, write_volume
from stroke_tf.workflows.ceiling import ceiling
from stroke_tf.workflows.cohort import (
    Cases,
    Split,
    open_cases,
    phantom_cases,
    split_of_fold,
    with_all_digests,
)
from stroke_tf.workflows.networks import RANDOM, EncoderWeights, build_trainable, find_weights
from stroke_tf.workflows.planar import predict_plane, train_plane, viewing_of
from stroke_tf.workflows.prepare import Prepared, cache_folder, prepare_all
from stroke_tf.workflows.results import Row, Stages, write_results
from stroke_tf.workflows.run import Job, RunOptions, is_finished
from stroke_tf.workflows.volumetric import predict_volume, train_volumetric

# The plane of the rows that the paper shows without naming one; see assumptions.
_UNNAMED_PLANE = Plane.Y


@dataclass(frozen=True)
class Table1Request:
    """What the user asked for.

    Args:
        data: manifest or folder of real cases; None runs on phantoms.
        folds: 0 to 3; each is tested by networks that never saw it.
        weights: auto, imagenet, none, or a file.
    """

    preset: str
    data: Path | None
    data_root: Path | None
    folds: tuple[int, ...]
    weights: str
    weights_folder: Path | None
    out: Path
    seed: int
    device: Device
    precision: Precision
    protocol: Protocol


@dataclass(frozen=True)
class Trained:
    """A row of the table that a network fills: its id in the paper's table and how it is trained."""

    row: str
    recipe: Recipe
    plane: Plane | None
    weights: EncoderWeights

    @property
    def folder(self) -> str:
        """Return the name of the run folder; two rows of the very same network share one."""
        plane = self.plane.value if self.plane else "patches"
        return f"{self.recipe.architecture.value}-{plane}-{self.weights.name}"


def reproduce_table1(request: Table1Request, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run what is still to do and write results.json, table1.md, table1.csv and the figures.

    Returns: what results.json holds.
    """
    preset = TABLE1[request.preset]
    same_seed_same_bits()
    chosen = choose_device(request.device, request.precision)
    weights = find_weights(request.weights, backbone=preset.planar.backbone, folder=request.weights_folder)
    cases = _cases(request, preset)
    say(f"device: {chosen} · data: {cases.name} · weights: {weights.name}")
    if weights.note:
        say(f"note: {weights.note}")
    cases = dataclasses.replace(cases, cases=with_all_digests(cases.cases))
    trained = trained_rows(preset, weights)
    stages = Stages(_costs(trained, request.folds, chosen), preset.minutes_on_two_cores, say)
    rows: dict[str, Row] = {}
    for fold in request.folds:
        split = split_of_fold(cases.cases, fold, validation_share=preset.planar.validation_share, seed=request.seed)
        _run_fold(request, preset, trained, cases, split, chosen, request.out / f"fold-{fold}", stages, rows)
    return write_results(
        rows,
        request.out,
        facts={
            "preset": preset.name,
            "data": cases.name,
            "synthetic": cases.synthetic,
            "protocol": request.protocol.value,
            "folds": list(request.folds),
            "seed": request.seed,
            "device": str(chosen),
            "weights_asked": request.weights,
            "weights_used": weights.name,
            "weights_note": weights.note,
            "seconds": round(stages.seconds, 1),
        },
    )


def trained_rows(preset: Table1, weights: EncoderWeights) -> list[Trained]:
    """List the networks of Table 1 in the order in which they are trained.

    The row without a model name is shown in both of its readings: the ResNet50-UNet without pretrained weights (the
    column says so), and a deeply supervised one (the text calls the row DSN).
    """
    planes = [Trained(plane.value, preset.planar, plane, weights) for plane in Plane]
    return [
        *planes,
        Trained("absent", preset.planar, _UNNAMED_PLANE, RANDOM),
        Trained("dsn", preset.deep, _UNNAMED_PLANE, RANDOM),
        Trained("3d-unet", preset.volumetric, None, RANDOM),
    ]


def _cases(request: Table1Request, preset: Table1) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    return phantom_cases(request.out / "synthetic-phantoms", preset.cohort, seed=request.seed)


def _costs(trained: Sequence[Trained], folds: Sequence[int], chosen: Chosen) -> dict[str, float]:
    """Guess how long each stage takes beside the others, in slices trained; measured time corrects the guess."""
    costs: dict[str, float] = {}
    for fold in folds:
        costs[f"fold {fold}: preparing"] = 600
        for each in trained:
            recipe = each.recipe
            epochs = sum(phase.epochs for phase in recipe.phases(pretrained=each.weights.pretrained))
            per_item = 8.0 if each.plane is None else 1.2 if each.row == "dsn" else 1.0
            shared = each.row == "absent" and not next(iter(trained)).weights.pretrained
            work = 0.0 if shared else epochs * recipe.steps_per_epoch * recipe.batch_size * per_item
            costs[f"fold {fold}: {each.row}"] = 300 + work
        costs[f"fold {fold}: judging"] = 500
    return costs


def _run_fold(
    request: Table1Request,
    preset: Table1,
    trained: Sequence[Trained],
    cases: Cases,
    split: Split,
    chosen: Chosen,
    folder: Path,
    stages: Stages,
    rows: dict[str, Row],
) -> None:
    """Train and test every row of one fold, adding its cases to the rows."""
    fold = folder.name.removeprefix("fold-")
    with stages.stage(f"fold {fold}: preparing"):
        cache = ArrayCache(cache_folder(request.out))
        everyone = (*split.train, *split.validation, *split.test)
        viewing = viewing_of(preset.planar)
        prepared = {each.case.case_id: each for each in prepare_all(everyone, viewing, cache)}
    networks: dict[Architecture, tuple[str, Trainable]] = {}
    for each in trained:
        with stages.stage(f"fold {fold}: {each.row}"):
            job = Job(
                each.recipe, each.plane, split.train, split.validation, each.weights, request.seed, cases.synthetic
            )
            run = _train(each, job, prepared, chosen, folder, networks, request.seed)
            _test(each, run, job, prepared, split, chosen, folder, networks, request, rows)
    with stages.stage(f"fold {fold}: judging"):
        _vote(preset, prepared, split, folder, request, rows)
        _threshold_rule(prepared, split, folder, request, rows)
        _ceiling(preset, prepared, split, request, rows)


def _train(
    each: Trained,
    job: Job,
    prepared: Mapping[str, Prepared],
    chosen: Chosen,
    folder: Path,
    networks: dict[Architecture, tuple[str, Trainable]],
    seed: int,
) -> Path:
    run = folder / "runs" / each.folder
    if is_finished(run, job.settings(chosen)):
        return run
    trainable = _network(each, chosen, networks, seed)
    teach = train_volumetric if each.plane is None else train_plane
    return teach(job, trainable, prepared, chosen, run, RunOptions(resume=True))


def _network(
    each: Trained, chosen: Chosen, networks: dict[Architecture, tuple[str, Trainable]], seed: int
) -> Trainable:
    """Build a network, or take the one at hand: building and tracing costs many seconds, three planes need one."""
    architecture = each.recipe.architecture
    if architecture not in networks or networks[architecture][0] != each.weights.name:
        networks.clear()
        networks[architecture] = (
            each.weights.name,
            build_trainable(each.recipe, each.weights, precision=chosen.precision, seed=seed),
        )
    return networks[architecture][1]


def _test(
    each: Trained,
    run: Path,
    job: Job,
    prepared: Mapping[str, Prepared],
    split: Split,
    chosen: Chosen,
    folder: Path,
    networks: dict[Architecture, tuple[str, Trainable]],
    request: Table1Request,
    rows: dict[str, Row],
) -> None:
    """Predict and measure the test cases of a fold with a trained network."""
    digest = json.loads((run / "run_card.json").read_text(encoding="utf-8"))["files"]["model.weights.h5"]
    open_jobs = [case for case in split.test if not _measured(folder, each.row, case.case_id, digest, request)]
    if open_jobs:
        trainable = _network(each, chosen, networks, request.seed)
        restore_weights(trainable.model, run)
        progress = Progress(f"testing {each.row}", len(open_jobs))
        for case in open_jobs:
            seen = prepared[case.case_id]
            if each.plane is None:
                probabilities = predict_volume(seen, trainable.predict, each.recipe.size)
            else:
                probabilities = predict_plane(seen, each.plane, trainable.predict)
            mask = probabilities >= each.recipe.threshold
            _keep(folder, each.row, seen, mask, digest, request)
            progress.step(note=f"case {case.case_id}")
    same_as_y = each.row == "absent" and rows["y"].weights == each.weights.name
    note = "the same network as row Y, since no pretrained weights were used" if same_as_y else ""
    _collect(rows, each.row, each.weights.name if each.plane else "N/A", note, split, folder)


def _vote(
    preset: Table1,
    prepared: Mapping[str, Prepared],
    split: Split,
    folder: Path,
    request: Table1Request,
    rows: dict[str, Row],
) -> None:
    """Fuse the three planes' masks as they lie on disk."""
    progress = Progress("voting", len(split.test))
    for case in split.test:
        planes = [_mask_file(folder, plane.value, case.case_id) for plane in Plane]
        digest = cache_key(planes=[_record(folder, plane.value, case.case_id)["source"] for plane in Plane])
        if not _measured(folder, "vote", case.case_id, digest, request):
            masks = [read_mask(path, allow_empty=True).data for path in planes]
            fused = majority(masks, tie=preset.planar.tie)
            _keep(folder, "vote", prepared[case.case_id], fused, digest, request)
        progress.step()
    _collect(rows, "vote", "N/A", "", split, folder)


def _threshold_rule(
    prepared: Mapping[str, Prepared],
    split: Split,
    folder: Path,
    request: Table1Request,
    rows: dict[str, Row],
) -> None:
    """Fit one threshold on FLAIR x DWI to the training cases, and apply it to the test cases.

    It shows what the cohort asks for: where one number does well, networks prove nothing.
    """
    everyone = (*split.train, *split.validation, *split.test)
    if any(not {"FLAIR", "DWI"} <= set(case.images) or case.resample for case in everyone):
        return
    fitted_on = [prepared[case.case_id] for case in (*split.train, *split.validation)]
    digest = cache_key(rule="flair x dwi", cases=[dict(case.sha256) for case in everyone])
    record = folder / "threshold.json"
    if not record.exists() or json.loads(record.read_text(encoding="utf-8"))["source"] != digest:
        progress = Progress("fitting the threshold rule", len(fitted_on))
        threshold = fit_threshold(_products_with_truth(fitted_on, progress))
        write_json(record, {"source": digest, "threshold": threshold})
    threshold = json.loads(record.read_text(encoding="utf-8"))["threshold"]
    for case in split.test:
        if not _measured(folder, "threshold", case.case_id, digest, request):
            seen = prepared[case.case_id]
            _keep(folder, "threshold", seen, apply_threshold(_product(seen), threshold), digest, request)
    _collect(rows, "threshold", "N/A", f"fitted on the training cases: {threshold:.3g}", split, folder)


def _products_with_truth(cases: Sequence[Prepared], progress: Progress):
    for case in cases:
        yield _product(case), case.truth
        progress.step()


def _product(case: Prepared) -> np.ndarray:
    flair, dwi = (read_scan(case.case.images[name]).data for name in ("FLAIR", "DWI"))
    return flair_dwi_product(flair, dwi, case.brain)


def _ceiling(
    preset: Table1, prepared: Mapping[str, Prepared], split: Split, request: Table1Request, rows: dict[str, Row]
) -> None:
    """Measure what the slices themselves cost: the truth, cut, fitted, undone and voted, against itself."""
    recipe = preset.planar
    row = rows.setdefault("ceiling", Row("ceiling", "N/A", f"fit: {recipe.fit.value}, {recipe.size}x{recipe.size}"))
    progress = Progress("measuring the ceiling", len(split.test))
    for case in split.test:
        seen = prepared[case.case_id]
        dices = ceiling(seen.truth, seen.brain, rule=recipe.fit, size=recipe.size, tie=recipe.tie)
        row.cases.append({"case": case.case_id, "dice": dices["vote"]})
        progress.step()


def _mask_file(folder: Path, row: str, case_id: str) -> Path:
    return folder / "masks" / row / f"{case_id}_mask.nii.gz"


def _record_file(folder: Path, row: str, case_id: str) -> Path:
    return folder / "masks" / row / f"{case_id}_measures.json"


def _record(folder: Path, row: str, case_id: str) -> dict[str, Any]:
    return json.loads(_record_file(folder, row, case_id).read_text(encoding="utf-8"))


def _measured(folder: Path, row: str, case_id: str, source: str, request: Table1Request) -> bool:
    """Tell whether mask and measures of a case are there and come from this very source under this protocol."""
    if not (_record_file(folder, row, case_id).exists() and _mask_file(folder, row, case_id).exists()):
        return False
    record = _record(folder, row, case_id)
    return record["source"] == source and record["protocol"] == request.protocol.value


def _keep(folder: Path, row: str, case: Prepared, mask: Mask, source: str, request: Table1Request) -> None:
    """Write the mask on the case's own grid, measure it, and write the measures last: they mark the case as done."""
    like = read_scan(case.case.images[case.case.reference])
    path = _mask_file(folder, row, case.case.case_id)
    write_volume(path, mask, like, dtype=np.uint8, force=True)
    measures = measure_case(mask, case.truth, spacing_mm=case.spacing_mm, brain=case.brain, protocol=request.protocol)
    record = {"source": source, "protocol": request.protocol.value, "measures": measures}
    write_json(_record_file(folder, row, case.case.case_id), record)


def _collect(rows: dict[str, Row], name: str, weights: str, note: str, split: Split, folder: Path) -> None:
    row = rows.setdefault(name, Row(name, weights, note))
    for case in split.test:
        measures = _record(folder, name, case.case_id)["measures"]
        row.cases.append({"case": case.case_id, "fold": folder.name, **measures})
