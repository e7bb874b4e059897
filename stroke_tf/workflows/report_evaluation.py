"""The page of an evaluation: rows of masks beside the truth, case by case."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stroke_tf.errors import InputFileError, StrokeTfError
from stroke_tf.reports.page import Cell, Page, Section, Table, Text
from stroke_tf.reports.tables import with_interval
from stroke_tf.reports.viewer import Viewer
from stroke_tf.workflows.report_measures import (
    cases_table,
    dice_chart,
    lesion_size_chart,
    marked,
    volume_chart,
    voxels_ml,
)
from stroke_tf.workflows.viewer_cases import Scans, viewer_blocks

_DRAWN = 5
"""Rows in the picture of a case; more would be too small to see. The viewer has them all."""
_MEASURES = {
    "dice": "Dice, %",
    "precision": "Precision, %",
    "recall": "Recall, %",
    "lesion_f1": "Lesion F1, %",
}


def evaluation_page(folder: Path, content: Mapping[str, Any], scans: Scans) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf evaluate wrote.
        content: what its summary.json holds.
        scans: of the cases, where they do not lie any more where they lay when they were evaluated.
    Raises: InputFileError if it holds no row.
    """
    rows = [
        {
            "id": name,
            "title": name,
            "summary": row["summary"],
            "cases": [c for c in row["cases"] if not c.get("missing")],
        }
        for name, row in content["rows"].items()
    ]
    if not rows:
        raise InputFileError(f"{folder / 'summary.json'}: no row inside. Run stroke-tf evaluate again.")
    mark = marked(content["synthetic"])
    voxel_ml = voxels_ml(folder, rows)
    best = max(rows, key=lambda row: row["summary"]["dice"]["mean"] or 0.0)
    number = content.get("number_of_cases", len(best["cases"]))
    gaps = [
        Text(f"Row {name} has no mask for {len(cases)} cases: {', '.join(cases)}.", warning=True)
        for name, cases in (content.get("missing") or {}).items()
        if cases
    ]
    return Page(
        title=f"Evaluation of {', '.join(row['title'] for row in rows)}",
        headline=f"Dice {with_interval(best['summary']['dice'])} % ({best['title']}) on {number} "
        f"{'SYNTHETIC phantom' if content['synthetic'] else 'case'}{'' if number == 1 else 's'}.",
        synthetic=content["synthetic"],
        data=str(content.get("data")),
        facts={"Data": str(content.get("data")), "Protocol": content["protocol"], "Seed": str(content.get("seed"))},
        sections=[
            Section("answer", "The answer", [_table(rows, mark), *gaps]),
            Section(
                "cases",
                "Cases",
                [
                    *_viewer(folder, content, rows, scans, best["id"]),
                    cases_table(rows, voxel_ml, mark=mark, main=best["id"]),
                ],
            ),
            Section(
                "plots",
                "Plots",
                [
                    dice_chart(rows, mark=mark),
                    *volume_chart(rows, voxel_ml, mark=mark),
                    *lesion_size_chart(rows, voxel_ml, mark=mark),
                ],
            ),
            Section("conventions", "What the numbers mean", _conventions(content)),
        ],
    )


def _viewer(
    folder: Path, content: Mapping[str, Any], rows: list[dict[str, Any]], scans: Scans, main: str
) -> list[Text | Viewer]:
    files = content.get("files") or {}
    masks = files.get("masks") or {}

    def mask_of(row: str, case: Mapping[str, Any]) -> Path | None:
        path = masks.get(row, {}).get(str(case["case"]))
        return None if path is None else Path(path)

    if scans.data is None and files.get("truth"):
        root = files.get("data_root")
        there = Scans(folder, Path(files["truth"]), None if root is None else Path(root))
        # Masks alone were compared, or the scans have moved: then the page says that it has no viewer.
        with suppress(StrokeTfError):
            if there.cases().keys() & {str(case["case"]) for row in rows for case in row["cases"]}:
                scans = there
    results = {"rows": rows, "synthetic": content["synthetic"]}
    return viewer_blocks(folder, results, scans, main=main, drawn=[row["id"] for row in rows][:_DRAWN], mask_of=mask_of)


def _table(rows: list[dict[str, Any]], mark: str) -> Table:
    lines = []
    for row in rows:
        cells = []
        for measure in _MEASURES:
            summary = row["summary"].get(measure) or {}
            mean = summary.get("mean")
            left_out = summary.get("left_out") or 0
            hint = f"left out: {left_out}" if left_out else ""
            cells.append(Cell(with_interval(summary), None if mean is None else 100 * mean, hint=hint))
        undefined = row["summary"]["dice"].get("left_out") or 0
        lines.append([Cell(row["title"]), *cells, Cell(str(undefined), undefined)])
    header = ["Row", *_MEASURES.values(), "No Dice"]
    note = (
        "Mean ± SD over the cases [95 % bootstrap interval of the mean]; the last column counts cases left out of Dice."
    )
    return Table("rows", f"{mark}Rows", header, lines, "l" + "r" * (len(header) - 1), notes=(note,))


def _conventions(content: Mapping[str, Any]) -> list[Text]:
    return [Text(each["sentence"]) for each in content.get("conventions", [])]
