"""What the numbered experiments share: arms that differ in one thing, tested on the same phantoms, told by numbers.

An experiment is a list of named arms, each a recipe; a cohort of phantoms; seeds. Every arm is trained with every seed
on the same cases, in a run folder of its own, and tested on the same cases. A killed experiment goes on where it was:
finished networks are known by their run cards, their measures by the digest of their weights.

run.py of each folder calls `main`, which writes OUT/results.json and OUT/SYNTHETIC-dice.png; with --publish also beside
the README of the experiment, whose result section it fills, so that no number is typed by hand.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.choices import Device, Precision
from stroke_tf.errors import SettingError
from stroke_tf.files import write_json, write_text, written_whole
from stroke_tf.fusion import lesion_where
from stroke_tf.manifest.split import require_disjoint
from stroke_tf.metrics.baseline import apply_threshold, fit_threshold, flair_dwi_product
from stroke_tf.metrics.confusion import Counts, count
from stroke_tf.metrics.overlap import dice, precision, recall
from stroke_tf.metrics.summary import bootstrap_interval, paired_wilcoxon
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import QUICK
from stroke_tf.recipes.recipe import Cohort, Recipe
from stroke_tf.seeds import child_seed
from stroke_tf.volumes.nifti import read_scan

MEASURES = ("dice", "precision", "recall")
COHORT_SEED = 2511
"""Of the phantoms: which network learns from them does not change them."""
COHORT = Cohort(cases=32, shape=(115, 115, 77), spacing_mm=(2.0, 2.0, 2.0), min_lesion_ml=3.0)
BASE = replace(
    QUICK.planar,
    name="experiment",
    backbone="resnet18",
    phases_random=tuple(replace(phase, epochs=4) for phase in QUICK.planar.phases_random),
    steps_per_epoch=30,
    batch_size=16,
)
"""The paper's recipe made small, so that a dozen networks take minutes: read the direction, not the digits."""

THRESHOLD_RULE = "threshold on FLAIR x DWI, no network"

CaseRow = dict[str, Any]
"""One case: its id, tp, fp, fn, and the MEASURES made of them."""
Rows = dict[str, list[CaseRow]]
"""Row of the table to its cases."""


@dataclass(frozen=True)
class Arm:
    """One way to train a network.

    Args:
        weights: what the encoder starts from, a name that Experiment.find_weights knows.
    """

    name: str
    recipe: Recipe
    plane: Plane = Plane.Y
    weights: str = "none"


@dataclass(frozen=True)
class Cohorts:
    """The cases of an experiment as its arms see them.

    Args:
        train, validation, test: cases; disjoint.
        prepared: every case by id, as the arm at hand looks at it.
    """

    train: tuple
    validation: tuple
    test: tuple
    prepared: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """A trained network and what it may be tested on."""

    arm: Arm
    seed: int
    folder: Path
    predict: Callable[[np.ndarray], np.ndarray]
    cohorts: Cohorts


def judge(trained: Trained) -> tuple[Rows, dict[str, Any]]:
    """Test a network on whole test cases at its recipe's threshold, and keep the masks for what may be made of them."""
    masks = {}
    for case in trained.cohorts.test:
        masks[case.case_id] = lesion_where(probabilities(trained, case.case_id), threshold=trained.arm.recipe.threshold)
    with written_whole(trained.folder / "masks.npz") as temporary:
        np.savez_compressed(temporary, **masks)
    truths = {name: trained.cohorts.prepared[name].truth for name in masks}
    return {trained.arm.name: [case_row(name, count(mask, truths[name])) for name, mask in masks.items()]}, {}


def probabilities(trained: Trained, case_id: str) -> np.ndarray:
    """Return the lesion probability of each voxel of a case, float32, on the case's own grid."""
    from stroke_tf.workflows.probabilities import predict_plane

    case, arm = trained.cohorts.prepared[case_id], trained.arm
    return predict_plane(case, arm.plane, trained.predict, neighbours=arm.recipe.neighbours)


