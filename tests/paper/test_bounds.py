"""No random table of counts and no random set of cases violates an identity or a bound."""

from itertools import pairwise

import numpy as np
import pytest

from stroke_tf.paper import bounds
from stroke_tf.paper.counts import Table

TRIES = 400


def random_table(random: np.random.Generator, *, most_share: float = 1.0) -> Table:
    """Draw counts over 10,000 voxels, all non-zero, from rare to common errors."""
    voxels = 10_000
    lesion = int(random.integers(2, max(3, int(most_share * voxels) - 1)))
    tp = int(random.integers(1, lesion))
    background = voxels - lesion
    fp = int(min(background - 1, max(1, np.exp(random.uniform(0, np.log(background))))))
    return Table(tp=tp, fp=fp, fn=lesion - tp, tn=background - fp)


def random_tables(seed: int, *, most_share: float = 0.9) -> list[Table]:
    random = np.random.default_rng(seed)
    return [random_table(random, most_share=most_share) for _ in range(TRIES)]


def random_cases(seed: int, *, most_share: float) -> list[list[Table]]:
    random = np.random.default_rng(seed)
    return [[random_table(random, most_share=most_share) for _ in range(random.integers(2, 8))] for _ in range(TRIES)]


def test_dice_of_one_table_is_implied_by_precision_and_recall():
    for table in random_tables(1):
        assert table.lesion.implied_dice == pytest.approx(table.lesion.dice, abs=1e-12)
        recall = bounds.recall_from_dice(table.lesion.dice, table.lesion.precision)
        assert recall == pytest.approx(table.lesion.recall, abs=1e-9)


def test_each_lesion_share_is_found_again_from_its_accuracy():
    for table in random_tables(2):
        precision, recall, share = table.lesion.precision, table.lesion.recall, table.lesion_share
        assert bounds.share_of_voxel_accuracy(table.accuracy_voxel, precision, recall) == pytest.approx(share)
        assert bounds.share_of_balanced_accuracy(table.accuracy_balanced, precision, recall) == pytest.approx(share)
        assert bounds.share_of_misprint(table.accuracy_misprint, precision, recall) == pytest.approx(share)
        assert share <= bounds.largest_share(precision, recall) + 1e-12


def test_each_lesion_share_of_mixed_classes_is_found_again():
    for table in random_tables(3):
        lesion, background, share = table.lesion, table.background, table.lesion_share
        found = bounds.share_of_macro_dice(table.macro.dice, lesion.precision, lesion.recall)
        assert found == pytest.approx(share, abs=1e-9)
        found = bounds.share_of_mixed_classes(lesion.dice, background.precision, background.recall)
        assert found == pytest.approx(share, abs=1e-9)
        assert bounds.share_of_background_precision(background.precision, background.recall) <= share + 1e-12


def test_mean_dice_never_leaves_its_bounds():
    for cases in random_cases(4, most_share=0.5):
        dice, precision, recall = np.mean([(c.lesion.dice, c.lesion.precision, c.lesion.recall) for c in cases], axis=0)
        assert bounds.least_mean_dice(precision, recall) - 1e-12 <= dice
        assert dice <= bounds.implied_dice(precision, recall) + 1e-12


def test_mean_dice_reaches_its_upper_bound_when_cases_are_alike():
    assert Table(3, 1, 2, 94).lesion.dice == pytest.approx(bounds.implied_dice(3 / 4, 3 / 5))


def test_mean_dice_comes_close_to_its_lower_bound():
    # One right voxel of a large lesion, everything marked for a lesion of one voxel, and a perfect case.
    cases = [Table(1, 0, 10**6, 0), Table(1, 10**6, 0, 0), Table(50, 0, 0, 50)]
    dice, precision, recall = np.mean([(c.lesion.dice, c.lesion.precision, c.lesion.recall) for c in cases], axis=0)
    assert dice == pytest.approx(bounds.least_mean_dice(precision, recall), abs=1e-5)


def test_both_classes_obey_the_bound_of_two_cases():
    for table in random_tables(5):
        assert table.macro.dice <= bounds.implied_dice(table.macro.precision, table.macro.recall) + 1e-12


