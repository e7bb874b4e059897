"""Numbers made under a reading are possible under it; what is called possible can be made."""

import numpy as np
import pytest

from stroke_tf.paper import bounds
from stroke_tf.paper.audit import audit_row, audit_table, vote_verdict
from stroke_tf.paper.counts import Table
from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.readings import AccuracyKind, AccuracyReading, Averaging
from stroke_tf.paper.tables import ABOUDI_2022, MULTIPLANE_2025, Paper, Percent, PrintedRow, printed_row

AUDITS = {audit.row.id: audit for table in (MULTIPLANE_2025, ABOUDI_2022) for audit in audit_table(table)}
IMPOSSIBLE_DICE = ("x", "y", "vote")
CASES = 7


def printed(dice: float, accuracy: float, precision: float, recall: float | None) -> PrintedRow:
    numbers = [None if value is None else Percent(f"{100 * value:.2f}") for value in (accuracy, precision, recall)]
    return PrintedRow("made", Paper.MULTIPLANE_2025, "made", "", Percent(f"{100 * dice:.2f}"), *numbers)


def random_table(random: np.random.Generator, most_share: float) -> Table:
    """Draw counts over a million voxels whose precision and recall are neither near 0 nor near 1."""
    voxels = 1_000_000
    lesion = int(random.uniform(0.2, 0.98) * most_share * voxels)
    recall, precision = random.uniform(0.05, 0.95, size=2)
    tp = int(recall * lesion)
    fp = min(int(tp * (1 - precision) / precision), voxels - lesion)
    return Table(tp, fp, lesion - tp, voxels - lesion - fp)


def accuracy_of(table: Table, kind: AccuracyKind) -> float:
    return {
        AccuracyKind.VOXEL: table.accuracy_voxel,
        AccuracyKind.BALANCED: table.accuracy_balanced,
        AccuracyKind.MISPRINT: table.accuracy_misprint,
    }[kind]


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize("kind", AccuracyKind)
def test_pooled_numbers_are_possible_as_pooled_numbers(kind: AccuracyKind, area: Area):
    random = np.random.default_rng(1)
    most = lesion_share(area, CASES).most if area is not Area.BOX else 0.6
    for _ in range(10):
        table = random_table(random, most)
        lesion = table.lesion
        row = printed(lesion.dice, accuracy_of(table, kind), lesion.precision, lesion.recall)
        assert AccuracyReading(Averaging.POOLED, kind, area) in audit_row(row, cases=CASES).together


@pytest.mark.parametrize("name", ["macro", "micro", "background"])
def test_numbers_of_other_classes_are_possible_as_such(name: str):
    random = np.random.default_rng(2)
    for _ in range(8):
        table = random_table(random, lesion_share(Area.BRAIN, CASES).most)
        overlap = getattr(table, name)
        row = printed(overlap.dice, table.accuracy_voxel, overlap.precision, overlap.recall)
        assert audit_row(row, cases=CASES).averagings[Averaging[name.upper()]].possible


def test_numbers_of_mixed_classes_are_possible_as_such():
    random = np.random.default_rng(3)
    for _ in range(8):
        table = random_table(random, lesion_share(Area.BRAIN, CASES).most)
        lesion, background = table.lesion, table.background
        row = printed(table.macro.dice, table.accuracy_voxel, lesion.precision, lesion.recall)
        assert audit_row(row, cases=CASES).averagings[Averaging.MACRO_DICE].possible
        row = printed(lesion.dice, table.accuracy_voxel, background.precision, background.recall)
        assert audit_row(row, cases=CASES).averagings[Averaging.MIXED_CLASSES].possible


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize("kind", [AccuracyKind.VOXEL, AccuracyKind.BALANCED])
def test_means_over_cases_are_possible_as_such(kind: AccuracyKind, area: Area):
    random = np.random.default_rng(4)
    for _ in range(10):
        tables = [random_table(random, min(0.9, lesion_share(area, 1).most)) for _ in range(CASES)]
        dice, precision, recall, accuracy = np.mean(
            [(t.lesion.dice, t.lesion.precision, t.lesion.recall, accuracy_of(t, kind)) for t in tables], axis=0
        )
        row = printed(dice, accuracy, precision, recall)
        assert AccuracyReading(Averaging.CASES, kind, area) in audit_row(row, cases=CASES).together
    # The search for a recall that is not printed takes a while, so the last row stands for all.
    without_recall = printed(dice, accuracy, precision, None)
    assert AccuracyReading(Averaging.CASES, kind, area) in audit_row(without_recall, cases=CASES).together


