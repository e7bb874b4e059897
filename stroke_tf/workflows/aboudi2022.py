"""Aboudi, Drissi and Kraiem 2022, sections III and IV: one network a sequence, one on three, and their Table II.

Each model is trained as printed; where that schedule has learnt too little, by the rule of the recipe, it is trained
once more at a rate that learns. Every stage leaves its result in the output folder and is passed over when that result
is there: finished networks by their run card, masks and measures by their files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.batches.coverage import as_coverage
from stroke_tf.choices import Device, LossKind, Precision, Protocol
from stroke_tf.errors import ManifestError
from stroke_tf.fusion import lesion_where
from stroke_tf.inference.run import Predict, filled_slices, predict_stack
from stroke_tf.manifest.case import Case
from stroke_tf.metrics.confusion import count, count_by_slice
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.device import Chosen
from stroke_tf.models.files import restore_weights
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress, clock_text
from stroke_tf.recipes.aboudi_2022 import (
    ABOUDI2022,
    PRINTED_EPOCHS,
    PRINTED_RATE,
    PRINTED_STEPS,
    Aboudi2022,
    Model,
)
from stroke_tf.recipes.recipe import Recipe
from stroke_tf.reports.pictures import slices_figure
from stroke_tf.reports.plots import progress_figure
from stroke_tf.slices import restack
from stroke_tf.training.fit import Trainable, Validated
from stroke_tf.training.record import read_history, read_run_card
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.nifti import read_scan
from stroke_tf.workflows.aboudi_results import TITLES, Pace, Row, Taught, write_results
from stroke_tf.workflows.ceiling import ceiling
from stroke_tf.workflows.cohort import Cases, Split, open_cases, phantom_cases, split_by_subset, with_all_digests
from stroke_tf.workflows.measured import Measured
from stroke_tf.workflows.networks import EncoderWeights, build_trainable
from stroke_tf.workflows.planar import plane_batches, viewing_of
from stroke_tf.workflows.prepare import Prepared, Viewing, cache_folder, prepare_all
from stroke_tf.workflows.probabilities import predict_plane
from stroke_tf.workflows.results import Stages, figure_name
from stroke_tf.workflows.run import Job, RunOptions, is_finished, run_job
from stroke_tf.workflows.start import start
from stroke_tf.workflows.threshold_rule import (
    fitted_threshold,
    fitted_threshold_of_largest,
    largest_thresholded,
    threshold_rule_fits,
    thresholded,
)

Networks = dict[LossKind, Trainable]
"""The network at hand, by its loss; at most one."""
PreparedBySequences = dict[tuple[str, ...], dict[str, Prepared]]
"""Sequences -> case id -> what a network of these sequences sees of the case."""
AXIAL = Plane.Z


@dataclass(frozen=True)
class Aboudi2022Request:
    """What the user asked for.

    Args:
        data: manifest or folder of real cases; None runs on phantoms.
        weights: auto, imagenet, none, or a file.
        threads: of TensorFlow; None is all that this process may use.
    """

    preset: str
    data: Path | None
    data_root: Path | None
    weights: str
    weights_folder: Path | None
    out: Path
    seed: int
    device: Device
    precision: Precision
    protocol: Protocol
    threads: int | None = None


@dataclass(frozen=True)
class Study:
    """What all trainings of a run share."""

    preset: Aboudi2022
    cases: Cases
    split: Split
    weights: EncoderWeights
    chosen: Chosen
    seed: int
    out: Path
    measured: Measured

    def recipe(self, model: Model, pace: Pace) -> Recipe:
        """Return the recipe of a model under one of the schedules."""
        return recipe_of(self.preset, model, pace)

    def job(self, model: Model, pace: Pace) -> Job:
        """Return what is to be trained."""
        recipe, split = self.recipe(model, pace), self.split
        return Job(recipe, AXIAL, split.train, split.validation, self.weights, self.seed, self.cases.synthetic)

    def run_folder(self, model: Model, pace: Pace) -> Path:
        """Return where a training lies."""
        return self.out / "runs" / f"{model.id}-{pace.value}"

    def viewing(self, sequences: tuple[str, ...]) -> Viewing:
        """Return how cases are prepared for the models of these sequences."""
        return viewing_of(replace(self.preset.printed, sequences=sequences), [AXIAL], patches=False)


def open_aboudi2022(request: Aboudi2022Request, *, say: Callable[[str], None]) -> Study:
    """Choose the device, find weights and cases, and split them; phantoms are drawn where there are none yet.

    Raises: ManifestError for a case without a sequence that a model needs, or too few cases for 70/20/10.
    """
    preset = ABOUDI2022[request.preset]
    chosen, weights = start(
        request, backbone=preset.printed.backbone, cohort=preset.cohort, say=say, threads=request.threads
    )
    cases = _cases(request, preset)
    require_sequences(cases.cases, preset.models)
    cases = replace(cases, cases=with_all_digests(cases.cases))
    split = split_by_subset(cases.cases)
    measured = Measured(request.out, request.protocol)
    return Study(preset, cases, split, weights, chosen, request.seed, request.out, measured)


def reproduce_aboudi2022(request: Aboudi2022Request, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run what is still to do and write results.json, aboudi2022.md, aboudi2022.csv and the figures.

    Returns: what results.json holds.
    Raises: ManifestError for a case without a sequence that a model needs, or too few cases for 70/20/10.
    """
    study = open_aboudi2022(request, say=say)
    preset, cases, split, weights, chosen = study.preset, study.cases, study.split, study.weights, study.chosen
    say(f"{len(split.train)} cases train, {len(split.validation)} choose the epoch, {len(split.test)} are tested")
    if not weights.pretrained:
        say(
            "note: no pretrained encoder, so the rows as printed freeze one of RANDOM weights; the second rows train it"
        )
    minutes = preset.minutes_on_two_cores
    say(f"estimated time: {clock_text(60 * minutes)} on 2 cores; the time left below is corrected as stages are timed")
    stages = Stages(costs_of_stages(study), minutes, say)
    rows = _rows(study, stages)
    return write_results(
        rows,
        request.out,
        facts={
            "paper": "aboudi2022",
            "preset": preset.name,
            "data": cases.name,
            "synthetic": cases.synthetic,
            "protocol": request.protocol.value,
            "split": {
                "train": [case.case_id for case in split.train],
                "validation": [case.case_id for case in split.validation],
                "test": [case.case_id for case in split.test],
            },
            "seed": request.seed,
            "device": str(chosen),
            "weights_asked": request.weights,
            "weights_used": weights.name,
            "weights_note": weights.note,
            "shortened": preset.compressed is not None,
            "printed_sum_of_rates": PRINTED_RATE * PRINTED_EPOCHS * PRINTED_STEPS,
            "least_fall": preset.least_fall,
            "least_dice": preset.least_dice,
            "models": [asdict(model) | {"loss": model.loss.value} for model in preset.models],
            "seconds": round(stages.seconds, 1),
        },
    )


