"""What a reading says of a printed row, and the words and figures it says it in."""

import math
from dataclasses import dataclass

from stroke_tf.paper.prevalence import Area, lesion_share


@dataclass(frozen=True)
class Verdict:
    """What a reading says of a row.

    Args:
        rule: the identity or inequality that decides.
        numbers: the same with the row's numbers, in percent.
        short: what fits into a cell of a table.
    """

    possible: bool
    rule: str
    numbers: str
    short: str

    @property
    def word(self) -> str:
        """Return possible or impossible."""
        return "possible" if self.possible else "impossible"


def verdict_by_share(share: float, cases: int, rule: str) -> Verdict:
    """Judge by the lesion share that a reading needs, in the more generous area: the brain."""
    limits = lesion_share(Area.BRAIN, cases)
    return share_verdict(share, limits.most, limits.mean, rule)


def share_verdict(share: float, most: float, mean: float, rule: str) -> Verdict:
    """Judge by the lesion share that a reading needs, beside the most and the mean that there can be."""
    if math.isnan(share) or math.isinf(share) or share > 1:
        return Verdict(False, rule, "no lesion share fits", "no")
    possible = share <= most
    beside = "" if math.isnan(mean) else f", {show(mean, 2)} in the mean"
    numbers = f"needs a lesion share of {show(share, 2)}; at most {show(most, 2)}{beside}"
    return Verdict(possible, rule, numbers, f"{yes_or_no(possible)} q{show(share)}")


def yes_or_no(possible: bool) -> str:
    """Return the first word of a cell."""
    return "yes" if possible else "no"


def show(fraction: float, digits: int = 1) -> str:
    """Write a fraction in percent, without the sign."""
    return f"{100 * fraction:.{digits}f}"
