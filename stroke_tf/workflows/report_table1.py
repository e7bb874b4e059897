"""The page of Table 1: the answer, the table, the cases, volumes, fusion, the audit of what is printed, the runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf.paper.tables import Paper
from stroke_tf.reports.charts import differences_chart, shares_chart
from stroke_tf.reports.fusion import fusion_csv
from stroke_tf.reports.page import Cell, Chart, Page, Section, Table, Text
from stroke_tf.reports.tables import MEASURES, REFERENCES, as_printed, csv_text, table1_csv, with_interval
from stroke_tf.workflows.report_audit import audit_blocks
from stroke_tf.workflows.report_files import read_json
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

_PLANES = ("x", "y", "z")
_SHOWN = (*_PLANES, "vote")


def table1_page(folder: Path, results: Mapping[str, Any], scans: Scans) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf reproduce-table1 wrote.
        results: what its results.json holds.
    """
    rows = results["rows"]
    networks = [row for row in rows if not row["id"].startswith(REFERENCES)]
    references = [row for row in rows if row["id"].startswith(REFERENCES)]
    shown = [row for row in networks if row["id"] in _SHOWN]
    mark = marked(results["synthetic"])
    voxel_ml = voxels_ml(folder, shown)
    sections = [
        Section("answer", "The answer", [claims_block(results["claims"]), *missing_weights(results)]),
        Section(
            "table",
            "Table 1",
            [
                _table(results, networks, mark),
                *_variants(results, mark),
                _references(references, mark),
                *_pairs(results, mark),
            ],
        ),
        Section(
            "cases",
            "Cases",
            [
                *viewer_blocks(folder, results, scans, main="vote", drawn=_SHOWN),
                cases_table([*networks, *references], voxel_ml, mark=mark, main="vote"),
            ],
        ),
        plots_section([*networks, *references], shown, voxel_ml, mark=mark, fused=("vote",)),
        *_fusion(folder, mark),
        Section("audit", "What is printed", audit_blocks(Paper.MULTIPLANE_2025)),
        runs_section(folder, results, mark),
    ]
    vote = next(row for row in rows if row["id"] == "vote")
    return Page(
        title="Table 1 of arXiv 2511.07281, run again",
        headline=_headline(vote, results),
        synthetic=results["synthetic"],
        data=str(results.get("data")),
        facts=strip(
            results,
            {
                "Test cases": len(vote["cases"]),
                "Folds": ", ".join(str(fold) for fold in results.get("folds", [])),
                "Preset": results.get("preset"),
                "Encoder weights": results.get("weights_used"),
            },
        ),
        sections=sections,
    )


