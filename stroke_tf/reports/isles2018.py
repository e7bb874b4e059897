"""The ISLES 2018 journey as a page: rows beside the printed Dice, pairs, the generated DWI, verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

from stroke_tf.reports.tables import as_printed, csv_text, data_title, markdown_table, with_interval

_MEASURES = ("dice", "precision", "recall")
_PARTS = ("mean", "sd", "low", "high", "n")


def isles2018_markdown(results: Mapping[str, Any]) -> str:
    """Write what was measured beside what is printed, the pairs, the generated DWI and the verdicts.

    Args:
        results: the content of results.json.
    """
    networks = [row for row in results["rows"] if row["id"] != "ceiling"]
    parts = [
        f"# Generative model on CT perfusion: {data_title(results)}",
        _convention(results),
        markdown_table(*_rows_table(networks, results["pairs"])),
        _notes(networks),
        "## The generated DWI beside the real one",
        _images(results["generated_dwi"]["summary"]),
        "## What was claimed",
        "\n".join(f"- {each['sentence']}: **{each['verdict']}**. {each['reason']}" for each in results["claims"]),
        "## What the data itself allows",
        _ceiling(results["rows"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def isles2018_csv(results: Mapping[str, Any]) -> str:
    """Write the rows in fractions, one line a row: ours, the paper's Dice, and the whole model minus the row."""
    header = ["data", "synthetic", "protocol", "id", "title", "sees"]
    header += [f"{measure}_{part}" for measure in _MEASURES for part in _PARTS]
    header += ["paper_dice", "whole_minus_row", "whole_minus_row_low", "whole_minus_row_high", "p_value", "note"]
    pairs = {pair["second"]: pair for pair in results["pairs"]}
    lines = []
    for row in results["rows"]:
        line = [results["data"], results["synthetic"], results["protocol"], row["id"], row["title"], row["sees"]]
        line += [(row["summary"].get(measure) or {}).get(part) for measure in _MEASURES for part in _PARTS]
        pair = pairs.get(row["id"], {})
        line += [(row["paper"] or {}).get("dice"), *(pair.get(part) for part in ("mean", "low", "high", "p_value"))]
        lines.append([*line, row["note"]])
    return csv_text(header, lines)


def _convention(results: Mapping[str, Any]) -> str:
    folds = ", ".join(str(fold) for fold in results["folds"])
    return (
        f"Percent. Each test case measured in 3-D under protocol {results['protocol']}, then mean ± SD over the cases\n"
        f"[95 % bootstrap interval of the mean]; folds {folds} of {results['folds_in_all']}, by patient: each case is "
        "tested by networks that never saw it.\n"
        "In brackets: the Dice that arXiv 1906.02392 prints for its cross-validation on 94 cases of ISLES 2018.\n"
        "Whole minus row: the mean difference of Dice case by case, in points, with its interval."
    )


def _rows_table(
    rows: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[list[str]], str]:
    by_row = {pair["second"]: pair for pair in pairs}
    header = ["Row", "Sees", "Dice", "(paper)", "Precision", "Recall", "Whole minus row"]
    lines = []
    for row in rows:
        printed = (row["paper"] or {}).get("dice")
        line = [row["title"], row["sees"], with_interval(row["summary"]["dice"])]
        line.append("(-)" if printed is None else f"({as_printed(printed)})")
        line += [with_interval({**(row["summary"].get(name) or {}), "low": None}) for name in ("precision", "recall")]
        lines.append([*line, _points(by_row.get(row["id"]))])
    return header, lines, "llrrrrr"


def _points(pair: Mapping[str, Any] | None) -> str:
    if pair is None or pair["mean"] is None:
        return "-"
    interval = "" if pair["low"] is None else f" [{100 * pair['low']:+.1f}, {100 * pair['high']:+.1f}]"
    return f"{100 * pair['mean']:+.1f}{interval}"


def _notes(rows: Sequence[Mapping[str, Any]]) -> str:
    notes = [f"- {row['title']}: {row['note']}" for row in rows if row["note"]]
    for row in rows:
        short = [
            f"{name} of {row['summary'][name]['left_out']}"
            for name in _MEASURES
            if row["summary"].get(name) and row["summary"][name]["left_out"]
        ]
        if short:
            notes.append(f"- {row['title']}: undefined, and left out of the mean: {', '.join(short)} case(s)")
    return "\n".join(notes)


def _images(summary: Mapping[str, Mapping[str, Any]]) -> str:
    def shown(name: str, digits: int) -> str:
        each = summary[name]
        text = f"{each['mean']:.{digits}f}"
        if each["sd"] is not None:
            text += f" ± {each['sd']:.{digits}f}"
        return text if each["low"] is None else f"{text} [{each['low']:.{digits}f}, {each['high']:.{digits}f}]"

    rows = [
        ["PSNR, dB", shown("psnr_db", 1), shown("psnr_of_blank_db", 1)],
        ["SSIM", shown("ssim", 3), "-"],
    ]
    return (
        "On the case's own grid, inside the brain; the data range is that of the real DWI inside the brain. Blank: an\n"
        "image that is the real one's median throughout.\n\n" + markdown_table(["Measure", "Generated", "Blank"], rows)
    )


def _ceiling(rows: Sequence[Mapping[str, Any]]) -> str:
    for row in rows:
        if row["id"] == "ceiling":
            dice = row["summary"]["dice"]
            return f"{row['title']}: Dice {with_interval(dice)} ({row['note']}); nothing on this way scores higher."
    return "The ceiling was not measured."
