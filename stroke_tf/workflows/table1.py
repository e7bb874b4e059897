"""The whole of Table 1: cohort, networks, masks, measures, verdicts. Reads like the paper's sections II and III.

Every stage leaves its result in the output folder and is passed over when that result is there, so that a run which
was killed goes on where it was: finished networks by their run card, masks and measures by their files.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf.fusion import lesion_where, majority
from stroke_tf.fusion.origin import Origin
from stroke_tf.manifest.case import Case
from stroke_tf.models.device import Chosen
from stroke_tf.models.files import restore_weights
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress, clock_text
from stroke_tf.recipes.multiplane_2025 import PLANAR, VARIANTS
from stroke_tf.recipes.recipe import Table1
from stroke_tf.reports.pictures import overlay_figure
from stroke_tf.training.fit import Trainable
from stroke_tf.training.record import read_run_card
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.nifti import read_place, read_scan
from stroke_tf.workflows.ceiling import ceiling
from stroke_tf.workflows.cohort import Cases, Split
from stroke_tf.workflows.compare_fusion import compare_fusion
from stroke_tf.workflows.measured import Measured
from stroke_tf.workflows.networks import build_trainable
from stroke_tf.workflows.planar import train_plane, viewing_of
from stroke_tf.workflows.prepare import Prepared, cache_folder, prepare_all
from stroke_tf.workflows.probabilities import predict_plane, predict_volume
from stroke_tf.workflows.results import Row, Stages, figure_name, write_results
from stroke_tf.workflows.run import Job, RunOptions, is_finished
from stroke_tf.workflows.stored_planes import Roster, StoredPlanes
from stroke_tf.workflows.table1_rows import Table1Request, Trained, costs_of_stages, open_table1, trained_rows
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


def reproduce_table1(request: Table1Request, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run what is still to do and write results.json, table1.md, table1.csv, fusion.md and the figures.

    Returns: what results.json holds.
    """
    opened = open_table1(request, say=say)
    preset, chosen, weights, cases = opened.preset, opened.chosen, opened.weights, opened.cases
    trained = opened.trained
    costs = costs_of_stages(trained, request.folds)
    paper_alone = sum(costs_of_stages(trained_rows(preset, weights), request.folds).values())
    minutes = preset.minutes_on_two_cores * len(request.folds) * sum(costs.values()) / paper_alone
    say(f"estimated time: {clock_text(60 * minutes)} on 2 cores; the time left below is corrected as stages are timed")
    stages = Stages(costs, minutes, say)
    rows: dict[str, Row] = {}
    for fold in request.folds:
        split = opened.split(request, fold)
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
            job = each.job(split, seed=request.seed, synthetic=cases.synthetic)
            seen = prepared
            if each.viewing(preset) != viewing:
                seen = _looked_at_anew(each, preset, everyone, cache)
            run = _train(each, job, seen, chosen, folder, networks, request.seed)
            _test(each, run, seen, split, chosen, networks, request.seed, measured, rows)
    with stages.stage(f"fold {fold}: judging"):
        _vote(preset, prepared, split, measured, rows)
        _threshold_rule(prepared, split, measured, rows)
        _ceiling(preset, prepared, split, rows)
        _overlays(prepared, split, measured, request.out, cases.synthetic)
        _store_known(request, preset, cases, prepared, split, folder)


def _looked_at_anew(each: Trained, preset: Table1, cases: Sequence[Case], cache: ArrayCache) -> dict[str, Prepared]:
    """Prepare the cases for a row that sees other sequences than the rest of the table."""
    ready = prepare_all(cases, each.viewing(preset), cache, title=f"preparing cases for {each.row}")
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
    run = each.run_folder(folder)
    if is_finished(run, job.settings(chosen)):
        return run
    trainable = _network(each, chosen, networks, seed)
    return teach_row(job, trainable, prepared, chosen, run, RunOptions(resume=True))


def teach_row(
    job: Job,
    trainable: Trainable,
    prepared: Mapping[str, Prepared],
    chosen: Chosen,
    run: Path,
    options: RunOptions,
) -> Path:
    """Train the network of a row in its run folder, on patches or on slices of its plane."""
    teach = train_volumetric if job.plane is None else train_plane
    return teach(job, trainable, prepared, chosen, run, options)


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
    if each.row in VARIANTS and each.recipe.backbone != PLANAR.backbone and each.weights.note:
        note = f"its encoder, {each.recipe.backbone}, began without pretrained weights; the run's first lines say why"
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
