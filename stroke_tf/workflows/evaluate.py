"""Compare the masks of one or several rows with the truth: find, measure, summarise, compare, write."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from stroke_tf.arrays import Mask
from stroke_tf.choices import Protocol
from stroke_tf.errors import InputFileError, SettingError, StrokeTfError
from stroke_tf.files import require_absent, write_json, write_text
from stroke_tf.metrics.protocols import COLUMNS, RULES, Measured, mean_ranks, measure_case
from stroke_tf.metrics.summary import paired_wilcoxon, summarise
from stroke_tf.progress import Progress
from stroke_tf.reports.evaluation import (
    Comparison,
    Evaluation,
    MeasuredCase,
    cases_csv,
    evaluation_content,
    evaluation_markdown,
    summary_csv,
)
from stroke_tf.volumes.channels import load_case
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_mask
from stroke_tf.workflows.baseline import ROWS, baseline_masks
from stroke_tf.workflows.masks import Truth, chosen_truths, find_predictions, find_truths

FILES = ("per_case.csv", "summary.csv", "summary.md", "summary.json")
"""What an evaluation writes into its results folder."""
_BRAIN_SEQUENCES = ("FLAIR", "DWI", "T2")


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
    baseline: bool = False,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    force: bool = False,
) -> Evaluation:
    """Measure every row of masks against the truth, and write per_case.csv and summary.csv, .md and .json.

    Args:
        truth: a manifest, a folder of cases, or a folder of masks named after their cases.
        rows: by name, the folder that holds <case>.nii.gz or <case>_mask.nii.gz, or a path with {case} in it.
        out: the results folder.
        case_ids, fold, subset: evaluate only these cases; all with a truth by default.
        baseline: add two rows without any network, fitted on the cases that are not evaluated; see baseline.py.
        seed: of the bootstrap.
    Returns: the evaluation; a case without prediction stands in `missing` and is counted as left out.
    Raises: ManifestError, InputFileError, GeometryError as the files deserve; OutputError if a result exists.
    """
    files = [Path(out) / name for name in FILES]
    for path in files:
        require_absent(path, force=force)
    per_case, table, page, plain = files
    found = find_truths(truth, data_root=data_root)
    truths = chosen_truths(found, case_ids, fold, subset)
    if baseline:
        if doubled := sorted(set(rows) & set(ROWS)):
            raise SettingError(f"--baseline adds a row of that name. Call yours other than {', '.join(doubled)}.")
        rows = {**rows, **baseline_masks(found.masks, truths.masks, Path(out) / "baseline", force=force)}
    predictions = {name: find_predictions(name, place, truths.masks) for name, place in rows.items()}
    measured, no_brain = _measure_all(truths.masks, predictions, protocol, max_voxels)
    numbers = {name: [each.measured for each in cases] for name, cases in measured.items()}
    evaluation = Evaluation(
        protocol=protocol,
        seed=seed,
        data=truths.name,
        synthetic=truths.synthetic,
        cases=len(truths.masks),
        without_truth=truths.without_truth,
        rows=measured,
        summaries={name: summarise(cases, seed=seed) for name, cases in numbers.items()},
        comparisons=_compare(numbers, protocol),
        ranks=mean_ranks(numbers, protocol=protocol) if len(numbers) > 1 else None,
        no_brain=no_brain,
    )
    write_text(per_case, cases_csv(evaluation))
    write_text(table, summary_csv(evaluation))
    write_text(page, evaluation_markdown(evaluation))
    write_json(plain, {**evaluation_content(evaluation), "files": _files(truth, data_root, predictions)})
    return evaluation


def _files(
    truth: Path, data_root: Path | None, predictions: Mapping[str, Mapping[str, Path]]
) -> dict[str, str | dict[str, dict[str, str]] | None]:
    """Return where what was compared lies, so that a page can show it."""
    return {
        "truth": str(Path(truth).absolute()),
        "data_root": None if data_root is None else str(Path(data_root).absolute()),
        "masks": {
            row: {case_id: str(path.absolute()) for case_id, path in found.items()}
            for row, found in predictions.items()
        },
    }


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


def _measure_all(
    truths: Sequence[Truth], predictions: Mapping[str, Mapping[str, Path]], protocol: Protocol, max_voxels: int
) -> tuple[dict[str, list[MeasuredCase]], dict[str, str]]:
    rows: dict[str, list[MeasuredCase]] = {name: [] for name in predictions}
    no_brain = {}
    progress = Progress("measuring", len(truths))
    for truth in truths:
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
