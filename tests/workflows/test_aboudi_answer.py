"""The answer in words rests on counts, and changes with them."""

from stroke_tf.paper.audit import audit_row
from stroke_tf.paper.measured_readings import like_the_print
from stroke_tf.paper.tables import ABOUDI_TABLE2
from stroke_tf.workflows.aboudi_answer import answer
from stroke_tf.workflows.aboudi_results import Row

AUDITED = audit_row(ABOUDI_TABLE2[0], cases=3)
MIXED = "D of lesion, P R of background"


def row_of(tp: int, fp: int, fn: int, tn: int, *, model: str = "three") -> dict:
    """Return a row of one case of one slice, as results.json holds it."""
    case = {"case": "1", "tp": tp, "fp": fp, "fn": fn, "tn": tn, "dice": 2 * tp / max(1, 2 * tp + fp + fn)}
    return Row(model or "nothing", model, "a row", "-", cases=[case], slices=[(tp, fp, fn, tn)]).as_json(seed=1)


def test_a_usual_segmentation_looks_like_the_print_where_precision_is_the_backgrounds():
    # 1 % lesion, half of it found, four in five marked voxels right: precision of the background is 99.5 %.
    assert like_the_print(row_of(50, 12, 50, 9888)["readings"]) == [MIXED]


def test_a_careful_one_looks_like_the_print_where_precision_is_the_lesions():
    assert "pooled voxels" in like_the_print(row_of(47, 0, 53, 9900)["readings"])


def test_a_network_that_finds_nothing_looks_like_no_print():
    assert like_the_print(row_of(0, 0, 100, 9900)["readings"]) == []


def test_the_answer_names_the_readings_with_our_numbers():
    said = " ".join(
        answer([row_of(50, 12, 50, 9888)], AUDITED, references={"nothing": row_of(0, 0, 100, 9900, model="")})
    )
    assert f'"{MIXED}" in 1 of 1 (precision beside Dice: 99.50 beside 61.73)' in said
    assert 'it rules out "both classes, counts added"' in said
    assert "needs recall 47.31" in said
    # What the three printed numbers determine: see tests/paper/test_bounds.py.
    assert "lesion precision 80.6, recall 53.3, lesion share 0.96" in said
    assert "voxel accuracy of 99.00 (below the printed 99.43)" in said


def test_without_a_network_that_learnt_the_answer_says_so():
    said = " ".join(answer([row_of(0, 0, 100, 9900)], AUDITED, references={}))
    assert "None of our networks marks a voxel" in said
    assert "None of our networks reaches a Dice of 5 %" in said
