"""Charts are drawn to scale, their text is escaped, and their classes are what colours them."""

import xml.etree.ElementTree as ElementTree

import pytest

from stroke_tf.reports.charts import (
    DotRow,
    Series,
    agreement,
    allowed_chart,
    curves_chart,
    differences_chart,
    dots_chart,
    shares_chart,
    size_chart,
    volumes_chart,
)
from stroke_tf.reports.svg import SHAPES, Drawing, Scale

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert(1)</script>&"'


def drawn(svg: str) -> ElementTree.Element:
    """Return the drawing as XML, which it must be."""
    return ElementTree.fromstring(svg)


def hints(svg: str) -> list[str]:
    return [title.text for title in drawn(svg).iter(f"{SVG}title")]


def test_a_scale_keeps_order_and_holds_its_ends():
    scale = Scale(0, 50, 200, 100)
    assert [scale(value) for value in (0, 25, 50)] == [200, 150, 100]
    assert scale(80) == 100


def test_a_logarithmic_scale_gives_each_decade_the_same_room():
    scale = Scale(1, 1000, 0, 300, log=True)
    assert [round(scale(value)) for value in (1, 10, 100, 1000)] == [0, 100, 200, 300]


def test_a_short_logarithmic_scale_has_ticks_too():
    assert Scale(3, 60, 0, 1, log=True).ticks() == [5, 10, 20, 50]


def test_names_from_data_cannot_become_marks():
    svg = dots_chart([DotRow(HOSTILE, [(HOSTILE, 50.0)], mean=50.0, paper=80.0)], label=HOSTILE)
    assert "<script" not in svg
    assert f"{HOSTILE}: 50.0" in hints(svg)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_drawn_where_it_is_asked_for(shape: str):
    board = Drawing(100, 100)
    board.mark(40, 60, "dot blue", shape=shape, hint="case 7")
    (mark,) = list(drawn(board.svg()))
    assert mark.get("class") == "dot blue"
    assert hints(board.svg()) == ["case 7"]


def test_every_case_is_a_dot_and_a_case_without_a_value_is_none():
    svg = dots_chart([DotRow("vote", [("1", 70.0), ("2", None), ("3", 90.0)])], label="Dice, %")
    assert [hint for hint in hints(svg) if hint[0] in "123"] == ["1: 70.0", "3: 90.0"]


def test_limits_of_agreement_are_the_mean_and_1_96_deviations():
    panel = Series("vote", [("1", 10, 12), ("2", 20, 24), ("3", 30, 36)])
    assert agreement(panel) == pytest.approx((4.0, 4 - 1.96 * 2, 4 + 1.96 * 2))
    assert agreement(Series("vote", [("1", 10, 12)])) == (2,)
    assert agreement(Series("vote")) == ()


def test_volumes_are_drawn_as_difference_at_their_mean():
    assert "7: +4.0 ml at 12.0 ml" in hints(volumes_chart([Series("vote", [("7", 10, 14)])]))


def test_a_case_without_lesion_does_not_stand_on_a_logarithmic_axis():
    svg = size_chart([Series("vote", [("1", 0.0, 0.0), ("2", 5.0, 80.0)])])
    assert hints(svg) == ["vote, 2: Dice 80.0 % at 5.0 ml"]


def test_a_printed_number_outside_what_is_allowed_is_marked_as_impossible():
    looks = [mark.get("class") for mark in drawn(allowed_chart([("a", 80, 10, 50), ("b", 20, 10, 50)]))]
    # The first of each colour stands in the legend.
    assert looks.count("dot red") == 2 and looks.count("dot green") == 2


def test_an_interval_that_holds_zero_is_grey():
    lines = [("up", 2.0, 1.0, 3.0), ("down", -2.0, -3.0, -1.0), ("open", 1.0, -1.0, 3.0), ("one case", 1.0, None, None)]
    marks = drawn(differences_chart(lines, label="points"))
    looks = [mark.get("class") for mark in marks if mark.tag in (f"{SVG}circle", f"{SVG}polygon")]
    assert looks == ["dot green", "dot red", "dot grey", "dot grey"]


def test_a_learning_curve_of_one_epoch_or_with_a_gap_is_drawn():
    svg = curves_chart({"x": [{"epoch": 1, "loss": 0.5}], "y": [{"epoch": 1, "loss": 0.5, "validation_dice": 0.25}]})
    assert "y, epoch 1: validation dice 0.25" in hints(svg)


def test_charts_of_nothing_are_still_drawings():
    for svg in (dots_chart([], label=""), volumes_chart([]), size_chart([]), curves_chart({}), allowed_chart([])):
        drawn(svg)
    drawn(shares_chart([("0-1", None, [])], label="", across=""))
