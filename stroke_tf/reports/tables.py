"""Tables as Markdown that reads well in a terminal too, and as CSV."""

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from stroke_tf.errors import InputFileError

MEASURES = (
    ("dice", "Dice", "dice"),
    ("accuracy_balanced", "Balanced accuracy", "accuracy"),
    ("precision", "Precision", "precision"),
    ("recall", "Recall", "recall"),
)
"""Our measure, its title, and the paper's column that stands beside it (the paper names no kind of accuracy)."""
REFERENCES = ("threshold", "ceiling")
"""Rows that measure the data and not a network; they stand below the table."""


def percent(value: float | None, digits: int = 1) -> str:
    """Write a fraction as a percentage without its sign, or a dash where there is none.

    Example:
        >>> percent(0.807), percent(None)
        ('80.7', '-')
    """
    return "-" if value is None else f"{100 * value:.{digits}f}"


def as_printed(value: float | None) -> str:
    """Write a printed fraction as a percentage with the digits of the page, no zeros added.

    Example:
        >>> as_printed(0.21064), as_printed(0.807)
        ('21.064', '80.7')
    """
    return "-" if value is None else f"{100 * value:.6g}"


def with_interval(summary: Mapping[str, Any] | None) -> str:
    """Write a summary as mean ± SD and the 95 % interval of the mean, in percent.

    Args:
        summary: mean, sd, low, high as fractions; a part that is None becomes a dash.
    Example:
        >>> with_interval({"mean": 0.62, "sd": 0.2, "low": 0.55, "high": 0.7})
        '62.0 ± 20.0 [55.0, 70.0]'
    """
    if summary is None or summary.get("mean") is None:
        return "-"
    text = percent(summary["mean"])
    if summary.get("sd") is not None:
        text += f" ± {percent(summary['sd'])}"
    if summary.get("low") is not None and summary.get("high") is not None:
        text += f" [{percent(summary['low'])}, {percent(summary['high'])}]"
    return text


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str | None = None) -> str:
    """Lay out a table whose columns line up in plain text.

    Args:
        align: a letter for each column, l or r; the first column is left and the others right unless told.
    Example:
        >>> print(markdown_table(["row", "Dice"], [["x", "80.7"]]))
        | row | Dice |
        | :-- | ---: |
        | x   | 80.7 |
    """
    align = align or "l" + "r" * (len(header) - 1)
    cells = [[_cell(text) for text in line] for line in (header, *rows)]
    widths = [max(3, *(_width(line[column]) for line in cells)) for column in range(len(header))]
    rule = [":" + "-" * (w - 1) if side == "l" else "-" * (w - 1) + ":" for w, side in zip(widths, align, strict=True)]
    padded = [[_pad(t, w, side) for t, w, side in zip(line, widths, align, strict=True)] for line in cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in (padded[0], rule, *padded[1:]))


