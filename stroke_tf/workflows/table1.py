"""The whole of Table 1: cohort, networks, masks, measures, verdicts. Reads like the paper's sections II and III.

Every stage leaves its result in the output folder and is passed over when that result is there, so that a run which
was killed goes on where it was: finished networks by their run card, masks and measures by their files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.fusion import lesion_where, majority
from stroke_tf.fusion.origin import Origin
from stroke_tf.manifest.case import Case
from stroke_tf.models.device import Chosen
from stroke_tf.models.files import restore_weights
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress, clock_text
from stroke_tf.recipes.multiplane_2025 import TABLE1, VARIANTS, variants_of
from stroke_tf.recipes.recipe import Recipe, Table1
from stroke_tf.reports.pictures import overlay_figure
from stroke_tf.training.fit import Trainable
from stroke_tf.training.record import read_run_card
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.nifti import read_place, read_scan
from stroke_tf.workflows.ceiling import ceiling
from stroke_tf.workflows.cohort import (
    Cases,
    Split,
    open_cases,
    phantom_cases,
    split_of_fold,
    with_all_digests,
)
from stroke_tf.workflows.compare_fusion import compare_fusion
from stroke_tf.workflows.measured import Measured
from stroke_tf.workflows.networks import RANDOM, EncoderWeights, build_trainable, find_weights
from stroke_tf.workflows.planar import train_plane, viewing_of
from stroke_tf.workflows.prepare import Prepared, cache_folder, prepare_all
from stroke_tf.workflows.probabilities import predict_plane, predict_volume
from stroke_tf.workflows.results import Row, Stages, figure_name, write_results
from stroke_tf.workflows.run import Job, RunOptions, is_finished
from stroke_tf.workflows.start import start
from stroke_tf.workflows.stored_planes import Roster, StoredPlanes
from stroke_tf.workflows.threshold_rule import (
    fitted_threshold,
    fitted_threshold_of_largest,
    largest_thresholded,
    threshold_rule_fits,
    thresholded,
)
from stroke_tf.workflows.volumetric import train_volumetric

Networks = dict[tuple[Any, ...], Trainable]
"""The network at hand, by what decides its layers and where it began; at most one."""
# The plane of the rows that the paper shows without naming one; see assumptions.
_UNNAMED_PLANE = Plane.Y
# What a slice costs to train, in slices of row Y: processor time side by side in mixed_bfloat16, on two cores.
_COST = {"dsn": 1.2, "dense-unet": 0.75, "attention": 1.1, "linknet": 0.85, "fpn": 1.9}


@dataclass(frozen=True)
class Table1Request:
    """What the user asked for.

    Args:
        data: manifest or folder of real cases; None runs on phantoms.
        folds: 0 to 3; each is tested by networks that never saw it.
        weights: auto, imagenet, none, or a file.
        sequences: different names; empty takes the recipe's.
        variants: rows beside row Y, names of recipes.multiplane_2025.VARIANTS.
    Raises: SettingError for a variant that there is not.
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
    sequences: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        strangers = [name for name in self.variants if name not in VARIANTS]
        if strangers:
            raise SettingError(
                f"--variants takes all, or some of {', '.join(VARIANTS)}. Received: {', '.join(strangers)}"
            )

    @property
    def recipes(self) -> Table1:
        """Return the preset, looking at the sequences the user named where some were named."""
        preset = TABLE1[self.preset]
        if not self.sequences:
            return preset
        names = ("planar", "deep", "volumetric")
        return replace(preset, **{name: replace(getattr(preset, name), sequences=self.sequences) for name in names})


@dataclass(frozen=True)
class Trained:
    """A row of the table that a network fills: its id in the table and how it is trained."""

    row: str
    recipe: Recipe
    plane: Plane | None
    weights: EncoderWeights

    @property
    def folder(self) -> str:
        """Return the name of the run folder; two rows of the very same network share one."""
        plane = self.plane.value if self.plane else "patches"
        network = self.row if self.row in VARIANTS else self.recipe.architecture.value
        return f"{network}-{plane}-{self.weights.name}"