def read_masks(folder: Path) -> dict[str, np.ndarray]:
    """Return the masks that `judge` kept of a network, by case."""
    with np.load(folder / "masks.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def threshold_rule(cohorts: Cohorts) -> Rows:
    """Test one threshold on FLAIR x DWI, fitted on training and validation cases: the rule a network must beat."""

    def product(case_id: str) -> np.ndarray:
        seen = cohorts.prepared[case_id]
        flair, dwi = (read_scan(seen.case.images[name]).data for name in ("FLAIR", "DWI"))
        return flair_dwi_product(flair, dwi, seen.brain)

    fitted_on = [case.case_id for case in (*cohorts.train, *cohorts.validation)]
    threshold = fit_threshold((product(name), cohorts.prepared[name].truth) for name in fitted_on)
    rows = []
    for case in cohorts.test:
        mask = apply_threshold(product(case.case_id), threshold)
        rows.append(case_row(case.case_id, count(mask, cohorts.prepared[case.case_id].truth)))
    return {THRESHOLD_RULE: rows}


@dataclass(frozen=True)
class Experiment:
    """A question, and the networks that answer it.

    Args:
        folder: that of run.py; its name is the experiment's.
        question: ends with a question mark; the README of the repository asks it in these words.
        comparisons: (row, row it is compared with); the first is the answer that the README of the repository gives.
        rows: rows that no arm has the name of, such as a vote.
        train, validation: cases, by number; the others of the cohort are tested.
        minutes: expected on 2 cores that nothing else uses.
        find_weights: from (name that arms use, OUT, say) to the workflow's EncoderWeights, or None where they cannot
            be had: then their arms are left out, and the results say so.
        training_set: (arm, cohorts) to the cases and arrays that train it; None trains on the training cases.
        judge: tests a network; see `judge`.
        combine: (folder of each arm's run of one seed, cohorts) to rows made of several networks.
        without_network: cohorts to rows that no network is needed for; by default the rule that a network must beat.
    """

    folder: Path
    question: str
    arms: tuple[Arm, ...]
    comparisons: tuple[tuple[str, str], ...]
    minutes: float
    rows: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1, 2)
    cohort: Cohort = COHORT
    train: int = 12
    validation: int = 4
    find_weights: Callable[..., Any] | None = None
    training_set: Callable[[Arm, Cohorts], tuple[tuple, Mapping[str, Any]]] | None = None
    judge: Callable[[Trained], tuple[Rows, dict[str, Any]]] = judge
    combine: Callable[[Mapping[str, Path], Cohorts], Rows] | None = None
    without_network: Callable[[Cohorts], Rows] | None = threshold_rule

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise SettingError(f"Each arm needs a name of its own. Received: {', '.join(names)}")
        unknown = {row for pair in self.comparisons for row in pair} - {*names, *self.rows}
        if unknown or not self.comparisons:
            raise SettingError(f"Comparisons name rows of the experiment, one pair at least. Unknown: {unknown or '-'}")
        if self.train < 1 or self.validation < 1 or self.train + self.validation >= self.cohort.cases:
            raise SettingError(
                f"Cases must be left to test: {self.train} train and {self.validation} validate of {self.cohort.cases}."
            )

    @property
    def name(self) -> str:
        """Return the name of the folder, such as 05-planes."""
        return self.folder.name