def require_sequences(cases: Sequence[Case], models: Sequence[Model]) -> None:
    """Do nothing if every case has the sequences that the models look at; asked before anything is prepared.

    Raises: ManifestError, naming the cases, the sequence and the models that need it.
    """
    for name in dict.fromkeys(name for model in models for name in model.sequences):
        without = [case.case_id for case in cases if name not in case.images]
        if without:
            needing = "; ".join(model.title for model in models if name in model.sequences)
            raise ManifestError(
                f"case {', '.join(without)}: no {name} image, which these models need: {needing}. Add the file, or "
                "leave the case out of the manifest."
            )


def recipe_of(preset: Aboudi2022, model: Model, pace: Pace) -> Recipe:
    """Return the recipe of a model under one of the preset's schedules."""
    recipe = {Pace.PRINTED: preset.printed, Pace.COMPRESSED: preset.compressed, Pace.LEARNING: preset.learning}[pace]
    return replace(recipe, sequences=model.sequences, loss=replace(recipe.loss, kind=model.loss))


def _cases(request: Aboudi2022Request, preset: Aboudi2022) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    return phantom_cases(request.out / "synthetic-phantoms", preset.cohort, seed=request.seed)


def paces_of(preset: Aboudi2022, model: Model) -> list[Pace]:
    """List the schedules of a model, in order; that which learns is trained only if the printed one learns too little.

    The two cross-entropies are one function here (recipes/aboudi_2022.py): the rows as printed show that, and a second
    long training of the same network would show no more.
    """
    compressed = [Pace.COMPRESSED] if preset.compressed and model.id == preset.compressed_model else []
    learning = [Pace.LEARNING] if model.loss is LossKind.BINARY else []
    return [Pace.PRINTED, *compressed, *learning]


