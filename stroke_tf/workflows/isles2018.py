"""The whole of Song 2019: cohort, folds by patient, four networks, two threshold rules, measures, verdicts.

Reads like the method section that the paper would have: who is tested, what each network sees, how it is judged. Every
stage leaves its result in the output folder and is passed over when that result is there: finished networks by their
run card, masks, images and measures by their files.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import Architecture, Device, PerfusionInput, Precision, Protocol
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.files import write_json
from stroke_tf.fusion import lesion_where
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.manifest.split import PUBLISHED_SEED, folds_by_patient, hold_out, require_disjoint
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.image import image_quality
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.device import Chosen, choose_device
from stroke_tf.models.files import restore_weights
from stroke_tf.perfusion import core_by_flow, hypoperfused
from stroke_tf.phantoms import write_perfusion_cohort
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress, clock_text
from stroke_tf.recipes.perfusion import Isles2018, PerfusionCohort, PerfusionRecipe
from stroke_tf.recipes.song_2019 import ISLES2018
from stroke_tf.reports.pictures import generated_figure
from stroke_tf.seeds import child_seed
from stroke_tf.slices import cut_labels, restack
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.training.fit import Trainable
from stroke_tf.training.record import read_run_card
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.nifti import read_scan, write_volume
from stroke_tf.workflows.cohort import Cases, Split, chosen_cases, open_cases, with_all_digests
from stroke_tf.workflows.generative import (
    build_generative,
    lesion_and_generated_dwi,
    lesion_probabilities,
    train_generative,
)
from stroke_tf.workflows.isles2018_results import write_isles2018
from stroke_tf.workflows.measured import Measured
from stroke_tf.workflows.networks import RANDOM
from stroke_tf.workflows.prepare import cache_folder
from stroke_tf.workflows.prepare_perfusion import LearntCase, learn_all, perfusion_viewing
from stroke_tf.workflows.results import Stages, figure_name
from stroke_tf.workflows.run import Job, RunOptions, is_finished

_WINDOWS = {"Tmax (s)": (0.0, 16.0), "CBF": (0.0, 2.0), "real DWI": (-3.0, 5.0), "generated DWI": (-3.0, 5.0)}


@dataclass(frozen=True)
class Isles2018Request:
    """What the user asked for.

    Args:
        data: manifest or folder of real cases; None runs on phantoms.
        folds: those that are tested; empty tests all.
        threads: of TensorFlow; None is all that this process may use.
    """

    preset: str
    data: Path | None
    data_root: Path | None
    folds: tuple[int, ...]
    out: Path
    seed: int
    device: Device
    precision: Precision
    protocol: Protocol
    threads: int | None = None


@dataclass(frozen=True)
class Opened:
    """What a run stands on: everything that is known before the first case is prepared."""

    preset: Isles2018
    chosen: Chosen
    folds: tuple[int, ...]
    cases: Cases

    @property
    def recipes(self) -> dict[str, PerfusionRecipe]:
        """Return the four networks by what they look at, which names their rows and folders."""
        preset = self.preset
        return {recipe.looks_at.value: recipe for recipe in (preset.whole, preset.unguided, preset.maps, preset.dwi)}

    def split(self, request: Isles2018Request, fold: int) -> Split:
        """Return who trains, validates and is tested in a fold."""
        return split_of_folds(
            self.cases.cases,
            fold,
            folds=self.preset.folds,
            validation_share=self.preset.whole.validation_share,
            seed=request.seed,
        )


@dataclass
class _Collected:
    """What the folds leave for the table: measures by row, images by case, notes by row."""

    rows: dict[str, list[dict[str, Any]]]
    images: list[dict[str, Any]]


@dataclass(frozen=True)
class _Fold:
    """One fold: who trains and who is tested in it, and where its files lie."""

    number: int
    split: Split
    cases: Mapping[str, LearntCase]
    folder: Path
    measured: Measured


def open_isles2018(request: Isles2018Request, *, say: Callable[[str], None]) -> Opened:
    """Choose the device and find the cases; phantoms are drawn where there are none yet.

    Raises: SettingError for a fold that there is not.
    """
    preset = ISLES2018[request.preset]
    folds = _asked_folds(request.folds, preset)
    chosen = choose_device(request.device, request.precision, threads=request.threads)
    if chosen.device is Device.CPU:
        same_seed_same_bits()
    named = request.data.name if request.data else _phantoms_name(preset.cohort, request.seed)
    say(f"device: {chosen} · data: {named} · weights: none, everything is trained from scratch")
    minutes = preset.minutes_on_two_cores * len(folds)
    say(f"estimated time: {clock_text(60 * minutes)} on 2 cores; the time left below is corrected as stages are timed")
    cases = _cases(request, preset)
    return Opened(preset, chosen, folds, replace(cases, cases=with_all_digests(cases.cases)))


def reproduce_isles2018(request: Isles2018Request, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run what is still to do and write results.json, isles2018.md, isles2018.csv and the figures.

    Returns: what results.json holds.
    """
    opened = open_isles2018(request, say=say)
    preset, chosen, folds, cases = opened.preset, opened.chosen, opened.folds, opened.cases
    stages = Stages(costs_of_stages(opened), preset.minutes_on_two_cores * len(folds), say)
    with stages.stage("preparing"):
        viewing = perfusion_viewing(preset.whole)
        prepared = learn_all(cases.cases, viewing, ArrayCache(cache_folder(request.out)))
    collected = _Collected({}, [])
    networks = _Networks(chosen.precision, request.seed)
    for number in folds:
        folder = request.out / f"fold-{number}"
        fold = _Fold(number, opened.split(request, number), prepared, folder, Measured(folder, request.protocol))
        _run_fold(request, opened, fold, networks, stages, collected)
    return write_isles2018(
        collected.rows,
        collected.images,
        _notes(preset),
        request.out,
        facts={
            "preset": preset.name,
            "data": cases.name,
            "synthetic": cases.synthetic,
            "protocol": request.protocol.value,
            "folds": list(folds),
            "folds_in_all": preset.folds,
            "seed": request.seed,
            "device": str(chosen),
            "seconds": round(stages.seconds, 1),
        },
    )


