"""One set of masks under every reading, on counts small enough to check by eye."""

from stroke_tf.paper.counts import Table
from stroke_tf.paper.measured_readings import WHAT_COUNTS, readings_of
from stroke_tf.paper.readings import Averaging

# Two cases of two slices each: half of the lesion found, then all of it with as much again.
SLICES = [Table(1, 0, 1, 8), Table(0, 0, 0, 10), Table(2, 2, 0, 6), Table(0, 1, 0, 9)]
CASES = [Table(1, 0, 1, 18), Table(2, 3, 0, 15)]


def found() -> dict:
    return readings_of(CASES, SLICES)


def numbers(reading: Averaging) -> tuple:
    overlap = found()[reading]
    return tuple(None if each is None else round(each, 4) for each in (overlap.dice, overlap.precision, overlap.recall))


def test_every_reading_of_the_audit_is_computed_and_explained():
    assert list(found()) == list(Averaging) == list(WHAT_COUNTS)


def test_pooled_voxels_are_one_table():
    assert numbers(Averaging.POOLED) == (0.6, 0.5, 0.75)


def test_cases_count_the_same_whatever_their_size():
    assert numbers(Averaging.CASES) == (round((2 / 3 + 4 / 7) / 2, 4), round((1 + 2 / 5) / 2, 4), 0.75)


def test_slices_differ_by_what_an_empty_one_scores():
    # Dice: 2/3, empty, 2/3, 0. Precision: 1, none, 1/2, 0. Recall: 1/2, none, 1, none.
    dice = round((2 / 3 + 1 + 2 / 3 + 0) / 4, 4)
    assert numbers(Averaging.SLICES_LEFT_OUT) == (dice, 0.5, 0.75)
    assert numbers(Averaging.SLICES_ZERO) == (dice, 0.375, 0.375)
    assert numbers(Averaging.SLICES_ONE) == (dice, 0.625, 0.625)


def test_added_classes_make_all_three_the_accuracy():
    assert numbers(Averaging.MICRO) == (0.9, 0.9, 0.9)


def test_mixed_readings_take_each_number_from_its_class():
    lesion, background = found()[Averaging.POOLED], found()[Averaging.BACKGROUND]
    mixed, macro_dice = found()[Averaging.MIXED_CLASSES], found()[Averaging.MACRO_DICE]
    assert (mixed.dice, mixed.precision, mixed.recall) == (lesion.dice, background.precision, background.recall)
    assert (macro_dice.precision, macro_dice.recall) == (lesion.precision, lesion.recall)
    assert macro_dice.dice == (lesion.dice + background.dice) / 2


def test_nothing_marked_has_no_precision_but_in_the_readings_that_give_it_one():
    nothing = readings_of([Table(0, 0, 2, 8)], [Table(0, 0, 2, 3), Table(0, 0, 0, 5)])
    assert nothing[Averaging.POOLED].precision is None
    assert nothing[Averaging.CASES].precision is None
    assert nothing[Averaging.SLICES_ONE].precision == 0.5
    assert nothing[Averaging.BACKGROUND].precision == 0.8
