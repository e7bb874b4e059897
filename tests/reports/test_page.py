"""The page is one file that fetches nothing, runs only what it was written with, and shows data as data."""

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stroke_tf.reports import niivue
from stroke_tf.reports.niivue import viewer_library
from stroke_tf.reports.page import Cell, Chart, Claim, Claims, Facts, Page, Section, Table, Text, render_page
from stroke_tf.reports.svg import Drawing
from stroke_tf.reports.viewer import Overlay, Viewer, ViewerCase

HOSTILE = """<img src=x onerror=alert(1)>"'</script><script>alert(2)</script>{{ 7 * 7 }}"""
FETCHING = {"src", "href", "data", "poster", "action", "formaction", "srcset", "background", "cite", "ping"}


def case(name: str) -> ViewerCase:
    return ViewerCase(
        name, {name: b"image"}, b"masks", [Overlay("truth", name, 0)], None, (0, 0, 0), b"png", True, name
    )


def page(word: str = "vote", *, viewer: bool = True) -> Page:
    """Return a page on which a word stands in every place that data can reach."""
    blocks = [
        Claims([Claim(word, "holds", word), Claim(word, "fails", word), Claim(word, word, word)]),
        Table(word if word == "vote" else "rows", word, [word], [[Cell(word, 1.5, "good", word)], [word]], "l"),
        Chart("dots", word, Drawing(10, 10).svg(), word, f"{word},1\n"),
        Text(word),
        Text(word, warning=True),
        Facts(word, {word: word}),
    ]
    if viewer:
        blocks.append(Viewer([case(word), case("2")], "vote", word))
    return Page(word, word, True, word, {word: word}, [Section("answer", word, blocks)])


class Seen(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._at = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._at = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag):
        self._at = ""

    def handle_data(self, data):
        if self._at in self.inside:
            self.inside[self._at][-1] += data


def policy_of(html: str) -> dict[str, str]:
    """Return the directives of the page's policy."""
    (content,) = [a["content"] for tag, a in Seen(html).elements if a.get("http-equiv") == "Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in content.split("; "))


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture(scope="module")
def html() -> str:
    return render_page(page())


@pytest.fixture(scope="module")
def hostile() -> str:
    return render_page(page(HOSTILE))


def test_nothing_on_the_page_is_an_address_of_another_place(html: str):
    for tag, attributes in Seen(html).elements:
        for name in FETCHING & set(attributes):
            assert attributes[name].startswith(("#", "data:image/png;base64,", "data:text/csv;")), (tag, name)
    assert not [tag for tag, _ in Seen(html).elements if tag in ("link", "iframe", "object", "embed", "base", "form")]
    assert not re.search(r"url\(|@import", Seen(html).inside["style"][0])


def test_the_policy_allows_nothing_but_what_is_named(html: str):
    policy = policy_of(html)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert set(policy) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}
    assert "unsafe" not in " ".join(policy.values())


def test_every_script_and_style_that_runs_is_named_by_its_hash(html: str):
    seen, policy = Seen(html), policy_of(html)
    kinds = [attributes.get("type") for tag, attributes in seen.elements if tag == "script"]
    running = [text for kind, text in zip(kinds, seen.inside["script"], strict=True) if kind is None]
    named = [*(sha256(text) for text in running), sha256(viewer_library().code)]
    assert len(running) == 2
    assert sorted(policy["script-src"].split()) == sorted(named)
    assert policy["style-src"] == sha256(seen.inside["style"][0])


def test_no_element_asks_for_an_inline_style_or_handler_which_the_policy_would_refuse(html: str):
    refused = [
        (tag, name)
        for tag, attributes in Seen(html).elements
        for name in attributes
        if name == "style" or name.startswith("on")
    ]
    assert refused == []


