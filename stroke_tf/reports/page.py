"""One self-contained HTML page from plain blocks: text, tables, charts, verdicts, and cases to look at.

Nothing on the page is fetched. Its content-security policy allows the very scripts and styles inside it, by their
hash, images that it carries itself, and nothing else: no connection, no evaluated text, no worker. Everything that
comes from data (case names above all) is escaped by Jinja's autoescape, or stands in JSON without any "<".
"""

import base64
import hashlib
import importlib.resources
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stroke_tf.reports.niivue import viewer_library
from stroke_tf.reports.tables import csv_text
from stroke_tf.reports.viewer import Viewer

MAX_BYTES = 25_000_000
"""A page that is larger is sent by nobody; workflows choose the viewer's voxels so that it is smaller."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Args:
        text: as it is shown.
        sort: what the column is sorted by; the text where there is none.
        tone: "", "good", "bad" or "unknown", which colours it; the text says it as well.
        hint: more, for a pointer that rests on it, and for a screen reader.
    """

    text: str
    sort: float | None = None
    tone: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table that the reader can sort, with the CSV behind it.

    Args:
        id: unique on the page; letters, digits and hyphens. The CSV takes its name.
        align: a letter for each column, l or r.
        csv: the file behind the table; what is shown, where there is no better one.
        notes: below the table, a line each.
    """

    kind: ClassVar[str] = "table"
    id: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    align: str
    csv: str = ""
    notes: Sequence[str] = ()

    @property
    def csv_link(self) -> str:
        """Return the CSV as an address that holds the whole file."""
        shown = [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in self.rows]
        return data_address(self.csv or csv_text(self.header, shown), "text/csv;charset=utf-8")

    @property
    def cells(self) -> list[list[Cell]]:
        """Return the rows, every cell a Cell."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """A drawing with its reading in words, and the numbers behind it.

    Args:
        id: unique on the page; the CSV takes its name.
        svg: made by stroke_tf.reports.svg, which escapes whatever it is told to write.
        reading: what is drawn and what to look for, in one or two sentences; also read out in place of the drawing.
        csv: every dot.
    """

    kind: ClassVar[str] = "chart"
    id: str
    title: str
    svg: str
    reading: str
    csv: str

    @property
    def csv_link(self) -> str:
        """Return the CSV as an address that holds the whole file."""
        return data_address(self.csv, "text/csv;charset=utf-8")


@dataclass(frozen=True)
class Claim:
    """What a paper says, and what became of it: "holds", "fails", or "not testable"."""

    sentence: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Claims:
    """The claims of one paper."""

    kind: ClassVar[str] = "claims"
    claims: Sequence[Claim]


@dataclass(frozen=True)
class Text:
    """A paragraph; a warning is one that must not be overlooked."""

    kind: ClassVar[str] = "text"
    text: str
    warning: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and values, such as a run card; folded away under its title unless it is open."""

    kind: ClassVar[str] = "facts"
    title: str
    facts: Mapping[str, str]
    open: bool = False


Block = Table | Chart | Claims | Text | Facts | Viewer


@dataclass(frozen=True)
class Section:
    """A part of the page that the list at the top leads to."""

    id: str
    title: str
    blocks: Sequence[Block]

    @property
    def groups(self) -> list[list[Block]]:
        """Return the blocks in order, charts that follow one another together: a wide screen has room for two."""
        grouped = itertools.groupby(self.blocks, key=lambda block: block.kind == "chart")
        return [
            group
            for charts, blocks in grouped
            for group in ([list(blocks)] if charts else [[block] for block in blocks])
        ]


@dataclass(frozen=True)
class Page:
    """Everything on the page.

    Args:
        headline: the answer in one sentence.
        synthetic: phantoms were measured, which stands on top in large letters.
        mixed: phantoms beside patients; data says how many are which.
        data: what was measured, as the results name it.
        facts: the line below the title, such as the device and the protocol.
    """

    title: str
    headline: str
    synthetic: bool
    data: str
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    mixed: bool = False


def render_page(page: Page) -> str:
    """Write the whole page as HTML.

    Returns: one file that needs nothing else.
    """
    from jinja2 import Environment, StrictUndefined

    # A loader of our own rather than PackageLoader, which needs the package to lie in a folder of files.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    viewers = [block for section in page.sections for block in section.blocks if isinstance(block, Viewer)]
    library = viewer_library() if viewers else None
    style, script = _part("page.css"), _part("page.js")
    scripts = [script]
    if library is not None:
        scripts += [_part("viewer.js"), library.code]
    return environment.from_string(_part("page.html.jinja")).render(
        page=page,
        policy=policy(styles=[style], scripts=scripts),
        style=_trusted(style),
        script=_trusted(script),
        viewer_script=_trusted(_part("viewer.js")) if viewers else "",
        library=library,
        viewers=viewers,
        json_of=_json,
        drawn=_trusted,
    )


def policy(*, styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return the content-security policy that allows these very texts, images inside the page, and nothing else.

    Example:
        >>> policy(styles=[], scripts=[]).split("; ")[:2]
        ["default-src 'none'", "script-src 'none'"]
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def data_address(content: str, kind: str) -> str:
    """Return an address that holds a whole text file."""
    return f"data:{kind};base64,{base64.b64encode(content.encode()).decode()}"


def _hashes(texts: Sequence[str]) -> str:
    if not texts:
        return "'none'"
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts)


def _part(name: str) -> str:
    return importlib.resources.files("stroke_tf.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _trusted(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _json(content: Any) -> Any:
    """Write JSON for inside a script element, where a browser looks for no entity, but for the end of the element."""
    return _trusted(json.dumps(content, allow_nan=False).replace("<", "\\u003c"))
