"""All measures of one case: what the two protocols say to masks drawn as 0 and 1."""

import numpy as np
import pytest

from stroke_tf.choices import Protocol
from stroke_tf.errors import GeometryError, InputFileError, SettingError
from stroke_tf.metrics.protocols import COLUMNS, MEASURES, RULES, mean_ranks, measure_case

DISTANCES = ("assd_mm", "hd_mm", "hd95_pooled_mm", "hd95_larger_mm")


def drawn(text: str) -> np.ndarray:
    """Turn rows of 0 and 1 into a mask of one slice, shape (rows, columns, 1)."""
    return np.array([[character == "1" for character in row] for row in text.split()])[..., None]


def measured(prediction: str, truth: str, protocol: str, **more) -> dict:
    more = {"spacing_mm": (10.0, 10.0, 10.0)} | more
    return measure_case(drawn(prediction), drawn(truth), protocol=Protocol(protocol), **more)


@pytest.mark.parametrize("protocol", Protocol)
def test_every_column_is_there_in_the_documented_order(protocol):
    case = measured("0110", "0100", protocol)
    assert tuple(case) == COLUMNS
    assert [name for name, value in case.items() if value is None] == ["accuracy_brain"]


@pytest.mark.parametrize("protocol", Protocol)
def test_a_perfect_prediction_scores_the_best_of_every_measure(protocol):
    case = measured("0110 0100", "0110 0100", protocol, brain=drawn("1111 1110"))
    assert {each.name: case[each.name] for each in MEASURES} == {each.name: each.best for each in MEASURES}
    assert case["failed"] is False


@pytest.mark.parametrize("protocol", Protocol)
def test_a_case_drawn_by_hand(protocol):
    case = measured("1100 0000 0001", "1000 0000 0001", protocol, brain=drawn("1111 1111 0000"))
    expected = {
        "dice": 4 / 5,
        "iou": 2 / 3,
        "accuracy_voxel": 11 / 12,
        "accuracy_balanced": (1 + 9 / 10) / 2,
        "accuracy_brain": 7 / 8,
        "precision": 2 / 3,
        "recall": 1.0,
        "specificity": 9 / 10,
        "assd_mm": (10 / 3 + 0) / 2,
        "hd_mm": 10.0,
        "hd95_pooled_mm": 8.0,
        "hd95_larger_mm": 9.0,
        "volume_difference_ml": 1.0,
        "absolute_volume_difference_ml": 1.0,
        "lesion_count_difference": 0,
        "lesion_f1": 1.0,
        "failed": False,
        "tp": 2,
        "fp": 1,
        "fn": 0,
        "tn": 9,
    }
    assert case == {name: pytest.approx(value, abs=1e-12) for name, value in expected.items()}


def test_too_small_a_prediction_has_a_negative_volume_difference():
    case = measured("1000", "1110", "isles2022")
    assert case["volume_difference_ml"] == -2.0
    assert case["absolute_volume_difference_ml"] == 2.0


@pytest.mark.parametrize(("protocol", "dice", "lesion_f1"), [("isles2022", 1.0, 1.0), ("isles2015", None, None)])
def test_two_empty_masks(protocol, dice, lesion_f1):
    case = measured("0000", "0000", protocol)
    assert (case["dice"], case["iou"], case["lesion_f1"]) == (dice, dice, lesion_f1)
    assert (case["absolute_volume_difference_ml"], case["lesion_count_difference"]) == (0.0, 0)
    assert (case["precision"], case["recall"], case["specificity"]) == (None, None, 1.0)
    assert [case[name] for name in DISTANCES] == [None] * 4
    assert case["failed"] is False


@pytest.mark.parametrize(("protocol", "failed"), [("isles2022", False), ("isles2015", True)])
@pytest.mark.parametrize(("prediction", "truth"), [("0000", "0110"), ("0110", "0000")])
def test_one_empty_mask(protocol, failed, prediction, truth):
    case = measured(prediction, truth, protocol)
    assert (case["dice"], case["lesion_f1"], case["lesion_count_difference"]) == (0.0, 0.0, 1)
    assert [case[name] for name in DISTANCES] == [None] * 4
    assert case["failed"] is failed


def test_a_case_without_overlap_has_failed_in_2015_and_keeps_its_distances_in_2022():
    of_2015, of_2022 = (measured("1000", "0001", protocol) for protocol in ("isles2015", "isles2022"))
    assert of_2015["failed"] is True
    assert of_2022["failed"] is False
    assert [of_2015[name] for name in DISTANCES] == [None] * 4
    assert [of_2022[name] for name in DISTANCES] == [30.0] * 4
    rest = [name for name in COLUMNS if name not in (*DISTANCES, "failed")]
    assert {name: of_2015[name] for name in rest} == {name: of_2022[name] for name in rest}


def test_a_brain_of_no_voxels_leaves_its_accuracy_undefined():
    assert measured("10", "10", "isles2022", brain=drawn("00"))["accuracy_brain"] is None


@pytest.mark.parametrize("protocol", Protocol)
def test_a_protocol_names_each_of_its_conventions_once(protocol):
    sentences = [convention.sentence for convention in RULES[protocol].conventions]
    assert len(set(sentences)) == len(sentences)
    assert set(RULES[protocol].official) <= set(COLUMNS)


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(GeometryError, match="prediction has shape"):
        measured("10", "100", "isles2022")
    with pytest.raises(GeometryError, match="positive numbers"):
        measured("10", "10", "isles2022", spacing_mm=(1.0, 1.0, 0.0))
    with pytest.raises(GeometryError, match="inside has shape"):
        measured("10", "10", "isles2022", brain=drawn("111"))
    with pytest.raises(GeometryError, match="3-D volume is needed"):
        measure_case(np.ones((2, 2)), np.ones((2, 2)), spacing_mm=(1, 1, 1), protocol=Protocol.ISLES2022)
    with pytest.raises(InputFileError, match="truth: a mask holds"):
        measure_case(np.ones((1, 1, 3)), np.arange(3.0)[None, None], spacing_mm=(1, 1, 1), protocol=Protocol.ISLES2022)


def test_rows_are_ranked_case_by_case_and_a_failed_case_takes_the_last_rank():
    good, tied, failed = (
        {"dice": 0.8, "assd_mm": 1.0, "hd_mm": 9.0, "failed": False},
        {"dice": 0.8, "assd_mm": 2.0, "hd_mm": 3.0, "failed": False},
        {"dice": 0.0, "assd_mm": None, "hd_mm": None, "failed": True},
    )
    # Ranks of (dice, assd, hd): good 1.5, 1, 2; tied 1.5, 2, 1; failed 3, 3, 3, and in a case that all fail, too.
    rows = {"a": [good, failed], "b": [tied, failed], "c": [failed, failed]}
    assert mean_ranks(rows, protocol=Protocol.ISLES2015) == {"a": 2.25, "b": 2.25, "c": 3.0}


def test_no_rank_is_given_where_the_sources_do_not_tell_how():
    assert mean_ranks({"a": [{"dice": 1.0}]}, protocol=Protocol.ISLES2022) is None


def test_rows_of_different_cases_are_not_ranked():
    with pytest.raises(SettingError, match="the same cases"):
        mean_ranks({"a": [{}, {}], "b": [{}]}, protocol=Protocol.ISLES2015)
