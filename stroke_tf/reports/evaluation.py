"""An evaluation as a reader sees it: a page in Markdown, two tables in CSV, and plain data for JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stroke_tf.choices import Protocol
from stroke_tf.metrics.conventions import Averaging, Convention, Interval, Paired
from stroke_tf.metrics.protocols import COLUMNS, DISTANCES, MEASURE_NAMES, RULES, Measured
from stroke_tf.metrics.summary import PairedTest, Summary
from stroke_tf.reports.tables import csv_text, data_title, markdown_table


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
    """Everything that was found out.

    Args:
        data: what tables call the cases.
        synthetic: phantoms, not patients.
        cases: how many there are in each row, those without prediction included.
        without_truth: cases that were passed over.
        no_brain: why accuracy_brain is missing, by case.
    """

    protocol: Protocol
    seed: int
    data: str
    synthetic: bool
    cases: int
    without_truth: Sequence[str]
    rows: Mapping[str, Sequence[MeasuredCase]]
    summaries: Mapping[str, Mapping[str, Summary]]
    comparisons: Sequence[Comparison]
    ranks: Mapping[str, float] | None
    no_brain: Mapping[str, str]

    @property
    def missing(self) -> dict[str, list[str]]:
        """Return the cases without prediction, by row; rows that are complete are not in it."""
        found = {name: [each.case_id for each in cases if each.missing] for name, cases in self.rows.items()}
        return {name: cases for name, cases in found.items() if cases}


def evaluation_markdown(evaluation: Evaluation) -> str:
    """Write the whole evaluation for a reader, with every convention it stands on."""
    rules = RULES[evaluation.protocol]
    title = data_title({"synthetic": evaluation.synthetic, "data": evaluation.data})
    parts = [
        f"# Masks against the truth: {title}",
        f"Protocol {rules.name} (`{evaluation.protocol.value}`), {evaluation.cases} cases, "
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


def cases_csv(evaluation: Evaluation) -> str:
    """Write one line for each case of each row, with every measure."""
    lines = [
        [name, each.case_id, each.missing, *(each.measured[column] for column in COLUMNS)]
        for name, cases in evaluation.rows.items()
        for each in cases
    ]
    return csv_text(["row", "case", "missing", *COLUMNS], lines)


def summary_csv(evaluation: Evaluation) -> str:
    """Write one line for each measure of each row."""
    parts = list(Summary.__dataclass_fields__)
    lines = [
        [name, evaluation.protocol.value, measure, *(getattr(summary, part) for part in parts)]
        for name, summaries in evaluation.summaries.items()
        for measure, summary in summaries.items()
    ]
    return csv_text(["row", "protocol", "measure", *parts], lines)


def evaluation_content(evaluation: Evaluation) -> dict[str, Any]:
    """Return the whole evaluation as plain data, each case's measures included."""
    return {
        "protocol": evaluation.protocol.value,
        "data": evaluation.data,
        "synthetic": evaluation.synthetic,
        "seed": evaluation.seed,
        "number_of_cases": evaluation.cases,
        "conventions": [
            {"kind": type(each).__name__, "value": each.value, "sentence": each.sentence}
            for each in conventions_of(evaluation.protocol)
        ],
        "missing": evaluation.missing,
        "without_truth": list(evaluation.without_truth),
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


def conventions_of(protocol: Protocol) -> tuple[Convention, ...]:
    """Return every convention that the tables of an evaluation stand on."""
    return (*RULES[protocol].conventions, *Averaging, *Interval, *Paired)


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
    if evaluation.without_truth:
        lines.append(f"- Without truth, and not evaluated: {', '.join(evaluation.without_truth)}.")
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