def reproduce_table1(request: Table1Request, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run what is still to do and write results.json, table1.md, table1.csv, fusion.md and the figures.

    Returns: what results.json holds.
    """
    preset = request.recipes
    chosen, weights = start(request, backbone=preset.planar.backbone, cohort=preset.cohort, say=say)
    cases = _cases(request, preset)
    cases = replace(cases, cases=with_all_digests(cases.cases))
    trained = [*trained_rows(preset, weights), *variant_rows(request, weights)]
    require_sequences(trained, cases.cases)
    costs = _costs(trained, request.folds)
    paper_alone = sum(_costs(trained_rows(preset, weights), request.folds).values())
    minutes = preset.minutes_on_two_cores * len(request.folds) * sum(costs.values()) / paper_alone
    say(f"estimated time: {clock_text(60 * minutes)} on 2 cores; the time left below is corrected as stages are timed")
    stages = Stages(costs, minutes, say)
    rows: dict[str, Row] = {}
    for fold in request.folds:
        split = split_of_fold(cases.cases, fold, validation_share=preset.planar.validation_share, seed=request.seed)
        _run_fold(request, preset, trained, cases, split, chosen, request.out / f"fold-{fold}", stages, rows)
    with stages.stage("fusion"):
        compare_fusion(request.out, folds=[f"fold-{fold}" for fold in request.folds], say=say)
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


def variant_rows(request: Table1Request, weights: EncoderWeights) -> list[Trained]:
    """List the networks that are shown beside row Y, in the order of the table.

    Args:
        weights: those of the paper's encoder; a variant with another encoder looks for its own.
    """
    preset = request.recipes
    rows = []
    for name, recipe in variants_of(preset.planar).items():
        if name in request.variants:
            own = weights if recipe.backbone == preset.planar.backbone else _own_weights(request, recipe)
            rows.append(Trained(name, recipe, _UNNAMED_PLANE, own))
    return rows


def _own_weights(request: Table1Request, recipe: Recipe) -> EncoderWeights:
    if request.weights in ("auto", "imagenet", "none"):
        return find_weights(request.weights, backbone=recipe.backbone, folder=request.weights_folder)
    return replace(RANDOM, note=f"the encoder {recipe.backbone} cannot take {Path(request.weights).name}")


def require_sequences(trained: Sequence[Trained], cases: Sequence[Case]) -> None:
    """Do nothing if every case has the sequences of every variant: to miss one after an hour would be late."""
    for each in trained:
        for case in cases if each.row in VARIANTS else ():
            missing = [name for name in each.recipe.sequences if name not in case.images]
            if missing:
                raise ManifestError(
                    f"case {case.case_id}: no {', '.join(missing)}, which the row {each.row} needs. Add the file, or "
                    f"leave {each.row} out of --variants."
                )


def _cases(request: Table1Request, preset: Table1) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    return phantom_cases(request.out / "synthetic-phantoms", preset.cohort, seed=request.seed)


def _costs(trained: Sequence[Trained], folds: Sequence[int]) -> dict[str, float]:
    """Guess how long each stage takes beside the others, in slices trained; measured time corrects the guess."""
    costs: dict[str, float] = {}
    for fold in folds:
        costs[f"fold {fold}: preparing"] = 600
        for each in trained:
            recipe = each.recipe
            epochs = sum(phase.epochs for phase in recipe.phases(pretrained=each.weights.pretrained))
            per_item = 8.0 if each.plane is None else _COST.get(each.row, 1.0)
            shared = each.row == "absent" and not next(iter(trained)).weights.pretrained
            work = 0.0 if shared else epochs * recipe.steps_per_epoch * recipe.batch_size * per_item
            costs[f"fold {fold}: {each.row}"] = 300 + work
        costs[f"fold {fold}: judging"] = 500
    costs["fusion"] = 500 * len(folds)
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
    networks: Networks = {}
    measured = Measured(folder, request.protocol)
    for each in trained:
        with stages.stage(f"fold {fold}: {each.row}"):
            job = Job(
                each.recipe, each.plane, split.train, split.validation, each.weights, request.seed, cases.synthetic
            )
            seen = prepared
            if each.recipe.sequences != preset.planar.sequences:
                seen = _looked_at_anew(each, everyone, cache)
            run = _train(each, job, seen, chosen, folder, networks, request.seed)
            _test(each, run, seen, split, chosen, networks, request.seed, measured, rows)
    with stages.stage(f"fold {fold}: judging"):
        _vote(preset, prepared, split, measured, rows)
        _threshold_rule(prepared, split, measured, rows)
        _ceiling(preset, prepared, split, rows)
        _overlays(prepared, split, measured, request.out, cases.synthetic)
        _store_known(request, preset, cases, prepared, split, folder)


def _looked_at_anew(each: Trained, cases: Sequence[Case], cache: ArrayCache) -> dict[str, Prepared]:
    """Prepare the cases for a row that sees other sequences than the rest of the table."""
    viewing = viewing_of(each.recipe, [each.plane], patches=False)
    ready = prepare_all(cases, viewing, cache, title=f"preparing cases for {each.row}")
    return {one.case.case_id: one for one in ready}


def _train(
    each: Trained,
    job: Job,
    prepared: Mapping[str, Prepared],
    chosen: Chosen,
    folder: Path,
    networks: Networks,
    seed: int,
) -> Path:
    run = folder / "runs" / each.folder
    if is_finished(run, job.settings(chosen)):
        return run
    trainable = _network(each, chosen, networks, seed)
    teach = train_volumetric if each.plane is None else train_plane
    return teach(job, trainable, prepared, chosen, run, RunOptions(resume=True))


def _network(each: Trained, chosen: Chosen, networks: Networks, seed: int) -> Trainable:
    """Build a network, or take the one at hand: building and tracing costs many seconds, three planes need one."""
    recipe = each.recipe
    key = (recipe.architecture, recipe.backbone, recipe.channels, each.weights.name)
    if key not in networks:
        networks.clear()
        networks[key] = build_trainable(recipe, each.weights, precision=chosen.precision, seed=seed)
    return networks[key]


def _test(
    each: Trained,
    run: Path,
    prepared: Mapping[str, Prepared],
    split: Split,
    chosen: Chosen,
    networks: Networks,
    seed: int,
    measured: Measured,
    rows: dict[str, Row],
) -> None:
    """Predict and measure the test cases of a fold with a trained network, those that are not measured yet."""
    digest = read_run_card(run)["files"]["model.weights.h5"]
    # The three planes that vote keep their probabilities, those of validation cases too, for `compare-fusion`.
    stored = StoredPlanes(measured.folder) if each.plane and each.row == each.plane.value else None
    missing = [case for case in split.test if not measured.has(each.row, case.case_id, digest)]
    if stored:
        everyone = (*split.test, *split.validation)
        unstored = [case for case in everyone if not stored.has(each.row, case.case_id, digest)]
        missing += [case for case in unstored if case not in missing]
    if missing:
        trainable = _network(each, chosen, networks, seed)
        restore_weights(trainable.model, run)
        progress = Progress(f"testing {each.row}", len(missing))
        for case in missing:
            seen = prepared[case.case_id]
            if each.plane is None:
                probabilities = predict_volume(seen, trainable.predict, each.recipe.size)
            else:
                probabilities = predict_plane(seen, each.plane, trainable.predict, neighbours=each.recipe.neighbours)
            if stored:
                origin = Origin(each.row, digest, each.recipe.threshold, each.recipe.name)
                probabilities = stored.keep(case.case_id, probabilities, origin, read_place(_reference(case)))
            if case in split.test:
                mask = lesion_where(probabilities, threshold=each.recipe.threshold)
                measured.keep(each.row, seen, mask, digest)
            progress.step(note=f"case {case.case_id}")
    same_as_y = each.row == "absent" and rows["y"].weights == each.weights.name
    note = "the same network as row Y, since no pretrained weights were used" if same_as_y else ""
    if each.row in VARIANTS:
        note = each.weights.note
    row = rows.setdefault(each.row, Row(each.row, each.weights.name if each.plane else "N/A", note))
    row.cases += measured.of_row(each.row, split.test)


def _store_known(
    request: Table1Request,
    preset: Table1,
    cases: Cases,
    prepared: Mapping[str, Prepared],
    split: Split,
    fold: Path,
) -> None:
    """Put what `compare-fusion` needs beside the probabilities: truth, brain, and who validates and who is tested."""
    stored = StoredPlanes(fold)
    for case in (*split.validation, *split.test):
        if not stored.has_known(case.case_id):
            seen = prepared[case.case_id]
            stored.keep_known(case.case_id, seen.truth, seen.brain, read_place(_reference(case)))
    stored.keep_roster(
        Roster(
            validation=tuple(case.case_id for case in split.validation),
            test=tuple(case.case_id for case in split.test),
            planes=tuple(plane.value for plane in Plane),
            data=cases.name,
            synthetic=cases.synthetic,
            protocol=request.protocol,
            tie=preset.planar.tie,
            seed=request.seed,
        )
    )


def _reference(case: Case) -> Path:
    return case.images[case.reference]


def _vote(
    preset: Table1,
    prepared: Mapping[str, Prepared],
    split: Split,
    measured: Measured,
    rows: dict[str, Row],
) -> None:
    """Fuse the three planes' masks as they lie on disk."""
    progress = Progress("voting", len(split.test))
    for case in split.test:
        digest = cache_key(planes=[measured.source(plane.value, case.case_id) for plane in Plane])
        if not measured.has("vote", case.case_id, digest):
            masks = [measured.mask(plane.value, case.case_id) for plane in Plane]
            measured.keep("vote", prepared[case.case_id], majority(masks, tie=preset.planar.tie), digest)
        progress.step()
    rows.setdefault("vote", Row("vote", "N/A")).cases += measured.of_row("vote", split.test)


def _threshold_rule(
    prepared: Mapping[str, Prepared],
    split: Split,
    measured: Measured,
    rows: dict[str, Row],
) -> None:
    """Fit one threshold on FLAIR x DWI to the training cases, and apply it to the test cases: whole, and largest part.

    It shows what the cohort asks for: where one number does well, networks prove nothing.
    """
    if not threshold_rule_fits((*split.train, *split.validation, *split.test)):
        return
    training = [prepared[case.case_id] for case in (*split.train, *split.validation)]
    for row, fit, apply in (
        ("threshold", fitted_threshold, thresholded),
        ("threshold-largest", fitted_threshold_of_largest, largest_thresholded),
    ):
        threshold = fit(training)
        digest = cache_key(rule="flair x dwi", threshold=threshold)
        for case in split.test:
            if not measured.has(row, case.case_id, digest):
                seen = prepared[case.case_id]
                measured.keep(row, seen, apply(seen, threshold), digest)
        note = f"one threshold a fold, fitted on its training cases; in {measured.folder.name}: {threshold:.3g}"
        rows.setdefault(row, Row(row, "N/A", note)).cases += measured.of_row(row, split.test)


def _ceiling(preset: Table1, prepared: Mapping[str, Prepared], split: Split, rows: dict[str, Row]) -> None:
    """Measure what the slices themselves cost: the truth, cut, fitted, undone and voted, against itself."""
    recipe = preset.planar
    row = rows.setdefault("ceiling", Row("ceiling", "N/A", f"fit: {recipe.fit.value}, {recipe.size}x{recipe.size}"))
    progress = Progress("measuring the ceiling", len(split.test))
    for case in split.test:
        seen = prepared[case.case_id]
        dices = ceiling(seen.truth, seen.brain, rule=recipe.fit, size=recipe.size, tie=recipe.tie)
        row.cases.append({"case": case.case_id, "dice": dices["vote"]})
        progress.step()


def _overlays(prepared: Mapping[str, Prepared], split: Split, measured: Measured, out: Path, synthetic: bool) -> None:
    """Draw what each row found, missed and made up in each test case."""
    progress = Progress("drawing overlays", len(split.test))
    for case in split.test:
        seen = prepared[case.case_id]
        rows = [row for row in ("x", "y", "z", "vote", "3d-unet", "threshold") if measured.has_row(row, case.case_id)]
        overlay_figure(
            out / "figures" / figure_name(f"overlay-{case.case_id}", synthetic),
            read_scan(case.images[case.reference]).data,
            seen.truth,
            {row: measured.mask(row, case.case_id) for row in rows},
            spacing_mm=seen.spacing_mm,
            title=f"Case {case.case_id}, {case.reference}",
            synthetic=synthetic,
        )
        progress.step()