def test_left_out_precision_and_empty_cases_obey_the_bound():
    random = np.random.default_rng(6)
    for cases in random_cases(7, most_share=0.5):
        both_empty = int(random.integers(0, 4))
        nothing_marked = int(random.integers(0, 3))
        marked_without_lesion = int(random.integers(0, 3))
        dices = [case.lesion.dice for case in cases] + [0.0] * (nothing_marked + marked_without_lesion)
        precisions = [case.lesion.precision for case in cases] + [0.0] * marked_without_lesion
        recalls = [case.lesion.recall for case in cases] + [0.0] * nothing_marked
        bound = bounds.implied_dice(np.mean(precisions), np.mean(recalls))
        assert np.mean(dices) <= bound + 1e-12
        empty = both_empty / (both_empty + len(dices))
        assert np.mean(dices + [1.0] * both_empty) <= empty + (1 - empty) * bound + 1e-12
        zeros = [0.0] * both_empty
        bound = bounds.implied_dice(np.mean(precisions + zeros), np.mean(recalls + zeros))
        assert np.mean(dices + [1.0] * both_empty) <= empty + bound + 1e-12


def test_mean_precision_never_passes_what_accuracy_allows():
    for cases in random_cases(8, most_share=0.05):
        precision, recall = np.mean([(case.lesion.precision, case.lesion.recall) for case in cases], axis=0)
        voxel = np.mean([case.accuracy_voxel for case in cases])
        balanced = np.mean([case.accuracy_balanced for case in cases])
        assert precision <= bounds.most_precision_beside_voxel_accuracy(voxel, recall, 0.05) + 1e-12
        assert precision <= bounds.most_precision_beside_balanced_accuracy(balanced, recall, 0.05) + 1e-12


def passes_through(curve: list[list[tuple[float, float]]], share: float, dice: float) -> bool:
    """Tell whether a step of the curve goes from one side of a point to the other, or nearly so."""
    for before, after in pairwise(curve):
        for (share_1, dice_1), (share_2, dice_2) in zip(before, after, strict=False):
            beside = min(share_1, share_2) - 1e-3 <= share <= max(share_1, share_2) + 1e-3
            if beside and min(dice_1, dice_2) - 1e-3 <= dice <= max(dice_1, dice_2) + 1e-3:
                return True
    return False


def test_the_macro_curve_passes_through_every_table():
    for table in random_tables(9)[:80]:
        macro = table.macro
        curve = list(bounds.macro_curve(macro.precision, macro.recall, 800))
        assert passes_through(curve, table.lesion_share, macro.dice), table


def test_a_majority_never_finds_more_than_its_planes_allow():
    random = np.random.default_rng(10)
    for _ in range(TRIES):
        found = random.random((3, 200)) < random.random((3, 1))
        found[1:] ^= (random.random((2, 200)) < 0.3) & found[0]
        vote = found.sum(axis=0) >= 2
        assert vote.mean() <= bounds.vote_recall_limit(found.mean(axis=1)) + 1e-12


def test_a_majority_reaches_its_limit():
    found = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 1, 1]])
    # Two small planes of 0.4 and a large one: three of five voxels have two votes.
    assert bounds.vote_recall_limit([0.4, 0.4, 1.0]) == pytest.approx(0.8)
    found[1] = [0, 0, 1, 1, 0]
    assert (found.sum(axis=0) >= 2).mean() == 0.8


def test_dice_accuracy_and_background_precision_determine_the_lesion():
    for table in random_tables(11):
        found = bounds.lesion_of_mixed_classes(table.lesion.dice, table.accuracy_voxel, table.background.precision)
        assert found == pytest.approx((table.lesion.precision, table.lesion.recall, table.lesion_share), rel=1e-6)


def test_what_aboudi_prints_is_a_usual_segmentation_if_precision_is_the_backgrounds():
    found = bounds.lesion_of_mixed_classes(0.6414, 0.9943, 0.9955)
    assert found == pytest.approx((0.806, 0.533, 0.0096), abs=1e-3)