def costs_of_stages(study: Study) -> dict[str, float]:
    """Guess how long each stage takes beside the others, in slices of a frozen encoder; measured time corrects it."""
    costs: dict[str, float] = {"preparing": 500}
    built: set[LossKind] = set()
    for model in study.preset.models:
        for pace in paces_of(study.preset, model):
            recipe = recipe_of(study.preset, model, pace)
            phases = recipe.phases(pretrained=study.weights.pretrained)
            work = sum(
                phase.epochs
                * (recipe.steps_per_epoch * recipe.batch_size * (1.8 if phase.encoder_trainable else 1.0) + 300)
                for phase in phases
            )
            costs[stage_of(model, pace)] = 300 + work + (0 if model.loss in built else 1000)
            built.add(model.loss)
    return costs | {"judging": 900}


def stage_of(model: Model, pace: Pace) -> str:
    return f"{model.title}: {TITLES[pace]}"


def _rows(study: Study, stages: Stages) -> list[Row]:
    """Train, test and judge every model under every schedule that it needs."""
    prepared: PreparedBySequences = {}
    with stages.stage("preparing"):
        cache = ArrayCache(cache_folder(study.out))
        for sequences in dict.fromkeys(model.sequences for model in study.preset.models):
            found = prepare_all(
                study.cases.cases, study.viewing(sequences), cache, title=f"preparing {', '.join(sequences)}"
            )
            prepared[sequences] = {each.case.case_id: each for each in found}
    networks: Networks = {}
    rows: list[Row] = []
    for model in study.preset.models:
        printed: Row | None = None
        for pace in paces_of(study.preset, model):
            with stages.stage(stage_of(model, pace)):
                if pace is Pace.LEARNING and printed is not None and printed.taught.learnt:
                    continue
                row = _trained_and_tested(study, model, pace, prepared[model.sequences], networks)
                printed = row if pace is Pace.PRINTED else printed
                rows.append(row)
    with stages.stage("judging"):
        widest = prepared[study.preset.models[-1].sequences]
        rows += _references(study, widest)
        _figures(study, rows, prepared)
    return rows


def _trained_and_tested(
    study: Study, model: Model, pace: Pace, prepared: Mapping[str, Prepared], networks: Networks
) -> Row:
    recipe, job, run = study.recipe(model, pace), study.job(model, pace), study.run_folder(model, pace)
    row_id = run.name
    if not is_finished(run, job.settings(study.chosen)):
        trainable = _network(study, recipe, networks)
        teach_model(job, trainable, prepared, study.chosen, run, RunOptions(resume=True), title_of(model, pace))
    _test(study, row_id, run, recipe, prepared, networks)
    taught = taught_by(study.preset, recipe, run, pretrained=study.weights.pretrained)
    encoder = _encoder(
        study.weights, frozen=not recipe.phases(pretrained=study.weights.pretrained)[0].encoder_trainable
    )
    row = Row(row_id, model.id, title_of(model, pace), encoder, pace, taught)
    if pace is Pace.LEARNING and not taught.learnt:
        row.note = f"in {taught.steps} steps it learnt too little at this rate, too (rule below)"
    return _measured_row(study, row, prepared)


def title_of(model: Model, pace: Pace) -> str:
    """Return what rows and progress call the training of a model under a schedule."""
    return f"{model.title}, {TITLES[pace]}"


