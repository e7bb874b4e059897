"""The printed numbers are those of the page, digits included."""

import copy
import json

import pytest

from stroke_tf.errors import SettingError
from stroke_tf.paper.tables import (
    ABOUDI_2022,
    CLAIMS,
    MULTIPLANE_2025,
    Percent,
    printed_row,
    printed_verdict,
)

# Copied from the paper's page a second time, so that a slip of the finger in either place is seen.
AS_PRINTED = """
3d-unet 0.73 49.89 31.6 0.37
x 80.7 52.53 61.7 44.6
y 80.12 57.89 74.86 65.29
z 21.064 49.89 32.6 15.58
absent 43.26 52.67 46.57 45.83
vote 80.5 74.03 73.33 62.47
"""


def test_table_1_is_as_printed():
    rows = [
        " ".join([row.id, row.dice.text, row.accuracy.text, row.precision.text, row.recall.text])
        for row in MULTIPLANE_2025.rows
    ]
    assert rows == AS_PRINTED.split("\n")[1:-1]


def test_aboudi_prints_no_recall():
    (row,) = ABOUDI_2022.rows
    assert (row.dice.text, row.accuracy.text, row.precision.text, row.recall) == ("64.14", "99.43", "99.55", None)


def test_a_percent_is_a_fraction_that_json_can_hold():
    assert json.dumps({"dice": printed_row("z").dice}) == '{"dice": 0.21064}'


def test_a_percent_stands_for_one_unit_of_its_last_digit_either_way():
    assert (Percent("31.6").low, Percent("31.6").high) == (0.315, 0.317)
    assert (Percent("0.00").low, Percent("100").high) == (0.0, 1.0)


def test_a_copied_percent_keeps_its_digits():
    assert copy.deepcopy(Percent("80.50")).text == "80.50"


def test_an_unknown_row_is_refused_by_name():
    with pytest.raises(SettingError, match="Received: 'w'"):
        printed_row("w")


def test_the_printed_table_does_not_carry_the_claim_that_the_vote_beats_each_plane():
    assert printed_verdict("vote") == ("fails", "vote 80.5 against the best plane's 80.7")
    assert printed_verdict("planes-beat-3d")[0] == "holds"
    assert printed_verdict("pretrained")[0] == "not testable"


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS])
def test_each_claim_has_a_verdict_by_the_printed_table(claim: str):
    assert printed_verdict(claim)[0] in ("holds", "fails", "not testable")
    with pytest.raises(SettingError, match="No claim"):
        printed_verdict(claim + "?")
