"""What the pages of all results share: who scored what, how volumes agree, how the networks learnt, on what machine."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stroke_tf.errors import StrokeTfError
from stroke_tf.manifest.case import natural_order
from stroke_tf.reports.charts import DotRow, Series, curves_chart, dots_chart, size_chart, volumes_chart
from stroke_tf.reports.page import Cell, Chart, Claim, Claims, Facts, Section, Table, Text
from stroke_tf.reports.tables import as_printed, csv_text, percent, with_interval
from stroke_tf.training.record import HISTORY, read_history, read_run_card
from stroke_tf.volumes.nifti import read_place
from stroke_tf.workflows.report_files import fold_folder, run_folders, run_title

Row = Mapping[str, Any]

_COLUMNS = {
    "dice": "Dice, %",
    "precision": "Precision, %",
    "recall": "Recall, %",
    "volume_difference_ml": "Found − true, ml",
    "hd95_pooled_mm": "HD95, mm",
    "lesion_f1": "Lesion F1, %",
}


def case_title(case: Row) -> str:
    """Return what the page calls a case."""
    return str(case["case"])


def voxels_ml(folder: Path, rows: Sequence[Row]) -> dict[str, float]:
    """Return the volume of a voxel for each case, from the header of a mask, or from its measures where masks are gone.

    A case for which neither tells is not in it.
    """
    found: dict[str, float] = {}
    for row in rows:
        for case in row["cases"]:
            name = str(case["case"])
            if name in found:
                continue
            mask = fold_folder(folder, case) / "masks" / row["id"] / f"{name}_mask.nii.gz"
            with suppress(StrokeTfError):
                found[name] = read_place(mask).grid.voxel_volume_ml
                continue
            voxels = case.get("fp", 0) - case.get("fn", 0)
            if voxels and case.get("volume_difference_ml"):
                found[name] = case["volume_difference_ml"] / voxels
    return found


def volumes_of(row: Row, voxel_ml: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Return (case, true ml, found ml) of the cases whose counts and voxel size are known."""
    return [
        (
            case_title(case),
            (case["tp"] + case["fn"]) * voxel_ml[str(case["case"])],
            (case["tp"] + case["fp"]) * voxel_ml[str(case["case"])],
        )
        for case in row["cases"]
        if "tp" in case and str(case["case"]) in voxel_ml
    ]


def dice_chart(rows: Sequence[Row], *, mark: str, fused: Sequence[str] = ()) -> Chart:
    """Draw every case of every row as a dot.

    Args:
        mark: what titles begin with where phantoms were measured.
        fused: ids of rows that stand out.
    """
    drawn = []
    for row in rows:
        dice = row["summary"]["dice"]
        drawn.append(
            DotRow(
                row["title"],
                [(case_title(case), _percent(case.get("dice"))) for case in row["cases"]],
                *(_percent(dice.get(part)) for part in ("mean", "low", "high")),
                _percent((row.get("paper") or {}).get("dice")),
                "orange" if row["id"] in fused else "blue",
            )
        )
    lines = [[row["id"], row["title"], case["case"], case.get("dice")] for row in rows for case in row["cases"]]
    return Chart(
        "dice-by-case",
        f"{mark}Dice of every case",
        dots_chart(drawn, label="Dice, %"),
        "Each dot is a test case; the bar is the mean with its 95 % bootstrap interval; the hollow diamond is what the "
        "paper prints.",
        csv_text(["row", "title", "case", "dice"], lines),
    )


def volume_chart(rows: Sequence[Row], voxel_ml: Mapping[str, float], *, mark: str) -> list[Chart]:
    """Draw the agreement of volumes after Bland and Altman; nothing where no volume is known."""
    panels = [Series(row["title"], volumes_of(row, voxel_ml)) for row in rows]
    panels = [panel for panel in panels if panel.dots]
    if not panels:
        return []
    lines = [[panel.title, *dot] for panel in panels for dot in panel.dots]
    return [
        Chart(
            "volume-agreement",
            f"{mark}Do volumes agree? (Bland and Altman)",
            volumes_chart(panels),
            "Above the zero line too much was found, below it too little. Solid: the mean difference; dashed: mean "
            "± 1.96 SD, between which 95 % of new cases would fall if the differences were normally distributed.",
            csv_text(["row", "case", "true_ml", "found_ml"], lines),
        )
    ]


