"""What Table 1 came to, on paper."""

import csv
import json
from pathlib import Path

import pytest

from stroke_tf.errors import StrokeTfError
from stroke_tf.paper.tables import printed_row
from stroke_tf.recipes.multiplane_2025 import VARIANTS
from stroke_tf.workflows.results import TITLES, Row, Stages, figure_name, write_results

FACTS = {"data": "seven cases", "synthetic": False, "protocol": "isles2015", "folds": [0], "seed": 1, "preset": "paper"}
VOTE_ABOVE_X = (list(TITLES).index("vote") - list(TITLES).index("x")) / 20


def measured(number: int, dice: float | None) -> dict:
    """Return the measures of one case, as measure_case names them."""
    shares = {"accuracy_balanced": 0.9, "precision": 0.5, "recall": 0.25}
    return {"case": str(number), "fold": "fold-0", "dice": dice, **shares, "tp": 10, "fp": 10, "fn": 30, "tn": 50}


def all_rows(cases: int = 7) -> dict[str, Row]:
    """Return every row of the table; the k-th row's Dice is k twentieths, give or take."""
    rows = {}
    for place, name in enumerate(TITLES, start=1):
        weights = "N/A" if name in ("3d-unet", "vote", "threshold", "threshold-largest", "ceiling") else "imagenet"
        dices = [place / 20 + 0.01 * number for number in range(cases)]
        rows[name] = Row(name, weights, cases=[measured(number, dice) for number, dice in enumerate(dices)])
    rows["ceiling"].cases = [{"case": case["case"], "dice": case["dice"]} for case in rows["ceiling"].cases]
    return rows


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "results"


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, dict]:
    """Return a results folder with every row, and what it was said to hold."""
    folder = tmp_path_factory.mktemp("results")
    return folder, write_results(all_rows(), folder, facts=FACTS)


@pytest.fixture
def by_id(written) -> dict[str, dict]:
    return {row["id"]: row for row in written[1]["rows"]}


def test_the_markdown_table_has_every_row_and_every_claim(written):
    out, results = written
    text = (out / "table1.md").read_text(encoding="utf-8")
    for title in TITLES.values():
        assert text.count(f"| {title} ") == 1
    for claim in results["claims"]:
        assert f"{claim['sentence']}: **{claim['verdict']}**" in text


def test_the_csv_has_every_row_with_the_mean_of_its_cases(written):
    with open(written[0] / "table1.csv", newline="", encoding="utf-8") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert list(rows) == list(TITLES)
    means = [float(row["dice_mean"]) for row in rows.values()]
    assert means == pytest.approx([place / 20 + 0.03 for place in range(1, len(TITLES) + 1)])
    assert {row["dice_n"] for row in rows.values()} == {"7"}


def test_results_json_holds_what_was_returned(written):
    out, results = written
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == json.loads(json.dumps(results))
    assert {name: results[name] for name in FACTS} == FACTS
    assert {"commit", "versions", "peak_memory_mb", "rows", "claims", "paired_tests"} <= set(results)


def test_each_row_stands_beside_its_printed_numbers(by_id):
    assert by_id["x"]["paper"]["dice"] == pytest.approx(0.807)
    # The row without a model name has two readings, and both stand beside its numbers.
    assert by_id["absent"]["paper"] == by_id["dsn"]["paper"]
    assert by_id["dsn"]["paper"]["dice"] == pytest.approx(float(printed_row("absent").dice))
    assert by_id["threshold"]["paper"] is None and by_id["ceiling"]["paper"] is None


def test_counts_are_pooled_over_the_cases(by_id):
    assert by_id["x"]["pooled"] == {"tp": 70, "fp": 70, "fn": 210, "tn": 350}
    assert by_id["ceiling"]["pooled"] is None


def test_the_vote_is_compared_with_every_row_that_measures_something_found(written):
    tests = written[1]["paired_tests"]
    assert {test["second"] for test in tests} == set(TITLES) - {"vote", "ceiling"}
    by_row = {test["second"]: test for test in tests}
    assert by_row["x"]["median_difference"] == pytest.approx(VOTE_ABOVE_X)
    assert by_row["x"]["p_value"] == pytest.approx(2 / 2**7)


def test_pairs_are_made_by_case_and_not_by_place(out):
    rows = all_rows()
    rows["x"].cases.reverse()
    tests = {test["second"]: test for test in write_results(rows, out, facts=FACTS)["paired_tests"]}
    assert tests["x"]["median_difference"] == pytest.approx(VOTE_ABOVE_X)


