"""Checkpoints: saved and read back to the bit, or refused."""

import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.errors import OutputError, TrainingError
from stroke_tf.training.resume import STATE_FILE, State, assign, load_state, save_state

STATE = State(
    model=[np.float32([[1.5, -0.0], [np.pi, 1e-42]]), np.int64(7)],
    optimizer=[np.arange(12, dtype=np.float32).reshape(3, 4) for _ in range(11)],
    facts={"step": 3, "history": [{"loss": 0.1}], "best_score": None, "phase": "frozen encoder"},
)


def test_what_is_read_is_what_was_saved(tmp_path):
    save_state(tmp_path, STATE)
    found = load_state(tmp_path)
    assert found.facts == STATE.facts
    for read, saved in zip([*found.model, *found.optimizer], [*STATE.model, *STATE.optimizer], strict=True):
        assert read.dtype == saved.dtype
        assert read.tobytes() == saved.tobytes()


def test_more_than_ten_variables_keep_their_order(tmp_path):
    save_state(tmp_path, State([np.float32(number) for number in range(25)], [], {}))
    assert [int(value) for value in load_state(tmp_path).model] == list(range(25))


def test_no_checkpoint_is_no_state(tmp_path):
    assert load_state(tmp_path) is None


def test_a_newer_checkpoint_replaces_the_older_and_leaves_nothing_beside_it(tmp_path):
    save_state(tmp_path, STATE)
    save_state(tmp_path, State([], [], {"step": 4}))
    assert load_state(tmp_path).facts == {"step": 4}
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path):
    save_state(tmp_path, STATE)
    before = (tmp_path / STATE_FILE).read_bytes()
    with pytest.raises(TypeError):
        save_state(tmp_path, State([], [], {"step": object()}))
    assert (tmp_path / STATE_FILE).read_bytes() == before


def test_a_folder_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_state(tmp_path / "run", STATE)


@pytest.mark.parametrize("kept", [0, 10, 500, -1])
def test_a_cut_checkpoint_is_an_error_and_not_a_fresh_start(tmp_path, kept):
    save_state(tmp_path, STATE)
    path = tmp_path / STATE_FILE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TrainingError, match=r"checkpoint\.npz: the checkpoint is damaged .*--force"):
        load_state(tmp_path)


def test_a_flipped_byte_is_found(tmp_path):
    save_state(tmp_path, State([np.zeros(1000, np.float32)], [], {}))
    path = tmp_path / STATE_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="damaged"):
        load_state(tmp_path)


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path):
    with open(tmp_path / STATE_FILE, "wb") as stream:
        np.savez(stream, something=np.zeros(3))
    with pytest.raises(TrainingError, match="damaged"):
        load_state(tmp_path)


def test_values_come_back_into_their_variables():
    variables = [tf.Variable([0.0, 0.0]), tf.Variable(0)]
    assign(variables, [np.float32([1, 2]), np.int32(3)], "model")
    assert [variable.numpy().tolist() for variable in variables] == [[1.0, 2.0], 3]


@pytest.mark.parametrize("values", [[np.zeros(3, np.float32)], [], [np.zeros(2, np.float32)] * 2])
def test_values_of_another_network_are_refused_before_any_is_assigned(values):
    variable = tf.Variable([5.0, 5.0])
    with pytest.raises(TrainingError, match=r"optimizer has .* another network"):
        assign([variable], values, "optimizer")
    assert variable.numpy().tolist() == [5.0, 5.0]
