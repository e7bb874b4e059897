"""A small drawing board for charts inside a page: SVG whose colours and letters follow the page's own style.

A chart drawn by matplotlib keeps its colours in the dark and its letters as curves. Here every mark has a class (blue,
orange, quiet, grid …) that the page's style sheet colours, light or dark, and text stays text. Colours come from Okabe
and Ito; series differ in shape as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

TONES = ("blue", "orange", "green", "pink", "red", "sky", "grey")
SHAPES = ("circle", "square", "triangle", "diamond")
# About as wide as a letter of 12 pixels is on average, and as high as a line.
_LETTER, _LINE = 6.6, 18.0


@dataclass(frozen=True)
class Scale:
    """From values to places on the drawing.

    Args:
        low, high: values at the two ends; different, and above zero where log.
        start, end: places of the two ends.

    Example:
        >>> Scale(0, 100, 10, 20)(50)
        15.0
        >>> Scale(1, 100, 0, 2, log=True)(10)
        1.0
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where a value stands; values beyond an end stand at it."""
        low, high, value = (
            (math.log10(each) for each in (self.low, self.high, max(value, self.low)))
            if self.log
            else (
                self.low,
                self.high,
                value,
            )
        )
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values between the ends.

        Example:
            >>> Scale(0, 100, 0, 1).ticks()
            [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
            >>> Scale(0.5, 200, 0, 1, log=True).ticks()
            [1.0, 10.0, 100.0]
        """
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            decades = [10.0**power for power in range(first, last + 1)]
            if len(decades) >= 2:
                return decades
            return [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5) if self._holds(m * 10.0**p)]
        raw = (self.high - self.low) / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]

    def _holds(self, value: float) -> bool:
        return self.low * 0.999 <= value <= self.high * 1.001


def rounded_ends(values: Sequence[float], *, least: float = 1.0) -> tuple[float, float]:
    """Return ends that hold all values with a little room, at least so far apart.

    Example:
        >>> rounded_ends([0.0, 10.0])
        (-0.5, 10.5)
        >>> rounded_ends([])
        (-0.5, 0.5)
    """
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    missing = max(0.0, least - (high - low)) / 2
    low, high = low - missing, high + missing
    room = 0.05 * (high - low) if values and missing == 0 else 0.0
    return low - room, high + room


@dataclass
class Drawing:
    """A drawing of some width and height, in units that a browser shows as pixels or scales down."""

    width: float
    height: float
    _marks: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, *, at: str = "start", look: str = "", turned: bool = False) -> None:
        """Write words at a place, which is their start, middle or end."""
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
        self._add(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{at}"{_look(look)}{turn}>{escape(words)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        """Draw a straight line."""
        self._add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{_look(look)}/>')

    def path(self, points: Sequence[tuple[float, float]], look: str) -> None:
        """Join points by a line."""
        joined = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._add(f'<path d="M{joined}"{_look("line stroke " + look)}/>')

    def box(self, x: float, y: float, width: float, height: float, look: str, hint: str = "") -> None:
        """Draw a filled box."""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" rx="2"'
        self._add(f"<rect {place}{_look(look)}>{_hint(hint)}</rect>")

    def mark(self, x: float, y: float, look: str, *, shape: str = "circle", size: float = 4.5, hint: str = "") -> None:
        """Draw one of SHAPES, with a hint for the pointer that rests on it."""
        if shape == "circle":
            self._add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"{_look(look)}>{_hint(hint)}</circle>')
            return
        s = size
        corners = {
            "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
            "triangle": [(0, -1.2 * s), (1.1 * s, 0.9 * s), (-1.1 * s, 0.9 * s)],
            "diamond": [(0, -1.3 * s), (1.3 * s, 0), (0, 1.3 * s), (-1.3 * s, 0)],
        }[shape]
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        self._add(f'<polygon points="{points}"{_look(look)}>{_hint(hint)}</polygon>')

    def across(
        self, scale: Scale, top: float, bottom: float, label: str, *, about: int = 5, whole: bool = False
    ) -> None:
        """Draw a horizontal axis at the bottom, with lines up to the top; at whole numbers only, where asked."""
        for value in scale.ticks(about):
            if whole and value != round(value):
                continue
            self.line(scale(value), top, scale(value), bottom, "grid")
            self.text(scale(value), bottom + 16, number_text(value), at="middle", look="quiet")
        self.text((scale.start + scale.end) / 2, bottom + 34, label, at="middle", look="quiet")

    def upright(self, scale: Scale, left: float, right: float, label: str, *, about: int = 5) -> None:
        """Draw a vertical axis at the left, with lines to the right."""
        for value in scale.ticks(about):
            self.line(left, scale(value), right, scale(value), "grid")
            self.text(left - 6, scale(value) + 4, number_text(value), at="end", look="quiet")
        if label:
            self.text(left - 40, (scale.start + scale.end) / 2, label, at="middle", look="quiet", turned=True)

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str, str]]) -> None:
        """Write (shape, look, words) side by side, on two lines where one is too short."""
        begin = x
        for shape, look, words in entries:
            wide = 26 + _LETTER * len(words)
            if x > begin and x + wide > self.width:
                x, y = begin, y + _LINE
            self.mark(x, y - 4, look, shape=shape)
            self.text(x + 10, y, words)
            x += wide

    def svg(self) -> str:
        """Return the drawing; hidden from screen readers, which read the words beside it instead."""
        size = f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" width="{self.width:.0f}" height="{self.height:.0f}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} aria-hidden="true">{"".join(self._marks)}</svg>'

    def _add(self, mark: str) -> None:
        self._marks.append(mark)


def number_text(value: float) -> str:
    """Write a tick without needless digits.

    Example:
        >>> number_text(20.0), number_text(0.25), number_text(-0.0)
        ('20', '0.25', '0')
    """
    return f"{value + 0.0:.10g}"


def _look(names: str) -> str:
    return f' class="{escape(names)}"' if names else ""


def _hint(words: str) -> str:
    return f"<title>{escape(words)}</title>" if words else ""
