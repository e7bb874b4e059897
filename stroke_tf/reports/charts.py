"""The charts of a report, drawn from rows and numbers: every case is a dot, and every dot tells its case."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stroke_tf.reports.svg import SHAPES, TONES, Drawing, Scale, rounded_ends

_WIDTH = 640.0
_LABELS = 246.0


@dataclass(frozen=True)
class DotRow:
    """A line of a chart of dots.

    Args:
        dots: (case, value) each; a case without a value is left out, and counted by whoever says how many there are.
        mean, low, high: of the values, with the interval of the mean; None where there is none.
        paper: what is printed, or None.
    """

    title: str
    dots: Sequence[tuple[str, float | None]]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    tone: str = "blue"


@dataclass(frozen=True)
class Series:
    """Cases as dots: (case, x, y) each."""

    title: str
    dots: Sequence[tuple[str, float, float]] = field(default_factory=list)


def dots_chart(rows: Sequence[DotRow], *, label: str, paper: str = "as the paper prints it") -> str:
    """Draw a line of dots for each row, its mean and interval, and what is printed; values from 0 to 100.

    Args:
        label: of the axis.
    """
    step, top = 30.0, 30.0
    bottom = top + step * len(rows)
    drawing = Drawing(_WIDTH, bottom + 46)
    scale = Scale(0, 100, _LABELS, _WIDTH - 18)
    drawing.across(scale, top, bottom, label)
    entries = [("circle", "dot blue", "a case"), ("square", "dot ink", "mean, 95 % interval")]
    if any(row.paper is not None for row in rows):
        entries.append(("diamond", "hollow red", paper))
    drawing.legend(12, 16, entries)
    for number, row in enumerate(rows):
        y = top + step * (number + 0.5)
        drawing.text(_LABELS - 10, y + 4, _short(row.title), at="end")
        for place, (case, value) in enumerate(row.dots):
            if value is not None:
                # Spread a little, always alike, so that equal cases do not hide one another.
                drawing.mark(scale(value), y + 7 * (place % 3 - 1), f"dot {row.tone}", hint=f"{case}: {value:.1f}")
        if row.mean is not None:
            if row.low is not None and row.high is not None:
                drawing.line(scale(row.low), y, scale(row.high), y, "stroke ink thick")
            drawing.box(scale(row.mean) - 2, y - 9, 4, 18, "dot ink", f"{row.title}: mean {row.mean:.1f}")
        if row.paper is not None:
            hint = f"{row.title}: printed {row.paper:.5g}"
            drawing.mark(scale(row.paper), y, "hollow red", shape="diamond", hint=hint)
    return drawing.svg()


def volumes_chart(panels: Sequence[Series]) -> str:
    """Draw found minus true volume against their mean (Bland and Altman), a panel for each row of masks.

    Args:
        panels: dots are (case, true ml, found ml).
    Source: Bland and Altman 1986; limits of agreement are mean ± 1.96 SD of the differences.
    """
    across, tall = 2, 200.0
    lines = math.ceil(len(panels) / across)
    drawing = Drawing(_WIDTH, lines * tall + 20)
    points = {panel.title: [(case, (t + f) / 2, f - t) for case, t, f in panel.dots] for panel in panels}
    everyone = [each for each in points.values() for each in each]
    limits = [limit for panel in panels for limit in agreement(panel)]
    top_x = max((x for _, x, _ in everyone), default=1.0)
    low, high = rounded_ends([*(y for _, _, y in everyone), *limits, 0.0], least=2.0)
    for number, panel in enumerate(panels):
        left = 60 + (number % across) * (_WIDTH / 2)
        top = 24 + (number // across) * tall
        right, bottom = left + _WIDTH / 2 - 78, top + tall - 66
        x_scale, y_scale = Scale(0, max(1.0, 1.08 * top_x), left, right), Scale(low, high, bottom, top)
        drawing.text(left, top - 8, _short(panel.title), look="strong")
        drawing.across(x_scale, top, bottom, "mean of true and found, ml", about=4)
        drawing.upright(y_scale, left, right, "found − true, ml", about=4)
        drawing.line(left, y_scale(0), right, y_scale(0), "axis")
        mean, lower, upper = (*agreement(panel), None, None, None)[:3]
        if mean is not None:
            drawing.line(left, y_scale(mean), right, y_scale(mean), "stroke red thin")
        if lower is not None and upper is not None:
            for limit in (lower, upper):
                drawing.line(left, y_scale(limit), right, y_scale(limit), "stroke red thin dash")
        for case, x, y in points[panel.title]:
            drawing.mark(x_scale(x), y_scale(y), "dot blue", hint=f"{case}: {y:+.1f} ml at {x:.1f} ml")
    return drawing.svg()


def agreement(panel: Series) -> tuple[float, ...]:
    """Return the mean difference and the limits of agreement; the mean alone of one case, nothing of none.

    Example:
        >>> [round(each, 2) for each in agreement(Series("vote", [("1", 10, 11), ("2", 20, 23)]))]
        [2.0, -0.77, 4.77]
    """
    differences = [found - true for _, true, found in panel.dots]
    if not differences:
        return ()
    mean = sum(differences) / len(differences)
    if len(differences) == 1:
        return (mean,)
    sd = math.sqrt(sum((each - mean) ** 2 for each in differences) / (len(differences) - 1))
    return (mean, mean - 1.96 * sd, mean + 1.96 * sd)


def size_chart(series: Sequence[Series]) -> str:
    """Draw Dice in percent against the true volume in ml, on a logarithmic axis.

    Args:
        series: dots are (case, true ml, Dice); a case without lesion cannot stand on the axis and is not drawn.
    """
    top, bottom, left, right = 50.0, 330.0, 60.0, _WIDTH - 18
    drawing = Drawing(_WIDTH, bottom + 46)
    sizes = [x for each in series for _, x, _ in each.dots if x > 0]
    low, high = (min(sizes) / 1.3, max(sizes) * 1.3) if sizes else (1.0, 100.0)
    x_scale, y_scale = Scale(low, high, left, right, log=True), Scale(0, 100, bottom, top)
    drawing.across(x_scale, top, bottom, "true lesion, ml (logarithmic)")
    drawing.upright(y_scale, left, right, "Dice, %")
    looks = [(SHAPES[number % 4], f"dot {TONES[number % len(TONES)]}", each) for number, each in enumerate(series)]
    drawing.legend(left, 16, [(shape, look, _short(each.title)) for shape, look, each in looks])
    for shape, look, each in looks:
        for case, x, y in each.dots:
            if x > 0:
                hint = f"{each.title}, {case}: Dice {y:.1f} % at {x:.1f} ml"
                drawing.mark(x_scale(x), y_scale(y), look, shape=shape, hint=hint)
    return drawing.svg()


def curves_chart(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Draw loss and validation Dice of each epoch, a panel for each network.

    Args:
        runs: by title, the history: `epoch`, `loss`, and `validation_dice` as a fraction.
    """
    across, tall = 3, 150.0
    wide = _WIDTH / across
    lines = math.ceil(len(runs) / across)
    drawing = Drawing(_WIDTH, 26 + lines * tall)
    drawing.legend(12, 16, [("circle", "dot blue", "validation Dice"), ("square", "dot orange", "training loss")])
    most = max((row["loss"] for history in runs.values() for row in history if _number(row, "loss")), default=1.0)
    for number, (title, history) in enumerate(runs.items()):
        left = 30 + (number % across) * wide
        top = 50 + (number // across) * tall
        right, bottom = left + wide - 44, top + tall - 66
        epochs = [row["epoch"] for row in history]
        first, last = min(epochs, default=1), max(epochs, default=2)
        x_scale = Scale(first, last if last > first else first + 1, left, right)
        drawing.text(left, top - 8, _short(title, 30), look="strong")
        drawing.across(x_scale, top, bottom, "epoch" if number // across == lines - 1 else "", about=3, whole=True)
        drawing.upright(Scale(0, 1, bottom, top), left, right, "", about=2)
        for name, scale, look, shape in (
            ("loss", Scale(0, max(most, 1e-6), bottom, top), "orange", "square"),
            ("validation_dice", Scale(0, 1, bottom, top), "blue", "circle"),
        ):
            points = [(row["epoch"], row[name]) for row in history if _number(row, name)]
            if points:
                drawing.path([(x_scale(x), scale(y)) for x, y in points], look)
            for x, y in points if len(points) <= 40 else ():
                hint = f"{title}, epoch {x:.0f}: {name.replace('_', ' ')} {y:.3g}"
                drawing.mark(x_scale(x), scale(y), f"dot {look}", shape=shape, size=3, hint=hint)
    return drawing.svg()


def differences_chart(rows: Sequence[tuple[str, float, float | None, float | None]], *, label: str) -> str:
    """Draw (title, mean, low, high) as a mark with its interval beside a line at zero."""
    step, top = 20.0, 10.0
    bottom = top + step * len(rows)
    drawing = Drawing(_WIDTH, bottom + 46)
    ends = [end for _, mean, low, high in rows for end in (mean, low, high) if end is not None]
    scale = Scale(*rounded_ends([*ends, 0.0], least=1.0), _WIDTH / 2, _WIDTH - 18)
    drawing.across(scale, top, bottom, label)
    drawing.line(scale(0), top, scale(0), bottom, "axis")
    for number, (title, mean, low, high) in enumerate(rows):
        y = top + step * (number + 0.5)
        apart = low is not None and high is not None and not low <= 0 <= high
        tone = "grey" if not apart else "green" if mean > 0 else "red"
        drawing.text(_WIDTH / 2 - 10, y + 4, _short(title, 46), at="end")
        if low is not None and high is not None:
            drawing.line(scale(low), y, scale(high), y, f"stroke {tone} thick")
        drawing.mark(
            scale(mean), y, f"dot {tone}", shape="diamond" if apart else "circle", hint=f"{title}: {mean:+.2f}"
        )
    return drawing.svg()


def shares_chart(bins: Sequence[tuple[str, float | None, Sequence[float]]], *, label: str, across: str) -> str:
    """Draw a share in percent for each bin, as a line, with a dot for each case.

    Args:
        bins: (name, share of all, share by case) each.
    """
    top, bottom, left, right = 14.0, 270.0, 60.0, _WIDTH - 18
    drawing = Drawing(_WIDTH, bottom + 46)
    y_scale = Scale(0, 100, bottom, top)
    drawing.upright(y_scale, left, right, label)
    step = (right - left) / max(1, len(bins))
    places = [left + step * (number + 0.5) for number in range(len(bins))]
    for x, (name, _, cases) in zip(places, bins, strict=True):
        drawing.text(x, bottom + 16, name, at="middle", look="quiet")
        for number, value in enumerate(cases):
            drawing.mark(x + 4 * (number % 3 - 1), y_scale(value), "dot blue", size=3.5, hint=f"{name}: {value:.1f} %")
    drawing.path([(x, y_scale(b[1])) for x, b in zip(places, bins, strict=True) if b[1] is not None], "ink")
    drawing.text((left + right) / 2, bottom + 36, across, at="middle", look="quiet")
    return drawing.svg()


def allowed_chart(rows: Sequence[tuple[str, float, float, float]]) -> str:
    """Draw what arithmetic allows a printed number to be, and the number.

    Args:
        rows: (title, printed, least, most) each, in percent.
    """
    step, top = 30.0, 30.0
    bottom = top + step * len(rows)
    drawing = Drawing(_WIDTH, bottom + 46)
    scale = Scale(0, 100, _LABELS, _WIDTH - 18)
    drawing.across(scale, top, bottom, "Dice, %")
    entries = [("square", "area blue", "what P and R allow as a mean over cases"), ("circle", "dot green", "possible")]
    drawing.legend(12, 16, [*entries, ("diamond", "dot red", "impossible")])
    for number, (title, printed, least, most) in enumerate(rows):
        y = top + step * (number + 0.5)
        inside = least <= printed <= most
        drawing.text(_LABELS - 10, y + 4, _short(title), at="end")
        hint = f"{title}: allowed {least:.2f} to {most:.2f}"
        drawing.box(scale(least), y - 7, max(3.0, scale(most) - scale(least)), 14, "area blue", hint)
        look, shape = ("dot green", "circle") if inside else ("dot red", "diamond")
        drawing.mark(scale(printed), y, look, shape=shape, size=6, hint=f"{title}: printed {printed:.5g}")
    return drawing.svg()


def _number(row: Mapping[str, float], name: str) -> bool:
    return row.get(name) is not None and math.isfinite(row[name])


def _short(title: str, most: int = 36) -> str:
    return title if len(title) <= most else title[: most - 1] + "…"
