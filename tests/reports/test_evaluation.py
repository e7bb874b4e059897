"""The pages of an evaluation name every case that a mean does not cover, and tell the same in CSV and JSON."""

import csv
import io
import json
from dataclasses import replace

import pytest

from stroke_tf.choices import Protocol
from stroke_tf.metrics.protocols import COLUMNS, MEASURE_NAMES
from stroke_tf.metrics.summary import PairedTest, Summary
from stroke_tf.reports.evaluation import (
    Comparison,
    Evaluation,
    MeasuredCase,
    cases_csv,
    conventions_of,
    evaluation_content,
    evaluation_markdown,
    summary_csv,
)

SUMMARY = Summary(mean=0.5, sd=0.25, median=0.5, low=0.25, high=0.75, n=2, left_out=1)


def case(name: str, *, missing: bool = False, **measures) -> MeasuredCase:
    measured = dict.fromkeys(COLUMNS) if missing else dict.fromkeys(COLUMNS, 0.5) | {"failed": False}
    return MeasuredCase(name, measured | measures, missing)


def evaluation(**changes) -> Evaluation:
    made = Evaluation(
        protocol=Protocol.ISLES2022,
        seed=31,
        data="SISS 2015",
        synthetic=False,
        cases=3,
        without_truth=(),
        rows={"vote": [case("1"), case("2"), case("3", missing=True)]},
        summaries={"vote": dict.fromkeys(MEASURE_NAMES, SUMMARY)},
        comparisons=[],
        ranks=None,
        no_brain={},
    )
    return replace(made, **changes)


def test_the_page_begins_with_data_protocol_cases_and_seed():
    page = evaluation_markdown(evaluation())
    assert page.startswith("# Masks against the truth: SISS 2015\n")
    assert "(`isles2022`), 3 cases, bootstrap seed 31." in page
    assert "SYNTHETIC PHANTOMS" in evaluation_markdown(evaluation(synthetic=True))


def test_a_line_of_the_page_is_mean_median_interval_and_how_many():
    line = next(line for line in evaluation_markdown(evaluation()).split("\n") if line.startswith("| dice "))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["dice", "0.5000 ± 0.2500", "0.5000", "[0.2500, 0.7500]", "-", "-", "2", "1"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "- Without prediction, and in no figure: 3."),
        ({"rows": {"vote": [case("1", failed=True)]}}, "- Failed (Dice 0; distances left out): 1."),
        ({"no_brain": {"1": "no images.", "2": "no images."}}, "- accuracy_brain is missing for 1, 2: no images."),
        (
            {"rows": {"vote": [case("1", precision=None), case("2", precision=None)]}},
            "- Undefined for 1, 2: precision.",
        ),
        ({"without_truth": ("8", "9")}, "- Without truth, and not evaluated: 8, 9."),
    ],
)
def test_what_the_means_do_not_cover_is_named(changes, said):
    assert said in evaluation_markdown(evaluation(**changes)).split("\n")


def test_a_measure_that_is_missing_for_a_reason_already_told_is_not_told_again():
    rows = {"vote": [case("1", failed=True, assd_mm=None), case("2", accuracy_brain=None)]}
    page = evaluation_markdown(evaluation(rows=rows, no_brain={"2": "no images"}))
    assert "Undefined" not in page


def test_rows_are_compared_and_ranked_with_the_best_first():
    tests = [PairedTest(7, 0, 0.125, 0.015625, ""), PairedTest(2, 5, None, None, "too few pairs")]
    comparisons = [Comparison(name, "x", "y", test) for name, test in zip(("dice", "hd_mm"), tests, strict=True)]
    page = evaluation_markdown(evaluation(comparisons=comparisons, ranks={"x": 2.0, "y": 1.0}))
    table = page[page.index("## Rows compared") :]
    assert "0.01562" in table and "none: too few pairs" in table and "x - y" in table
    ranks = table[table.index("Mean rank by ") :]
    assert ranks.index("1.00 |") < ranks.index("2.00 |") and ranks.index("| y ") < ranks.index("2.00 |")
    assert "## Rows compared" not in evaluation_markdown(evaluation())


def test_the_tables_leave_what_is_missing_empty():
    first, _, third = csv.DictReader(io.StringIO(cases_csv(evaluation())))
    assert tuple(first) == ("row", "case", "missing", *COLUMNS)
    assert (first["case"], first["missing"], first["dice"]) == ("1", "False", "0.5")
    assert (third["case"], third["missing"], third["dice"]) == ("3", "True", "")


def test_the_table_of_summaries_has_a_line_for_each_measure_of_each_row():
    summaries = {name: dict.fromkeys(MEASURE_NAMES, SUMMARY) for name in ("x", "vote")}
    lines = list(csv.DictReader(io.StringIO(summary_csv(evaluation(summaries=summaries)))))
    assert [(line["row"], line["measure"]) for line in lines] == [(r, m) for r in ("x", "vote") for m in MEASURE_NAMES]
    assert (lines[0]["protocol"], lines[0]["mean"], lines[0]["pooled"]) == ("isles2022", "0.5", "")


@pytest.mark.parametrize("protocol", Protocol)
def test_the_plain_data_hold_conventions_gaps_and_every_case(protocol: Protocol):
    content = json.loads(json.dumps(evaluation_content(evaluation(protocol=protocol))))
    assert [each["sentence"] for each in content["conventions"]] == [e.sentence for e in conventions_of(protocol)]
    assert (content["number_of_cases"], content["missing"]) == (3, {"vote": ["3"]})
    assert [each["case"] for each in content["rows"]["vote"]["cases"]] == ["1", "2", "3"]
    assert content["rows"]["vote"]["summary"]["dice"]["mean"] == 0.5


def test_a_complete_row_is_not_among_the_missing():
    rows = {"x": [case("1")], "y": [case("1", missing=True)]}
    assert evaluation(rows=rows).missing == {"y": ["1"]}