def split_of_folds(cases: Sequence[Case], fold: int, *, folds: int, validation_share: float, seed: int) -> Split:
    """Return one fold of a cross-validation by patient: one in `folds` is tested, the rest trains and validates.

    The folds depend on the cases' names alone, not on the run's seed nor on the manifest, whose column counts four.

    Raises: ManifestError if there are fewer patients than folds can test.
    """
    of_case = folds_by_patient([case.case_id for case in cases], folds=folds, seed=PUBLISHED_SEED)
    test = [case.case_id for case in cases if of_case[case.case_id] == fold]
    if not test or len(cases) < folds:
        raise ManifestError(f"{folds} folds by patient need at least {folds} patients. Received: {len(cases)} cases")
    rest = [case.case_id for case in cases if of_case[case.case_id] != fold]
    train, validation = hold_out(rest, share=validation_share, seed=child_seed(seed, "validation", fold))
    require_disjoint(train=train, validation=validation, test=test)
    return Split(chosen_cases(cases, train), chosen_cases(cases, validation), chosen_cases(cases, test))


def _asked_folds(folds: tuple[int, ...], preset: Isles2018) -> tuple[int, ...]:
    wrong = [fold for fold in folds if not 0 <= fold < preset.folds]
    if wrong:
        raise SettingError(f"--fold takes 0 to {preset.folds - 1}, or all. Received: {wrong[0]}")
    return folds or tuple(range(preset.folds))


def _cases(request: Isles2018Request, preset: Isles2018) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    cohort, folder = preset.cohort, request.out / "synthetic-phantoms"
    progress = Progress("drawing phantoms", cohort.cases)
    write_perfusion_cohort(
        folder,
        cases=cohort.cases,
        size=cohort.size,
        spacing_mm=cohort.spacing_mm,
        slices=cohort.slices,
        frames=cohort.frames,
        min_lesion_ml=cohort.min_lesion_ml,
        seed=child_seed(request.seed, "phantoms"),
        jobs=2,
        progress=progress,
    )
    progress.end()
    return Cases(_phantoms_name(cohort, request.seed), True, tuple(find_cases(folder)))