def run(experiment: Experiment, out: Path, *, jobs: int = 2, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Do what is still to do, and write OUT/results.json after every network.

    Returns: what results.json holds.
    """
    # Late: the processes that draw phantoms import run.py, and must not wait for TensorFlow.
    from stroke_tf.models.device import choose_device
    from stroke_tf.training.determinism import same_seed_same_bits
    from stroke_tf.workflows.cohort import phantom_cases, with_all_digests
    from stroke_tf.workflows.networks import RANDOM

    chosen = choose_device(Device.AUTO, Precision.AUTO)
    if chosen.device is Device.CPU:
        same_seed_same_bits()
    say(f"{experiment.name}: {experiment.question} About {experiment.minutes:g} min on 2 cores. Device: {chosen}")
    drawn = phantom_cases(out / "synthetic-phantoms", experiment.cohort, seed=COHORT_SEED, jobs=jobs)
    cases = with_all_digests(drawn.cases)
    known, absent = {"none": RANDOM}, []
    for word in dict.fromkeys(arm.weights for arm in experiment.arms if arm.weights != "none"):
        found = experiment.find_weights(word, out, say)
        if found is None:
            absent.append(word)
        else:
            known[word] = found
    arms = [arm for arm in experiment.arms if arm.weights in known]
    results = _Results(experiment, out, drawn.name, str(chosen), arms, absent)
    views = _Views(experiment, cases, out)
    if experiment.without_network:
        results.add_rows("-", experiment.without_network(views.of(arms[0])))
    networks = _Networks(chosen, known)
    for seed in experiment.seeds:
        folders = {}
        for arm in arms:
            cohorts = views.of(arm)
            folders[arm.name] = out / "runs" / f"{file_name(arm.name)}-seed{seed}"
            rows, notes = _trained_and_judged(experiment, arm, seed, folders[arm.name], cohorts, networks)
            results.add_network(arm, seed, folders[arm.name], notes)
            results.add_rows(str(seed), rows)
            results.write()
        if experiment.combine:
            results.add_rows(str(seed), experiment.combine(folders, views.of(arms[0])))
            results.write()
    dice_figure(out / FIGURE, results.content)
    return results.content


FIGURE = "SYNTHETIC-dice.png"
RESULTS = "results.json"
ANSWER = "**Answer.** "
_MEASURED = "measured.json"


def case_row(case_id: str, counts: Counts) -> CaseRow:
    """Return what is stored of one case."""
    return {
        "case": case_id,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "dice": dice(counts),
        "precision": precision(counts),
        "recall": recall(counts),
    }


class _Views:
    """The cohort as each recipe looks at it, prepared once for each way of looking."""

    def __init__(self, experiment: Experiment, cases: Sequence, out: Path) -> None:
        from stroke_tf.volumes.cache import ArrayCache
        from stroke_tf.workflows.prepare import cache_folder

        first, second = experiment.train, experiment.train + experiment.validation
        # Phantoms are drawn independently of each other, so their numbers are as good as a shuffle.
        self._groups = tuple(cases[:first]), tuple(cases[first:second]), tuple(cases[second:])
        require_disjoint(
            **{
                name: [case.case_id for case in group]
                for name, group in zip(("train", "validation", "test"), self._groups, strict=True)
            }
        )
        self._cache = ArrayCache(cache_folder(out))
        self._planes = tuple(dict.fromkeys(arm.plane for arm in experiment.arms))
        self._views: dict[Any, Mapping[str, Any]] = {}

    def of(self, arm: Arm) -> Cohorts:
        from stroke_tf.workflows.planar import viewing_of
        from stroke_tf.workflows.prepare import prepare_all

        viewing = viewing_of(arm.recipe, self._planes, patches=False)
        if viewing not in self._views:
            everyone = [case for group in self._groups for case in group]
            prepared = prepare_all(everyone, viewing, self._cache)
            self._views[viewing] = {each.case.case_id: each for each in prepared}
        return Cohorts(*self._groups, self._views[viewing])


class _Networks:
    """The network at hand: arms that share architecture, loss, weights and seed share what was built and traced."""

    def __init__(self, chosen: Any, weights: Mapping[str, Any]) -> None:
        self.chosen, self.weights = chosen, weights
        self._key: Any = None
        self._trainable: Any = None

    def of(self, arm: Arm, seed: int) -> Any:
        import keras

        from stroke_tf.workflows.networks import build_trainable

        # What is left of a recipe when everything that only concerns data, schedule and decision is made equal.
        key = seed, arm.weights, replace(_without_data(arm.recipe), loss=arm.recipe.loss)
        if key != self._key:
            keras.backend.clear_session()
            self._trainable = build_trainable(
                arm.recipe, self.weights[arm.weights], precision=self.chosen.precision, seed=seed
            )
            self._key = key
        return self._trainable


def _without_data(recipe: Recipe) -> Recipe:
    same = ("name", "fit", "lesion_share", "augmenting", "threshold", "phases_random", "phases_pretrained")
    plain = replace(recipe, **{name: getattr(BASE, name) for name in same})
    # One sequence is repeated to three channels: the network does not know which it sees.
    return replace(plain, sequences=BASE.sequences) if len(recipe.sequences) in (1, 3) else plain


def _trained_and_judged(
    experiment: Experiment, arm: Arm, seed: int, folder: Path, cohorts: Cohorts, networks: _Networks
) -> tuple[Rows, dict[str, Any]]:
    from stroke_tf.models.files import restore_weights
    from stroke_tf.training.record import read_run_card
    from stroke_tf.workflows.planar import train_plane
    from stroke_tf.workflows.run import Job, RunOptions, is_finished

    chosen, train, prepared = networks.chosen, cohorts.train, cohorts.prepared
    if experiment.training_set:
        train, prepared = experiment.training_set(arm, cohorts)
    job = Job(arm.recipe, arm.plane, train, cohorts.validation, networks.weights[arm.weights], seed, True)
    if not is_finished(folder, job.settings(chosen)):
        train_plane(job, networks.of(arm, seed), prepared, chosen, folder, RunOptions(resume=True))
    digest = read_run_card(folder)["files"]["model.weights.h5"]
    path = folder / _MEASURED
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if stored.get("weights_sha256") != digest:
        trainable = networks.of(arm, seed)
        restore_weights(trainable.model, folder)
        rows, notes = experiment.judge(Trained(arm, seed, folder, trainable.predict, cohorts))
        stored = {"weights_sha256": digest, "rows": rows, "notes": notes}
        write_json(path, stored)
    return stored["rows"], stored["notes"]


class _Results:
    """The content of results.json while it grows."""

    def __init__(
        self, experiment: Experiment, out: Path, data: str, device: str, arms: Iterable[Arm], absent: Sequence[str]
    ) -> None:
        from stroke_tf.training.record import commit, versions

        self._experiment, self._out, self._began = experiment, out, time.monotonic()
        self.content: dict[str, Any] = {
            "experiment": experiment.name,
            "question": experiment.question,
            "data": data,
            "synthetic": True,
            "cases": {
                "train": experiment.train,
                "validation": experiment.validation,
                "test": experiment.cohort.cases - experiment.train - experiment.validation,
            },
            "seeds": list(experiment.seeds),
            "cohort_seed": COHORT_SEED,
            "device": device,
            "commit": commit(),
            "versions": versions(),
            "arms": {
                arm.name: {
                    "plane": arm.plane.value,
                    "weights": arm.weights,
                    "recipe": json.loads(json.dumps(dataclasses.asdict(arm.recipe))),
                }
                for arm in arms
            },
            "weights_that_could_not_be_had": list(absent),
            "networks": [],
            "rows": {},
        }

    def add_network(self, arm: Arm, seed: int, folder: Path, notes: Mapping[str, Any]) -> None:
        from stroke_tf.training.record import read_run_card

        card = read_run_card(folder)
        wanted = ("best_validation_dice", "best_epoch", "training_seconds", "commit")
        history = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
        told = {name: card[name] for name in wanted}
        network = {"arm": arm.name, "seed": seed, "weights": card["weights"], **told, **notes, "history": history}
        self.content["networks"].append(network)

    def add_rows(self, seed: str, rows: Rows) -> None:
        for name, cases in rows.items():
            self.content["rows"].setdefault(name, {}).setdefault(seed, []).extend(cases)

    def write(self) -> None:
        rows = self.content["rows"]
        self.content["summary"] = {name: summary_of_row(name, seeds) for name, seeds in rows.items()}
        self.content["comparisons"] = [
            comparison(rows, of, against)
            for of, against in self._experiment.comparisons
            # While an experiment grows, a row may lack what the other has already.
            if of in rows and _cases_of(rows[of]) == _cases_of(rows.get(against, {}))
        ]
        seconds = sum(network["training_seconds"] for network in self.content["networks"])
        self.content["training_minutes"] = round(seconds / 60, 1)
        write_json(self._out / RESULTS, self.content)


def of_each_case(seeds: Mapping[str, Sequence[CaseRow]], measure: str) -> dict[str, float | None]:
    """Return a measure of each case, the mean over the seeds; None where no seed has a value."""
    found: dict[str, list[float]] = {}
    for cases in seeds.values():
        for case in cases:
            found.setdefault(case["case"], []).extend([case[measure]] if case[measure] is not None else [])
    return {case: statistics.fmean(values) if values else None for case, values in found.items()}


def summary_of_row(name: str, seeds: Mapping[str, Sequence[CaseRow]]) -> dict[str, Any]:
    """Return mean and 95 % interval of each measure over the cases, each case being the mean of its seeds."""
    summary = {}
    for measure in MEASURES:
        values = [value for value in of_each_case(seeds, measure).values() if value is not None]
        low, high = bootstrap_interval(values, seed=child_seed(COHORT_SEED, "interval", name, measure))
        summary[measure] = {
            "mean": statistics.fmean(values) if values else None,
            "low": low,
            "high": high,
            "n": len(values),
        }
    return summary


def comparison(rows: Mapping[str, Mapping[str, Sequence[CaseRow]]], of: str, against: str) -> dict[str, Any]:
    """Compare two rows case by case.

    Returns: for each measure the mean of the paired differences with its 95 % bootstrap interval over cases (seeds
        averaged before), the mean of each seed, and the p of the Wilcoxon signed-rank test for Dice.
    """
    told: dict[str, Any] = {"of": of, "against": against}
    for measure in MEASURES:
        differences = list(_differences(rows[of], rows[against], measure))
        low, high = bootstrap_interval(differences, seed=child_seed(COHORT_SEED, "difference", of, against, measure))
        told[measure] = {
            "mean": statistics.fmean(differences) if differences else None,
            "low": low,
            "high": high,
            "n": len(differences),
        }
    told["dice"]["of_each_seed"] = {
        seed: statistics.fmean(_differences({seed: rows[of][seed]}, {seed: rows[against][seed]}, "dice"))
        for seed in rows[of]
    }
    first, second = (of_each_case(rows[name], "dice") for name in (of, against))
    test = paired_wilcoxon(list(first.values()), [second[case] for case in first])
    told["dice"] |= {"p_wilcoxon": test.p_value, "no_p_because": test.reason}
    return told


def _cases_of(seeds: Mapping[str, Sequence[CaseRow]]) -> dict[str, set[str]]:
    return {seed: {case["case"] for case in cases} for seed, cases in seeds.items()}


def _differences(of: Mapping, against: Mapping, measure: str) -> Iterable[float]:
    first, second = of_each_case(of, measure), of_each_case(against, measure)
    if set(first) != set(second):
        raise SettingError("Rows that are compared must hold the same cases.")
    return [first[case] - second[case] for case in first if None not in (first[case], second[case])]


def dice_figure(path: Path, results: Mapping[str, Any]) -> None:
    """Draw every test case as a dot in Dice, precision and recall, a line for each row with mean and interval."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = results["rows"]
    figure = Figure(figsize=(11, 1.9 + 0.42 * len(rows)), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for axis, measure in zip(figure.subplots(1, len(MEASURES), sharey=True), MEASURES, strict=True):
        for place, (name, seeds) in enumerate(rows.items()):
            values = [100 * value for value in of_each_case(seeds, measure).values() if value is not None]
            scatter = np.random.default_rng(child_seed(0, "figure", name)).uniform(-0.2, 0.2, len(values))
            axis.scatter(values, place + scatter, s=20, color="#0072B2", alpha=0.55, lw=0, zorder=2)
            told = results["summary"][name][measure]
            if told["low"] is not None:
                axis.plot([100 * told["low"], 100 * told["high"]], [place, place], color="black", lw=1.6, zorder=3)
            if told["mean"] is not None:
                axis.plot([100 * told["mean"]], [place], marker="|", ms=14, mew=2.2, color="black", zorder=3)
        axis.set_xlabel(f"{measure.capitalize()} (%)")
        axis.set_xlim(-2, 102)
        axis.grid(axis="x", color="#E5E5E5", lw=0.8)
        axis.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.set_yticks(range(len(rows)), list(rows), fontsize=9)
        axis.set_ylim(len(rows) - 0.5, -0.5)
    tested = f"a dot is a test case in 3-D, mean of {len(results['seeds'])} seeds; line: mean and 95 % interval"
    figure.suptitle(f"SYNTHETIC PHANTOMS · {results['experiment']}: {results['question']}\n{tested}", fontsize=10)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=130)


def result_section(results: Mapping[str, Any]) -> str:
    """Return the result as Markdown: rows, paired differences, and what they stand on."""
    rows = [
        f"| {name} | " + " | ".join(_with_interval(told[measure]) for measure in MEASURES) + " |"
        for name, told in results["summary"].items()
    ]
    pairs = []
    for told in results["comparisons"]:
        of_seeds = ", ".join(_points(value) for seed, value in told["dice"]["of_each_seed"].items() if seed != "-")
        p = told["dice"]["p_wilcoxon"]
        p_text = "-" if p is None else f"{p:.2g}"
        differences = " | ".join(_difference(told[measure]) for measure in MEASURES)
        pairs.append(f"| {told['of']} − {told['against']} | {differences} | {of_seeds or '-'} | {p_text} |")
    cases = results["cases"]
    made = {_short(network["commit"]) for network in results["networks"]}
    versions = results["versions"]
    tensorflow = versions.get("tensorflow-cpu") or versions.get("tensorflow")
    lines = [
        f"{results['data']}; {cases['train']} cases train, {cases['validation']} choose the epoch, {cases['test']} are "
        f"tested. Percent; mean over the test cases [95 % bootstrap interval], each case the mean of "
        f"{len(results['seeds'])} seeds.",
        "",
        "| SYNTHETIC phantoms | Dice | precision | recall |",
        "| --- | ---: | ---: | ---: |",
        *rows,
        "",
        "| paired difference, points | Dice | precision | recall | Dice of each seed | p (Wilcoxon) |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *pairs,
        "",
        f"{len(results['networks'])} networks, {results['training_minutes']:g} min of training beside other work; "
        f"{results['device']}; TensorFlow {tensorflow}, Keras {versions['keras']}; commit "
        f"{', '.join(sorted(made))}. Every case and recipe: `results.json`.",
    ]
    if results["weights_that_could_not_be_had"]:
        lines.append(f"Could not be had, so not run: {', '.join(results['weights_that_could_not_be_had'])} weights.")
    return "\n".join([*lines, "", f"![every test case, SYNTHETIC phantoms]({FIGURE})"])


def headline(results: Mapping[str, Any]) -> str:
    """Return the answer in one sentence: the first comparison."""
    first = results["comparisons"][0]
    told, seeds = first["dice"], results["seeds"]
    p = "" if told["p_wilcoxon"] is None else f", p {told['p_wilcoxon']:.2g}"
    return (
        f"{first['of']} − {first['against']}: {_difference(told)} points of Dice{p} "
        f"({told['n']} SYNTHETIC test phantoms, {len(seeds)} seed{'s' if len(seeds) > 1 else ''})."
    )


def listed(root: Path) -> str:
    """Return the table of all experiments that have a README, with the answer of those that have results."""
    lines = ["| experiment | answer (01 on real scans, the others on SYNTHETIC phantoms) |", "| --- | --- |"]
    for folder in sorted(root.glob("[0-9][0-9]-*")):
        title = (folder / "README.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        stored = folder / RESULTS
        results = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
        # 01, 02 and 09 are not made of arms; their READMEs give the answer in a line.
        answer = headline(results) if "comparisons" in results else _answer(folder)
        lines.append(f"| [{title}](experiments/{folder.name}/README.md) | {answer} |")
    return "\n".join(lines)


def _answer(folder: Path) -> str:
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix(ANSWER) for line in lines if line.startswith(ANSWER)), "not run yet")