def csv_text(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write rows as CSV; None becomes an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return stream.getvalue()


def table1_markdown(results: Mapping[str, Any]) -> str:
    """Write Table 1 as measured beside Table 1 as printed, the claims judged, and what the data itself allows.

    Args:
        results: the content of results.json.
    Raises: InputFileError, naming what is missing.
    """
    rows = _rows(results)
    networks = [row for row in rows if not _is_reference(row)]
    parts = [
        f"# Table 1 on {data_title(results)}",
        _convention(results),
        markdown_table(*_networks_table(networks)),
        _notes(networks),
        _variants(results),
        "## What was claimed",
        _claims_list(results.get("claims") or []),
        "## What the data itself allows",
        _references([row for row in rows if _is_reference(row)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table1_csv(results: Mapping[str, Any]) -> str:
    """Write Table 1 in fractions, one line a row: ours (mean, SD, interval, n) and the paper's."""
    header = ["data", "synthetic", "protocol", "id", "title", "weights"]
    for measure, _, _ in MEASURES:
        header += [f"{measure}_{part}" for part in ("mean", "sd", "low", "high", "n")]
    header += [f"paper_{column}" for _, _, column in MEASURES] + ["note"]
    lines = []
    for row in _rows(results):
        line = [results.get("data"), results["synthetic"], results.get("protocol"), row["id"], row["title"]]
        line.append(row.get("weights"))
        for measure, _, _ in MEASURES:
            summary = _summary(row, measure) or {}
            line += [summary.get(part) for part in ("mean", "sd", "low", "high", "n")]
        line += [printed(row).get(column) for _, _, column in MEASURES] + [row.get("note")]
        lines.append(line)
    return csv_text(header, lines)


def data_title(results: Mapping[str, Any]) -> str:
    """Return the name of the data, which says SYNTHETIC PHANTOMS wherever phantoms were measured."""
    if results["synthetic"]:
        return "SYNTHETIC PHANTOMS (no patient was measured)"
    return str(results.get("data") or "real scans (the results name no data set)")


def printed(row: Mapping[str, Any]) -> Mapping[str, float | None]:
    """Return what the paper prints for a row, as fractions; empty where it prints no such row.

    Raises: InputFileError if a number is no fraction: 80.7 where 0.807 is meant.
    """
    numbers = row.get("paper") or {}
    for name, value in numbers.items():
        if value is not None and not 0 <= value <= 1:
            raise InputFileError(
                f"results, row {row['id']}: the paper's {name} must be a fraction of 1. Received: {value}. "
                "Run stroke-tf reproduce-table1 again."
            )
    return numbers


def _rows(results: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    for key in ("synthetic", "rows"):
        if key not in results:
            raise InputFileError(f"results: no {key!r} inside. Run stroke-tf reproduce-table1 again.")
    for number, row in enumerate(results["rows"], start=1):
        for key in ("id", "title", "summary"):
            if key not in row:
                name = row.get("id", number)
                raise InputFileError(f"results, row {name}: no {key!r}. Run stroke-tf reproduce-table1 again.")
    return results["rows"]


def _is_reference(row: Mapping[str, Any]) -> bool:
    return row["id"].startswith(REFERENCES)


def _summary(row: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    return row["summary"].get(measure)


def _convention(results: Mapping[str, Any]) -> str:
    protocol = results.get("protocol", "not named")
    return (
        f"Percent. Ours: each test case measured in 3-D under protocol {protocol}, then mean ± SD over the cases\n"
        "[95 % bootstrap interval of the mean]; balanced accuracy = mean of recall and specificity over all voxels.\n"
        "In brackets: as the paper prints it, naming neither its averaging nor its kind of accuracy (stroke-tf audit)."
    )


def _networks_table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]], str]:
    header = ["Row", "Weights used", "Dice", "(paper)"]
    header += [part for _, title, _ in MEASURES[1:] for part in (title, "(paper)")]
    lines = []
    for row in rows:
        line = [row["title"], row.get("weights") or "-"]
        for number, (measure, _, column) in enumerate(MEASURES):
            summary = _summary(row, measure)
            # The interval of Dice decides the claims; those of the others stand in the CSV, or the table gets too wide.
            line.append(with_interval(summary) if number == 0 else _mean_and_sd(summary))
            line.append(_bracketed(printed(row).get(column)))
        lines.append(line)
    return header, lines, "ll" + "r" * (2 * len(MEASURES))


def _mean_and_sd(summary: Mapping[str, Any] | None) -> str:
    return with_interval({**summary, "low": None} if summary else None)


def _bracketed(value: float | None) -> str:
    return "(-)" if value is None else f"({as_printed(value)})"


def _notes(rows: Sequence[Mapping[str, Any]]) -> str:
    notes = [f"- {row['title']}: {row['note']}" for row in rows if row.get("note")]
    notes += [line for row in rows for line in _left_out(row)]
    return "\n".join(notes)


def _left_out(row: Mapping[str, Any]) -> list[str]:
    """Name the means that do not cover every case: a case left out in silence would flatter the mean."""
    short = [
        f"{title} of {summary['left_out']}"
        for measure, title, _ in MEASURES
        if (summary := _summary(row, measure)) and summary.get("left_out")
    ]
    return [f"- {row['title']}: undefined, and left out of the mean: {', '.join(short)} case(s)"] if short else []


def _claims_list(claims: Sequence[Mapping[str, Any]]) -> str:
    # A list and no table: the reasons are sentences.
    if not claims:
        return "No claim was judged."
    return "\n".join(f"- {each['sentence']}: **{each['verdict']}**. {each['reason']}" for each in claims)


def _variants(results: Mapping[str, Any]) -> str:
    """List how far each variant lies from row Y; nothing where none was trained."""
    lines = [_variant(each, synthetic=results["synthetic"]) for each in results.get("variants") or []]
    return "\n".join(["## Variants of the network of plane Y", "", *lines]) if lines else ""


def _variant(each: Mapping[str, Any], *, synthetic: bool) -> str:
    name = f"- {each['title']}"
    if each["dice"] is None:
        return f"{name}: no case has a Dice in both"
    cases = f"{each['n']} {'phantom' if synthetic else 'case'}{'' if each['n'] == 1 else 's'}"
    if each["low"] is None:
        return f"{name}: {100 * each['dice']:+.1f} points of Dice against row Y, on {cases}; one has no interval"
    interval = f"[{100 * each['low']:+.1f}, {100 * each['high']:+.1f}]"
    ending = "; an interval that holds zero decides nothing" if each["low"] <= 0 <= each["high"] else ""
    return f"{name}: {100 * each['dice']:+.1f} {interval} points of Dice against row Y, on {cases}{ending}"


def _references(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Neither the threshold rule nor the ceiling was measured."
    lines = [[row["title"], with_interval(_summary(row, "dice")), row.get("note") or ""] for row in rows]
    return markdown_table(["Rule", "Dice", "Note"], lines, "lrl")


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, side: str) -> str:
    space = " " * (width - _width(text))
    return text + space if side == "l" else space + text