def _headline(vote: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    who = cases_in_words(vote, results)
    printed = (vote.get("paper") or {}).get("dice")
    beside = f"; the paper prints {as_printed(printed)}" if printed is not None else ""
    return (
        f"The vote of three planes reaches a Dice of {with_interval(vote['summary']['dice'])} % on {who}{beside}. "
        f"{claims_in_short(results['claims'])}"
    )


def _table(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    header = ["Row", "Weights used"]
    lines = []
    for _, title, _ in MEASURES:
        header += [f"{title}, %", "paper"]
    for row in rows:
        cells = summary_cells(row, [(measure, column) for measure, _, column in MEASURES])
        lines.append([Cell(row["title"], hint=row.get("note", "")), Cell(row.get("weights") or "-"), *cells])
    notes = [
        f"Ours: each test case measured in 3-D under protocol {results.get('protocol')}, then mean ± SD over the "
        "cases, with the 95 % bootstrap interval of the mean for Dice (of the others when the pointer rests on them; "
        "all are in the CSV). Balanced accuracy is the mean of recall and specificity over all voxels. The paper names "
        "neither its averaging nor its kind of accuracy.",
        *(f"{row['title']}: {row['note']}" for row in rows if row.get("note")),
    ]
    return Table(
        "table-1", f"{mark}Table 1, ours beside the paper's", header, lines, "ll" + "r" * 8, table1_csv(results), notes
    )


def _references(rows: Sequence[Mapping[str, Any]], mark: str) -> Table:
    lines = []
    for row in rows:
        dice = row["summary"]["dice"]
        mean = dice.get("mean")
        cell = Cell(with_interval(dice), None if mean is None else 100 * mean)
        lines.append([row["title"], cell, row.get("note") or ""])
    title = f"{mark}What the data itself allows: rules without a network, and the ceiling"
    return Table("what-the-data-allows", title, ["Rule", "Dice, %", "Note"], lines, "lrl")


def _variants(results: Mapping[str, Any], mark: str) -> list[Chart]:
    lines = [
        (each["title"], *(None if each[part] is None else 100 * each[part] for part in ("dice", "low", "high")))
        for each in results.get("variants") or []
        if each["dice"] is not None
    ]
    if not lines:
        return []
    return [
        Chart(
            "variants",
            f"{mark}Variants of the network of plane Y, beside it",
            differences_chart(lines, label="points of Dice against row Y"),
            "Mean difference of Dice case by case with its 95 % bootstrap interval; an interval that holds zero "
            "decides nothing.",
            csv_text(["variant", "mean_points", "low", "high"], lines),
        )
    ]


def _pairs(results: Mapping[str, Any], mark: str) -> list[Table]:
    """List how the vote does against each other row, case by case, as the run tested it."""
    titles = {row["id"]: row["title"] for row in results["rows"]}
    lines = []
    for test in results.get("paired_tests") or []:
        median = test.get("median_difference")
        points = None if median is None else 100 * median
        p_value = number_cell(test.get("p_value"), "{:.3f}")
        lines.append([titles[test["second"]], number_cell(points, "{:+.1f}"), p_value, test.get("reason") or ""])
    if not lines:
        return []
    header = ["The vote against", "Median difference of Dice, points", "p", "Note"]
    note = "Wilcoxon's signed-rank test over the cases, not corrected for the number of rows."
    return [Table("vote-against-rows", f"{mark}The vote beside each other row", header, lines, "lrrl", notes=(note,))]


def _fusion(folder: Path, mark: str) -> list[Section]:
    path = folder / "fusion.json"
    if not path.exists():
        return []
    fusion = read_json(path, ("rows", "sentence", "disagreement"))
    rules = [row for row in fusion["rows"] if row["difference"]["mean"] is not None]
    lines = [
        (
            _rule(row),
            *(
                None if row["difference"][part] is None else 100 * row["difference"][part]
                for part in ("mean", "low", "high")
            ),
        )
        for row in rules
        if row["kind"] != "baseline" and row["id"] != "majority"
    ]
    lines.sort(key=lambda line: -line[1])
    chart = Chart(
        "fusion-differences",
        f"{mark}Every rule of fusion beside the majority vote",
        differences_chart(lines, label="points of Dice against the majority vote at 0.5"),
        "Mean difference of Dice over the test cases with its 95 % bootstrap interval; green diamonds lie above zero, "
        "red ones below, grey dots decide nothing. So many rules were tried that some lie off zero by chance.",
        csv_text(["rule", "mean_points", "low", "high"], lines),
    )
    return [
        Section(
            "fusion", "Fusion", [Text(fusion["sentence"]), chart, *_disagreement(fusion, mark), _rules(fusion, mark)]
        )
    ]


def _rule(row: Mapping[str, Any]) -> str:
    if row["kind"] != "fusion":
        return row["title"]
    return f"{row['title']}, {row['variant'].replace('fitted threshold', 'fitted')}"


def _rules(fusion: Mapping[str, Any], mark: str) -> Table:
    lines = []
    for row in fusion["rows"]:
        dice, difference = row["summary"]["dice"], row["difference"]
        points = None if difference["mean"] is None else 100 * difference["mean"]
        told = "-" if points is None else f"{points:+.1f}"
        if difference["low"] is not None:
            told += f" [{100 * difference['low']:+.1f}, {100 * difference['high']:+.1f}]"
        lines.append(
            [
                Cell(row["title"], hint=row["note"]),
                Cell(row["variant"]),
                Cell(with_interval(dice), None if dice["mean"] is None else 100 * dice["mean"]),
                percent_cell(row["summary"]["precision"]["mean"]),
                percent_cell(row["summary"]["recall"]["mean"]),
                Cell(told, points),
                number_cell(difference["p_value"], "{:.3f}"),
            ]
        )
    header = ["Rule", "Threshold", "Dice, %", "Precision, %", "Recall, %", "Points against the vote", "p"]
    note = "Whatever is fitted is fitted on validation cases; p by Wilcoxon's signed-rank test, not corrected for many."
    return Table("fusion-rules", f"{mark}Rules of fusion", header, lines, "llrrrrr", fusion_csv(fusion), (note,))


def _disagreement(fusion: Mapping[str, Any], mark: str) -> list[Chart]:
    found = fusion["disagreement"]
    bins = [
        (
            each["bin"].replace(" to ", "–"),
            None if each["share_wrong"] is None else 100 * each["share_wrong"],
            [100 * share for share in each["share_wrong_by_case"]],
        )
        for each in found["bins"]
    ]
    keys = ("bin", "voxels", "wrong", "share_wrong", "share_of_all_errors")
    area = (
        "" if found["auc_pooled"] is None else f" Area under the ROC curve {found['auc_pooled']:.3f} over all voxels."
    )
    return [
        Chart(
            "disagreement-and-error",
            f"{mark}Is the vote wrong where the planes disagree?",
            shares_chart(bins, label="wrong voxels, %", across="largest difference between two planes' probabilities"),
            "The share of voxels inside the brain that the vote gets wrong, by how far the planes lie apart; the line "
            f"pools the cases, each dot is one.{area} Most of the brain is easy, which flatters any such area.",
            csv_text(keys, [[each[key] for key in keys] for each in found["bins"]]),
        )
    ]