def between_marks(text: str, mark: str, content: str) -> str:
    """Return a text with the content between `<!-- result:mark -->` and `<!-- /result:mark -->`.

    Raises: SettingError if the marks are not there, once each.
    """
    begin, end = f"<!-- result:{mark} -->", f"<!-- /result:{mark} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SettingError(f"The marks {begin} and {end} must each stand in the text once.")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def publish(experiment: Experiment, out: Path) -> None:
    """Put results and figure beside the experiment's README, and the numbers into it and the repository's README."""
    results = json.loads((out / RESULTS).read_text(encoding="utf-8"))
    write_json(experiment.folder / RESULTS, results)
    dice_figure(experiment.folder / FIGURE, results)
    readme = experiment.folder / "README.md"
    filled = between_marks(readme.read_text(encoding="utf-8"), experiment.name, result_section(results))
    write_text(readme, filled)
    root = experiment.folder.parent
    whole = root.parent / "README.md"
    write_text(whole, between_marks(whole.read_text(encoding="utf-8"), "experiments", listed(root)))


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> None:
    """Run an experiment from the command line."""
    options = argparse.ArgumentParser(description=experiment.question)
    options.add_argument("--out", type=Path, default=Path("results", "experiments", experiment.name))
    options.add_argument("--publish", action="store_true", help="put the results beside the README, and into it")
    asked = options.parse_args(arguments)
    results = run(experiment, asked.out)
    if asked.publish:
        publish(experiment, asked.out)
    print(result_section(results))
    print(f"\nwritten: {asked.out / RESULTS}, {asked.out / FIGURE}")


def _with_interval(told: Mapping[str, Any]) -> str:
    if told["mean"] is None:
        return "-"
    interval = "" if told["low"] is None else f" [{100 * told['low']:.1f}, {100 * told['high']:.1f}]"
    return f"{100 * told['mean']:.1f}{interval}"


def _difference(told: Mapping[str, Any]) -> str:
    if told["mean"] is None:
        return "-"
    interval = "" if told["low"] is None else f" [{_points(told['low'])}, {_points(told['high'])}]"
    return f"{_points(told['mean'])}{interval}"


def _short(commit: str | None) -> str:
    """Return seven digits of a commit and, where its tree was changed, the word for it; installed copies have none."""
    return commit[:7] + commit[40:] if commit else "not known"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
