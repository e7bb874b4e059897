"""Figures: masks on the image, training curves, and a dot for each case.

Matplotlib is imported inside the functions, so that whoever draws nothing never waits for it, and figures are made
without pyplot: its list of open figures is state of the process, and drawing must leave none behind.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask, Volume, require_same_shape
from stroke_tf.errors import SettingError
from stroke_tf.files import written_whole
from stroke_tf.planes import Plane
from stroke_tf.reports.tables import REFERENCES, data_title, printed

# Okabe and Ito's colours, which people with any colour vision tell apart.
FOUND, FALSE, MISSED = "#009E73", "#E69F00", "#CC79A7"
_TRUTH = "#FFFFFF"
# White is lost on a lesion that shines, as on DWI.
_TRUTH_ON_BRIGHT = "#56B4E9"
_OURS, _PAPER, _MEAN = "#0072B2", "#D55E00", "#000000"
# Where the increasing direction of a RAS+ axis leads, and where it comes from.
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))


def overlay_figure(
    path: Path,
    image: Volume,
    truth: Mask,
    masks: Mapping[str, Mask],
    *,
    spacing_mm: Sequence[float],
    title: str,
    synthetic: bool,
) -> None:
    """Draw the slice with most lesion of each plane, and on it what each row found, missed and made up.

    The patient faces the reader: the left of a picture is the patient's right (R), as radiologists look at it.

    Args:
        image: shape (x, y, z), RAS+; the background of each picture.
        truth: where the lesion is; an empty truth takes the middle slices.
        masks: what each row predicted, by the name that its line of pictures gets.
        spacing_mm: voxel size, so that pictures keep the patient's proportions.
    Raises: GeometryError if shapes differ; SettingError if there is no mask.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not masks:
        raise SettingError("An overlay needs at least one mask. Received: none")
    require_same_shape(image, truth, ("the image", "the truth"))
    for name, mask in masks.items():
        require_same_shape(truth, mask, ("the truth", name))
    slices = {plane: _fullest_slice(truth, plane) for plane in Plane}
    titles = [f"{plane.anatomical}, slice {index}" for plane, index in slices.items()]
    window = _window(image)
    box = _head_box(image)
    slices = {plane: index - box[plane.axis].start for plane, index in slices.items()}
    image, truth = image[box], truth[box]
    sides = [_extent(image.shape, spacing_mm, plane) for plane in Plane]
    height = max(tall for _, tall in sides)
    across = sum(wide for wide, _ in sides)
    line_inches = 2.6
    figure = _figure(1.0 + across / height * line_inches, 1.25 + line_inches * len(masks))
    axes = figure.subplots(
        len(masks), 3, squeeze=False, gridspec_kw={"width_ratios": [wide for wide, _ in sides], "wspace": 0.03}
    )
    for line, (name, mask) in zip(axes, masks.items(), strict=True):
        for axis, (plane, index) in zip(line, slices.items(), strict=True):
            _draw_overlay(axis, image, truth, mask[box], plane, index, spacing_mm, window)
            middle = _extent(image.shape, spacing_mm, plane)[1] / 2
            axis.set_ylim(middle - height / 2, middle + height / 2)
        line[0].text(-0.06, 0.5, name, transform=line[0].transAxes, rotation=90, ha="right", va="center", fontsize=10)
    for axis, text in zip(axes[0], titles, strict=True):
        axis.set_title(text, fontsize=9)
    colours = ((FOUND, "found (TP)"), (FALSE, "false alarm (FP)"), (MISSED, "missed (FN)"))
    handles: list[Any] = [Patch(color=colour, label=label) for colour, label in colours]
    handles.append(Line2D([], [], color=_TRUTH, lw=1.2, label="outline of the truth"))
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, facecolor="#555555")
    for text in legend.get_texts():
        text.set_color("white")
    figure.suptitle(_titled(title, synthetic), fontsize=11)
    _save(figure, path)


