"""From cases to a cohort's figure, with what it stands on: mean, spread, interval, and how many were left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from stroke_tf.errors import SettingError
from stroke_tf.metrics.confusion import Counts
from stroke_tf.metrics.overlap import accuracy, balanced_accuracy, dice, iou, precision, recall, specificity
from stroke_tf.metrics.protocols import MEASURE_NAMES
from stroke_tf.seeds import child_seed

RESAMPLES = 10_000
LEAST_PAIRS = 6
"""Of five unequal pairs, all in one direction, the two-sided p is 0.0625: no result could be called significant."""
_EQUAL = 1e-12
_POOLED = {
    "dice": dice,
    "iou": iou,
    "accuracy_voxel": accuracy,
    "accuracy_balanced": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
}
_COUNTS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True)
class Summary:
    """One measure over the cases of one row; None where there are too few cases to say."""

    mean: float | None
    sd: float | None
    """Sample standard deviation (divided by n - 1)."""
    median: float | None
    low: float | None
    """Lower end of the mean's 95 % bootstrap interval."""
    high: float | None
    n: int
    """Cases that have a value."""
    left_out: int
    """Cases without: undefined, left out by the protocol, or without prediction."""
    pooled: float | None = None
    """The measure of all cases' voxels counted together, for measures that are formulas on counts."""
    pooled_low: float | None = None
    """Lower end of the pooled figure's interval; cases are drawn, not voxels."""
    pooled_high: float | None = None


@dataclass(frozen=True)
class PairedTest:
    """Two rows compared case by case."""

    n: int
    """Pairs of which both have a value."""
    left_out: int
    median_difference: float | None
    """Of first minus second."""
    p_value: float | None
    reason: str
    """Why there is no p value; empty where there is one."""


def summarise(rows: Sequence[Mapping], *, seed: int) -> dict[str, Summary]:
    """Summarise every measure over the cases of one row.

    Args:
        rows: one mapping for each case, as measure_case returns them; a measure that is absent counts as None.
        seed: of the bootstrap; each measure draws from its own child, so one measure never moves another.
    """
    return {name: _summary(name, rows, child_seed(seed, "bootstrap", name)) for name in MEASURE_NAMES}


def bootstrap_interval(values: Sequence[float], *, seed: int) -> tuple[float | None, float | None]:
    """Return the 95 % percentile bootstrap interval of the mean; (None, None) below two values."""
    values = np.asarray(values, dtype=np.float64)
    if values.size < 2:
        return None, None
    return _percentiles(np.concatenate([values[drawn].mean(axis=1) for drawn in _draws(values.size, seed)]))


def paired_wilcoxon(first: Sequence[float | None], second: Sequence[float | None]) -> PairedTest:
    """Compare two rows by the two-sided Wilcoxon signed-rank test.

    Args:
        first: a value or None for each case.
        second: the same cases in the same order.
    Returns: p_value None with the reason where the test has nothing to say: no pair, all pairs equal, too few.
    Raises: SettingError if the rows differ in length.
    Example:
        >>> paired_wilcoxon([0.5, 0.6], [0.5, 0.6]).reason
        'the rows are equal in every case'
    """
    if len(first) != len(second):
        raise SettingError(f"Paired rows hold the same cases. Received: {len(first)} and {len(second)} values.")
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    left_out = len(first) - len(pairs)
    if not pairs:
        return PairedTest(0, left_out, None, None, "no case has a value in both rows")
    differences = np.subtract(*np.asarray(pairs, dtype=np.float64).T)
    median = float(np.median(differences))
    # Values that are equal on paper may differ in their last bit; that is no direction.
    unequal = differences[np.abs(differences) > _EQUAL]
    reason = _too_few(unequal.size)
    p_value = None if reason else float(stats.wilcoxon(unequal).pvalue)
    return PairedTest(len(pairs), left_out, median, p_value, reason)


def _too_few(unequal: int) -> str:
    if unequal == 0:
        return "the rows are equal in every case"
    if unequal < LEAST_PAIRS:
        pairs = "pair differs" if unequal == 1 else "pairs differ"
        return f"only {unequal} {pairs}; below {LEAST_PAIRS}, p cannot reach 0.05"
    return ""


def _summary(name: str, rows: Sequence[Mapping], seed: int) -> Summary:
    values = np.array([row[name] for row in rows if row.get(name) is not None], dtype=np.float64)
    low, high = bootstrap_interval(values, seed=seed)
    pooled, pooled_low, pooled_high = _pooled(name, rows, child_seed(seed, "pooled"))
    return Summary(
        mean=float(values.mean()) if values.size else None,
        sd=float(values.std(ddof=1)) if values.size > 1 else None,
        median=float(np.median(values)) if values.size else None,
        low=low,
        high=high,
        n=int(values.size),
        left_out=len(rows) - int(values.size),
        pooled=pooled,
        pooled_low=pooled_low,
        pooled_high=pooled_high,
    )


def _pooled(name: str, rows: Sequence[Mapping], seed: int) -> tuple[float | None, float | None, float | None]:
    counted = [[row[part] for part in _COUNTS] for row in rows if row.get("tp") is not None]
    if name not in _POOLED or not counted:
        return None, None, None
    formula, counted = _POOLED[name], np.array(counted, dtype=np.int64)
    whole = formula(Counts(*counted.sum(axis=0).tolist()))
    if len(counted) < 2:
        return whole, None, None
    sums = np.concatenate([counted[drawn].sum(axis=1) for drawn in _draws(len(counted), seed)])
    drawn = [formula(Counts(*each)) for each in sums.tolist()]
    return whole, *_percentiles(np.array([value for value in drawn if value is not None]))


def _draws(cases: int, seed: int):
    """Yield the cases of all resamples, a block at a time, so that memory stays small for any cohort."""
    generator = np.random.default_rng(seed)
    for _ in range(10):
        yield generator.integers(0, cases, size=(RESAMPLES // 10, cases))


def _percentiles(drawn: np.ndarray) -> tuple[float | None, float | None]:
    if drawn.size == 0:
        return None, None
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return low, high