def test_a_hostile_name_is_shown_and_never_run(hostile: str):
    seen = Seen(hostile)
    assert len([tag for tag, _ in seen.elements if tag == "script"]) == len(
        [tag for tag, _ in Seen(render_page(page())).elements if tag == "script"]
    )
    assert not [attributes for _, attributes in seen.elements if "onerror" in attributes]
    assert "{{ 7 * 7 }}" in hostile
    contents = seen.inside["script"][0]
    assert json.loads(contents)["cases"][0]["name"] == HOSTILE


def test_a_page_on_phantoms_says_so_on_top_and_in_its_title(html: str):
    assert "<title>SYNTHETIC: " in html
    assert html.index("SYNTHETIC PHANTOMS") < html.index("<h1>")


def test_a_page_on_real_scans_says_so_and_not_the_other():
    real = render_page(replace(page(viewer=False), synthetic=False, data="SISS2015"))
    assert "REAL SCANS" in real and "SYNTHETIC" not in real


def test_a_page_on_both_says_so_and_marks_the_phantoms_only():
    cases = [case("drawn"), replace(case("scanned"), synthetic=False)]
    both = Page("t", "h", True, "2 cases, 1 of them", {}, [Section("s", "s", [Viewer(cases, "vote")])], mixed=True)
    html = render_page(both)
    assert "PARTLY SYNTHETIC" in html and "No patient was measured" not in html
    assert "Case drawn · SYNTHETIC PHANTOM" in html and "Case scanned</span>" in html


def test_a_page_without_cases_carries_no_viewer():
    html = render_page(page(viewer=False))
    assert "niivue" not in html and len(html) < 40_000
    assert len(policy_of(html)["script-src"].split()) == 1


def test_the_csv_behind_a_table_holds_what_is_shown():
    table = Table("rows", "rows", ["Row", "Dice"], [["vote", Cell("84.1", 84.1)], ['a "b", c', "-"]], "lr")
    kind, _, packed = table.csv_link.partition(";base64,")
    assert kind == "data:text/csv;charset=utf-8"
    lines = list(csv.reader(io.StringIO(base64.b64decode(packed).decode())))
    assert lines == [["Row", "Dice"], ["vote", "84.1"], ['a "b", c', "-"]]


def test_charts_that_follow_one_another_share_a_line():
    chart = Chart("dots", "dots", "", "", "")
    section = Section("plots", "Plots", [Text("a"), chart, chart, Text("b"), Text("c")])
    assert [len(group) for group in section.groups] == [1, 2, 1, 1]


def test_every_id_on_the_page_is_there_once(html: str):
    ids = [attributes["id"] for _, attributes in Seen(html).elements if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def test_every_control_and_every_drawing_has_a_name(html: str):
    labelled = set(re.findall(r"<label>[^<]+<(?:select|input) id=\"([\w-]+)\"", html))
    controls = {a["id"] for tag, a in Seen(html).elements if tag in ("select", "input")}
    assert controls == labelled
    for tag, attributes in Seen(html).elements:
        if tag == "img":
            assert attributes["alt"]
        if attributes.get("role") in ("img", "region"):
            assert attributes["aria-label"]


def test_the_viewer_is_the_file_that_was_vendored():
    library = viewer_library()
    told = json.loads((Path(niivue.__file__).parent / "niivue.json").read_text(encoding="utf-8"))
    assert library.sha256 == told["sha256"] == hashlib.sha256(library.code.encode()).hexdigest()
    assert library.version == told["version"] and told["licence"] == "BSD-2-Clause"
    assert "Copyright (c) 2021, Niivue" in library.licences
    assert all(name in library.licences for name in ("fflate", "gl-matrix", "nifti-reader-js", "zarrita"))


def test_the_viewer_asks_for_no_evaluated_text_and_can_stand_in_a_page():
    code = viewer_library().code
    assert "eval(" not in code and "new Function" not in code and "new Worker" not in code
    assert "</script" not in code.lower()


def test_the_size_of_a_case_is_what_it_takes_on_the_page():
    blobs = Viewer([case("1")], "vote").blobs()
    one = case("1")
    assert one.size == sum(map(len, blobs.values())) + len(base64.b64encode(one.picture))
