"""The audit of printed tables as Markdown that fits a terminal, and as plain data for JSON."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from stroke_tf.paper.audit import RowAudit
from stroke_tf.paper.counts import Overlap, Table
from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.readings import ACCURACY_RULES, RULES, AccuracyReading, Averaging
from stroke_tf.paper.tables import CLAIMS, PrintedTable, printed_verdict
from stroke_tf.paper.verdicts import Verdict
from stroke_tf.reports.tables import as_printed, data_title, markdown_table, percent, printed

_KEY = """\
D, P, R, A: Dice, precision, recall, accuracy, in percent; each printed number may be off by one unit of its last digit.
yes / no: whether the numbers can stand together under the reading, and what decides it:
=  the value D must have    ≤ ≥  the bound of D (or of P)    q  the lesion's share of the voxels that is needed
e  the share of slices that are empty in truth and prediction    R  the recall that is needed    Db  Dice of background
The rules stand at the end; --json gives every verdict with its rule and numbers.
"""
_LIMITS = (
    "Possible means: allowed by arithmetic and by the lesion volumes of the challenge, however odd the masks would be. "
    "Not judged: rows whose numbers come from different averages (such as P and R pooled beside a Dice averaged over "
    "slices), which nothing binds together; and accuracies over slices other than voxel accuracy of whole slices."
)


def audit_markdown(table: PrintedTable, audits: Sequence[RowAudit], vote: Verdict | None) -> str:
    """Write what arithmetic says about one printed table.

    Args:
        audits: one for each of the table's rows.
        vote: what the planes' recalls say of the vote's; None for a table without a vote.
    """
    header = ["Reading", *(f"{audit.row.id} {audit.row.dice.text}" for audit in audits)]
    accuracy_header = ["Accuracy", *(f"{audit.row.id} {_text(audit.row.accuracy)}" for audit in audits)]
    readings = {averaging: [audit.averagings[averaging] for audit in audits] for averaging in Averaging}
    accuracies = {reading: [audit.accuracies[reading] for audit in audits] for reading in audits[0].accuracies}
    parts = [
        f"# {table.title}",
        _printed_table(audits),
        "## Dice beside precision and recall",
        _matrix(header, {averaging.value: verdicts for averaging, verdicts in readings.items()}),
        "## Accuracy beside precision and recall",
        _matrix(accuracy_header, {reading.name: verdicts for reading, verdicts in accuracies.items()}),
        _limits(table),
        "## In short",
        "\n".join(_in_short(audit) for audit in audits),
    ]
    if vote is not None:
        parts += ["## Across the rows", _across(audits, vote), "## The claims, by the printed Dice alone", _claims()]
    return "\n\n".join(parts) + "\n"


def key_markdown() -> str:
    """Say what letters and cells of the audit mean; it stands above the first table."""
    return _KEY


def rules_markdown() -> str:
    """Write the identity or inequality behind each line; it stands below the last table."""
    dice = _rules({averaging.value: RULES[averaging] for averaging in Averaging})
    accuracy = _rules({f"{kind.value}; {over.value}": rule for (over, kind), rule in ACCURACY_RULES.items()})
    parts = ["# What decides", "Dice beside precision and recall:", dice, "Accuracy beside them:", accuracy]
    return "\n\n".join([*parts, _wrapped(_LIMITS)]) + "\n"


def comparison_markdown(results: Mapping[str, Any]) -> str:
    """Write ours beside the printed numbers, under every convention that the results allow."""
    rows = [row for row in results["rows"] if row.get("pooled")]
    overlaps = [line for row in rows for line in _overlap_lines(row)]
    accuracies = [_accuracy_line(row) for row in rows]
    parts = [
        f"# The same conventions on our own results: {data_title(results)}",
        markdown_table(["Row", "Reading", "Dice", "P", "R", "2PR/(P+R)", "off by"], overlaps, "llrrrrr"),
        "Means over slices need masks, not sums, so they are not shown here.",
        markdown_table(
            [
                "Row",
                "(paper)",
                "voxel",
                "balanced",
                "(TP+FP)/all",
                "voxel, cases",
                "balanced, cases",
                "brain, cases",
                "q",
            ],
            accuracies,
        ),
        "Accuracy in percent, over pooled voxels unless the column says cases. q: the lesion's share of the voxels.",
    ]
    claims = results.get("claims") or []
    if claims:
        parts += ["## The claims on our results"]
        parts += ["\n".join(f"- {each['sentence']}: **{each['verdict']}**. {each['reason']}" for each in claims)]
    return "\n\n".join(parts) + "\n"


def audit_content(table: PrintedTable, audits: Sequence[RowAudit], vote: Verdict | None) -> dict[str, Any]:
    """Return the audit of a table as plain data, every verdict with the rule and the numbers that decide it."""
    rows = [
        {
            "id": audit.row.id,
            "printed": {
                name: None if (number := getattr(audit.row, name)) is None else number.text
                for name in ("dice", "accuracy", "precision", "recall")
            },
            "implied_dice": audit.implied_dice,
            "dice_readings": {reading.value: _plain(verdict) for reading, verdict in audit.averagings.items()},
            "accuracy_readings": {reading.name: _plain(verdict) for reading, verdict in audit.accuracies.items()},
            "all_numbers_together": [reading.name for reading in audit.together],
        }
        for audit in audits
    ]
    return {"paper": table.id, "title": table.title, "rows": rows, "vote_recall": _plain(vote) if vote else None}


def _printed_table(audits: Sequence[RowAudit]) -> str:
    lines = []
    for audit in audits:
        row, implied = audit.row, audit.implied_dice
        off = None if implied is None else abs(row.dice - implied)
        numbers = [_text(number) for number in (row.dice, row.accuracy, row.precision, row.recall)]
        title = row.title or "(no name; the text says DSN)"
        lines.append([row.id, title, row.weights, *numbers, percent(implied, 2), percent(off, 2)])
    header = ["Row", "As printed", "Weights", "Dice", "Accuracy", "Precision", "Recall", "2PR/(P+R)", "off by"]
    return markdown_table(header, lines, "lllrrrrrr")


def _matrix(header: Sequence[str], lines: Mapping[str, Sequence[Verdict]]) -> str:
    rows = [[name, *(verdict.short for verdict in verdicts)] for name, verdicts in lines.items()]
    return markdown_table(header, rows, "l" * len(header))


def _rules(rules: Mapping[str, str]) -> str:
    return "\n".join(_wrapped(f"- {name}: {rule}", "  ") for name, rule in rules.items())


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 116, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _limits(table: PrintedTable) -> str:
    texts = []
    for area in (Area.VOLUME, Area.BRAIN):
        pooled, single = lesion_share(area, table.test_cases), lesion_share(area, 1)
        texts.append(
            f"of the {area.value} {percent(pooled.mean, 2)} in the mean, at most {percent(pooled.most, 2)} over "
            f"{table.test_cases} cases and {percent(single.most, 2)} in one"
        )
    return _wrapped(
        f"Lesion share q in ISLES 2015, in percent: {'; '.join(texts)} (mean 17.59 ml and largest 346.064 ml of 56 "
        "cases; 230x230x154 voxels of 1 mm; a brain taken as 1.3 l). A box around lesion and prediction has no limit "
        "but its own background."
    )


def _in_short(audit: RowAudit) -> str:
    fits = [averaging.value for averaging, verdict in audit.averagings.items() if verdict.possible]
    together = [reading.name for reading in audit.together]
    missing = "" if audit.row.recall else f" Recall is not printed: {audit.averagings[Averaging.POOLED].numbers}."
    return "\n".join(
        (
            f"- **{audit.row.id}**",
            _wrapped(f"  - Dice, precision, recall fit: {_listed(fits)}.{missing}", "    "),
            _wrapped(f"  - with the accuracy, under one averaging: {_listed(together)}.", "    "),
        )
    )


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names) if names else "**none of the readings examined**"


def _across(audits: Sequence[RowAudit], vote: Verdict) -> str:
    recall = f"- Recall of the vote: **{vote.word}**. {vote.numbers}. Rule: {vote.rule}."
    return "\n".join((_wrapped(recall, "  "), _shares(audits)))


def _shares(audits: Sequence[RowAudit]) -> str:
    """One test set has one lesion share, so rows that need different ones cannot share a fixed box either."""
    voxel = next(reading for reading in audits[0].accuracies if _is_voxel_in_a_box(reading))
    shown = ", ".join(f"{audit.row.id} {audit.accuracies[voxel].short.partition(' q')[2]}" for audit in audits)
    return _wrapped(
        f"- Lesion share that voxel accuracy needs beside pooled P and R: {shown}. All rows were tested on the same "
        "cases, whose lesions have one volume: the area counted would have to change from row to row.",
        "  ",
    )


def _is_voxel_in_a_box(reading: AccuracyReading) -> bool:
    return reading.name == "voxel, box, pooled"


def _claims() -> str:
    lines = []
    for claim in CLAIMS:
        word, reason = printed_verdict(claim.id)
        lines.append(f"- {claim.sentence}: **{word}**, {reason}")
    return "\n".join(lines)


def _overlap_lines(row: Mapping[str, Any]) -> list[list[str]]:
    table = _table(row)
    paper = printed(row)
    summary = row["summary"]
    cases = Overlap(*(_mean_of(summary, name) for name in ("dice", "precision", "recall")))
    shown = [("pooled voxels", table.lesion), ("mean over cases", cases), ("both classes, mean", table.macro)]
    shown += [("both classes, counts added", table.micro), ("background is positive", table.background)]
    if paper:
        shown.insert(0, ("(paper)", Overlap(paper.get("dice"), paper.get("precision"), paper.get("recall"))))
    lines = []
    for number, (name, overlap) in enumerate(shown):
        implied = overlap.implied_dice
        off = None if implied is None or overlap.dice is None else abs(overlap.dice - implied)
        write = as_printed if name == "(paper)" else percent
        numbers = [write(value) for value in (overlap.dice, overlap.precision, overlap.recall)]
        lines.append([row["id"] if number == 0 else "", name, *numbers, percent(implied, 2), percent(off, 2)])
    return lines


def _accuracy_line(row: Mapping[str, Any]) -> list[str]:
    table, summary = _table(row), row["summary"]
    paper = printed(row).get("accuracy")
    pooled = (table.accuracy_voxel, table.accuracy_balanced, table.accuracy_misprint)
    cases = [_mean_of(summary, f"accuracy_{kind}") for kind in ("voxel", "balanced", "brain")]
    return [
        row["id"],
        f"({as_printed(paper)})",
        *(percent(value, 2) for value in (*pooled, *cases)),
        percent(table.lesion_share, 2),
    ]


def _table(row: Mapping[str, Any]) -> Table:
    return Table(*(int(row["pooled"][name]) for name in ("tp", "fp", "fn", "tn")))


def _mean_of(summary: Mapping[str, Any], measure: str) -> float | None:
    return (summary.get(measure) or {}).get("mean")


def _text(number: Any) -> str:
    return "-" if number is None else number.text


def _plain(verdict: Verdict) -> dict[str, str]:
    return {"verdict": verdict.word, "rule": verdict.rule, "numbers": verdict.numbers}
