"""Does what the paper says hold here? A verdict for each claim, with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from stroke_tf.metrics.summary import bootstrap_interval
from stroke_tf.seeds import child_seed

_PRINTED_DICE = 0.805


class Verdict(str, Enum):
    """What can be said of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and what became of it."""

    id: str
    sentence: str
    verdict: Verdict
    reason: str


def judge(rows: Mapping[str, Mapping[str, Any]], *, synthetic: bool, seed: int) -> list[Claim]:
    """Judge the paper's four claims on the rows of one results file.

    A comparison holds, or fails, when the 95 % bootstrap interval of the mean paired difference of Dice over the test
    cases lies above, or below, zero; otherwise the cases are too few to tell, and the claim is not testable.

    Args:
        rows: by id; each with `cases` (a list of measures with `case` and `dice`) and `weights` as really used.
        synthetic: phantoms were measured.
    """
    return [
        _pretrained(rows, synthetic, seed),
        _vote(rows, synthetic, seed),
        _planes_against_volume(rows, synthetic, seed),
        _printed_dice(rows, synthetic),
    ]


def _pretrained(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> Claim:
    sentence = "pretrained beats random"
    if rows["y"]["weights"] == "none":
        reason = "the ImageNet weights could not be had (or were not asked for), so no pretrained row was trained"
        return Claim("pretrained", sentence, Verdict.NOT_TESTABLE, reason)
    verdict, reason = _compare(rows, "y", ["absent"], synthetic, seed)
    return Claim("pretrained", sentence, verdict, reason)


def _vote(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> Claim:
    verdict, reason = _compare(rows, "vote", ["x", "y", "z"], synthetic, seed)
    return Claim("vote", "the vote beats each plane", verdict, reason)


def _planes_against_volume(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> Claim:
    sentence = "2-D planes beat the 3-D U-Net"
    results = [_compare(rows, plane, ["3d-unet"], synthetic, seed) for plane in ("x", "y", "z")]
    verdict = _all_of([each for each, _ in results])
    return Claim("planes-beat-3d", sentence, verdict, "; ".join(reason for _, reason in results))


def _printed_dice(rows: Mapping[str, Mapping[str, Any]], synthetic: bool) -> Claim:
    sentence = "Dice 80.5 %"
    dice = rows["vote"]["summary"]["dice"]
    text = f"the vote's mean Dice is {100 * dice['mean']:.1f} % [{100 * dice['low']:.1f}, {100 * dice['high']:.1f}]"
    if synthetic:
        reason = f"a number measured on SISS cannot be tested on phantoms; here {text}"
        return Claim("dice", sentence, Verdict.NOT_TESTABLE, reason)
    verdict = Verdict.HOLDS if dice["high"] >= _PRINTED_DICE else Verdict.FAILS
    return Claim("dice", sentence, verdict, f"{text} on {dice['n']} cases; holds if the interval reaches 80.5")


def _compare(
    rows: Mapping[str, Mapping[str, Any]], first: str, others: Sequence[str], synthetic: bool, seed: int
) -> tuple[Verdict, str]:
    verdicts, texts = [], []
    for other in others:
        differences = _paired_differences(rows[first]["cases"], rows[other]["cases"])
        mean = sum(differences) / len(differences)
        low, high = bootstrap_interval(differences, seed=child_seed(seed, "claim", first, other))
        verdicts.append(Verdict.HOLDS if low > 0 else Verdict.FAILS if high < 0 else Verdict.NOT_TESTABLE)
        texts.append(f"{first} - {other} = {100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] points of Dice")
    cases = len(rows[first]["cases"])
    where = f"{cases} {'phantoms' if synthetic else 'cases'}"
    verdict = _all_of(verdicts)
    ending = f"; an interval that holds zero decides nothing on {where}" if verdict is Verdict.NOT_TESTABLE else ""
    return verdict, f"{', '.join(texts)} on {where}{ending}"


def _all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """A claim about all of several rows fails with one of them, and holds only with every one."""
    if Verdict.FAILS in verdicts:
        return Verdict.FAILS
    return Verdict.NOT_TESTABLE if Verdict.NOT_TESTABLE in verdicts else Verdict.HOLDS


def _paired_differences(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[float]:
    scores = {case["case"]: case["dice"] for case in second}
    return [case["dice"] - scores[case["case"]] for case in first]