def lesion_size_chart(rows: Sequence[Row], voxel_ml: Mapping[str, float], *, mark: str) -> list[Chart]:
    """Draw Dice against the size of the lesion; nothing where no volume is known."""
    series = []
    for row in rows:
        scores = {case_title(case): case.get("dice") for case in row["cases"]}
        dots = [
            (case, true, 100 * scores[case])
            for case, true, _ in volumes_of(row, voxel_ml)
            if scores[case] is not None and true > 0
        ]
        if dots:
            series.append(Series(row["title"], dots))
    if not series:
        return []
    lines = [[each.title, *dot] for each in series for dot in each.dots]
    return [
        Chart(
            "dice-by-size",
            f"{mark}Are small lesions harder?",
            size_chart(series),
            "Dice of each case against the true volume of its lesion. Small lesions cost more Dice for the same error "
            "of a voxel's width.",
            csv_text(["row", "case", "true_ml", "dice_percent"], lines),
        )
    ]


def cases_table(rows: Sequence[Row], voxel_ml: Mapping[str, float], *, mark: str, main: str) -> Table:
    """List every case: its lesion, the measures of the main row, and the Dice of the others."""
    chief = next(row for row in rows if row["id"] == main)
    others = [row for row in rows if row["id"] != main and row["cases"]]
    scores = {row["id"]: {str(case["case"]): case.get("dice") for case in row["cases"]} for row in others}
    volumes = {case: true for case, true, _ in volumes_of(chief, voxel_ml)}
    columns = {name: title for name, title in _COLUMNS.items() if any(name in case for case in chief["cases"])}
    folds = len({case.get("fold") for case in chief["cases"]}) > 1
    header = ["Case", *(["Fold"] if folds else []), "Lesion, ml", *columns.values()]
    header += [f"Dice of {row['id']}" for row in others]
    lines = []
    for case in sorted(chief["cases"], key=lambda each: natural_order(str(each["case"]))):
        name = str(case["case"])
        volume = volumes.get(name)
        line = [Cell(case_title(case)), *([Cell(str(case.get("fold", "-")))] if folds else [])]
        line.append(number_cell(volume, "{:.1f}"))
        line += [_measure_cell(column, case.get(column)) for column in columns]
        line += [percent_cell(scores[row["id"]].get(name)) for row in others]
        lines.append(line)
    parts = sorted({part for row in rows for case in row["cases"] for part in case} - {"case", "fold"})
    every = [
        [row["id"], row["title"], case["case"], case.get("fold"), *(case.get(part) for part in parts)]
        for row in rows
        for case in row["cases"]
    ]
    return Table(
        "every-case",
        f"{mark}Every case: {chief['title']}",
        header,
        lines,
        ("ll" if folds else "l").ljust(len(header), "r"),
        csv_text(["row", "title", "case", "fold", *parts], every),
        notes=("The CSV holds every measure of every row.",),
    )


def summary_cells(row: Row, measures: Sequence[tuple[str, str]]) -> list[Cell]:
    """Return for each (measure, paper's column) our mean with SD, for Dice with its interval, and what is printed."""
    cells = []
    for number, (measure, column) in enumerate(measures):
        summary = row["summary"].get(measure)
        shown = summary if number == 0 or not summary else {**summary, "low": None}
        mean = (summary or {}).get("mean")
        hint = ""
        if summary and summary.get("low") is not None:
            hint = f"95 % interval {percent(summary['low'])} to {percent(summary['high'])}, n = {summary['n']}"
        cells.append(Cell(with_interval(shown), None if mean is None else 100 * mean, hint=hint))
        printed = (row.get("paper") or {}).get(column)
        cells.append(Cell(as_printed(printed), None if printed is None else 100 * printed))
    return cells


def claims_block(claims: Sequence[Row]) -> Claims:
    """Return the verdicts of results.json."""
    return Claims([Claim(each["sentence"], each["verdict"], each["reason"]) for each in claims])


def cases_in_words(row: Row, results: Mapping[str, Any]) -> str:
    """Say how many cases a row tested, and whether they are phantoms.

    Example:
        >>> cases_in_words({"cases": [{}]}, {"synthetic": True})
        '1 SYNTHETIC phantom'
        >>> cases_in_words({"cases": [{}, {}]}, {"synthetic": False})
        '2 cases'
    """
    count = len(row["cases"])
    return f"{count} {'SYNTHETIC phantom' if results['synthetic'] else 'case'}{'' if count == 1 else 's'}"


def plots_section(
    rows: Sequence[Row], shown: Sequence[Row], voxel_ml: Mapping[str, float], *, mark: str, fused: Sequence[str]
) -> Section:
    """Return the plots of a table: Dice of every row, volumes and lesion size of those shown."""
    return Section(
        "plots",
        "Plots",
        [
            dice_chart(rows, mark=mark, fused=fused),
            *volume_chart(shown, voxel_ml, mark=mark),
            *lesion_size_chart(shown, voxel_ml, mark=mark),
        ],
    )


