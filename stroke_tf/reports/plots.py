"""Plots: training curves, a dot for each case, rules and readings side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.reports.canvas import FALSE, FOUND, MEAN, MISSED, OURS, PAPER, new_figure, save, titled
from stroke_tf.reports.tables import REFERENCES, data_title, printed


def curves_figure(path: Path, history: Sequence[Mapping[str, Any]], *, title: str, synthetic: bool) -> None:
    """Draw loss and validation Dice of each epoch, with the phases of the training marked.

    Args:
        history: one mapping an epoch: epoch (from 1), phase, loss, validation_dice (None where it was not measured).
    """
    figure = new_figure(7.5, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    epochs = [row["epoch"] for row in history]
    upper.plot(epochs, [row["loss"] for row in history], color=OURS, marker="o", ms=3.5, lw=1.5)
    upper.set_ylabel("training loss")
    lower.set_ylabel("validation Dice (%)")
    lower.set_xlabel("epoch")
    measured = [
        (row["epoch"], 100 * row["validation_dice"]) for row in history if row.get("validation_dice") is not None
    ]
    if measured:
        lower.plot(*zip(*measured, strict=True), color=FOUND, marker="o", ms=3.5, lw=1.5)
        epoch, dice = max(measured, key=lambda point: point[1])
        lower.plot([epoch], [dice], marker="o", ms=9, mfc="none", mec=MEAN, ls="none")
        lower.set_title(f"kept: {dice:.1f} % at epoch {epoch} (circled)", loc="right", fontsize=8, color="#555555")
    lower.set_ylim(-3, 103)
    upper.set_ylim(bottom=0 if all(row["loss"] >= 0 for row in history) else None)
    for axis in (upper, lower):
        _plain(axis)
        axis.xaxis.get_major_locator().set_params(integer=True)
    _mark_phases(upper, lower, history)
    figure.suptitle(titled(title, synthetic), fontsize=11)
    save(figure, path)


def fusion_figure(path: Path, content: Mapping[str, Any]) -> None:
    """Draw, for each rule of fusion, how far its Dice lies from the majority vote's, with the paired 95 % interval.

    Args:
        content: of fusion.json.
    """
    rows = [row for row in content["rows"] if row["difference"]["mean"] is not None]
    variants = list(dict.fromkeys(row["variant"] for row in rows if row["kind"] == "fusion"))
    titles = list(dict.fromkeys(row["title"] for row in rows))
    colours = dict(zip(variants, (OURS, FOUND, FALSE, MISSED), strict=False))
    figure = new_figure(9.0, 1.7 + 0.5 * len(titles))
    axis = figure.subplots()
    axis.axvline(0, color="#555555", lw=1.2, zorder=1)
    for row in rows:
        ruled = row["kind"] == "fusion"
        place = titles.index(row["title"]) + (0.18 * (variants.index(row["variant"]) - 1.5) if ruled else 0)
        difference, colour = row["difference"], colours[row["variant"]] if ruled else "#8C8C8C"
        if difference["low"] is not None:
            ends = [100 * difference["low"], 100 * difference["high"]]
            axis.plot(ends, [place, place], color=colour, lw=1.6, zorder=2)
        axis.plot([100 * difference["mean"]], [place], marker="o", ms=4.5, color=colour, ls="none", zorder=3)
    axis.set_yticks(range(len(titles)), titles, fontsize=9)
    axis.set_ylim(len(titles) - 0.5, -0.5)
    axis.set_xlabel("Dice minus that of the majority vote at 0.5 (points): mean, 95 % interval", fontsize=9)
    # Union and baselines may lie so far off that the others would be one line.
    axis.set_xscale("symlog", linthresh=2)
    axis.xaxis.set_major_formatter("{x:g}")
    _plain(axis)
    colours["no fusion"] = "#8C8C8C"
    figure.legend(handles=_colour_legend(colours), loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.suptitle(f"Rules of fusion on {data_title(content)}", fontsize=11)
    save(figure, path)


def disagreement_figure(path: Path, content: Mapping[str, Any]) -> None:
    """Draw how often the majority vote is wrong at each degree of disagreement between the planes.

    Args:
        content: of fusion.json.
    """
    found = content["disagreement"]
    bins = found["bins"]
    figure = new_figure(9.5, 4.6)
    left, right = figure.subplots(1, 2)
    for number, each in enumerate(bins):
        shares = [100 * share for share in each["share_wrong_by_case"]]
        left.plot([number] * len(shares), shares, marker="o", ms=4, color=OURS, alpha=0.45, mew=0, ls="none")
        if each["share_wrong"] is not None:
            left.plot([number], [100 * each["share_wrong"]], marker="_", ms=17, mew=2.2, color=MEAN, ls="none")
    left.set_ylabel("wrong voxels of the majority vote (%)")
    left.set_title("how often it is wrong (line: all cases; dots: each)", fontsize=9)
    right.bar(range(len(bins)), [100 * (each["share_of_all_errors"] or 0) for each in bins], color=OURS)
    right.set_ylabel("share of all its wrong voxels (%)")
    right.set_title("where its errors lie", fontsize=9)
    for axis in (left, right):
        axis.set_xticks(range(len(bins)), [each["bin"] for each in bins], rotation=60, ha="right", fontsize=8)
        axis.set_xlim(-0.6, len(bins) - 0.4)
        axis.set_ylim(-2, 102)
        axis.set_xlabel("largest difference between two planes' probabilities", fontsize=9)
        _plain(axis)
    area = found["auc_pooled"]
    told = "" if area is None else f"\nAUC of disagreement for error inside the brain: {area:.3f}"
    figure.suptitle(f"Planes that disagree, and error: {data_title(content)}{told}", fontsize=10)
    save(figure, path)


def dice_figure(path: Path, results: Mapping[str, Any], *, title: str = "Table 1") -> None:
    """Draw every test case's Dice as a dot, a line for each row, beside the value that the paper prints.

    Args:
        results: the content of results.json.
        title: what the rows make up.
    """
    from stroke_tf.seeds import child_seed

    rows = [row for row in results["rows"] if _scores(row)]
    figure = new_figure(8.5, 1.7 + 0.47 * len(rows))
    axis = figure.subplots()
    for place, row in enumerate(rows):
        scores = _scores(row)
        scatter = np.random.default_rng(child_seed(0, "dice figure", row["id"])).uniform(-0.17, 0.17, len(scores))
        reference = row["id"].startswith(REFERENCES)
        colour = "#8C8C8C" if reference else OURS
        axis.scatter(100 * np.asarray(scores), place + scatter, s=24, color=colour, alpha=0.6, lw=0, zorder=2)
        _mark_mean(axis, row, place)
        value = printed(row).get("dice")
        if value is not None:
            axis.plot([100 * value], [place], marker="D", ms=8, mfc="none", mec=PAPER, mew=1.7, ls="none", zorder=4)
    axis.set_yticks(range(len(rows)), [row["title"] for row in rows], fontsize=9)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(-2, 102)
    axis.set_xlabel("Dice (%) of each test case, in 3-D")
    _plain(axis)
    axis.tick_params(axis="y", length=0)
    figure.legend(handles=_dice_legend(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(f"{title} on {data_title(results)}", fontsize=11)
    save(figure, path)


def progress_figure(
    path: Path, histories: Mapping[str, Sequence[Mapping[str, Any]]], *, title: str, synthetic: bool
) -> None:
    """Draw accuracy, loss and Dice of each epoch, training and validation, a column for each history.

    Args:
        histories: by name, one mapping an epoch: epoch, accuracy, loss, validation_accuracy, validation_loss,
            validation_dice; Dice is measured in validation only.
    """
    figure = new_figure(1.2 + 3.6 * len(histories), 7.2)
    grid = figure.subplots(3, len(histories), squeeze=False, sharey="row", sharex="col")
    panels = (("accuracy", "accuracy of pixels (%)", 100), ("loss", "loss", 1), ("dice", "Dice in 3-D (%)", 100))
    for column, (name, history) in enumerate(histories.items()):
        epochs = [row["epoch"] for row in history]
        for axis, (measure, label, scale) in zip(grid[:, column], panels, strict=True):
            for word, key, colour in (("training", measure, OURS), ("validation", f"validation_{measure}", FOUND)):
                values = [scale * row[key] for row in history if row.get(key) is not None]
                if len(values) == len(epochs):
                    axis.plot(epochs, values, color=colour, marker="o", ms=3.5, lw=1.5, label=word)
            _plain(axis)
            axis.xaxis.get_major_locator().set_params(integer=True)
            if column == 0:
                axis.set_ylabel(label)
        grid[0, column].set_title(name, fontsize=9)
        grid[2, column].set_xlabel("epoch")
    grid[1, 0].set_ylim(bottom=0)
    grid[2, 0].set_ylim(-3, 103)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(titled(title, synthetic), fontsize=11)
    save(figure, path)


def readings_figure(path: Path, results: Mapping[str, Any]) -> None:
    """Draw Dice and precision of each model's masks under every reading, beside the pair that the paper prints.

    Args:
        results: the content of results.json, as workflows/aboudi_results.py makes it.
    """
    rows = [row for row in results["rows"] if row["id"] in results["main_rows"]]
    models = {model["id"]: model["title"] for model in results["models"]}
    readings = list(rows[0]["readings"])
    figure = new_figure(10.5, 1.6 + 0.42 * len(readings))
    left, right = figure.subplots(1, 2, sharey=True)
    colours = ("#0072B2", "#009E73", "#E69F00", "#CC79A7", "#000000", "#8C8C8C")
    for axis, measure, label in ((left, "dice", "Dice (%)"), (right, "precision", "precision (%)")):
        for number, row in enumerate(rows):
            places = np.arange(len(readings)) + 0.11 * (number - (len(rows) - 1) / 2)
            values = [row["readings"][reading][measure] for reading in readings]
            axis.plot(
                [np.nan if value is None else 100 * value for value in values],
                places,
                marker="o",
                ms=5,
                ls="none",
                color=colours[number % len(colours)],
                label=models[row["model"]],
            )
        axis.axvline(100 * rows[0]["paper"][measure], color=PAPER, lw=1.3, ls="--", label="printed in the paper")
        axis.set_xlabel(label)
        axis.set_xlim(-3, 103)
        _plain(axis)
    left.set_yticks(range(len(readings)), readings, fontsize=9)
    left.set_ylim(len(readings) - 0.5, -0.5)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(f"One set of masks, ten readings: {data_title(results)}", fontsize=11)
    save(figure, path)


def _mark_phases(upper: Any, lower: Any, history: Sequence[Mapping[str, Any]]) -> None:
    begins = [row for before, row in zip([None, *history], history, strict=False) if _phase(before) != row.get("phase")]
    for row in begins:
        if not row.get("phase"):
            continue
        if row is not history[0]:
            for axis in (upper, lower):
                axis.axvline(row["epoch"] - 0.5, color="#999999", lw=1, ls="--", zorder=0)
        place = (row["epoch"] - (0.5 if row is not history[0] else 0), 1.02)
        upper.text(*place, row["phase"], transform=upper.get_xaxis_transform(), fontsize=8, color="#555555")


def _phase(row: Mapping[str, Any] | None) -> str | None:
    return row.get("phase") if row else None


def _scores(row: Mapping[str, Any]) -> list[float]:
    return [case["dice"] for case in row.get("cases") or [] if case.get("dice") is not None]


def _mark_mean(axis: Any, row: Mapping[str, Any], place: int) -> None:
    summary = row["summary"].get("dice") or {}
    if summary.get("low") is not None and summary.get("high") is not None:
        axis.plot([100 * summary["low"], 100 * summary["high"]], [place, place], color=MEAN, lw=1.6, zorder=3)
    if summary.get("mean") is not None:
        axis.plot([100 * summary["mean"]], [place], marker="|", ms=15, mew=2.2, color=MEAN, ls="none", zorder=3)


def _colour_legend(colours: Mapping[str, str]) -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], marker="o", ms=5, lw=1.6, color=colour, label=name) for name, colour in colours.items()]


def _dice_legend() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], marker="o", ms=5, color=OURS, alpha=0.6, ls="none", label="a test case"),
        Line2D([], [], marker="|", ms=11, mew=2, color=MEAN, lw=1.6, label="mean, 95 % interval"),
        Line2D([], [], marker="D", ms=7, mfc="none", mec=PAPER, mew=1.7, ls="none", label="printed in the paper"),
        Line2D([], [], marker="o", ms=5, color="#8C8C8C", alpha=0.6, ls="none", label="no network"),
    ]


def _plain(axis: Any) -> None:
    axis.grid(axis="both", color="#E5E5E5", lw=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
