"""The page of Aboudi 2022: the answer, Table II, every reading, the cases, the audit, the runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf.paper.measured_readings import WHAT_COUNTS
from stroke_tf.paper.readings import Averaging
from stroke_tf.paper.tables import Paper
from stroke_tf.reports.aboudi import MEASURES, aboudi_csv
from stroke_tf.reports.page import Cell, Page, Section, Table, Text
from stroke_tf.reports.tables import percent, with_interval
from stroke_tf.workflows.report_audit import audit_blocks
from stroke_tf.workflows.report_measures import (
    cases_in_words,
    cases_table,
    claims_block,
    claims_in_short,
    marked,
    missing_weights,
    number_cell,
    percent_cell,
    plots_section,
    runs_section,
    strip,
    summary_cells,
    voxels_ml,
)
from stroke_tf.workflows.viewer_cases import Scans, viewer_blocks


def aboudi_page(folder: Path, results: Mapping[str, Any], scans: Scans) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf reproduce-aboudi2022 wrote.
        results: what its results.json holds.
    """
    rows = results["rows"]
    mark = marked(results["synthetic"])
    networks = [row for row in rows if row["model"]]
    main_rows = [row for row in rows if row["id"] in results["main_rows"]]
    best = max(networks, key=lambda row: row["summary"]["dice"]["mean"] or 0.0)
    voxel_ml = voxels_ml(folder, main_rows)
    drawn = [row["id"] for row in main_rows]
    sections = [
        Section(
            "answer",
            "The answer",
            [
                claims_block(results["claims"]),
                *(Text(sentence) for sentence in results["answer"]),
                *missing_weights(results),
            ],
        ),
        Section(
            "table",
            "Table II",
            [_table(results, networks, mark), _schedules(results, networks, mark), _others(rows, mark)],
        ),
        Section("readings", "Readings", [_readings(results, main_rows, mark)]),
        Section(
            "cases",
            "Cases",
            [
                *viewer_blocks(folder, results, scans, main=best["id"], drawn=drawn),
                cases_table([row for row in rows if row["cases"]], voxel_ml, mark=mark, main=best["id"]),
            ],
        ),
        plots_section(rows, main_rows, voxel_ml, mark=mark, fused=drawn),
        Section("audit", "What is printed", audit_blocks(Paper.ABOUDI_2022)),
        runs_section(folder, results, mark),
    ]
    cases = len(best["cases"])
    who = cases_in_words(best, results)
    return Page(
        title="Table II of Aboudi 2022, run again",
        headline=f"The best network, {best['title']}, reaches a Dice of {with_interval(best['summary']['dice'])} % on "
        f"{who}; the paper prints 64.14 beside a precision of 99.55. {claims_in_short(results['claims'])}",
        synthetic=results["synthetic"],
        data=str(results.get("data")),
        facts=strip(
            results,
            {"Test cases": cases, "Preset": results.get("preset"), "Encoder weights": results.get("weights_used")},
        ),
        sections=sections,
    )


def _table(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    header = ["Row", "Weights used"]
    for _, title, _ in MEASURES:
        header += [f"{title}, %", "paper"]
    lines = []
    for row in rows:
        cells = summary_cells(row, [(measure, column) for measure, _, column in MEASURES])
        lines.append([Cell(row["title"], hint=row.get("note", "")), Cell(row.get("weights") or "-"), *cells])
    note = (
        f"Ours: each test case measured in 3-D under protocol {results.get('protocol')}, mean ± SD over the cases. The "
        "paper prints one row and names neither the model nor the averaging; it stands beside every row of ours."
    )
    return Table(
        "table-2",
        f"{mark}Table II, ours beside the paper's",
        header,
        lines,
        "ll" + "r" * 8,
        aboudi_csv(results),
        (note,),
    )


def _schedules(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    lines = []
    for row in rows:
        schedule = row["schedule"]
        learnt = Cell("yes", tone="good") if schedule["learnt"] else Cell("no", tone="bad")
        lines.append(
            [
                Cell(row["title"]),
                number_cell(schedule["learning_rate"], "{:.2g}"),
                number_cell(schedule["steps"], "{}"),
                number_cell(schedule["first_loss"], "{:.4f}"),
                number_cell(schedule["last_loss"], "{:.4f}"),
                percent_cell(schedule["best_dice"]),
                learnt,
            ]
        )
    note = (
        f"Learnt: the training loss fell by {percent(results['least_fall'], 0)} % or more from the first epoch to the "
        f"last, and the validation Dice reached {percent(results['least_dice'], 0)} %."
    )
    header = ["Row", "Rate", "Steps", "First loss", "Last loss", "Validation Dice, %", "Learnt"]
    title = f"{mark}Does the printed schedule move the network?"
    return Table("schedules", title, header, lines, "lrrrrrl", notes=(note,))


def _others(rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    lines = []
    for row in rows:
        if row["model"]:
            continue
        dice = row["summary"]["dice"]
        accuracy = row["summary"].get("accuracy_voxel", {}).get("mean")
        cell = Cell(with_interval(dice), None if dice["mean"] is None else 100 * dice["mean"])
        lines.append([row["title"], cell, percent_cell(accuracy), row.get("note") or ""])
    header = ["Rule", "Dice, %", "Voxel accuracy, %", "Note"]
    return Table("what-the-data-allows", f"{mark}What the data itself allows", header, lines, "lrrl")


def _readings(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    lines = []
    for reading in Averaging:
        audit = results["audit"][reading.value]
        tone = "good" if audit["possible"] else "bad"
        line = [
            Cell(reading.value, hint=WHAT_COUNTS[reading]),
            Cell(
                "possible" if audit["possible"] else "impossible",
                tone=tone,
                hint=f"{audit['numbers']}. {audit['rule']}",
            ),
        ]
        for row in rows:
            overlap = row["readings"][reading.value]
            alike = reading.value in results["like_the_print"][row["id"]]
            text = f"{percent(overlap['dice'])} / {percent(overlap['precision'], 2)}{' ←' if alike else ''}"
            sort = None if overlap["dice"] is None else 100 * overlap["dice"]
            line.append(
                Cell(text, sort, tone="good" if alike else "", hint="looks like the printed pair" if alike else "")
            )
        lines.append(line)
    return Table(
        "readings-of-ours",
        f"{mark}Dice / precision of our masks under each reading, %",
        ["Reading", "Printed numbers", *(row["title"] for row in rows)],
        lines,
        "ll" + "r" * len(rows),
        notes=("An arrow marks what looks like the printed pair of 64.14 and 99.55.",),
    )
