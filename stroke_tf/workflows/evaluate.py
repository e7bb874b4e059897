"""Compare the masks of one or several rows with the truth: find, measure, summarise, compare, write."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from stroke_tf.arrays import Mask
from stroke_tf.choices import Protocol
from stroke_tf.errors import InputFileError, ManifestError, SettingError, StrokeTfError
from stroke_tf.files import require_absent, write_json, write_text
from stroke_tf.manifest.case import Case, natural_order
from stroke_tf.metrics.conventions import Averaging, Convention, Interval, Paired
from stroke_tf.metrics.protocols import COLUMNS, DISTANCES, MEASURE_NAMES, RULES, Measured, mean_ranks, measure_case
from stroke_tf.metrics.summary import PairedTest, Summary, paired_wilcoxon, summarise
from stroke_tf.progress import Progress
from stroke_tf.reports.tables import csv_text, data_title, markdown_table
from stroke_tf.volumes.channels import load_case
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_mask
from stroke_tf.workflows.cohort import open_cases

_ENDINGS = (".nii.gz", ".nii")
_MASK_WORDS = ("", "_mask", "_msk")
_BRAIN_SEQUENCES = ("FLAIR", "DWI", "T2")
_FILES = ("per_case.csv", "summary.csv", "summary.md", "summary.json")


@dataclass(frozen=True)
class Truth:
    """One reference mask, and the case with its images where there is one."""

    case_id: str
    path: Path
    case: Case | None


@dataclass(frozen=True)
class Cohort:
    """The truths that are to be met, and what was passed over to find them."""

    name: str
    synthetic: bool
    truths: tuple[Truth, ...]
    without_truth: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredCase:
    """One case of one row; every measure is None where no prediction was found."""

    case_id: str
    measured: Measured
    missing: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two rows compared in one measure."""

    measure: str
    first: str
    second: str
    test: PairedTest


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found out, and the files it was written to."""

    protocol: Protocol
    seed: int
    cohort: Cohort
    rows: Mapping[str, Sequence[MeasuredCase]]
    summaries: Mapping[str, Mapping[str, Summary]]
    comparisons: Sequence[Comparison]
    ranks: Mapping[str, float] | None
    no_brain: Mapping[str, str]
    """Why accuracy_brain is missing, by case."""
    files: Sequence[Path] = field(default_factory=tuple)

    @property
    def missing(self) -> dict[str, list[str]]:
        """Return the cases without prediction, by row; rows that are complete are not in it."""
        found = {name: [each.case_id for each in cases if each.missing] for name, cases in self.rows.items()}
        return {name: cases for name, cases in found.items() if cases}


def evaluate(
    truth: Path,
    rows: Mapping[str, str | Path],
    *,
    out: Path,
    protocol: Protocol,
    seed: int,
    data_root: Path | None = None,
    case_ids: Sequence[str] = (),
    fold: int | None = None,
    subset: str = "",
    max_voxels: int = DEFAULT_MAX_VOXELS,
    force: bool = False,
) -> Evaluation:
    """Measure every row of masks against the truth, and write per_case.csv and summary.csv, .md and .json.

    Args:
        truth: a manifest, a folder of cases, or a folder of masks named after their cases.
        rows: by name, the folder that holds <case>.nii.gz or <case>_mask.nii.gz, or a path with {case} in it.
        out: the results folder.
        case_ids, fold, subset: evaluate only these cases; all with a truth by default.
        seed: of the bootstrap.
    Returns: the evaluation; a case without prediction stands in `missing` and is counted as left out.
    Raises: ManifestError, InputFileError, GeometryError as the files deserve; OutputError if a result exists.
    """
    files = [Path(out) / name for name in _FILES]
    for path in files:
        require_absent(path, force=force)
    cohort = _chosen(find_truths(truth, data_root=data_root), case_ids, fold, subset)
    predictions = {name: _predictions(name, place, cohort.truths) for name, place in rows.items()}
    measured, no_brain = _measure_all(cohort, predictions, protocol, max_voxels)
    numbers = {name: [each.measured for each in cases] for name, cases in measured.items()}
    evaluation = Evaluation(
        protocol=protocol,
        seed=seed,
        cohort=cohort,
        rows=measured,
        summaries={name: summarise(cases, seed=seed) for name, cases in numbers.items()},
        comparisons=_compare(numbers, protocol),
        ranks=mean_ranks(numbers, protocol=protocol) if len(numbers) > 1 else None,
        no_brain=no_brain,
        files=files,
    )
    for path, write in zip(files, (_write_cases, _write_summary, _write_markdown, _write_json), strict=True):
        write(path, evaluation)
    return evaluation


def find_truths(truth: Path, *, data_root: Path | None = None) -> Cohort:
    """Find the reference masks in a manifest, a folder of cases, or a folder of masks named after their cases.

    Raises: ManifestError if no case has a truth; InputFileError if there is no such file or folder.
    """
    truth = Path(truth)
    try:
        cases = open_cases(truth, data_root=data_root)
    except ManifestError:
        # A layout that is broken keeps its own message; only a folder of plain masks is read in the other way.
        masks = _plain_masks(truth) if truth.is_dir() else {}
        if not masks:
            raise
        return Cohort(truth.name, False, tuple(Truth(name, masks[name], None) for name in masks))
    found = tuple(Truth(case.case_id, case.lesion, case) for case in cases.cases if case.lesion is not None)
    if not found:
        raise ManifestError(f"{truth}: no case has a lesion mask; there is nothing to compare with.")
    without = tuple(case.case_id for case in cases.cases if case.lesion is None)
    return Cohort(cases.name, cases.synthetic, found, without)


def markdown_of(evaluation: Evaluation) -> str:
    """Write the whole evaluation for a reader, with every convention it stands on."""
    rules = RULES[evaluation.protocol]
    title = data_title({"synthetic": evaluation.cohort.synthetic, "data": evaluation.cohort.name})
    parts = [
        f"# Masks against the truth: {title}",
        f"Protocol {rules.name} (`{evaluation.protocol.value}`), {len(evaluation.cohort.truths)} cases, "
        f"bootstrap seed {evaluation.seed}. Fractions of 1; lengths in mm, volumes in ml.",
    ]
    for name, summary in evaluation.summaries.items():
        parts += [f"## {name}", _summary_table(summary), _remarks(name, evaluation)]
    if evaluation.comparisons:
        parts += ["## Rows compared", _comparison_table(evaluation.comparisons)]
    if evaluation.ranks:
        ranks = [[name, f"{rank:.2f}"] for name, rank in sorted(evaluation.ranks.items(), key=lambda each: each[1])]
        parts += [f"Mean rank by {', '.join(rules.ranked)}; 1 is best:", markdown_table(["Row", "Mean rank"], ranks)]
    parts += [
        "## Conventions",
        "\n".join(f"- {each.sentence}" for each in conventions_of(evaluation.protocol)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def conventions_of(protocol: Protocol) -> tuple[Convention, ...]:
    """Return every convention that the tables of an evaluation stand on."""
    return (*RULES[protocol].conventions, *Averaging, *Interval, *Paired)


def _chosen(cohort: Cohort, case_ids: Sequence[str], fold: int | None, subset: str) -> Cohort:
    known = {each.case_id: each for each in cohort.truths}
    unknown = [case_id for case_id in case_ids if case_id not in known]
    if unknown:
        raise ManifestError(
            f"{cohort.name}: no truth for case {', '.join(unknown)}. Known cases: {', '.join(list(known)[:12])}"
        )
    chosen = [known[case_id] for case_id in dict.fromkeys(case_ids)] or list(cohort.truths)
    if fold is not None:
        chosen = [each for each in chosen if each.case and each.case.fold == fold]
    if subset:
        chosen = [each for each in chosen if each.case and each.case.subset == subset]
    if not chosen:
        raise ManifestError(
            f"{cohort.name}: no case with truth is left of fold {fold}, subset {subset or 'any'}. "
            "Folds and subsets stand in the manifest; make one with: stroke-tf index ROOT"
        )
    # Cases that were not asked for are no gap, so they are not named beside those that were.
    without = () if case_ids or fold is not None or subset else cohort.without_truth
    return Cohort(cohort.name, cohort.synthetic, tuple(chosen), without)


def _plain_masks(folder: Path) -> dict[str, Path]:
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((ending for ending in _ENDINGS if path.name.endswith(ending)), None)
        if ending is None or path.name.startswith("."):
            continue
        name = path.name[: -len(ending)]
        word = next((word for word in _MASK_WORDS[1:] if name.endswith(word)), "")
        name = name.removesuffix(word)
        if name in masks:
            raise ManifestError(
                f"{path}: a second mask of case {name}; the first is {masks[name]}. Keep one of the two."
            )
        masks[name] = path
    return {name: masks[name] for name in sorted(masks, key=natural_order)}


def _predictions(row: str, place: str | Path, truths: Sequence[Truth]) -> dict[str, Path]:
    """Return the predicted mask of each case that has one."""
    if "{case}" in str(place):
        paths = {each.case_id: [Path(str(place).replace("{case}", each.case_id))] for each in truths}
    elif Path(place).is_dir():
        names = [f"{{case}}{word}{ending}" for word in _MASK_WORDS for ending in _ENDINGS]
        paths = {each.case_id: [Path(place, name.replace("{case}", each.case_id)) for name in names] for each in truths}
    else:
        raise InputFileError(f"{place}: no such folder, for row {row}. Give the folder that holds <case>_mask.nii.gz.")
    found = {}
    for case_id, candidates in paths.items():
        there = [path for path in candidates if path.exists()]
        if len(there) > 1:
            raise ManifestError(f"{there[1]}: a second mask of case {case_id}; the first is {there[0]}. Keep one.")
        if there:
            found[case_id] = there[0]
    if not found:
        example = truths[0].case_id
        raise InputFileError(
            f"{place}: no mask for any of {len(truths)} cases, for row {row}. Masks are named after their case, such "
            f"as {example}.nii.gz or {example}_mask.nii.gz; for other names give a path with {{case}} in it."
        )
    return found


def _measure_all(
    cohort: Cohort, predictions: Mapping[str, Mapping[str, Path]], protocol: Protocol, max_voxels: int
) -> tuple[dict[str, list[MeasuredCase]], dict[str, str]]:
    rows: dict[str, list[MeasuredCase]] = {name: [] for name in predictions}
    no_brain = {}
    progress = Progress("measuring", len(cohort.truths))
    for truth in cohort.truths:
        paths = {name: found[truth.case_id] for name, found in predictions.items() if truth.case_id in found}
        if paths:
            reference = _reference(truth, protocol, max_voxels)
            brain, why = _brain(truth, reference, max_voxels)
            no_brain |= {truth.case_id: why} if brain is None else {}
        for name in rows:
            if name in paths:
                measured = _measure(paths[name], reference, brain, protocol, max_voxels)
                rows[name].append(MeasuredCase(truth.case_id, measured))
            else:
                rows[name].append(MeasuredCase(truth.case_id, dict.fromkeys(COLUMNS), missing=True))
        progress.step(note=f"case {truth.case_id}")
    progress.end()
    return rows, no_brain


def _reference(truth: Truth, protocol: Protocol, max_voxels: int) -> Scan:
    reference = read_mask(truth.path, max_voxels=max_voxels, allow_empty=True)
    if protocol is Protocol.ISLES2015 and not reference.data.any():
        raise InputFileError(
            f"{truth.path}: the true mask is empty, and the rules of ISLES 2015, whose patients all have a lesion, say "
            "nothing about that. Save the mask again, leave the case out, or pass --protocol isles2022."
        )
    return reference


def _measure(path: Path, reference: Scan, brain: Mask | None, protocol: Protocol, max_voxels: int) -> Measured:
    prediction = read_mask(path, max_voxels=max_voxels, allow_empty=True)
    require_same_grid({str(reference.path): reference.grid, str(path): prediction.grid})
    spacing_mm = reference.grid.spacing_mm
    return measure_case(prediction.data, reference.data, spacing_mm=spacing_mm, brain=brain, protocol=protocol)


def _brain(truth: Truth, reference: Scan, max_voxels: int) -> tuple[Mask | None, str]:
    """Return the brain of a case, or why there is none; a measure less is no reason to lose the others."""
    case = truth.case
    if case is None:
        return None, "only masks were given, no images"
    complete = all(name in case.images for name in _BRAIN_SEQUENCES)
    try:
        volumes = load_case(
            case.case_id,
            case.images,
            sequences=_BRAIN_SEQUENCES if complete else (case.reference,),
            reference=case.reference,
            lesion=None,
            resample=case.resample,
            max_voxels=max_voxels,
        )
        require_same_grid({str(reference.path): reference.grid, str(volumes.reference.path): volumes.reference.grid})
    except StrokeTfError as fault:
        return None, str(fault)
    return volumes.brain, ""


def _compare(rows: Mapping[str, Sequence[Mapping]], protocol: Protocol) -> list[Comparison]:
    """Compare each pair of rows in the protocol's own measures, case by case."""
    return [
        Comparison(
            measure,
            first,
            second,
            paired_wilcoxon([case[measure] for case in rows[first]], [case[measure] for case in rows[second]]),
        )
        for measure in RULES[protocol].official
        for first, second in combinations(rows, 2)
    ]


