"""Accuracy beside precision and recall: which kind, over which voxels, can a row's accuracy be?"""

import math
from itertools import product

from stroke_tf.paper import bounds
from stroke_tf.paper.averagings import least_empty_left_out, least_empty_zero
from stroke_tf.paper.box import (
    interval_of,
    precision_of,
    printed_number,
    range_over,
    recall_of_cases,
    recall_of_one_table,
)
from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.readings import ACCURACY_RULES, AccuracyKind, AccuracyReading, Averaging
from stroke_tf.paper.tables import PrintedRow
from stroke_tf.paper.verdicts import Verdict, share_verdict, show


def accuracy_verdict(row: PrintedRow, reading: AccuracyReading, cases: int) -> Verdict:
    """Judge the accuracy of a row, on so many test cases, under one reading."""
    rule = ACCURACY_RULES[reading.averaging, reading.kind]
    if reading.averaging is Averaging.CASES:
        return _accuracy_of_cases(row, reading, rule)
    if reading.averaging in (Averaging.SLICES_LEFT_OUT, Averaging.SLICES_ZERO):
        return _accuracy_of_slices(row, reading, cases, rule)
    share = {
        AccuracyKind.VOXEL: bounds.share_of_voxel_accuracy,
        AccuracyKind.BALANCED: bounds.share_of_balanced_accuracy,
        AccuracyKind.MISPRINT: bounds.share_of_misprint,
    }[reading.kind]
    low, high = range_over(share, interval_of(row.accuracy), precision_of(row), recall_of_one_table(row))
    if math.isnan(low):
        return Verdict(False, rule, "no specificity between 0 and 1 fits", "no")
    if reading.averaging is Averaging.BACKGROUND:
        # The share found is that of the positive class, here the background.
        low = max(0.0, 1 - high)
    most = lesion_share(reading.area, cases).most
    if reading.area is Area.BOX:
        most = _most_share_in_a_box(row, reading.kind)
    return share_verdict(low, most, lesion_share(reading.area, cases).mean, rule)


def _accuracy_of_cases(row: PrintedRow, reading: AccuracyReading, rule: str) -> Verdict:
    single = lesion_share(reading.area, 1).most
    bound = (
        bounds.most_precision_beside_voxel_accuracy
        if reading.kind is AccuracyKind.VOXEL
        else bounds.most_precision_beside_balanced_accuracy
    )
    accuracy, recall = interval_of(row.accuracy), recall_of_cases(row)
    if reading.kind is AccuracyKind.BALANCED and recall.high < 2 * accuracy.low - 1:
        return Verdict(False, rule, "specificity would be above 1", "no")
    limit = max(bound(a, r, single) for a, r in product(accuracy.ends(), recall.ends()))
    return _limit_verdict(row, min(1.0, limit), f"q {show(single, 2)}", rule)


def _accuracy_of_slices(row: PrintedRow, reading: AccuracyReading, cases: int, rule: str) -> Verdict:
    left_out = reading.averaging is Averaging.SLICES_LEFT_OUT
    empty = least_empty_left_out(row) if left_out else least_empty_zero(row)
    limit = interval_of(row.accuracy).high + lesion_share(reading.area, cases).most - empty
    if left_out:
        limit = limit / (1 - empty) if empty < 1 else 0.0
    return _limit_verdict(row, min(1.0, max(0.0, limit)), f"e {show(empty)}", rule)


def _limit_verdict(row: PrintedRow, limit: float, given: str, rule: str) -> Verdict:
    """Judge by the most that precision can be, given the share that limits it."""
    possible = precision_of(row).low <= limit
    numbers = f"P {printed_number(row.precision).text}, at most {show(limit, 2)} with {given}"
    return Verdict(possible, rule, numbers, "yes" if possible else f"no P≤{show(limit)}")


def _most_share_in_a_box(row: PrintedRow, kind: AccuracyKind) -> float:
    """A box has no size of its own: only its background cannot be less than what was marked of it."""
    most = range_over(bounds.largest_share, precision_of(row), recall_of_one_table(row))[1]
    if kind is AccuracyKind.MISPRINT:
        marked_background = interval_of(row.accuracy).low * (1 - precision_of(row).high)
        most = min(most, 1 - marked_background)
    return most
