"""A folder that another machine does not share is told from one that it does."""

import pytest

from stroke_tf.cluster.shared_folder import SharedFolder, not_shared, shared_folder
from stroke_tf.errors import OutputError


def test_a_machine_that_sees_the_folder_answers_in_it(tmp_path):
    with shared_folder(tmp_path) as shared:
        assert not shared.is_answered("one")
        shared.require_here("one")
        assert shared.is_answered("one")
        assert not shared.is_answered("two")


def test_nothing_is_left_in_the_folder(tmp_path):
    with shared_folder(tmp_path / "out") as shared:
        shared.require_here("one")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_of_the_same_name_without_the_mark_is_another(tmp_path):
    (tmp_path / "local").mkdir()
    with pytest.raises(OutputError, match=r"(?s)not the same folder on every machine.*two: No such file.*--out"):
        SharedFolder(tmp_path / "local", "token").require_here("two")


def test_a_mark_of_another_run_is_no_proof(tmp_path):
    shared = SharedFolder(tmp_path, "token")
    shared.mark.write_text("other")
    with pytest.raises(OutputError, match="is another folder there"):
        shared.require_here("two")


def test_the_message_lists_every_machine_that_does_not_share(tmp_path):
    said = not_shared(tmp_path, ["one: absent", "two: read only"])
    assert "one: absent" in said and "two: read only" in said
