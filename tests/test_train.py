"""The door that trains one network: killed at any moment, it goes on with the same bits."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from stroke_tf.recipes.multiplane_2025 import SMOKE as PRESET
from stroke_tf.train import main

SMOKE = ["--preset", "smoke", "--weights", "none", "--device", "cpu", "--precision", "float32"]
PLANE = [*SMOKE, "--axis", "y", "--steps-per-epoch", "4", "--checkpoint-every", "0"]
VOLUME = [*SMOKE, "--architecture", "unet3d", "--steps-per-epoch", "1"]
CLOCK = {"wall_seconds", "training_seconds", "peak_memory_mb", "files", "commit"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return the folder in which all runs of this file share phantoms and prepared cases."""
    return tmp_path_factory.mktemp("runs")


def arrays(run: Path) -> dict[str, np.ndarray]:
    """Return every array of a weight file by its path."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(run / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def history(run: Path) -> list[dict[str, str]]:
    with open(run / "history.csv", newline="", encoding="utf-8") as stream:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(stream)]


def card(run: Path) -> dict:
    return json.loads((run / "run_card.json").read_text(encoding="utf-8"))


def require_same_bits(first: Path, second: Path) -> None:
    ones, others = arrays(first), arrays(second)
    assert list(ones) == list(others)
    assert [name for name in ones if ones[name].tobytes() != others[name].tobytes()] == []
    assert history(first) == history(second)
    ones, others = card(first), card(second)
    assert {name: ones[name] for name in set(ones) - CLOCK} == {name: others[name] for name in set(others) - CLOCK}


def step_on_disk(run: Path) -> int:
    """Return the step of the checkpoint, 0 where there is none yet."""
    try:
        with np.load(run / "checkpoint.npz") as stored:
            return json.loads(stored["facts"].tobytes())["step"]
    except FileNotFoundError:
        return 0


def killed_in_the_middle(arguments: list[str], run: Path) -> int:
    """Start a run in a process of its own, kill it at its first checkpoint, and return the checkpoint's step."""
    command = [sys.executable, "-m", "stroke_tf.train", *arguments, "--out", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while not step_on_disk(run):
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.05)
        finally:
            process.kill()
        process.communicate()
    assert os.name != "posix" or process.returncode == -signal.SIGKILL
    return step_on_disk(run)


def test_a_run_that_was_killed_resumes_to_the_bits_of_one_that_was_not(home, capsys, next_command):
    assert killed_in_the_middle(PLANE, home / "killed") in (1, 2, 3)
    assert not (home / "killed" / "run_card.json").exists()
    assert main([*PLANE, "--out", str(home / "killed"), "--resume"]) == 0
    assert main([*PLANE, "--out", str(home / "whole")]) == 0
    require_same_bits(home / "killed", home / "whole")
    assert not (home / "killed" / "checkpoint.npz").exists()
    printed = capsys.readouterr().out
    assert printed.startswith("device: CPU") and "data: SYNTHETIC phantoms" in printed and "weights: none" in printed
    phantoms = str(home / "synthetic-phantoms-smoke-2511")
    assert next_command(printed)[:5] == ["predict", "--runs", str(home / "whole"), "--data", phantoms]
    assert Path(phantoms).is_dir()


@pytest.fixture(scope="module")
def volume(home) -> Path:
    """Return a finished run of the 3-D network, the quickest to train."""
    run = home / "volume"
    assert main([*VOLUME, "--out", str(run)]) == 0
    return run


def test_two_runs_of_one_seed_give_the_same_bits(volume, home):
    assert main([*VOLUME, "--out", str(home / "again")]) == 0
    require_same_bits(volume, home / "again")


def test_another_seed_gives_other_bits(volume, home):
    data = str(home / "synthetic-phantoms-smoke-2511")
    assert main([*VOLUME, "--data", data, "--seed", "7", "--out", str(home / "seven")]) == 0
    ones, others = arrays(volume), arrays(home / "seven")
    assert any(ones[name].tobytes() != others[name].tobytes() for name in ones)


def test_a_run_tells_its_split_and_that_its_cases_are_phantoms(volume):
    found = card(volume)
    named = [*found["split"]["train"], *found["split"]["validation"]]
    # Fold 0 keeps a quarter of the cases for testing.
    assert len(set(named)) == len(named) == PRESET.cohort.cases * 3 // 4
    assert found["synthetic"] is True
    assert found["versions"]["stroke_tf"] and found["peak_memory_mb"] > 100


def times(run: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.rglob("*")}


def fault_of(arguments: list[str], capsys) -> str:
    """Return what a call that must fail says."""
    assert main(arguments) == 2
    return capsys.readouterr().err


def test_a_run_of_other_settings_is_not_written_over(volume, capsys):
    before = times(volume)
    assert "exists already. Pass --resume" in fault_of([*VOLUME, "--batch-size", "2", "--out", str(volume)], capsys)
    assert times(volume) == before


def test_a_run_of_another_recipe_is_not_resumed(volume, capsys):
    before = times(volume)
    fault = fault_of([*VOLUME, "--batch-size", "2", "--out", str(volume), "--resume"], capsys)
    assert "holds a run with another recipe" in fault
    fault = fault_of([*SMOKE, "--axis", "z", "--out", str(volume), "--resume"], capsys)
    assert "holds a run with another plane, recipe" in fault
    assert times(volume) == before


