"""Tables line up, say what was measured, and show the paper's number beside ours."""

import csv
import io

import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.paper.tables import printed_row
from stroke_tf.reports.tables import (
    csv_text,
    markdown_table,
    percent,
    table1_csv,
    table1_markdown,
    with_interval,
)

SUMMARY = {"mean": 0.62, "sd": 0.2, "median": 0.6, "low": 0.55, "high": 0.7, "n": 7, "left_out": 0}


def row(name: str, **changes):
    number = printed_row(name) if name in ("x", "vote") else None
    paper = (
        None if number is None else {key: getattr(number, key) for key in ("dice", "accuracy", "precision", "recall")}
    )
    measures = ("dice", "accuracy_balanced", "precision", "recall")
    made = {"id": name, "title": f"Row {name}", "weights": "none", "note": "", "paper": paper}
    return made | {"summary": dict.fromkeys(measures, SUMMARY), "pooled": None, "cases": []} | changes


def results(**changes):
    claims = [{"id": "vote", "sentence": "the vote beats each plane", "verdict": "fails", "reason": "it is lower"}]
    rows = [row("x"), row("vote", note="three planes"), row("threshold"), row("ceiling", summary={"dice": SUMMARY})]
    return {"synthetic": True, "data": "phantoms", "protocol": "isles2015", "rows": rows, "claims": claims} | changes


def test_columns_line_up_and_numbers_stand_right():
    lines = markdown_table(["name", "Dice"], [["a", "5.0"], ["long name", "100.0"]]).split("\n")
    assert lines == [
        "| name      |  Dice |",
        "| :-------- | ----: |",
        "| a         |   5.0 |",
        "| long name | 100.0 |",
    ]


def test_a_bar_inside_a_cell_does_not_make_a_column():
    assert markdown_table(["a"], [["x|y"]]).endswith("| x\\|y |")


def test_a_missing_number_is_a_dash():
    assert percent(None) == "-"
    assert with_interval(None) == with_interval({"mean": None}) == "-"
    assert with_interval({"mean": 0.5, "sd": None, "low": None, "high": None}) == "50.0"


def test_csv_quotes_what_needs_it_and_leaves_none_empty():
    assert csv_text(["a", "b"], [["x, y", None]]) == 'a,b\n"x, y",\n'


def test_table_1_on_phantoms_says_so_in_its_title():
    assert table1_markdown(results()).startswith("# Table 1 on SYNTHETIC PHANTOMS")
    real = table1_markdown(results(synthetic=False, data="SISS 2015"))
    assert real.startswith("# Table 1 on SISS 2015\n")
    assert "SYNTHETIC" not in real


def test_a_row_shows_ours_with_interval_beside_the_printed_numbers():
    text = table1_markdown(results())
    line = next(line for line in text.split("\n") if line.startswith("| Row x"))
    assert "62.0 ± 20.0 [55.0, 70.0]" in line
    assert all(f"({number})" in line for number in ("80.7", "52.53", "61.7", "44.6"))


def test_the_convention_the_notes_the_claims_and_the_references_are_there():
    text = table1_markdown(results())
    for expected in (
        "protocol isles2015",
        "- Row vote: three planes",
        "- the vote beats each plane: **fails**. it is lower",
        "## What the data itself allows",
    ):
        assert expected in text
    networks, _, references = text.partition("## What the data itself allows")
    assert "Row threshold" in references and "Row ceiling" in references
    assert "Row threshold" not in networks


def test_a_mean_that_leaves_cases_out_says_so():
    summary = dict.fromkeys(("dice", "accuracy_balanced", "recall"), SUMMARY) | {"precision": SUMMARY | {"left_out": 2}}
    text = table1_markdown(results(rows=[row("x", summary=summary)]))
    assert "Row x: undefined, and left out of the mean: Precision of 2 case(s)" in text


def test_the_csv_holds_fractions_for_every_row():
    lines = list(csv.DictReader(io.StringIO(table1_csv(results()))))
    assert [line["id"] for line in lines] == ["x", "vote", "threshold", "ceiling"]
    assert (lines[0]["dice_mean"], lines[0]["dice_low"], lines[0]["paper_dice"]) == ("0.62", "0.55", "0.807")
    assert (lines[3]["precision_mean"], lines[3]["paper_dice"]) == ("", "")


@pytest.mark.parametrize("key", ["rows", "synthetic"])
def test_results_without_a_piece_are_refused_by_name(key: str):
    broken = results()
    del broken[key]
    with pytest.raises(InputFileError, match=key):
        table1_markdown(broken)


def test_a_row_without_a_summary_is_refused_by_name():
    with pytest.raises(InputFileError, match="row y: no 'summary'"):
        table1_markdown(results(rows=[{"id": "y", "title": "y"}]))


def test_a_printed_percentage_where_a_fraction_is_meant_is_refused():
    with pytest.raises(InputFileError, match=r"Received: 80\.7"):
        table1_markdown(results(rows=[row("x", paper={"dice": 80.7})]))