def claims_in_short(claims: Sequence[Row]) -> str:
    """Count the verdicts in words.

    Example:
        >>> claims_in_short([{"verdict": "holds"}, {"verdict": "not testable"}, {"verdict": "holds"}])
        'Of 3 claims 2 hold, 0 fail, 1 cannot be tested here.'
    """
    counts = {name: sum(each["verdict"] == name for each in claims) for name in ("holds", "fails", "not testable")}
    return (
        f"Of {len(claims)} claims {counts['holds']} hold, {counts['fails']} fail, "
        f"{counts['not testable']} cannot be tested here."
    )


def marked(synthetic: bool) -> str:
    """Return what titles begin with."""
    return "SYNTHETIC · " if synthetic else ""


def strip(results: Row, extra: Mapping[str, Any]) -> dict[str, str]:
    """Return the line of facts below the title: those that every results file has, and some of its own."""
    facts = {"Data": results.get("data"), **extra, "Device": results.get("device"), "Protocol": results.get("protocol")}
    facts |= {"Seed": results.get("seed"), "Commit": (results.get("commit") or "")[:12]}
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def machine_facts(results: Row) -> Facts:
    """Return versions and what else a reader needs to repeat the run."""
    shown = {
        name.replace("_", " "): value
        for name, value in results.items()
        if isinstance(value, str | int | float | bool) and name not in ("data", "weights_note")
    }
    versions = {f"version of {name}": value for name, value in (results.get("versions") or {}).items()}
    return Facts(
        "The run: settings, machine, versions", {name: _plain(value) for name, value in (shown | versions).items()}
    )


def learning_chart(histories: Mapping[str, Sequence[Mapping[str, float]]], *, mark: str) -> list[Chart]:
    """Draw the learning curves; nothing where there is none."""
    histories = {title: history for title, history in histories.items() if history}
    if not histories:
        return []
    parts = ("epoch", "loss", "validation_dice")
    lines = [[title, *(row.get(part) for part in parts)] for title, rows in histories.items() for row in rows]
    return [
        Chart(
            "learning-curves",
            f"{mark}How the networks learnt",
            curves_chart(histories),
            "Dice on the validation cases from 0 to 1, and the training loss, drawn to the largest loss of all panels. "
            "Validation cases chose the epoch; they are not the test cases.",
            csv_text(["network", *parts], lines),
        )
    ]


def runs_section(folder: Path, results: Row, mark: str) -> Section:
    """Return the learning curves, the settings and the run cards of everything that was trained."""
    runs = run_folders(folder)
    histories = {run_title(folder, run): read_history(run) for run in runs if (run / HISTORY).exists()}
    cards: list[Facts | Text] = []
    for run in runs:
        try:
            cards.append(run_facts(f"Run card: {run_title(folder, run)}", read_run_card(run)))
        except StrokeTfError as fault:
            cards.append(Text(str(fault), warning=True))
    blocks = [*learning_chart(histories, mark=mark), machine_facts(results), *cards]
    return Section("runs", "Learning and run cards", blocks)


def run_facts(title: str, card: Row, *, unfolded: bool = False) -> Facts:
    """Return a run card, its nested parts flattened to "recipe · size"."""
    facts = {name: _plain(value) for name, value in _flat(card) if name != "weights note"}
    return Facts(title, facts, unfolded)


def missing_weights(results: Row) -> list[Text]:
    """Say that no pretrained weights were used, where a paper's row wants them."""
    if results.get("weights_used") != "none":
        return []
    return [
        Text(
            "No pretrained weights were used: every encoder began at random, and the rows that the paper pretrains "
            "are not the paper's.",
            warning=True,
        )
    ]


def percent_cell(value: float | None) -> Cell:
    """Return a fraction as a percentage that sorts as a number."""
    return Cell(percent(value), None if value is None else 100 * value)


def number_cell(value: float | None, form: str) -> Cell:
    """Return a number in some form that sorts as a number."""
    return Cell("-") if value is None else Cell(form.format(value), value)


def _measure_cell(name: str, value: float | None) -> Cell:
    if name.endswith("_mm"):
        return number_cell(value, "{:.1f}")
    if name.endswith("_ml"):
        return number_cell(value, "{:+.1f}")
    return percent_cell(value)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _flat(content: Row, before: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in content.items():
        title = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _flat(value, f"{title} · ")
        else:
            lines.append((title, value))
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(_plain(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    return "-" if value in (None, "") else str(value)
