"""The comparison of fusion rules as a reader sees it: a page in Markdown, and a table in CSV."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stroke_tf.reports.tables import csv_text, data_title, markdown_table, percent, with_interval

_KINDS = {"fusion": "Rules", "plane": "Planes alone", "baseline": "Without any network"}
_MEASURES = ("dice", "precision", "recall")


def fusion_markdown(content: Mapping[str, Any]) -> str:
    """Write the whole comparison.

    Args:
        content: of fusion.json.
    """
    rows, test = content["rows"], sum(len(cases) for cases in content["test"].values())
    parts = [
        f"# Rules of fusion on {data_title(content)}",
        f"**{content['sentence']}**",
        f"Percent, mean ± SD over {test} test cases [95 % bootstrap interval of the mean], protocol "
        f"{content['protocol']}. Difference: Dice minus that of the majority vote at 0.5, case by case, in points, "
        "with its interval; p by Wilcoxon's signed-rank test. Whatever is fitted is fitted on the validation cases of "
        f"each fold ({_listed(content['validation'])}); the test cases ({_listed(content['test'])}) have no say in it.",
    ]
    for kind, title in _KINDS.items():
        chosen = [row for row in rows if row["kind"] == kind]
        if chosen:
            parts += [f"## {title}", _table(chosen), _notes(chosen)]
    parts += ["## What was fitted", _fitted(rows), "## Where planes disagree", _disagreement(content["disagreement"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def fusion_csv(content: Mapping[str, Any]) -> str:
    """Write one line a row, in fractions: each measure's mean, SD, interval, and the paired difference of Dice."""
    header = ["data", "synthetic", "protocol", "id", "kind", "title", "variant"]
    for measure in _MEASURES:
        header += [f"{measure}_{part}" for part in ("mean", "sd", "low", "high", "n")]
    paired = ("mean", "low", "high", "n", "median_difference", "p_value", "reason")
    header += [f"difference_{part}" for part in paired]
    lines = []
    for row in content["rows"]:
        line = [content["data"], content["synthetic"], content["protocol"]]
        line += [row[key] for key in ("id", "kind", "title", "variant")]
        for measure in _MEASURES:
            line += [row["summary"][measure][part] for part in ("mean", "sd", "low", "high", "n")]
        lines.append(line + [row["difference"][part] for part in paired])
    return csv_text(header, lines)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ["Rule", "Threshold", "Dice", "Precision", "Recall", "Difference", "p"]
    lines = []
    for row in rows:
        without_interval = [with_interval({**row["summary"][name], "low": None}) for name in _MEASURES[1:]]
        dice = with_interval(row["summary"]["dice"])
        lines.append([row["title"], row["variant"], dice, *without_interval, *_difference(row["difference"])])
    return markdown_table(header, lines, "llrrrrr")


def _difference(difference: Mapping[str, Any]) -> tuple[str, str]:
    if difference["mean"] is None:
        return "-", "-"
    text = f"{100 * difference['mean']:+.2f}"
    if difference["low"] is not None:
        text += f" [{100 * difference['low']:+.2f}, {100 * difference['high']:+.2f}]"
    return text, "-" if difference["p_value"] is None else f"{difference['p_value']:.3f}"


def _notes(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"- {row['title']}: {row['note']}" for row in rows if row["note"]]
    for row in rows:
        left_out = row["summary"]["dice"]["left_out"]
        lines += [f"- {row['title']}, {row['variant']}: Dice undefined, and left out, in {left_out} case(s)"] * (
            left_out > 0
        )
    return "\n".join(lines)


def _fitted(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ["Rule", "Variant", "Fold", "Weights x, y, z", "Threshold", "Smallest component, ml", "Holes"]
    lines = []
    for row in rows:
        for fold, fusion in row["fitted"].items():
            if not fusion["fitted_on"]:
                continue
            weights = fusion["weights"]
            told = "-" if weights is None else ", ".join(f"{weights[plane]:.2f}" for plane in sorted(weights))
            holes = "filled" if fusion["fill_holes"] else "left"
            numbers = [f"{fusion['threshold']:.2f}", f"{fusion['min_component_ml']:g}", holes]
            lines.append([row["title"], row["variant"], fold, told, *numbers])
    return markdown_table(header, lines, "lllrrrl")


def _disagreement(found: Mapping[str, Any]) -> str:
    lines = []
    for each in found["bins"]:
        shares = np.array(each["share_wrong_by_case"])
        spread = "-" if shares.size == 0 else f"{percent(shares.min())} to {percent(shares.max())}"
        lines.append(
            [
                each["bin"],
                f"{each['voxels']:,}",
                percent(each["share_wrong"], 2),
                spread,
                percent(each["share_of_all_errors"]),
            ]
        )
    header = ["Disagreement", "Voxels", "Wrong, %", "by case, %", "Share of all errors, %"]
    areas = [area for area in found["auc_by_case"].values() if area is not None]
    told = (
        "The majority vote makes no error to explain."
        if not areas or found["auc_pooled"] is None
        else f"AUC of disagreement for error inside the brain: {found['auc_pooled']:.3f} over all voxels; by case "
        f"{np.mean(areas):.3f} on average ({min(areas):.3f} to {max(areas):.3f}, {len(areas)} cases). 0.5 would be "
        "chance. Most of the brain is easy, which flatters any AUC: read the table first."
    )
    first = (
        "Disagreement is the largest difference between two planes' probabilities in a voxel; wrong voxels are those "
        "of the majority vote at 0.5, inside the brain. A map for each test case lies in fold-K/fusion."
    )
    return "\n\n".join([first, markdown_table(header, lines), told])


def _listed(by_fold: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{fold}: {', '.join(cases)}" for fold, cases in by_fold.items())
