"""Each reading has its rule, and a name of its own."""

from stroke_tf.paper.averagings import DICE_VERDICTS
from stroke_tf.paper.readings import ACCURACY_READINGS, ACCURACY_RULES, RULES, Averaging


def test_every_reading_has_a_rule():
    assert set(RULES) == set(DICE_VERDICTS) == set(Averaging)
    assert {(reading.averaging, reading.kind) for reading in ACCURACY_READINGS} == set(ACCURACY_RULES)


def test_no_two_readings_of_an_accuracy_have_one_name():
    names = [reading.name for reading in ACCURACY_READINGS]
    assert len(set(names)) == len(names)
    assert "voxel, box, pooled" in names