def test_a_finished_run_is_left_as_it_is(volume, capsys):
    before = times(volume)
    assert main([*VOLUME, "--out", str(volume), "--resume"]) == 0
    assert "exists already. Pass --resume" in fault_of([*VOLUME, "--out", str(volume)], capsys)
    assert times(volume) == before


def test_a_damaged_checkpoint_is_an_error_and_not_a_fresh_start(volume, home, capsys):
    run = home / "damaged"
    run.mkdir()
    (run / "settings.json").write_bytes((volume / "settings.json").read_bytes())
    (run / "checkpoint.npz").write_bytes(b"PK\3\4 torn")
    assert "the checkpoint is damaged" in fault_of([*VOLUME, "--out", str(run), "--resume"], capsys)
    assert (run / "checkpoint.npz").read_bytes() == b"PK\3\4 torn"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (["--axis", "w"], "Unknown axis. Use one of x, y, z"),
        ([], "Give --axis x, y or z with a 2-D network, and none with unet3d"),
        (["--axis", "x", "--architecture", "unet3d"], "Give --axis x, y or z with a 2-D network, and none with unet3d"),
        (["--axis", "x", "--sequences", "DWI,FLAIR,DWI"], "different sequences, at least one"),
        (["--axis", "x", "--neighbours", "-1"], "0 to 3 neighbours on each side. Received: -1"),
        (["--axis", "x", "--backbone", "vgg"], "Unknown backbone. Use one of resnet18, resnet34, resnet50"),
        (["--architecture", "unet3d", "--backbone", "vgg16"], "no encoder to choose. Leave --backbone away"),
        (["--architecture", "unet3d", "--neighbours", "1"], "Leave --neighbours away"),
        (
            ["--axis", "x", "--backbone", "vgg16", "--weights", "imagenet"],
            "No pretrained weights are known here for the backbone vgg16",
        ),
        (
            ["--axis", "x", "--backbone", "vgg16", "--weights", __file__],
            "No pretrained weights are known here for the backbone vgg16",
        ),
        (["--axis", "x", "--batch-size", "0"], "at least 1"),
        (["--axis", "x", "--weights", "own.h5"], "--weights own.h5: no such file"),
        (["--axis", "x", "--data", "nowhere"], "nowhere: no such manifest or folder"),
    ],
    ids=[
        "axis",
        "no axis",
        "3-D axis",
        "sequences",
        "neighbours",
        "backbone",
        "3-D backbone",
        "3-D neighbours",
        "published weights",
        "weights of another encoder",
        "batch size",
        "weights",
        "data",
    ],
)
def test_a_wrong_word_is_explained_and_nothing_is_written(tmp_path, capsys, changed, fault):
    assert fault in fault_of([*SMOKE, *changed, "--out", str(tmp_path / "run")], capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_an_error(tmp_path, capsys):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    assert "TensorFlow sees no GPU" in fault_of(
        ["--preset", "smoke", "--axis", "x", "--device", "gpu", "--out", str(tmp_path / "run")], capsys
    )
    assert list(tmp_path.iterdir()) == []


def phantoms(home: Path) -> list[str]:
    return ["--data", str(home / "synthetic-phantoms-smoke-2511")]


def test_cases_can_be_named_instead_of_a_fold(volume, home):
    run = home / "named"
    assert main([*VOLUME, *phantoms(home), "--train-cases", "1, 3", "--validation-cases", "2", "--out", str(run)]) == 0
    assert card(run)["split"] == {"train": ["1", "3"], "validation": ["2"]}


@pytest.mark.parametrize(
    ("cases", "fault"),
    [
        (["--train-cases", "1,2", "--validation-cases", "2"], "Case 2 cannot both train and validate"),
        (["--train-cases", "1,99"], "No case is called 99"),
    ],
)
def test_cases_that_cannot_be_used_are_named(volume, home, capsys, cases, fault):
    run = home / "refused"
    assert fault in fault_of([*VOLUME, *phantoms(home), *cases, "--out", str(run)], capsys)
    assert not run.exists()


def test_a_variant_is_trained_and_predicts_as_it_was_trained(volume, home, capsys):
    """Another encoder, four sequences, neighbours: the run folder tells predict what its network sees."""
    from stroke_tf.predict import main as predict

    run, data = home / "variant", home / "synthetic-phantoms-smoke-2511"
    changed = ["--backbone", "resnet18", "--sequences", "DWI,FLAIR,T2,T1", "--neighbours", "1", "--batch-size", "2"]
    named = ["--train-cases", "1", "--validation-cases", "2", "--steps-per-epoch", "1"]
    assert main([*SMOKE, *phantoms(home), "--axis", "y", *changed, *named, "--out", str(run)]) == 0
    told = json.loads((run / "network.json").read_text())
    assert (told["network"]["backbone"], told["network"]["channels"]) == ("resnet18", 12)
    assert (told["description"]["neighbours"], len(told["description"]["sequences"])) == (1, 4)
    asked = ["--runs", str(run), "--data", str(data), "--case", "3", "--out", str(home / "masks")]
    assert predict([*asked, "--engine", "openvino"]) == 2
    assert "Predict others with --engine keras" in capsys.readouterr().err
    assert predict(asked) == 0
    assert ", Keras ·" in capsys.readouterr().out
    assert (home / "masks" / "3_mask.nii.gz").exists()
