"""Pictures: slices of a case with what was found on them, the patient facing the reader."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask, Volume, require_same_shape
from stroke_tf.errors import SettingError
from stroke_tf.planes import Plane
from stroke_tf.reports.canvas import FALSE, FOUND, MISSED, new_figure, save, titled

_TRUTH = "#FFFFFF"
# White is lost on a lesion that shines, as on DWI.
_TRUTH_ON_BRIGHT = "#56B4E9"
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
    figure = new_figure(1.0 + across / height * line_inches, 1.25 + line_inches * len(masks))
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
    _explain_colours(figure, outline=_TRUTH)
    figure.suptitle(titled(title, synthetic), fontsize=11)
    save(figure, path)


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
    for name, image in images.items():
        require_same_shape(image, truth, (name, "the truth"))
    require_same_shape(truth, found, ("the truth", "what was found"))
    index = _fullest_slice(truth | found, Plane.Z)
    box = _head_box(next(reversed(images.values())))[:2]
    truth, found = truth[(*box, index)], found[(*box, index)]
    wide, tall = (side * float(spacing_mm[axis]) for axis, side in enumerate(truth.shape))
    place = (0.0, wide, 0.0, tall)
    figure = new_figure(2.3 * (len(images) + 1), 2.3 * tall / wide + 1.0)
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
    _explain_colours(figure, outline=_TRUTH_ON_BRIGHT)
    figure.suptitle(titled(f"{title}, axial slice {index}", synthetic), fontsize=11)
    save(figure, path)


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
    if not cases:
        raise SettingError("A figure of slices needs at least one case. Received: none")
    names = list(cases[0][3])
    figure = new_figure(1.0 + 2.5 * (2 + len(names)), 1.3 + 2.9 * len(cases))
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
    _explain_colours(figure, outline=_TRUTH)
    figure.suptitle(titled(title, synthetic), fontsize=11)
    save(figure, path)


def _explain_colours(figure: Any, *, outline: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colours = ((FOUND, "found (TP)"), (FALSE, "false alarm (FP)"), (MISSED, "missed (FN)"))
    handles: list[Any] = [Patch(color=colour, label=label) for colour, label in colours]
    handles.append(Line2D([], [], color=outline, lw=1.2, label="outline of the truth"))
    # A white outline is seen on grey only.
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, facecolor="#555555")
    for text in legend.get_texts():
        text.set_color("white")


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
