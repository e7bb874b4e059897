"""Verdicts on rows made by hand."""

import pytest

from stroke_tf.metrics.summary import bootstrap_interval
from stroke_tf.paper.tables import CLAIMS
from stroke_tf.workflows.claims import Verdict, judge

HOLDS, FAILS, OPEN = Verdict.HOLDS, Verdict.FAILS, Verdict.NOT_TESTABLE
SPREAD = (-0.03, 0.01, 0.0, 0.02, -0.01, 0.03, -0.02)
# Each row's mean Dice; as the paper would have it.
WANTED = {"x": 0.6, "y": 0.62, "z": 0.58, "absent": 0.4, "dsn": 0.5, "3d-unet": 0.3, "vote": 0.8}


def row(mean: float, *, cases: int = 7, weights: str = "imagenet", wobble: float = 1.0) -> dict:
    """Return a row whose Dice lies around a mean; `wobble` turns its cases' order of difficulty."""
    scores = [mean + wobble * SPREAD[number] for number in range(cases)]
    low, high = bootstrap_interval(scores, seed=1)
    summary = {"dice": {"mean": sum(scores) / cases, "low": low, "high": high, "n": cases}}
    listed = [{"case": str(number), "dice": score} for number, score in enumerate(scores)]
    return {"weights": weights, "cases": listed, "summary": summary}


def rows(cases: int = 7, **means: float) -> dict[str, dict]:
    return {name: row(mean, cases=cases) for name, mean in {**WANTED, **means}.items()}


def verdicts(table, *, synthetic: bool = False) -> dict[str, Verdict]:
    return {each.id: each.verdict for each in judge(table, synthetic=synthetic, seed=1)}


def reason(table, claim: str, *, synthetic: bool = False) -> str:
    return {each.id: each.reason for each in judge(table, synthetic=synthetic, seed=1)}[claim]


def test_every_claim_of_the_paper_is_judged_in_its_words():
    judged = judge(rows(), synthetic=False, seed=1)
    assert [(each.id, each.sentence) for each in judged] == [(claim.id, claim.sentence) for claim in CLAIMS]


def test_rows_as_the_paper_would_have_them_hold_every_claim():
    assert verdicts(rows()) == {"pretrained": HOLDS, "vote": HOLDS, "planes-beat-3d": HOLDS, "dice": HOLDS}


def test_pretraining_that_harms_fails():
    assert verdicts(rows(absent=0.9))["pretrained"] is FAILS


def test_without_pretrained_weights_pretraining_is_not_testable():
    table = rows()
    table["y"]["weights"] = "none"
    assert verdicts(table)["pretrained"] is OPEN
    assert "no pretrained weights" in reason(table, "pretrained")


def test_the_vote_must_beat_every_plane():
    assert verdicts(rows(y=0.9))["vote"] is FAILS


def test_one_plane_below_the_3d_network_is_enough_to_fail():
    assert verdicts(rows(z=0.1))["planes-beat-3d"] is FAILS


def test_a_difference_around_zero_decides_nothing():
    table = rows()
    table["x"] = row(0.8, wobble=-1.0)
    assert verdicts(table)["vote"] is OPEN
    assert "an interval that holds zero decides nothing" in reason(table, "vote")


def test_rows_that_are_equal_decide_nothing():
    assert verdicts(rows(absent=WANTED["y"]))["pretrained"] is OPEN


def test_a_plane_that_fails_outweighs_one_that_is_open():
    table = rows(y=0.9)
    table["x"] = row(0.8, wobble=-1.0)
    assert verdicts(table)["vote"] is FAILS


def test_one_case_decides_nothing():
    assert set(verdicts(rows(cases=1)).values()) == {OPEN}
    assert "one case has no interval" in reason(rows(cases=1), "vote")


def test_the_printed_dice_cannot_be_tested_on_phantoms():
    assert verdicts(rows(), synthetic=True) == {
        "pretrained": HOLDS,
        "vote": HOLDS,
        "planes-beat-3d": HOLDS,
        "dice": OPEN,
    }
    assert "cannot be tested on phantoms" in reason(rows(), "dice", synthetic=True)
    assert "on 7 phantoms" in reason(rows(), "vote", synthetic=True)


def test_a_dice_below_the_printed_one_fails():
    assert verdicts(rows(vote=0.7))["dice"] is FAILS


def test_an_interval_that_reaches_the_printed_dice_holds():
    table = rows(vote=0.804)
    assert table["vote"]["summary"]["dice"]["mean"] < 0.805 < table["vote"]["summary"]["dice"]["high"]
    assert verdicts(table)["dice"] is HOLDS


def test_the_reason_shows_differences_in_points_of_dice():
    assert "vote - x +20.0" in reason(rows(), "vote")


def test_cases_are_paired_by_name_and_not_by_place():
    table = rows()
    table["x"]["cases"].reverse()
    assert "vote - x +20.0 [+20.0, +20.0]" in reason(table, "vote")


def test_a_case_without_dice_in_one_row_is_left_out_of_the_pairs():
    table = rows()
    table["absent"]["cases"][0]["dice"] = None
    assert verdicts(table)["pretrained"] is HOLDS


def test_no_case_with_dice_in_both_rows_is_not_testable():
    table = rows()
    for case in table["absent"]["cases"]:
        case["dice"] = None
    assert verdicts(table)["pretrained"] is OPEN
    assert "no case has a Dice in both y and absent" in reason(table, "pretrained")


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_row_that_has_no_dice_at_all_is_not_testable(synthetic):
    table = rows()
    table["vote"]["summary"]["dice"] = {"mean": None, "low": None, "high": None, "n": 0}
    assert verdicts(table, synthetic=synthetic)["dice"] is OPEN