def teach_model(
    job: Job,
    trainable: Trainable,
    prepared: Mapping[str, Prepared],
    chosen: Chosen,
    run: Path,
    options: RunOptions,
    title: str,
) -> None:
    """Train one network, and note accuracy and loss of each epoch beside the Dice."""
    validation = [prepared[case.case_id] for case in job.validation]

    def validate(predict: Predict) -> Validated:
        return validated(validation, predict, trainable.loss, job.recipe.threshold)

    batches_from = plane_batches(job, prepared, chosen)
    run_job(job, trainable, chosen, run, options, batches_from=batches_from, validate=validate, title=title)


def validated(cases: Sequence[Prepared], predict: Predict, loss: Callable[..., Any], threshold: float) -> Validated:
    """Validate a network by the mean 3-D Dice of cases, and by loss and accuracy over their slices.

    Loss and accuracy are taken as Keras would: over the pixels of the fitted slices, those without brain left out as
    they are in training.

    Args:
        loss: (coverage, softmax output) -> scalar.
    """
    dices, losses, rights, sizes = [], [], [], []
    for case in cases:
        stack = predict_stack(case.images[AXIAL], predict)
        mask = lesion_where(restack(stack, case.geometries[AXIAL]), threshold=threshold)
        dices.append(dice(count(mask, case.truth)))
        filled = filled_slices(case.images[AXIAL])
        lesion, coverage = stack[filled], as_coverage(case.coverage[AXIAL][filled])
        losses.append(float(loss(coverage, np.stack([1 - lesion, lesion], axis=-1))))
        rights.append(float(np.mean((lesion > 0.5) == (coverage > 0.5))))
        sizes.append(int(filled.sum()))
    columns = {
        "validation_loss": float(np.average(losses, weights=sizes)),
        "validation_accuracy": float(np.average(rights, weights=sizes)),
    }
    return Validated(float(np.mean(dices)), columns)


def _network(study: Study, recipe: Recipe, networks: Networks) -> Trainable:
    """Build a network, or take the one at hand: all sequences fill three channels, so only the loss makes another."""
    kind = recipe.loss.kind
    if kind not in networks:
        networks.clear()
        networks[kind] = network_of_model(recipe, study.weights, study.chosen, seed=study.seed)
    return networks[kind]


def network_of_model(recipe: Recipe, weights: EncoderWeights, chosen: Chosen, *, seed: int) -> Trainable:
    """Build the network of a model; its training accuracy is watched, because the paper draws it."""
    return build_trainable(recipe, weights, precision=chosen.precision, seed=seed, watched=True)


def _test(
    study: Study, row_id: str, run: Path, recipe: Recipe, prepared: Mapping[str, Prepared], networks: Networks
) -> None:
    """Predict and measure the test cases that are not measured yet."""
    digest = read_run_card(run)["files"]["model.weights.h5"]
    open_jobs = [case for case in study.split.test if not study.measured.has(row_id, case.case_id, digest)]
    if not open_jobs:
        return
    trainable = _network(study, recipe, networks)
    restore_weights(trainable.model, run)
    progress = Progress(f"testing {row_id}", len(open_jobs))
    for case in open_jobs:
        seen = prepared[case.case_id]
        mask = lesion_where(predict_plane(seen, AXIAL, trainable.predict), threshold=recipe.threshold)
        study.measured.keep(row_id, seen, mask, digest)
        progress.step(note=f"case {case.case_id}")


def taught_by(preset: Aboudi2022, recipe: Recipe, run: Path, *, pretrained: bool) -> Taught:
    """Tell what a schedule came to, and whether it has learnt by the rule of the recipe."""
    history = read_history(run)
    phase = recipe.phases(pretrained=pretrained)[0]
    first, last = history[0]["loss"], history[-1]["loss"]
    best = max(row["validation_dice"] for row in history)
    return Taught(
        learning_rate=phase.learning_rate,
        momentum=phase.momentum,
        epochs=len(history),
        steps=len(history) * recipe.steps_per_epoch,
        batch_size=recipe.batch_size,
        first_loss=first,
        last_loss=last,
        best_dice=best,
        learnt=first - last >= preset.least_fall * first and best >= preset.least_dice,
    )