def _write_cases(path: Path, evaluation: Evaluation) -> None:
    lines = [
        [name, each.case_id, each.missing, *(each.measured[column] for column in COLUMNS)]
        for name, cases in evaluation.rows.items()
        for each in cases
    ]
    write_text(path, csv_text(["row", "case", "missing", *COLUMNS], lines))


def _write_summary(path: Path, evaluation: Evaluation) -> None:
    parts = list(Summary.__dataclass_fields__)
    lines = [
        [name, evaluation.protocol.value, measure, *(getattr(summary, part) for part in parts)]
        for name, summaries in evaluation.summaries.items()
        for measure, summary in summaries.items()
    ]
    write_text(path, csv_text(["row", "protocol", "measure", *parts], lines))


def _write_markdown(path: Path, evaluation: Evaluation) -> None:
    write_text(path, markdown_of(evaluation))


def _write_json(path: Path, evaluation: Evaluation) -> None:
    write_json(path, _content(evaluation))


def _content(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "protocol": evaluation.protocol.value,
        "data": evaluation.cohort.name,
        "synthetic": evaluation.cohort.synthetic,
        "seed": evaluation.seed,
        "number_of_cases": len(evaluation.cohort.truths),
        "conventions": [
            {"kind": type(each).__name__, "value": each.value, "sentence": each.sentence}
            for each in conventions_of(evaluation.protocol)
        ],
        "missing": evaluation.missing,
        "without_truth": list(evaluation.cohort.without_truth),
        "without_brain": dict(evaluation.no_brain),
        "rows": {
            name: {
                "summary": {measure: asdict(summary) for measure, summary in evaluation.summaries[name].items()},
                "cases": [{"case": each.case_id, "missing": each.missing, **each.measured} for each in cases],
            }
            for name, cases in evaluation.rows.items()
        },
        "comparisons": [asdict(each) for each in evaluation.comparisons],
        "mean_ranks": evaluation.ranks,
    }