def test_a_row_that_lacks_a_case_is_an_error_and_not_a_shorter_mean(out):
    rows = all_rows()
    rows["threshold"].cases.pop()
    with pytest.raises(StrokeTfError, match="row threshold has 6 cases, the vote 7"):
        write_results(rows, out, facts=FACTS)
    assert not (out / "results.json").exists()


def test_phantoms_are_called_synthetic_in_table_and_picture(out):
    write_results(all_rows(), out, facts={**FACTS, "synthetic": True})
    assert (out / "table1.md").read_text(encoding="utf-8").startswith("# Table 1 on SYNTHETIC PHANTOMS")
    assert [path.name for path in (out / "figures").iterdir()] == ["dice-SYNTHETIC.png"]


def test_pictures_of_patients_are_not_called_synthetic(written):
    out = written[0]
    assert (out / "table1.md").read_text(encoding="utf-8").startswith("# Table 1 on seven cases")
    assert [path.name for path in (out / "figures").iterdir()] == ["dice.png"]
    assert figure_name("overlay-3", synthetic=False) == "overlay-3.png"


def test_one_test_case_fills_every_row_without_intervals(out):
    results = write_results(all_rows(cases=1), out, facts=FACTS)
    assert {row["summary"]["dice"]["n"] for row in results["rows"]} == {1}
    assert {row["summary"]["dice"]["low"] for row in results["rows"]} == {None}
    assert {claim["verdict"] for claim in results["claims"]} == {"not testable"}


def test_a_threshold_rule_that_could_not_run_is_left_out_and_the_rest_stands(out):
    rows = all_rows()
    del rows["threshold"]
    assert [row["id"] for row in write_results(rows, out, facts=FACTS)["rows"]] == [
        t for t in TITLES if t != "threshold"
    ]


def test_stages_are_announced_with_their_number_and_the_presets_time_at_first():
    said = []
    stages = Stages({"drawing": 1.0, "training": 8.0, "judging": 1.0}, minutes=20, say=said.append)
    for name in ("drawing", "training"):
        with stages.stage(name):
            pass
    # Of 20 minutes nothing is gone at first, and then a tenth.
    assert said[0] == "[1/3] drawing · 0 s gone, about 20 min 00 s left"
    assert said[1] == "[2/3] training · 0 s gone, about 18 min 00 s left"


def test_the_time_left_follows_what_was_measured_once_a_fifth_is_done():
    said = []
    stages = Stages({"training": 9.0, "judging": 1.0}, minutes=20, say=said.append)
    for name in ("training", "judging"):
        with stages.stage(name):
            pass
    # Nine tenths took no time, so the last tenth takes none, whatever the preset guessed.
    assert said[1] == "[2/2] judging · 0 s gone, about 0 s left"


def test_a_stage_that_breaks_is_not_counted_as_done():
    said = []
    stages = Stages({"training": 1.0, "judging": 1.0}, minutes=2, say=said.append)
    with pytest.raises(KeyboardInterrupt), stages.stage("training"):
        raise KeyboardInterrupt
    with stages.stage("training"):
        pass
    assert [text[:5] for text in said] == ["[1/2]", "[1/2]"]


def test_each_variant_is_compared_with_row_y_case_by_case(written):
    out, results = written
    compared = {each["row"]: each for each in results["variants"]}
    assert tuple(compared) == VARIANTS
    order = list(TITLES)
    for name, each in compared.items():
        assert each["against"] == "y" and each["n"] == 7
        # Every case differs by the same, so the interval has no width.
        wanted = (order.index(name) - order.index("y")) / 20
        assert [each[part] for part in ("dice", "low", "high")] == pytest.approx([wanted] * 3)
    text = (out / "table1.md").read_text(encoding="utf-8")
    assert "## Variants of the network of plane Y" in text
    first = compared["dense-unet"]
    assert f"- {first['title']}: {100 * first['dice']:+.1f} [" in text


def test_a_table_without_variants_says_nothing_of_them(out):
    rows = {name: row for name, row in all_rows().items() if name not in VARIANTS}
    results = write_results(rows, out, facts=FACTS)
    assert results["variants"] == []
    assert "Variants" not in (out / "table1.md").read_text(encoding="utf-8")


def test_a_variant_without_a_pair_or_with_one_alone_has_no_interval(out):
    rows = all_rows(cases=1)
    rows["fpn"].cases[0]["dice"] = None
    by_row = {each["row"]: each for each in write_results(rows, out, facts=FACTS)["variants"]}
    assert (by_row["fpn"]["n"], by_row["fpn"]["dice"], by_row["fpn"]["low"]) == (0, None, None)
    assert (by_row["linknet"]["n"], by_row["linknet"]["low"]) == (1, None)
    text = (out / "table1.md").read_text(encoding="utf-8")
    assert "no case has a Dice in both" in text and "one has no interval" in text
