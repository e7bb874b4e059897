"""Does what Aboudi, Drissi and Kraiem say hold here? A verdict for each claim, with its reason."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stroke_tf.paper.tables import ABOUDI_CLAIMS, ABOUDI_RIVALS, printed_row
from stroke_tf.reports.tables import percent
from stroke_tf.workflows.claims import Judged, Verdict

Rows = Sequence[Mapping[str, Any]]
Facts = Mapping[str, Any]


def judge_aboudi(rows: Rows, facts: Facts) -> list[Judged]:
    """Judge the paper's claims on the rows of one results file.

    A printed number holds where the 95 % interval of a row that was trained as printed reaches it; whether the printed
    schedule trains at all is judged by the rule of the recipe. Both need the pretrained encoder and the whole schedule,
    the numbers real scans too; where one is missing the claim is not testable, and the reason tells what was seen.

    Args:
        rows: as aboudi_results.py makes them.
        facts: synthetic, shortened, weights_used, least_fall, least_dice.
    """
    judges: dict[str, Callable[[], tuple[Verdict, str]]] = {
        "aboudi-schedule": lambda: _schedule(rows, facts),
        "aboudi-dice": lambda: _number(rows, facts, "dice", "dice"),
        "aboudi-accuracy": lambda: _number(rows, facts, "accuracy_voxel", "accuracy"),
        "aboudi-precision": lambda: _number(rows, facts, "precision", "precision"),
        "aboudi-best": _best,
    }
    return [Judged(claim.id, claim.sentence, *judges[claim.id]()) for claim in ABOUDI_CLAIMS]


def _as_printed(rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["pace"] == "printed"]


def _missing(facts: Facts) -> list[str]:
    """List what was not as in the paper."""
    missing = []
    if facts["weights_used"] == "none":
        missing.append("no pretrained encoder (it was frozen at RANDOM weights)")
    if facts["shortened"]:
        missing.append("a shortened schedule")
    return missing


def _schedule(rows: Rows, facts: Facts) -> tuple[Verdict, str]:
    printed = _as_printed(rows)
    learnt = [row for row in printed if row["schedule"]["learnt"]]
    best = max(row["schedule"]["best_dice"] for row in printed)
    falls = [1 - row["schedule"]["last_loss"] / row["schedule"]["first_loss"] for row in printed]
    seen = (
        f"{len(learnt)} of {len(printed)} models learnt something in {printed[0]['schedule']['steps']} steps (training "
        f"loss down by {percent(min(falls))} to {percent(max(falls))} %, best validation Dice {percent(best)} %; "
        f"{percent(facts['least_fall'], 0)} % and {percent(facts['least_dice'], 0)} % are asked for)"
    )
    for row in rows:
        if row["pace"] == "compressed":
            schedule = row["schedule"]
            seen += (
                f"; the printed sum of rates in {schedule['steps']} steps at {schedule['learning_rate']:.2g}: "
                f"validation Dice {percent(schedule['best_dice'])} %"
            )
    missing = _missing(facts)
    if missing:
        return Verdict.NOT_TESTABLE, f"{' and '.join(missing)}; {seen}"
    return (Verdict.HOLDS if learnt else Verdict.FAILS), seen


def _number(rows: Rows, facts: Facts, measure: str, column: str) -> tuple[Verdict, str]:
    printed = getattr(printed_row("aboudi"), column)
    scored = [row for row in _as_printed(rows) if row["summary"][measure]["mean"] is not None]
    if not scored:
        return Verdict.NOT_TESTABLE, f"no row as printed has a {column}: nothing was marked in any test case"
    # Marking everything, or nothing, is near perfect by one measure; the row is the one with the best Dice.
    best = max(scored, key=lambda row: row["summary"]["dice"]["mean"] or 0.0)
    summary = best["summary"][measure]
    interval = "" if summary["low"] is None else f" [{percent(summary['low'])}, {percent(summary['high'])}]"
    cases = f"{summary['n']} case{'' if summary['n'] == 1 else 's'}"
    text = f'"{best["title"]}", the best as printed, has {percent(summary["mean"])} %{interval} on {cases}'
    missing = _missing(facts)
    if facts["synthetic"]:
        also = f" ({' and '.join(missing)})" if missing else ""
        return Verdict.NOT_TESTABLE, f"a number measured on SISS cannot be tested on phantoms, where {text}{also}"
    if missing:
        return Verdict.NOT_TESTABLE, f"{' and '.join(missing)}; {text}"
    if summary["high"] is None:
        return Verdict.NOT_TESTABLE, f"{text}, too few for an interval"
    reached = summary["high"] >= printed.low
    return (Verdict.HOLDS if reached else Verdict.FAILS), f"{text}; it holds if the interval reaches the printed value"


def _best() -> tuple[Verdict, str]:
    own = printed_row("aboudi")
    precisions = ", ".join(row.precision.text for row in ABOUDI_RIVALS if row.precision)
    better = ", ".join(f"{row.title} {row.dice.text}" for row in ABOUDI_RIVALS if row.dice > own.dice)
    with_accuracy = sum(row.accuracy is not None for row in ABOUDI_RIVALS)
    return Verdict.NOT_TESTABLE, (
        f"the rivals were cited, not run on the same cases; Table II prints an accuracy for {with_accuracy} of "
        f"{len(ABOUDI_RIVALS)} of them, their precisions are {precisions}, and a higher Dice has {better}"
    )