def _summary_table(summaries: Mapping[str, Summary]) -> str:
    header = ["Measure", "mean ± SD", "median", "95 % interval", "pooled", "95 % interval", "n", "left out"]
    lines = []
    for measure, each in summaries.items():
        spread = f"{_number(each.mean)} ± {_number(each.sd)}" if each.mean is not None else "-"
        pooled = _interval(each.pooled_low, each.pooled_high)
        interval = _interval(each.low, each.high)
        lines.append(
            [
                measure,
                spread,
                _number(each.median),
                interval,
                _number(each.pooled),
                pooled,
                str(each.n),
                str(each.left_out),
            ]
        )
    return markdown_table(header, lines)


def _remarks(name: str, evaluation: Evaluation) -> str:
    """Name what the means do not cover, in the order in which a reader should worry."""
    cases, without_brain = evaluation.rows[name], evaluation.no_brain
    lines = []
    if name in evaluation.missing:
        lines.append(f"- Without prediction, and in no figure: {', '.join(evaluation.missing[name])}.")
    if failed := [each.case_id for each in cases if each.measured["failed"]]:
        lines.append(f"- Failed (Dice 0; distances left out): {', '.join(failed)}.")
    for reason in dict.fromkeys(without_brain.values()):
        ids = [case_id for case_id, why in without_brain.items() if why == reason]
        lines.append(f"- accuracy_brain is missing for {', '.join(ids)}: {reason.rstrip('.')}.")
    for ids, measures in _undefined(cases, failed, without_brain).items():
        lines.append(f"- Undefined for {', '.join(ids)}: {', '.join(measures)}.")
    if evaluation.cohort.without_truth:
        lines.append(f"- Without truth, and not evaluated: {', '.join(evaluation.cohort.without_truth)}.")
    return "\n".join(lines)


