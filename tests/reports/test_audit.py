"""The audit's pages: every row and reading stands there, and nothing is wider than a terminal."""

from stroke_tf.paper.audit import audit_table, vote_verdict
from stroke_tf.paper.readings import ACCURACY_READINGS, Averaging
from stroke_tf.paper.tables import ABOUDI_2022, MULTIPLANE_2025
from stroke_tf.reports.audit import audit_content, audit_markdown, comparison_markdown, key_markdown, rules_markdown

AUDITS = audit_table(MULTIPLANE_2025)
VOTE = vote_verdict([row.recall for row in MULTIPLANE_2025.rows[1:4]], MULTIPLANE_2025.rows[5].recall)
SUMMARY = {name: {"mean": 0.5} for name in ("dice", "precision", "recall", "accuracy_voxel")}
POOLED = {"tp": 3, "fp": 1, "fn": 1, "tn": 5}


def test_every_reading_is_a_line_and_every_row_a_column():
    text = audit_markdown(MULTIPLANE_2025, AUDITS, VOTE)
    lines = text.split("\n")
    for name in [averaging.value for averaging in Averaging] + [reading.name for reading in ACCURACY_READINGS]:
        (line,) = (line for line in lines if line.startswith(f"| {name} "))
        assert line.count("|") == 1 + 1 + len(MULTIPLANE_2025.rows)


def test_nothing_is_wider_than_a_terminal():
    text = audit_markdown(MULTIPLANE_2025, AUDITS, VOTE) + key_markdown() + rules_markdown()
    assert max(len(line) for line in text.split("\n")) <= 120


def test_a_table_without_a_vote_has_no_word_about_one():
    text = audit_markdown(ABOUDI_2022, audit_table(ABOUDI_2022), None)
    assert "vote" not in text
    assert "Recall is not printed: D 64.14 beside P 99.55 needs recall 47.31." in " ".join(text.split())


def test_the_data_tell_each_verdict_with_its_rule():
    content = audit_content(MULTIPLANE_2025, AUDITS, VOTE)
    x = next(row for row in content["rows"] if row["id"] == "x")
    assert x["printed"]["dice"] == "80.7"
    pooled = x["dice_readings"]["pooled voxels"]
    assert pooled["verdict"] == "impossible"
    assert pooled["numbers"] == "D 80.7, 2PR/(P+R) = 51.77"
    assert x["all_numbers_together"] == []
    assert content["vote_recall"]["verdict"] == "impossible"


def test_ours_stand_under_each_convention_beside_the_printed():
    row = {
        "id": "x",
        "summary": SUMMARY,
        "pooled": POOLED,
        "paper": {"dice": 0.807, "precision": 0.617, "recall": 0.446},
    }
    text = comparison_markdown({"synthetic": True, "rows": [row]})
    assert "SYNTHETIC PHANTOMS" in text
    assert "| x   | (paper)                    | 80.7 | 61.7 | 44.6 |     51.77 |  28.93 |" in text
    assert "|     | pooled voxels              | 75.0 | 75.0 | 75.0 |     75.00 |   0.00 |" in text
    assert "|     | both classes, counts added | 80.0 | 80.0 | 80.0 |     80.00 |   0.00 |" in text