def test_means_over_slices_are_possible_as_such():
    random = np.random.default_rng(5)
    for _ in range(10):
        empty, filled = int(random.integers(1, 60)), int(random.integers(5, 30))
        tables = [random_table(random, lesion_share(Area.VOLUME, CASES).most) for _ in range(filled)]
        dices, precisions, recalls, accuracies = np.array(
            [(t.lesion.dice, t.lesion.precision, t.lesion.recall, t.accuracy_voxel) for t in tables]
        ).T
        share = empty / (empty + filled)
        dice, accuracy = share + (1 - share) * dices.mean(), share + (1 - share) * accuracies.mean()
        row = printed(dice, accuracy, precisions.mean(), recalls.mean())
        left_out = AccuracyReading(Averaging.SLICES_LEFT_OUT, AccuracyKind.VOXEL, Area.VOLUME)
        assert left_out in audit_row(row, cases=CASES).together
        row = printed(dice, accuracy, (1 - share) * precisions.mean(), (1 - share) * recalls.mean())
        zero = AccuracyReading(Averaging.SLICES_ZERO, AccuracyKind.VOXEL, Area.VOLUME)
        assert zero in audit_row(row, cases=CASES).together
        row = printed(dice, accuracy, share + (1 - share) * precisions.mean(), share + (1 - share) * recalls.mean())
        assert audit_row(row, cases=CASES).averagings[Averaging.SLICES_ONE].possible


@pytest.mark.parametrize("row", IMPOSSIBLE_DICE)
def test_dice_above_the_implied_one_is_impossible_without_empty_slices(row: str):
    possible = {averaging for averaging, verdict in AUDITS[row].averagings.items() if verdict.possible}
    assert possible == {Averaging.SLICES_LEFT_OUT, Averaging.SLICES_ZERO}
    assert AUDITS[row].together == ()


def test_the_implied_dice_are_those_that_one_computes_by_hand():
    implied = {name: audit.implied_dice for name, audit in AUDITS.items() if audit.implied_dice is not None}
    by_hand = {"3d-unet": 0.73, "x": 51.77, "y": 69.75, "z": 21.08, "absent": 46.20, "vote": 67.47}
    assert {name: round(100 * value, 2) for name, value in implied.items()} == by_hand


def test_pooled_voxels_fit_two_rows_of_table_1():
    fits = [row.id for row in MULTIPLANE_2025.rows if AUDITS[row.id].averagings[Averaging.POOLED].possible]
    assert fits == ["3d-unet", "z"]


def test_no_accuracy_over_volume_or_brain_fits_pooled_precision_and_recall_of_table_1():
    for row in MULTIPLANE_2025.rows:
        for reading, verdict in AUDITS[row.id].accuracies.items():
            if reading.averaging is Averaging.POOLED and reading.area is not Area.BOX:
                assert not verdict.possible, (row.id, reading.name)


@pytest.mark.parametrize("row", [row.id for row in MULTIPLANE_2025.rows])
def test_a_possible_box_can_be_built(row: str):
    printed = AUDITS[row].row
    precision, recall, scale = float(printed.precision), float(printed.recall), 10**9
    for reading, verdict in AUDITS[row].accuracies.items():
        if reading.averaging is not Averaging.POOLED or not verdict.possible:
            continue
        share_of = {
            AccuracyKind.VOXEL: bounds.share_of_voxel_accuracy,
            AccuracyKind.BALANCED: bounds.share_of_balanced_accuracy,
            AccuracyKind.MISPRINT: bounds.share_of_misprint,
        }[reading.kind]
        lesion = int(share_of(printed.accuracy, precision, recall) * scale)
        tp = int(recall * lesion)
        fp = int(tp * (1 - precision) / precision)
        table = Table(tp, fp, lesion - tp, scale - lesion - fp)
        assert table.tn >= 0
        assert printed.accuracy.low <= accuracy_of(table, reading.kind) <= printed.accuracy.high
        assert printed.precision.low <= table.lesion.precision <= printed.precision.high
        assert printed.recall.low <= table.lesion.recall <= printed.recall.high