def _undefined(
    cases: Sequence[MeasuredCase], failed: Sequence[str], without_brain: Mapping[str, str]
) -> dict[tuple[str, ...], list[str]]:
    """Return the measures that are undefined for no reason told yet, by the cases for which they are."""
    found: dict[tuple[str, ...], list[str]] = {}
    for measure in MEASURE_NAMES:
        told = failed if measure in DISTANCES else without_brain if measure == "accuracy_brain" else ()
        rest = [each for each in cases if not each.missing and each.case_id not in told]
        ids = tuple(each.case_id for each in rest if each.measured[measure] is None)
        if ids:
            found.setdefault(ids, []).append(measure)
    return found


def _comparison_table(comparisons: Sequence[Comparison]) -> str:
    header = ["Measure", "Rows", "median difference", "pairs", "left out", "p"]
    lines = [
        [
            each.measure,
            f"{each.first} - {each.second}",
            _number(each.test.median_difference),
            str(each.test.n),
            str(each.test.left_out),
            f"none: {each.test.reason}" if each.test.p_value is None else f"{each.test.p_value:.4g}",
        ]
        for each in comparisons
    ]
    return markdown_table(header, lines, "llrrrl")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"[{_number(low)}, {_number(high)}]"


def named_rows(masks: Path | None, rows: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Put the folder of --masks, under its own name, and the rows of --rows into one table.

    Raises: SettingError if there is no row, or two of one name.
    """
    pairs = ([(Path(masks).resolve().name, str(masks))] if masks is not None else []) + list(rows)
    if not pairs:
        raise SettingError("No masks to evaluate. Pass --masks FOLDER, or --rows NAME=FOLDER …")
    names = [name for name, _ in pairs]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SettingError(f"Each row has a name of its own. Received twice: {', '.join(doubled)}")
    return dict(pairs)
