"""Which row stands for a model."""

from stroke_tf.workflows.aboudi_results import main_rows


def row(model: str, pace: str | None, *, learnt: bool = False) -> dict:
    return {"id": f"{model}-{pace}", "model": model, "pace": pace, "schedule": {"learnt": learnt}}


def test_a_model_is_shown_at_the_rate_that_learns_where_it_needed_one():
    rows = [row("dwi", "printed"), row("dwi", "learning"), row("t1", "printed", learnt=True)]
    assert [each["id"] for each in main_rows(rows)] == ["dwi-learning", "t1-printed"]


def test_neither_the_compressed_schedule_nor_a_rule_stands_for_a_model():
    rows = [row("three", "printed"), row("three", "compressed"), row("", None)]
    assert [each["id"] for each in main_rows(rows)] == ["three-printed"]


def test_a_twin_that_stopped_untrained_does_not_stand_beside_trained_networks():
    rows = [row("three", "printed"), row("three", "learning"), row("three-categorical", "printed")]
    assert [each["id"] for each in main_rows(rows)] == ["three-learning"]
