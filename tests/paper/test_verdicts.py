"""A lesion share that is needed is judged by the share that there can be."""

import pytest

from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.verdicts import share_verdict, show, verdict_by_share, yes_or_no


def test_a_share_is_possible_up_to_the_most_that_there_can_be():
    possible, impossible = (share_verdict(share, 0.02, 0.01, "rule") for share in (0.02, 0.0201))
    assert (possible.possible, possible.word, possible.short) == (True, "possible", "yes q2.0")
    assert (impossible.possible, impossible.word, impossible.short) == (False, "impossible", "no q2.0")
    assert possible.numbers == "needs a lesion share of 2.00; at most 2.00, 1.00 in the mean"


def test_a_box_has_no_mean_share_to_tell():
    assert share_verdict(0.2, 0.5, float("nan"), "rule").numbers == "needs a lesion share of 20.00; at most 50.00"


@pytest.mark.parametrize("share", [float("nan"), float("inf"), 1.01])
def test_what_is_no_share_fits_nothing(share: float):
    assert share_verdict(share, 1.0, 0.5, "rule").numbers == "no lesion share fits"


def test_a_share_without_an_area_is_judged_in_the_brain():
    most = lesion_share(Area.BRAIN, 7).most
    assert most > lesion_share(Area.VOLUME, 7).most
    assert verdict_by_share(most, 7, "rule").possible
    assert not verdict_by_share(most * 1.001, 7, "rule").possible


def test_figures_are_percent_without_the_sign():
    assert (show(0.51774, 2), show(0.5), yes_or_no(True), yes_or_no(False)) == ("51.77", "50.0", "yes", "no")
