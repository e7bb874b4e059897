"""The page of Song 2019 on ISLES 2018: the answer, the rows, the pairs, the drawn DWI, the cases, the runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf.manifest.case import natural_order
from stroke_tf.reports.charts import differences_chart
from stroke_tf.reports.isles2018 import isles2018_csv
from stroke_tf.reports.page import Cell, Chart, Page, Section, Table
from stroke_tf.reports.tables import csv_text, with_interval
from stroke_tf.workflows.report_measures import (
    cases_in_words,
    cases_table,
    claims_block,
    claims_in_short,
    marked,
    number_cell,
    plots_section,
    runs_section,
    strip,
    summary_cells,
    voxels_ml,
)
from stroke_tf.workflows.viewer_cases import Scans, viewer_blocks

_MEASURES = (("dice", "dice"), ("precision", "precision"), ("recall", "recall"))


def isles2018_page(folder: Path, results: Mapping[str, Any], scans: Scans) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf reproduce-isles2018 wrote.
        results: what its results.json holds.
    """
    rows = results["rows"]
    mark = marked(results["synthetic"])
    measured = [row for row in rows if row["id"] != "ceiling"]
    whole = next(row for row in rows if row["id"] == "whole")
    networks = [row for row in measured if not row["id"].startswith("threshold")]
    voxel_ml = voxels_ml(folder, measured)
    sections = [
        Section("answer", "The answer", [claims_block(results["claims"])]),
        Section("table", "Rows", [_table(results, rows, mark), _pairs(results, mark)]),
        Section(
            "cases",
            "Cases",
            [
                *viewer_blocks(folder, results, scans, main="whole", drawn=[row["id"] for row in measured]),
                cases_table(rows, voxel_ml, mark=mark, main="whole"),
            ],
        ),
        plots_section(rows, networks, voxel_ml, mark=mark, fused=("whole",)),
        Section("drawn", "The drawn DWI", [_generated(results, mark)]),
        runs_section(folder, results, mark),
    ]
    cases = len(whole["cases"])
    who = cases_in_words(whole, results)
    return Page(
        title="Song 2019 on CT perfusion (arXiv 1906.02392), run again",
        headline=f"The whole model reaches a Dice of {with_interval(whole['summary']['dice'])} % on {who}; the paper "
        f"prints 62.4 on ISLES 2018. {claims_in_short(results['claims'])}",
        synthetic=results["synthetic"],
        data=str(results.get("data")),
        facts=strip(
            results,
            {
                "Test cases": cases,
                "Folds": f"{len(results['folds'])} of {results['folds_in_all']}",
                "Preset": results.get("preset"),
            },
        ),
        sections=sections,
    )


def _table(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    lines = []
    for row in rows:
        dice, printed, precision, _, recall, _ = summary_cells(row, _MEASURES)
        lines.append(
            [Cell(row["title"], hint=row.get("note", "")), Cell(row["sees"]), dice, printed, precision, recall]
        )
    header = ["Row", "Sees", "Dice, %", "paper", "Precision, %", "Recall, %"]
    notes = [
        f"Each test case measured in 3-D under protocol {results['protocol']} by networks that never saw it, then mean "
        "± SD over the cases, with the 95 % bootstrap interval of the mean for Dice.",
        *(f"{row['title']}: {row['note']}" for row in rows if row.get("note")),
    ]
    title = f"{mark}Rows, ours beside the paper's"
    return Table("rows", title, header, lines, "llrrrr", isles2018_csv(results), notes)


def _pairs(results: Mapping[str, Any], mark: str) -> Chart:
    titles = {row["id"]: row["title"] for row in results["rows"]}
    lines = [
        (
            f"whole − {titles[pair['second']]}",
            *(None if pair[part] is None else 100 * pair[part] for part in ("mean", "low", "high")),
        )
        for pair in results["pairs"]
        if pair["mean"] is not None
    ]
    return Chart(
        "pairs",
        f"{mark}The whole model minus each other row",
        differences_chart(lines, label="points of Dice"),
        "Mean difference of Dice case by case with its 95 % bootstrap interval; an interval that holds zero decides "
        "nothing.",
        csv_text(["row", "mean_points", "low", "high"], lines),
    )


def _generated(results: Mapping[str, Any], mark: str) -> Table:
    found = results["generated_dwi"]
    parts = (
        ("psnr_db", "PSNR, dB", "{:.1f}"),
        ("ssim", "SSIM", "{:.3f}"),
        ("psnr_of_blank_db", "PSNR of a blank, dB", "{:.1f}"),
    )
    lines = []
    for case in sorted(found["cases"], key=lambda each: natural_order(str(each["case"]))):
        shown = [number_cell(case.get(name), form) for name, _, form in parts]
        lines.append([Cell(str(case["case"])), Cell(str(case["fold"])), *shown])
    means = ", ".join(
        f"{title} {form.format(found['summary'][name]['mean'])}"
        for name, title, form in parts
        if found["summary"].get(name, {}).get("mean") is not None
    )
    note = f"Means: {means}. Blank: an image that is the real one's median throughout; a drawing should beat it."
    header = ["Case", "Fold", *(title for _, title, _ in parts)]
    return Table("drawn-dwi", f"{mark}The drawn DWI beside the real one", header, lines, "llrrr", notes=(note,))
