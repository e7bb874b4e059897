"""Each claim of Aboudi 2022 is judged with its reason, and is not testable where something printed was missing."""

import pytest

from stroke_tf.paper.tables import ABOUDI_CLAIMS
from stroke_tf.workflows.aboudi_claims import judge_aboudi
from stroke_tf.workflows.claims import Verdict

REAL = {"synthetic": False, "shortened": False, "weights_used": "imagenet", "least_fall": 0.05, "least_dice": 0.05}


def row(*, dice: float = 0.6, high: float | None = 0.7, learnt: bool = True, pace: str = "printed") -> dict:
    def summary(mean: float) -> dict:
        return {"mean": mean, "low": None if high is None else mean - 0.1, "high": high, "n": 3, "left_out": 0}

    schedule = {"learnt": learnt, "first_loss": 0.7, "last_loss": 0.1, "best_dice": dice, "steps": 8800}
    return {
        "pace": pace,
        "title": f"FLAIR, {pace}",
        "schedule": schedule | {"learning_rate": 1e-5},
        "summary": {name: summary(dice) for name in ("dice", "accuracy_voxel", "precision")},
    }


def verdicts(rows: list[dict], **changed) -> dict[str, tuple[Verdict, str]]:
    return {each.id: (each.verdict, each.reason) for each in judge_aboudi(rows, {**REAL, **changed})}


def test_every_claim_gets_a_verdict_with_a_reason():
    judged = judge_aboudi([row()], REAL)
    assert [each.id for each in judged] == [claim.id for claim in ABOUDI_CLAIMS]
    assert all(each.reason for each in judged)


def test_a_number_holds_where_the_interval_of_the_best_row_as_printed_reaches_it():
    judged = verdicts([row(dice=0.6, high=0.7), row(dice=0.9, high=0.99, pace="learning")])
    assert judged["aboudi-dice"][0] is Verdict.HOLDS
    assert judged["aboudi-accuracy"][0] is Verdict.FAILS
    assert '"FLAIR, printed"' in judged["aboudi-dice"][1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"synthetic": True}, "cannot be tested on phantoms"),
        ({"weights_used": "none"}, "frozen at RANDOM weights"),
        ({"shortened": True}, "a shortened schedule"),
    ],
)
def test_a_number_is_not_testable_where_something_printed_was_missing(changed, said):
    verdict, reason = verdicts([row()], **changed)["aboudi-dice"]
    assert verdict is Verdict.NOT_TESTABLE
    assert said in reason


def test_one_case_has_no_interval():
    verdict, reason = verdicts([row(high=None)])["aboudi-dice"]
    assert verdict is Verdict.NOT_TESTABLE
    assert "too few for an interval" in reason


@pytest.mark.parametrize(("learnt", "verdict"), [(True, Verdict.HOLDS), (False, Verdict.FAILS)])
def test_the_whole_printed_schedule_trains_or_does_not(learnt, verdict):
    assert verdicts([row(learnt=learnt)])["aboudi-schedule"][0] is verdict


def test_a_part_of_the_schedule_decides_nothing_and_tells_what_the_compressed_one_did():
    verdict, reason = verdicts([row(learnt=False), row(pace="compressed", dice=0.02)], shortened=True)[
        "aboudi-schedule"
    ]
    assert verdict is Verdict.NOT_TESTABLE
    assert "validation Dice 2.0 %" in reason


def test_cited_rivals_prove_nothing():
    verdict, reason = verdicts([row()])["aboudi-best"]
    assert verdict is Verdict.NOT_TESTABLE
    assert "an accuracy for 0 of 4" in reason
    assert "3D fully convolutional DenseNets 79.13" in reason