@pytest.mark.parametrize("row", IMPOSSIBLE_DICE)
def test_the_slices_that_are_called_possible_can_be_built(row: str):
    printed = AUDITS[row].row
    implied, slices = bounds.implied_dice(printed.precision, printed.recall), 10_000
    # Slices that are alike reach the upper bound, so the least share of empty ones gives the printed Dice.
    empty = round((printed.dice - implied) / (1 - implied) * slices)
    dice = (empty + (slices - empty) * implied) / slices
    assert printed.dice.low <= dice <= printed.dice.high
    empty = round((printed.dice - implied) * slices)
    filled = slices - empty
    precision, recall = printed.precision * slices / filled, printed.recall * slices / filled
    assert max(precision, recall) <= 1
    dice = (empty + filled * bounds.implied_dice(precision, recall)) / slices
    assert printed.dice.low <= dice <= printed.dice.high


def kinds_of_cases(kind: AccuracyKind, most: float, ratio: float) -> np.ndarray:
    """List (D, P, R, A) of many kinds of cases, so that means of them can be sought."""
    points = []
    recalls = np.unique(np.concatenate([np.linspace(0, 1, 21), np.linspace(0, 1, 41) * min(1, 1 / ratio)]))
    precisions = np.unique(np.concatenate([np.linspace(0, 1, 21), np.linspace(0, 1, 41) * min(1, ratio)]))
    for share in np.geomspace(1e-6, most, 6):
        alarms = [share * r * (1 - p) / p for r in recalls for p in precisions if r > 0 and p > 0]
        pairs = [(r, p) for r in recalls for p in precisions if r > 0 and p > 0]
        for (r, p), alarm in zip(pairs, alarms, strict=True):
            if alarm <= 1 - share:
                points.append((bounds.implied_dice(p, r), p, r, _accuracy(kind, share, r, alarm)))
        for r in recalls:
            for alarm in np.linspace(0, 1 - share, 21):
                p = share * r / (share * r + alarm) if share * r + alarm > 0 else 0.0
                points.append((bounds.implied_dice(p, r), p, r, _accuracy(kind, share, r, alarm)))
    return np.array(points)


def _accuracy(kind: AccuracyKind, share: float, recall: float, alarm: float) -> float:
    if kind is AccuracyKind.VOXEL:
        return 1 - alarm - share * (1 - recall)
    return (recall + 1 - alarm / (1 - share)) / 2


@pytest.mark.parametrize("row", list(AUDITS))
@pytest.mark.parametrize("kind", [AccuracyKind.VOXEL, AccuracyKind.BALANCED])
@pytest.mark.parametrize("area", [Area.VOLUME, Area.BRAIN])
def test_means_over_cases_are_called_possible_exactly_when_cases_with_such_means_exist(
    row: str, kind: AccuracyKind, area: Area
):
    linprog = pytest.importorskip("scipy.optimize").linprog
    printed = AUDITS[row].row
    ratio = printed.precision / printed.recall if printed.recall else 2.1
    points = kinds_of_cases(kind, lesion_share(area, 1).most, ratio)
    upper, limits = [], []
    for column, number in enumerate((printed.dice, printed.precision, printed.recall, printed.accuracy)):
        if number is not None:
            upper += [points[:, column], -points[:, column]]
            limits += [number.high, -number.low]
    weights = linprog(
        np.zeros(len(points)), A_ub=np.array(upper), b_ub=limits, A_eq=np.ones((1, len(points))), b_eq=[1]
    )
    together = AccuracyReading(Averaging.CASES, kind, area) in AUDITS[row].together
    assert together == (weights.status == 0)


def test_the_printed_vote_finds_more_than_two_of_its_planes_can():
    recalls = [printed_row(plane).recall for plane in ("x", "y", "z")]
    verdict = vote_verdict(recalls, printed_row("vote").recall)
    assert not verdict.possible
    assert "at most 60.29" in verdict.numbers
    assert vote_verdict(recalls, Percent("60.0")).possible


def test_aboudi_needs_a_recall_below_one_half_and_no_misprint():
    audit = AUDITS["aboudi"]
    assert audit.averagings[Averaging.POOLED].short == "yes R47.3"
    assert not audit.averagings[Averaging.MICRO].possible
    misprints = [verdict for reading, verdict in audit.accuracies.items() if reading.kind is AccuracyKind.MISPRINT]
    assert len(misprints) == 3
    assert not any(verdict.possible for verdict in misprints)


def test_aboudi_prints_three_numbers_that_one_table_of_counts_can_have():
    table = Table(tp=4_997, fp=23, fn=5_565, tn=969_415)
    row = AUDITS["aboudi"].row
    assert row.dice.low <= table.lesion.dice <= row.dice.high
    assert row.precision.low <= table.lesion.precision <= row.precision.high
    assert row.accuracy.low <= table.accuracy_voxel <= row.accuracy.high