def _phantoms_name(cohort: PerfusionCohort, seed: int) -> str:
    return f"SYNTHETIC CT-perfusion phantoms ({cohort.cases} cases, {cohort.size}x{cohort.size}, seed {seed})"


def costs_of_stages(opened: Opened) -> dict[str, float]:
    """Guess how long each stage takes beside the others, in slices of the segmentor; measured time corrects it."""
    costs: dict[str, float] = {"preparing": 300.0}
    for fold in opened.folds:
        for name, recipe in opened.recipes.items():
            work = sum(phase.epochs for phase in recipe.training) * recipe.steps_per_epoch * recipe.batch_size
            heavier = 2.7 if recipe.architecture is Architecture.GENERATIVE_CTP else 1.0
            costs[f"fold {fold}: {name}"] = 200 + work * heavier
        costs[f"fold {fold}: judging"] = 200
    return costs


class _Networks:
    """The networks, each built and traced once: a fold begins by putting the first weights back."""

    def __init__(self, precision: Precision, seed: int) -> None:
        self._precision, self._seed = precision, seed
        self._built: dict[PerfusionInput, Trainable] = {}

    def of(self, recipe: PerfusionRecipe) -> Trainable:
        if recipe.looks_at not in self._built:
            self._built[recipe.looks_at] = build_generative(recipe, precision=self._precision, seed=self._seed)
        return self._built[recipe.looks_at]


def _run_fold(
    request: Isles2018Request,
    opened: Opened,
    fold: _Fold,
    networks: _Networks,
    stages: Stages,
    collected: _Collected,
) -> None:
    """Train and test every row of one fold, adding its cases to what was collected."""
    chosen, synthetic = opened.chosen, opened.cases.synthetic
    for name, recipe in opened.recipes.items():
        with stages.stage(f"fold {fold.number}: {name}"):
            job = job_of(recipe, fold.split, seed=request.seed, synthetic=synthetic)
            run = run_folder(fold.folder, name)
            if not is_finished(run, job.settings(chosen)):
                train_generative(job, networks.of(recipe), fold.cases, chosen, run, RunOptions(resume=True))
            _test(name, recipe, run, fold, networks)
            collected.rows.setdefault(name, []).extend(fold.measured.of_row(name, fold.split.test))
    with stages.stage(f"fold {fold.number}: judging"):
        collected.images += [_generated_quality(case, fold) for case in fold.split.test]
        _threshold_rules(fold, collected)
        _ceiling(fold, collected)
        # One fold's figures show what all look like; five would only fill the folder.
        if fold.number == 0 or fold.number == (request.folds or (0,))[0]:
            _figures(fold, request.out, synthetic)


def job_of(recipe: PerfusionRecipe, split: Split, *, seed: int, synthetic: bool) -> Job:
    """Return what is to be trained for one network of a fold."""
    return Job(recipe, Plane.Z, split.train, split.validation, RANDOM, seed, synthetic)


def run_folder(fold: Path, name: str) -> Path:
    """Return where the training of a network lies below the folder of a fold."""
    return fold / "runs" / name


def _test(name: str, recipe: PerfusionRecipe, run: Path, fold: _Fold, networks: _Networks) -> None:
    """Predict and measure the test cases with a trained network, those that are not measured yet."""
    digest = read_run_card(run)["files"]["model.weights.h5"]
    still = [case for case in fold.split.test if not _is_tested(name, case, digest, fold)]
    if not still:
        return
    trainable = networks.of(recipe)
    restore_weights(trainable.model, run)
    progress = Progress(f"testing {name}", len(still))
    for case in still:
        learnt = fold.cases[case.case_id]
        if recipe.looks_at is PerfusionInput.WHOLE:
            probabilities, generated = lesion_and_generated_dwi(learnt.seen, trainable.model)
            like = read_scan(case.images[case.reference])
            write_volume(_generated_file(fold, case), generated, like, dtype=np.float32, force=True)
        else:
            dwi = learnt.target.dwi if recipe.looks_at is PerfusionInput.DWI else None
            probabilities = lesion_probabilities(learnt.seen, dwi, recipe.looks_at, trainable.predict)
        fold.measured.keep(name, learnt, lesion_where(probabilities, threshold=recipe.threshold), digest)
        progress.step(note=f"case {case.case_id}")


