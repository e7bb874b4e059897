"""The run card, and whether a run is still what its card says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import stroke_tf
from stroke_tf.errors import TrainingError
from stroke_tf.files import sha256_of_file
from stroke_tf.training.record import (
    HISTORY,
    RUN_CARD,
    commit,
    faults_of_run,
    peak_memory_mb,
    read_history,
    read_run_card,
    versions,
    write_history,
    write_run_card,
)

CONTENT = {
    "recipe": {"name": "tiny"},
    "seed": 1,
    "plane": None,
    "split": {"train": ["1"], "validation": ["2"]},
    "data_sha256": "0" * 64,
    "weights": {"name": "none", "sha256": None},
    "device": "CPU",
    "wall_seconds": 1.0,
}


@pytest.fixture
def run(tmp_path):
    """Return a run folder with three small files and a card."""
    (tmp_path / "network.json").write_text("{}")
    (tmp_path / "model.weights.h5").write_bytes(b"weights")
    write_history(tmp_path, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    write_run_card(tmp_path, CONTENT)
    return tmp_path


def test_history_is_a_row_an_epoch(run):
    assert (run / HISTORY).read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_history_is_read_as_it_was_written(tmp_path):
    rows = [{"epoch": 1, "phase": "as printed", "loss": 0.6931, "validation_dice": 1e-05}]
    write_history(tmp_path, rows)
    assert read_history(tmp_path) == rows
    (tmp_path / HISTORY).write_text("epoch,loss\n1\n")
    with pytest.raises(TrainingError, match=r"history\.csv: not readable as a history"):
        read_history(tmp_path)


def test_a_card_holds_what_it_was_given_and_the_digests_of_the_files(run):
    card = read_run_card(run)
    assert {name: card[name] for name in CONTENT} == CONTENT
    assert card["files"] == {
        name: sha256_of_file(run / name) for name in ("network.json", "model.weights.h5", "history.csv")
    }
    assert card["peak_memory_mb"] > 10
    assert card["versions"]["stroke_tf"] == stroke_tf.__version__


def test_an_untouched_run_has_no_faults(run):
    assert faults_of_run(run) == []


@pytest.mark.parametrize("name", ["network.json", "model.weights.h5", "history.csv"])
def test_a_changed_file_is_a_fault(run, name):
    with open(run / name, "ab") as stream:
        stream.write(b" ")
    (fault,) = faults_of_run(run)
    assert fault.startswith(f"{run / name}: its SHA-256 is not the one in the run card")


def test_a_missing_file_is_a_fault(run):
    (run / "model.weights.h5").unlink()
    assert faults_of_run(run) == [f"{run / 'model.weights.h5'}: missing"]


def test_a_card_without_an_entry_is_a_fault(run):
    card = read_run_card(run)
    del card["seed"], card["split"]
    (run / RUN_CARD).write_text(json.dumps(card))
    assert [fault.rpartition("no entry ")[2] for fault in faults_of_run(run)] == ["'seed'", "'split'"]


def test_a_folder_without_a_card_is_not_a_finished_run(tmp_path):
    with pytest.raises(TrainingError, match=r"no run card, .*--resume"):
        faults_of_run(tmp_path)


def test_a_card_that_is_not_json_is_explained(run):
    (run / RUN_CARD).write_text("{")
    with pytest.raises(TrainingError, match="not readable as JSON"):
        read_run_card(run)


def test_the_versions_name_what_decides_results():
    assert {"python", "stroke_tf", "keras", "numpy", "segmentation-models"} <= set(versions())
    assert {"tensorflow", "tensorflow-cpu"} & set(versions())


def test_the_commit_is_that_of_the_source_tree(repository):
    try:
        git = ["git", "-C", str(repository), "rev-parse", "HEAD"]
        head = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy of the source has no git history, or git is not installed")
    assert commit() in (head, f"{head}+changes")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a program's own peak in a file")
def test_peak_memory_leaves_out_what_the_starting_process_holds():
    held = bytearray(b"1") * 400_000_000
    command = "from stroke_tf.training.record import peak_memory_mb; print(peak_memory_mb())"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert len(held) == 400_000_000
    assert float(told) < 200


def test_peak_memory_is_that_of_a_python_process():
    assert 20 < peak_memory_mb() < 1_000_000
