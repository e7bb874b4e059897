"""Does what the paper says hold here? A verdict for each claim, with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from stroke_tf.metrics.summary import bootstrap_interval
from stroke_tf.paper.tables import CLAIMS, PrintedRow, printed_row
from stroke_tf.seeds import child_seed


class Verdict(str, Enum):
    """What can be said of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True)
class Judged:
    """A claim of the paper and what became of it."""

    id: str
    sentence: str
    verdict: Verdict
    reason: str


def judge(rows: Mapping[str, Mapping[str, Any]], *, synthetic: bool, seed: int) -> list[Judged]:
    """Judge the paper's four claims on the rows of one results file.

    A comparison holds, or fails, when the 95 % bootstrap interval of the mean paired difference of Dice over the test
    cases lies above, or below, zero; otherwise the cases are too few to tell, and the claim is not testable.

    Args:
        rows: by id; each with `cases` (a list of measures with `case` and `dice`) and `weights` as really used.
        synthetic: phantoms were measured.
    """
    judges = {
        "pretrained": _pretrained(rows, synthetic, seed),
        "vote": compare_rows(rows, [("vote", plane) for plane in ("x", "y", "z")], synthetic, seed),
        "planes-beat-3d": _planes_against_volume(rows, synthetic, seed),
        "dice": judge_printed_dice(
            rows["vote"]["summary"]["dice"], printed_row("vote"), who="the vote", cohort="SISS", synthetic=synthetic
        ),
    }
    return [Judged(claim.id, claim.sentence, *judges[claim.id]) for claim in CLAIMS]


def _pretrained(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> tuple[Verdict, str]:
    if rows["y"]["weights"] == "none":
        return (
            Verdict.NOT_TESTABLE,
            "no pretrained weights could be had (or were asked for)",
        )
    return compare_rows(rows, [("y", "absent")], synthetic, seed)


def _planes_against_volume(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> tuple[Verdict, str]:
    return compare_rows(rows, [(plane, "3d-unet") for plane in ("x", "y", "z")], synthetic, seed)


def judge_printed_dice(
    dice: Mapping[str, Any], printed: PrintedRow, *, who: str, cohort: str, synthetic: bool
) -> tuple[Verdict, str]:
    """Judge a printed Dice by whether the interval of our mean reaches it; on phantoms there is nothing to judge.

    Args:
        dice: the summary over cases: mean, low, high, n.
        who, cohort: whose mean Dice it is, and on which cohort the paper measured, for the sentence.
    """
    if dice["mean"] is None:
        return Verdict.NOT_TESTABLE, "no case has a Dice"
    interval = "" if dice["low"] is None else f" [{100 * dice['low']:.1f}, {100 * dice['high']:.1f}]"
    text = f"{who}'s mean Dice is {100 * dice['mean']:.1f} %{interval} on {dice['n']} cases"
    if synthetic:
        return Verdict.NOT_TESTABLE, f"a number measured on {cohort} cannot be tested on phantoms, where {text}"
    if dice["high"] is None:
        return Verdict.NOT_TESTABLE, f"{text}, too few for an interval"
    reached = dice["high"] >= printed.dice
    return (Verdict.HOLDS if reached else Verdict.FAILS), f"{text}; it holds if the interval reaches the printed value"


def compare_rows(
    rows: Mapping[str, Mapping[str, Any]], pairs: Sequence[tuple[str, str]], synthetic: bool, seed: int
) -> tuple[Verdict, str]:
    """Judge that the first row of every pair has a higher Dice than the second, and say the figures.

    Args:
        rows: by id; each with `cases`, a list of measures with `case` and `dice`.
    """
    verdicts, texts = [], []
    for first, other in pairs:
        differences = paired_differences(rows[first]["cases"], rows[other]["cases"])
        if not differences:
            return Verdict.NOT_TESTABLE, f"no case has a Dice in both {first} and {other}"
        mean = sum(differences) / len(differences)
        low, high = bootstrap_interval(differences, seed=claim_seed(seed, first, other))
        verdicts.append(_of_interval(low, high))
        interval = "" if low is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
        texts.append(f"{first} - {other} {100 * mean:+.1f}{interval}")
    verdict = _all_of(verdicts)
    return verdict, f"points of Dice: {', '.join(texts)}{_ending(verdict, len(rows[pairs[0][0]]['cases']), synthetic)}"


def claim_seed(seed: int, first: str, other: str) -> int:
    """Return the bootstrap's seed of one comparison, so that every place that shows it shows one interval."""
    return child_seed(seed, "claim", first, other)


def _ending(verdict: Verdict, cases: int, synthetic: bool) -> str:
    where = f", on {cases} {'phantom' if synthetic else 'case'}{'' if cases == 1 else 's'}"
    if verdict is not Verdict.NOT_TESTABLE:
        return where
    return where + ("; one case has no interval" if cases == 1 else "; an interval that holds zero decides nothing")


def _of_interval(low: float | None, high: float | None) -> Verdict:
    """One case has no interval, and an interval that holds zero does not tell which way it goes."""
    if low is None or high is None or low <= 0 <= high:
        return Verdict.NOT_TESTABLE
    return Verdict.HOLDS if low > 0 else Verdict.FAILS


def _all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """A claim about all of several rows fails with one of them, and holds only with every one."""
    if Verdict.FAILS in verdicts:
        return Verdict.FAILS
    return Verdict.NOT_TESTABLE if Verdict.NOT_TESTABLE in verdicts else Verdict.HOLDS


def paired_differences(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[float]:
    """Pair by case; a case whose Dice the protocol leaves undefined in either row has no difference."""
    scores = {case["case"]: case["dice"] for case in second}
    pairs = [(case["dice"], scores[case["case"]]) for case in first]
    return [one - other for one, other in pairs if one is not None and other is not None]