def _is_tested(name: str, case: Case, digest: str, fold: _Fold) -> bool:
    drawn = name != PerfusionInput.WHOLE.value or _generated_file(fold, case).exists()
    return drawn and fold.measured.has(name, case.case_id, digest)


def _generated_file(fold: _Fold, case: Case) -> Path:
    return fold.folder / "generated" / f"{case.case_id}_generated-dwi.nii.gz"


def _generated_quality(case: Case, fold: _Fold) -> dict[str, Any]:
    """Compare the generated DWI of a test case with the real one, which is read here for the first time."""
    path = fold.folder / "generated" / f"{case.case_id}_quality.json"
    source = fold.measured.source("whole", case.case_id)
    if path.exists():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["source"] == source:
            return record["quality"]
    learnt = fold.cases[case.case_id]
    generated = read_scan(_generated_file(fold, case)).data
    found = image_quality(generated, np.asarray(learnt.target.dwi_volume), learnt.brain)
    quality = {"case": case.case_id, "fold": fold.folder.name, **asdict(found)}
    write_json(path, {"source": source, "quality": quality})
    return quality


def _threshold_rules(fold: _Fold, collected: _Collected) -> None:
    """Apply the two rules of the literature; nothing is fitted, so training cases are not looked at."""
    rules: dict[str, Callable[..., Mask]] = {
        "threshold-tmax": lambda cbf, tmax, brain: hypoperfused(tmax, brain),
        "threshold-cbf": core_by_flow,
    }
    for name, rule in rules.items():
        for case in fold.split.test:
            digest = cache_key(rule=name, files=dict(case.sha256))
            if not fold.measured.has(name, case.case_id, digest):
                learnt = fold.cases[case.case_id]
                cbf, tmax = (read_scan(case.images[kind]).data for kind in ("CBF", "TMAX"))
                fold.measured.keep(name, learnt, rule(cbf, tmax, learnt.brain), digest)
        collected.rows.setdefault(name, []).extend(fold.measured.of_row(name, fold.split.test))


def _ceiling(fold: _Fold, collected: _Collected) -> None:
    """Measure what the slices themselves cost: the truth, cut, fitted and put back, against itself."""
    for case in fold.split.test:
        learnt = fold.cases[case.case_id]
        back = lesion_where(
            restack(cut_labels(learnt.truth, learnt.seen.geometry), learnt.seen.geometry), threshold=0.5
        )
        score = dice(count(back, learnt.truth))
        collected.rows.setdefault("ceiling", []).append({"case": case.case_id, "dice": score})


def _figures(fold: _Fold, out: Path, synthetic: bool) -> None:
    """Draw what went in, the real DWI, the one that was drawn, and the lesion of each test case."""
    progress = Progress("drawing figures", len(fold.split.test))
    for case in fold.split.test:
        learnt = fold.cases[case.case_id]
        cbf = read_scan(case.images["CBF"]).data
        usual = float(np.median(cbf[learnt.brain & (cbf > 0)])) if (learnt.brain & (cbf > 0)).any() else 1.0
        generated_figure(
            out / "figures" / figure_name(f"generated-{case.case_id}", synthetic),
            {
                "Tmax (s)": read_scan(case.images["TMAX"]).data * learnt.brain,
                "CBF": cbf / usual * learnt.brain,
                "real DWI": np.asarray(learnt.target.dwi_volume),
                "generated DWI": read_scan(_generated_file(fold, case)).data,
            },
            learnt.truth,
            fold.measured.mask("whole", case.case_id),
            windows=_WINDOWS,
            spacing_mm=learnt.spacing_mm,
            title=f"Case {case.case_id}",
            synthetic=synthetic,
        )
        progress.step()


def _notes(preset: Isles2018) -> dict[str, str]:
    return {
        "whole": "no DWI is read at test time; the one it finds the lesion on is its own drawing",
        "unguided": "the same inputs and layers, trained for the lesion alone: whole minus it is what the DWI taught",
        "threshold-tmax": "marks what is at risk, core and penumbra together",
        "threshold-cbf": "relative to the median of the brain with Tmax up to 6 s",
        "ceiling": f"fit: {preset.whole.fit.value}, {preset.whole.size}x{preset.whole.size}",
    }