def _encoder(weights: EncoderWeights, *, frozen: bool) -> str:
    if weights.pretrained:
        return f"{weights.name}, {'frozen' if frozen else 'trained'}"
    return "RANDOM, frozen" if frozen else "random, trained"


def _measured_row(study: Study, row: Row, prepared: Mapping[str, Prepared]) -> Row:
    """Fill a row with the measures of its test cases, and with the counts of their axial slices."""
    row.cases = study.measured.of_row(row.id, study.split.test)
    for case in study.split.test:
        mask = study.measured.mask(row.id, case.case_id)
        found = count_by_slice(mask, prepared[case.case_id].truth, axis=AXIAL.axis)
        row.slices += [(each.tp, each.fp, each.fn, each.tn) for each in found]
    return row


def _references(study: Study, prepared: Mapping[str, Prepared]) -> list[Row]:
    """Measure what no network is needed for: nothing marked, two threshold rules, the truth itself cut and undone."""
    rows, split = [], study.split
    tested = [prepared[case.case_id] for case in split.test]
    for seen in tested:
        _keep(study, "nothing", seen, lambda seen: np.zeros(seen.truth.shape, bool), cache_key(rule="nothing"))
    rows.append(_measured_row(study, Row("nothing", "", "Nothing marked at all", "-"), prepared))
    if threshold_rule_fits(study.cases.cases):
        fitted_on = [prepared[case.case_id] for case in (*split.train, *split.validation)]
        for row_id, title, fit_rule, find in (
            ("threshold", "Threshold on FLAIR x DWI", fitted_threshold, thresholded),
            ("threshold-largest", "The same, largest component", fitted_threshold_of_largest, largest_thresholded),
        ):
            threshold = fit_rule(fitted_on)
            source = cache_key(rule=row_id, threshold=threshold)
            for seen in tested:
                _keep(study, row_id, seen, lambda seen, find=find, at=threshold: find(seen, at), source)
            note = f"one threshold, fitted on the training and validation cases: {threshold:.3g}"
            rows.append(_measured_row(study, Row(row_id, "", title, "-", note=note), prepared))
    recipe = study.preset.printed
    best = Row("ceiling", "", "Ceiling: the truth itself, cut and undone", "-")
    best.note = f"fit: {recipe.fit.value}, {recipe.size}x{recipe.size}, axial"
    for seen in tested:
        score = ceiling(seen.truth, seen.brain, rule=recipe.fit, size=recipe.size)[AXIAL.value]
        best.cases.append({"case": seen.case.case_id, "dice": score})
    return [*rows, best]


def _keep(study: Study, row_id: str, seen: Prepared, mask_of: Callable[[Prepared], np.ndarray], source: str) -> None:
    if not study.measured.has(row_id, seen.case.case_id, source):
        study.measured.keep(row_id, seen, mask_of(seen), source)


def _figures(study: Study, rows: Sequence[Row], prepared: PreparedBySequences) -> None:
    """Draw each model's curves, and what it found in the test cases, as the paper does for FLAIR, DWI and T1."""
    progress = Progress("drawing figures", len(study.preset.models))
    synthetic = study.cases.synthetic
    for model in study.preset.models:
        own = [row for row in rows if row.model == model.id]
        histories = {
            f"{TITLES[row.pace]}, rate {row.taught.learning_rate:.2g}": read_history(study.out / "runs" / row.id)
            for row in own
        }
        name = figure_name(f"curves-{model.id}", synthetic)
        progress_figure(study.out / "figures" / name, histories, title=f"{model.title}: training", synthetic=synthetic)
        pictures = []
        for case in study.split.test:
            seen = prepared[model.sequences][case.case_id]
            masks = {TITLES[row.pace]: study.measured.mask(row.id, case.case_id) for row in own}
            image = read_scan(case.images[model.sequences[0]]).data
            pictures.append((f"case {case.case_id}", image, seen.truth, masks, seen.spacing_mm))
        name = figure_name(f"slices-{model.id}", synthetic)
        slices_figure(
            study.out / "figures" / name,
            pictures,
            title=f"Network on {model.title}; shown on {model.sequences[0]}",
            synthetic=synthetic,
        )
        progress.step(note=model.title)
