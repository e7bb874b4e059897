"""Which convention makes which printed number possible: a verdict for each row under each reading.

A printed number stands for an interval (its digits), a row for a box of such intervals; a reading is impossible when
no point of the box satisfies its identity or bound. "Possible" means that arithmetic and the lesions of the challenge
allow it, not that anyone would compute it so.
"""

from dataclasses import dataclass

from stroke_tf.paper import bounds
from stroke_tf.paper.accuracies import accuracy_verdict
from stroke_tf.paper.averagings import DICE_VERDICTS
from stroke_tf.paper.box import printed_number
from stroke_tf.paper.readings import ACCURACY_READINGS, AccuracyReading, Averaging
from stroke_tf.paper.tables import Percent, PrintedRow, PrintedTable
from stroke_tf.paper.verdicts import Verdict, show, yes_or_no


@dataclass(frozen=True)
class RowAudit:
    """A printed row under every reading.

    Args:
        implied_dice: 2PR/(P+R); None where recall is not printed.
        together: the pairs under which all printed numbers of the row are possible.
    """

    row: PrintedRow
    implied_dice: float | None
    averagings: dict[Averaging, Verdict]
    accuracies: dict[AccuracyReading, Verdict]
    together: tuple[AccuracyReading, ...]


def audit_table(table: PrintedTable) -> list[RowAudit]:
    """Judge each row of a printed table under every reading."""
    return [audit_row(row, cases=table.test_cases) for row in table.rows]


def audit_row(row: PrintedRow, *, cases: int) -> RowAudit:
    """Judge one printed row, which must have a precision and an accuracy.

    Args:
        cases: how many test cases it stands for, which limits how much lesion they can hold together.
    """
    averagings = {averaging: judge(row, cases) for averaging, judge in DICE_VERDICTS.items()}
    accuracies = {reading: accuracy_verdict(row, reading, cases) for reading in ACCURACY_READINGS}
    together = tuple(
        reading
        for reading, verdict in accuracies.items()
        if verdict.possible and averagings[reading.averaging].possible
    )
    implied = None if row.recall is None else bounds.implied_dice(printed_number(row.precision), row.recall)
    return RowAudit(row, implied, averagings, accuracies, together)


def vote_verdict(planes: list[Percent], vote: Percent) -> Verdict:
    """Judge the vote's printed recall by the recalls of its three planes."""
    limit = bounds.vote_recall_limit([plane.high for plane in planes])
    possible = vote.low <= limit
    numbers = f"vote {vote.text}, planes {', '.join(plane.text for plane in planes)}: at most {show(limit, 2)}"
    rule = (
        "what two of three found, one of any two found: recall of the vote <= sum of the two smaller recalls, "
        "over pooled voxels and as a mean over cases alike"
    )
    return Verdict(possible, rule, numbers, f"{yes_or_no(possible)} ≤{show(limit, 2)}")