def curves_figure(path: Path, history: Sequence[Mapping[str, Any]], *, title: str, synthetic: bool) -> None:
    """Draw loss and validation Dice of each epoch, with the phases of the training marked.

    Args:
        history: one mapping an epoch: epoch (from 1), phase, loss, validation_dice (None where it was not measured).
    """
    figure = _figure(7.5, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    epochs = [row["epoch"] for row in history]
    upper.plot(epochs, [row["loss"] for row in history], color=_OURS, marker="o", ms=3.5, lw=1.5)
    upper.set_ylabel("training loss")
    lower.set_ylabel("validation Dice (%)")
    lower.set_xlabel("epoch")
    measured = [
        (row["epoch"], 100 * row["validation_dice"]) for row in history if row.get("validation_dice") is not None
    ]
    if measured:
        lower.plot(*zip(*measured, strict=True), color=FOUND, marker="o", ms=3.5, lw=1.5)
        epoch, dice = max(measured, key=lambda point: point[1])
        lower.plot([epoch], [dice], marker="o", ms=9, mfc="none", mec=_MEAN, ls="none")
        lower.set_title(f"kept: {dice:.1f} % at epoch {epoch} (circled)", loc="right", fontsize=8, color="#555555")
    lower.set_ylim(-3, 103)
    upper.set_ylim(bottom=0 if all(row["loss"] >= 0 for row in history) else None)
    for axis in (upper, lower):
        _plain(axis)
        axis.xaxis.get_major_locator().set_params(integer=True)
    _mark_phases(upper, lower, history)
    figure.suptitle(_titled(title, synthetic), fontsize=11)
    _save(figure, path)


def fusion_figure(path: Path, content: Mapping[str, Any]) -> None:
    """Draw, for each rule of fusion, how far its Dice lies from the majority vote's, with the paired 95 % interval.

    Args:
        content: of fusion.json.
    """
    rows = [row for row in content["rows"] if row["difference"]["mean"] is not None]
    variants = list(dict.fromkeys(row["variant"] for row in rows if row["kind"] == "fusion"))
    titles = list(dict.fromkeys(row["title"] for row in rows))
    colours = dict(zip(variants, (_OURS, FOUND, FALSE, MISSED), strict=False))
    figure = _figure(9.0, 1.7 + 0.5 * len(titles))
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
    _save(figure, path)


def disagreement_figure(path: Path, content: Mapping[str, Any]) -> None:
    """Draw how often the majority vote is wrong at each degree of disagreement between the planes.

    Args:
        content: of fusion.json.
    """
    found = content["disagreement"]
    bins = found["bins"]
    figure = _figure(9.5, 4.6)
    left, right = figure.subplots(1, 2)
    for number, each in enumerate(bins):
        shares = [100 * share for share in each["share_wrong_by_case"]]
        left.plot([number] * len(shares), shares, marker="o", ms=4, color=_OURS, alpha=0.45, mew=0, ls="none")
        if each["share_wrong"] is not None:
            left.plot([number], [100 * each["share_wrong"]], marker="_", ms=17, mew=2.2, color=_MEAN, ls="none")
    left.set_ylabel("wrong voxels of the majority vote (%)")
    left.set_title("how often it is wrong (line: all cases; dots: each)", fontsize=9)
    right.bar(range(len(bins)), [100 * (each["share_of_all_errors"] or 0) for each in bins], color=_OURS)
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
    _save(figure, path)


def dice_figure(path: Path, results: Mapping[str, Any], *, title: str = "Table 1") -> None:
    """Draw every test case's Dice as a dot, a line for each row, beside the value that the paper prints.

    Args:
        results: the content of results.json.
        title: what the rows make up.
    """
    from stroke_tf.seeds import child_seed

    rows = [row for row in results["rows"] if _scores(row)]
    figure = _figure(8.5, 1.7 + 0.47 * len(rows))
    axis = figure.subplots()
    for place, row in enumerate(rows):
        scores = _scores(row)
        scatter = np.random.default_rng(child_seed(0, "dice figure", row["id"])).uniform(-0.17, 0.17, len(scores))
        reference = row["id"].startswith(REFERENCES)
        colour = "#8C8C8C" if reference else _OURS
        axis.scatter(100 * np.asarray(scores), place + scatter, s=24, color=colour, alpha=0.6, lw=0, zorder=2)
        _mark_mean(axis, row, place)
        value = printed(row).get("dice")
        if value is not None:
            axis.plot([100 * value], [place], marker="D", ms=8, mfc="none", mec=_PAPER, mew=1.7, ls="none", zorder=4)
    axis.set_yticks(range(len(rows)), [row["title"] for row in rows], fontsize=9)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(-2, 102)
    axis.set_xlabel("Dice (%) of each test case, in 3-D")
    _plain(axis)
    axis.tick_params(axis="y", length=0)
    figure.legend(handles=_dice_legend(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(f"{title} on {data_title(results)}", fontsize=11)
    _save(figure, path)


def generated_figure(
    path: Path,
    images: Mapping[str, Volume],
    truth: Mask,
    found: Mask,
    *,
    windows: Mapping[str, tuple[float, float]],
    spacing_mm: Sequence[float],
    title: str,
    synthetic: bool,
) -> None:
    """Draw one axial slice of a case: what went in, the DWI that was and the one that was drawn, and the lesion.

    Args:
        images: by the name over each picture, shape (x, y, z), RAS+; the last is the background of the lesion's.
        truth, found: where the lesion is, and where it was found; the slice with most of both together is drawn.
        windows: black and white of each image.
    Raises: GeometryError if shapes differ.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    for name, image in images.items():
        require_same_shape(image, truth, (name, "the truth"))
    require_same_shape(truth, found, ("the truth", "what was found"))
    index = _fullest_slice(truth | found, Plane.Z)
    box = _head_box(next(reversed(images.values())))[:2]
    truth, found = truth[(*box, index)], found[(*box, index)]
    wide, tall = (side * float(spacing_mm[axis]) for axis, side in enumerate(truth.shape))
    place = (0.0, wide, 0.0, tall)
    figure = _figure(2.3 * (len(images) + 1), 2.3 * tall / wide + 1.0)
    axes = figure.subplots(1, len(images) + 1)
    pictures = [*images.items(), ("lesion", next(reversed(images.values())))]
    for axis, (name, image) in zip(axes, pictures, strict=True):
        low, high = windows[name if name in windows else next(reversed(images))]
        axis.imshow(_upright(image[(*box, index)], Plane.Z), cmap="gray", vmin=low, vmax=high, extent=place)
        lesion = _upright(truth, Plane.Z)
        if lesion.any() and not lesion.all():
            axis.contour(lesion[::-1].astype(float), [0.5], colors=_TRUTH_ON_BRIGHT, linewidths=0.9, extent=place)
        axis.set_title(name, fontsize=9)
        axis.set_facecolor("black")
        axis.set_xticks([])
        axis.set_yticks([])
        _label_directions(axis, Plane.Z)
    axes[-1].imshow(_colours(_upright(found, Plane.Z), lesion), extent=place, interpolation="nearest")
    words = ((FOUND, "found (TP)"), (FALSE, "false alarm (FP)"), (MISSED, "missed (FN)"))
    handles: list[Any] = [Patch(color=colour, label=label) for colour, label in words]
    handles.append(Line2D([], [], color=_TRUTH_ON_BRIGHT, label="outline of the truth"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(_titled(f"{title}, axial slice {index}", synthetic), fontsize=11)
    _save(figure, path)


def progress_figure(
    path: Path, histories: Mapping[str, Sequence[Mapping[str, Any]]], *, title: str, synthetic: bool
) -> None:
    """Draw accuracy, loss and Dice of each epoch, training and validation, a column for each history.

    Args:
        histories: by name, one mapping an epoch: epoch, accuracy, loss, validation_accuracy, validation_loss,
            validation_dice; Dice is measured in validation only.
    """
    figure = _figure(1.2 + 3.6 * len(histories), 7.2)
    grid = figure.subplots(3, len(histories), squeeze=False, sharey="row", sharex="col")
    panels = (("accuracy", "accuracy of pixels (%)", 100), ("loss", "loss", 1), ("dice", "Dice in 3-D (%)", 100))
    for column, (name, history) in enumerate(histories.items()):
        epochs = [row["epoch"] for row in history]
        for axis, (measure, label, scale) in zip(grid[:, column], panels, strict=True):
            for word, key, colour in (("training", measure, _OURS), ("validation", f"validation_{measure}", FOUND)):
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
    figure.suptitle(_titled(title, synthetic), fontsize=11)
    _save(figure, path)


def slices_figure(
    path: Path,
    cases: Sequence[tuple[str, Volume, Mask, Mapping[str, Mask], Sequence[float]]],
    *,
    title: str,
    synthetic: bool,
) -> None:
    """Draw the axial slice with most lesion of each case: the image, the truth on it, and what each row found.

    Args:
        cases: name, image (x, y, z) RAS+, truth, masks by row (the same rows in every case), spacing in mm.
    Raises: SettingError if there is no case.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not cases:
        raise SettingError("A figure of slices needs at least one case. Received: none")
    names = list(cases[0][3])
    figure = _figure(1.0 + 2.5 * (2 + len(names)), 1.3 + 2.9 * len(cases))
    grid = figure.subplots(len(cases), 2 + len(names), squeeze=False)
    for line, (case, image, truth, masks, spacing_mm) in zip(grid, cases, strict=True):
        box, window = _head_box(image), _window(image)
        index = _fullest_slice(truth, Plane.Z) - box[2].start
        nothing = np.zeros(truth.shape, bool)
        for axis, (lesion, mask) in zip(
            line, [(nothing, nothing), (truth, truth), *((truth, masks[name]) for name in names)], strict=True
        ):
            _draw_overlay(axis, image[box], lesion[box], mask[box], Plane.Z, index, spacing_mm, window)
        line[0].text(-0.06, 0.5, case, transform=line[0].transAxes, rotation=90, ha="right", va="center", fontsize=9)
    for axis, name in zip(grid[0], ["image", "truth", *names], strict=True):
        axis.set_title(name, fontsize=9)
    colours = ((FOUND, "found (TP)"), (FALSE, "false alarm (FP)"), (MISSED, "missed (FN)"))
    handles: list[Any] = [Patch(color=colour, label=label) for colour, label in colours]
    handles.append(Line2D([], [], color=_TRUTH, lw=1.2, label="outline of the truth"))
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, facecolor="#555555")
    for text in legend.get_texts():
        text.set_color("white")
    figure.suptitle(_titled(title, synthetic), fontsize=11)
    _save(figure, path)


def readings_figure(path: Path, results: Mapping[str, Any]) -> None:
    """Draw Dice and precision of each model's masks under every reading, beside the pair that the paper prints.

    Args:
        results: the content of results.json, as workflows/aboudi_results.py makes it.
    """
    rows = [row for row in results["rows"] if row["id"] in results["main_rows"]]
    models = {model["id"]: model["title"] for model in results["models"]}
    readings = list(rows[0]["readings"])
    figure = _figure(10.5, 1.6 + 0.42 * len(readings))
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
        axis.axvline(100 * rows[0]["paper"][measure], color=_PAPER, lw=1.3, ls="--", label="printed in the paper")
        axis.set_xlabel(label)
        axis.set_xlim(-3, 103)
        _plain(axis)
    left.set_yticks(range(len(readings)), readings, fontsize=9)
    left.set_ylim(len(readings) - 0.5, -0.5)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(f"One set of masks, ten readings: {data_title(results)}", fontsize=11)
    _save(figure, path)


def _draw_overlay(
    axis: Any,
    image: Volume,
    truth: Mask,
    mask: Mask,
    plane: Plane,
    index: int,
    spacing_mm: Sequence[float],
    window: tuple[float, float],
) -> None:
    picture, lesion, found = (_upright(np.take(array, index, plane.axis), plane) for array in (image, truth, mask))
    wide, tall = _extent(image.shape, spacing_mm, plane)
    place = (0.0, wide, 0.0, tall)
    axis.imshow(picture, cmap="gray", vmin=window[0], vmax=window[1], extent=place, interpolation="nearest")
    axis.imshow(_colours(found, lesion), extent=place, interpolation="nearest")
    if lesion.any() and not lesion.all():
        # contour() counts rows from the bottom when it is given an extent, imshow() from the top.
        axis.contour(lesion[::-1].astype(float), [0.5], colors=_TRUTH, linewidths=0.9, extent=place)
    axis.set_facecolor("black")
    axis.set_xticks([])
    axis.set_yticks([])
    _label_directions(axis, plane)


def _upright(piece: np.ndarray, plane: Plane) -> np.ndarray:
    """Turn a slice of a RAS+ volume to how it is looked at: superior or anterior up, the patient's right at left.

    A slice's rows follow the volume's first remaining axis and its columns the second; a picture's rows run down.
    """
    upright = piece.T[::-1]
    # Axis 0 runs towards the patient's right, which belongs on the left of the picture; axis 1 towards anterior, too.
    return upright[:, ::-1]


def _label_directions(axis: Any, plane: Plane) -> None:
    across, up = plane.slice_axes
    # _upright reverses the horizontal axis, so the end towards which it runs stands on the left.
    right, left = _ENDS[across]
    bottom, top = _ENDS[up]
    style: dict[str, Any] = {"transform": axis.transAxes, "color": "#FFF3B0", "fontsize": 8, "fontweight": "bold"}
    axis.text(0.015, 0.5, left, ha="left", va="center", **style)
    axis.text(0.985, 0.5, right, ha="right", va="center", **style)
    axis.text(0.5, 0.985, top, ha="center", va="top", **style)
    axis.text(0.5, 0.015, bottom, ha="center", va="bottom", **style)


def _extent(shape: Sequence[int], spacing_mm: Sequence[float], plane: Plane) -> tuple[float, float]:
    across, up = plane.slice_axes
    return shape[across] * float(spacing_mm[across]), shape[up] * float(spacing_mm[up])


def _head_box(image: Volume) -> tuple[slice, slice, slice]:
    """Return the box around what is not air, with a margin for the letters of the directions."""
    head = image != image.flat[0]
    if not head.any():
        return (slice(0, image.shape[0]), slice(0, image.shape[1]), slice(0, image.shape[2]))
    sides = []
    for axis, length in enumerate(image.shape):
        seen = np.flatnonzero(head.any(axis=tuple(other for other in range(3) if other != axis)))
        margin = max(2, round(0.08 * (seen[-1] - seen[0])))
        sides.append(slice(max(0, int(seen[0]) - margin), min(length, int(seen[-1]) + 1 + margin)))
    return (sides[0], sides[1], sides[2])


def _fullest_slice(truth: Mask, plane: Plane) -> int:
    area = truth.sum(axis=plane.slice_axes)
    return int(area.argmax()) if area.any() else truth.shape[plane.axis] // 2


def _colours(found: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    from matplotlib.colors import to_rgba

    painted = np.zeros((*found.shape, 4))
    painted[found & lesion] = to_rgba(FOUND, 0.6)
    painted[found & ~lesion] = to_rgba(FALSE, 0.75)
    painted[~found & lesion] = to_rgba(MISSED, 0.75)
    return painted


def _window(image: Volume) -> tuple[float, float]:
    """Return black and white: air stays black, and the brightest half percent of the head does not dim the rest."""
    background = float(image.flat[0])
    head = image[image != background]
    if head.size == 0:
        return background, background + 1
    low, high = (float(value) for value in np.percentile(head, (0.5, 99.5)))
    return min(low, background), max(high, low + 1e-6)


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
        axis.plot([100 * summary["low"], 100 * summary["high"]], [place, place], color=_MEAN, lw=1.6, zorder=3)
    if summary.get("mean") is not None:
        axis.plot([100 * summary["mean"]], [place], marker="|", ms=15, mew=2.2, color=_MEAN, ls="none", zorder=3)


def _colour_legend(colours: Mapping[str, str]) -> list[Any]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], marker="o", ms=5, lw=1.6, color=colour, label=name) for name, colour in colours.items()]


def _dice_legend() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], marker="o", ms=5, color=_OURS, alpha=0.6, ls="none", label="a test case"),
        Line2D([], [], marker="|", ms=11, mew=2, color=_MEAN, lw=1.6, label="mean, 95 % interval"),
        Line2D([], [], marker="D", ms=7, mfc="none", mec=_PAPER, mew=1.7, ls="none", label="printed in the paper"),
        Line2D([], [], marker="o", ms=5, color="#8C8C8C", alpha=0.6, ls="none", label="no network"),
    ]


def _titled(title: str, synthetic: bool) -> str:
    return f"SYNTHETIC PHANTOM · {title}" if synthetic else title


def _plain(axis: Any) -> None:
    axis.grid(axis="both", color="#E5E5E5", lw=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
    figure.clear()
