"""Every convention has a word and a sentence."""

import json

import pytest

from stroke_tf.metrics import conventions

KINDS = conventions.Convention.__subclasses__()
VALUES = [value for kind in KINDS for value in kind]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_convention_has_a_sentence_that_can_be_printed(value):
    assert value.sentence.endswith(".")
    assert len(value.sentence.split()) > 5
    assert "\n" not in value.sentence


def test_no_two_conventions_share_a_sentence():
    assert len({value.sentence for value in VALUES}) == len(VALUES) > 12


def test_a_convention_is_found_by_its_word_and_written_as_it():
    assert conventions.BothEmpty("one") is conventions.BothEmpty.ONE
    assert json.dumps(conventions.Hd95.POOLED) == '"pooled"'
