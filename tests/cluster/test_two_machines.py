"""A real Ray cluster of two nodes, one of which dies in the middle: nothing is lost and nothing is done twice."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'"),
]
HERE = Path(__file__).parent
JOBS = ("seed-1/x", "seed-1/z", "seed-2/x")
EPOCHS, STEPS_PER_EPOCH = 6, 3
PATIENCE_S = 800.0


def train_many(data: Path, out: Path, address: str, repository: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(HERE / "train_many.py"), str(data), str(out), address],
        env={**os.environ, "PYTHONPATH": str(repository)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def job_in_the_middle_on(raylet: int, out: Path, driver: subprocess.Popen, parent_of) -> str:
    """Wait until a job on a node has a first checkpoint and is not done; return its name."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and driver.poll() is None:
        for name in JOBS:
            try:
                holder = json.loads((out / name / "lease.json").read_text(encoding="utf-8"))["process"]
                if (out / name / "checkpoint.npz").exists() and parent_of(holder) == raylet:
                    return name
            except (OSError, ValueError):
                continue
        time.sleep(0.05)
    driver.kill()
    raise AssertionError(f"no job came to its first epoch on the second node:\n{driver.stdout.read()}")


def attempts(folder: Path) -> list[dict]:
    return json.loads((folder / "attempts.json").read_text(encoding="utf-8"))


def learnt(folder: Path) -> tuple:
    """Return what a training came to: SHA-256 of the weights, history, and the run card without what clocks tell."""
    card = json.loads((folder / "run_card.json").read_text(encoding="utf-8"))
    rows = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
    history = [row.rpartition(",")[0] for row in rows]  # the last column is seconds
    # The commit is another where somebody works in this checkout while the test runs; the files of the card hold times.
    changing = ("training_seconds", "wall_seconds", "peak_memory_mb", "files", "commit")
    return card["files"]["model.weights.h5"], history, {name: card[name] for name in card if name not in changing}


def test_a_machine_dies_and_nothing_is_lost_or_done_twice(tmp_path, write_case, two_machines, parent_of, repository):
    for number in (1, 2, 3):
        write_case(tmp_path / "data", number)
    cluster, told = two_machines
    out = tmp_path / "ray"
    driver = train_many(tmp_path / "data", out, told["address"], repository)
    victim = job_in_the_middle_on(told["second"], out, driver, parent_of)
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "killed\n"
    said = driver.communicate(timeout=PATIENCE_S)[0]
    assert driver.returncode == 0, said
    assert f"{victim}: its process was lost" in said
    assert "3 of 3 jobs" in said

    for name in JOBS:
        tries = attempts(out / name)
        assert [each["how"] for each in tries] == ([None, "finished"] if name == victim else ["finished"]), name
        # The second try began at a checkpoint of the first, so no epoch of it was trained twice.
        assert [each["from_step"] > 0 for each in tries] == ([False, True] if name == victim else [False]), name
        assert tries[-1]["from_step"] % STEPS_PER_EPOCH == 0
        assert not (out / name / "lease.json").exists()
    assert [path.name for path in out.glob(".shared-*")] == []

    here = train_many(tmp_path / "data", tmp_path / "here", "here", repository)
    said = here.communicate(timeout=PATIENCE_S)[0]
    assert here.returncode == 0, said
    for name in JOBS:
        ours, theirs = learnt(out / name), learnt(tmp_path / "here" / name)
        assert ours == theirs, name
        assert len(ours[1]) == 1 + EPOCHS

    # A second call finds everything done, though the machine is still dead.
    again = train_many(tmp_path / "data", out, told["address"], repository)
    again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0
    assert [len(attempts(out / name)) for name in JOBS] == [2 if name == victim else 1 for name in JOBS]
