"""Table II of Aboudi 2022 beside ours, under every reading, as Markdown that reads well in a terminal, and as CSV."""

from collections.abc import Mapping, Sequence
from typing import Any

from stroke_tf.paper.measured_readings import LEAST_DICE, LEAST_GAP, LEAST_PRECISION, WHAT_COUNTS
from stroke_tf.paper.readings import Averaging
from stroke_tf.paper.tables import ABOUDI_RIVALS, ABOUDI_TABLE2, PrintedRow
from stroke_tf.reports.tables import csv_text, data_title, markdown_table, percent, with_interval

MEASURES = (
    ("dice", "Dice", "dice"),
    ("accuracy_voxel", "Voxel accuracy", "accuracy"),
    ("precision", "Precision", "precision"),
    ("recall", "Recall", "recall"),
)
"""Our measure, its title, and the paper's column."""


def aboudi_markdown(results: Mapping[str, Any]) -> str:
    """Write Table II as printed and as measured, the schedules, every reading, the answer, and the claims judged.

    Args:
        results: the content of results.json, as workflows/aboudi_results.py makes it.
    """
    networks = [row for row in results["rows"] if row["model"]]
    others = [row for row in results["rows"] if not row["model"]]
    parts = [
        f"# Aboudi 2022, Table II, on {data_title(results)}",
        _convention(results),
        _table2(networks),
        _notes(results),
        "## Does the printed schedule move the network?",
        _schedules(results, networks),
        "## Which reading gives 99.55 % precision next to 64.14 % Dice?",
        "\n".join(f"- {sentence}" for sentence in results["answer"]),
        "Dice / precision of our masks under each reading, in percent; in bold where they look like the printed pair: "
        f"precision {percent(LEAST_PRECISION, 0)} %\nor more, Dice {percent(LEAST_GAP, 0)} points or more below it and "
        f'at least {percent(LEAST_DICE, 0)} %. "Printed": whether arithmetic allows the printed numbers so.',
        _readings(results),
        "\n".join(f"- {reading.value}: {WHAT_COUNTS[reading]}" for reading in Averaging),
        "## What was claimed",
        "\n".join(f"- {each['sentence']}: **{each['verdict']}**. {each['reason']}" for each in results["claims"]),
        "## What the data itself allows",
        _references(others),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def aboudi_csv(results: Mapping[str, Any]) -> str:
    """Write one line a row and reading, in fractions: Dice, precision, recall; means over cases come with intervals."""
    header = ["data", "synthetic", "row", "title", "weights", "reading", "dice", "precision", "recall"]
    header += ["dice_sd", "dice_low", "dice_high", "n", "accuracy_voxel", "accuracy_balanced", "accuracy_misprint"]
    paper = ABOUDI_TABLE2[0]
    lines: list[list[Any]] = [
        [
            *("printed", False, "paper", paper.title, paper.weights, "not named"),
            *(paper.dice, paper.precision, paper.recall, None, None, None, None, paper.accuracy, None, None),
        ]
    ]
    for row in results["rows"]:
        for reading, overlap in (row.get("readings") or {}).items():
            summary = row["summary"]["dice"] if reading == Averaging.CASES.value else {}
            lines.append(
                [results["data"], results["synthetic"], row["id"], row["title"], row["weights"], reading]
                + [overlap[name] for name in ("dice", "precision", "recall")]
                + [summary.get(name) for name in ("sd", "low", "high", "n")]
                + [row["accuracies"][kind] for kind in ("voxel", "balanced", "(TP+FP)/all")]
            )
    return csv_text(header, lines)


def _convention(results: Mapping[str, Any]) -> str:
    split = results["split"]
    return (
        f"Percent. Ours: each test case measured in 3-D under protocol {results['protocol']}, then mean ± SD over the\n"
        "cases [95 % bootstrap interval of the mean]; accuracy over all voxels of the volume. In brackets: as Table II "
        f"prints it.\n{len(split['train'])} cases trained, {len(split['validation'])} chose the epoch, "
        f"{len(split['test'])} were tested (70/20/10 by case); axial slices resized whole to 128x128."
    )


def _table2(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [_printed_line(row) for row in (*ABOUDI_RIVALS, *ABOUDI_TABLE2)]
    for row in rows:
        summary = row["summary"]
        line = [row["title"], row["weights"], with_interval(summary["dice"])]
        lines.append(line + [with_interval({**summary[name], "low": None}) for name, _, _ in MEASURES[1:]])
    return markdown_table(["Row", "Encoder", *(title for _, title, _ in MEASURES)], lines, "llrrrr")


def _printed_line(row: PrintedRow) -> list[str]:
    numbers = [getattr(row, column) for _, _, column in MEASURES]
    title = "printed: the proposed ResNet50-UNet" if row in ABOUDI_TABLE2 else f"printed: {row.title}"
    return [title, row.weights or "-", *("(-)" if number is None else f"({number.text})" for number in numbers)]


def _notes(results: Mapping[str, Any]) -> str:
    notes = []
    if results["weights_used"] == "none":
        notes.append(
            'no pretrained encoder was at hand: "RANDOM, frozen" is the printed schedule on an encoder that has learnt '
            "nothing and never will; the rows at a rate that learns train the encoder, too"
        )
    if results["shortened"]:
        notes.append(
            'the preset is shorter than the 100 epochs of the paper; "compressed" spreads the sum of rates of the '
            "whole printed schedule over its few steps"
        )
    for row in results["rows"]:
        if row["note"] and row["model"]:
            notes.append(f"{row['title']}: {row['note']}")
        short = [
            f"{title} of {row['summary'][name]['left_out']}"
            for name, title, _ in MEASURES
            if row["summary"][name]["left_out"] and row["model"]
        ]
        if short:
            notes.append(f"{row['title']}: undefined, and left out of the mean: {', '.join(short)} case(s)")
    return "\n".join(f"- {note}" for note in notes)


def _schedules(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        schedule = row["schedule"]
        fall = 1 - schedule["last_loss"] / schedule["first_loss"]
        lines.append(
            [
                row["title"],
                f"{schedule['learning_rate']:.2g}",
                f"{schedule['steps']} x {schedule['batch_size']}",
                f"{schedule['learning_rate'] * schedule['steps']:.2g}",
                f"{schedule['first_loss']:.4f}",
                f"{schedule['last_loss']:.4f}",
                percent(fall),
                percent(schedule["best_dice"]),
                "yes" if schedule["learnt"] else "no",
            ]
        )
    header = [
        "Row",
        "Rate",
        "Steps x slices",
        "Sum of rates",
        "Loss, first epoch",
        "last",
        "fall %",
        "Validation Dice",
        "Learnt",
    ]
    rule = (
        f"Learnt: the training loss fell by {percent(results['least_fall'], 0)} % or more from the first epoch to the "
        f"last, and the validation Dice reached {percent(results['least_dice'], 0)} %.\n"
        "A model whose schedule as printed has not learnt is trained once more at a rate that learns. The whole "
        f"printed schedule adds up to a rate of {results['printed_sum_of_rates']:.2g}."
    )
    return f"{rule}\n\n{markdown_table(header, lines, 'lrrrrrrrl')}"


def _readings(results: Mapping[str, Any]) -> str:
    rows = [row for row in results["rows"] if row["id"] in results["main_rows"]]
    models = {model["id"]: model["title"] for model in results["models"]}
    lines = []
    for reading in Averaging:
        line = [reading.value, "possible" if results["audit"][reading.value]["possible"] else "impossible"]
        for row in rows:
            overlap = row["readings"][reading.value]
            text = f"{percent(overlap['dice'])} / {percent(overlap['precision'], 2)}"
            line.append(f"**{text}**" if reading.value in results["like_the_print"][row["id"]] else text)
        lines.append(line)
    accuracies = [
        [f"accuracy: {kind}", "", *(percent(row["accuracies"][kind], 2) for row in rows)]
        for kind in ("voxel", "balanced", "(TP+FP)/all")
    ]
    header = ["Reading", "Printed", *(models[row["model"]] for row in rows)]
    return markdown_table(header, [*lines, *accuracies], "ll" + "r" * len(rows))


def _references(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        accuracy = row["summary"].get("accuracy_voxel", {})
        lines.append(
            [row["title"], with_interval(row["summary"]["dice"]), percent(accuracy.get("mean"), 2), row["note"]]
        )
    return markdown_table(["Rule", "Dice", "Voxel accuracy", "Note"], lines, "lrrl")
