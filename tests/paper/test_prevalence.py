"""How much lesion the test cases can hold, from what the organisers publish."""

import pytest

from stroke_tf.paper.prevalence import Area, lesion_share


def test_seven_cases_cannot_hold_more_lesion_than_the_whole_cohort():
    assert lesion_share(Area.VOLUME, 7).most == pytest.approx(56 * 17.59 / 7 / 8146.6)
    assert lesion_share(Area.VOLUME, 1).most == pytest.approx(346.064 / 8146.6)
