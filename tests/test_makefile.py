"""What make would run: the options it passes on, the environment it makes, and what it says when it cannot."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed here")


def make(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run make; what an outer make handed down to these tests is left out."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        [MAKE, *words], cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """Return a folder with the Makefile and what it reads, and no environment yet."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(repository / name, folder)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder that is the whole PATH of a machine: empty until a test puts a program there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def put_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_make_alone_lists_every_target(repository: Path):
    listed = make(folder=repository).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (repository / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    targets = set(phony.group(1).split()) - {"help"}
    assert len(targets) >= 7
    assert [target for target in targets if f"make {target}" not in listed] == []


def test_only_the_options_given_are_passed_on(repository: Path):
    ran = make("-n", "reproduce-table1", f"VENV={sys.prefix}", "DATA=my scans", "FOLD=all", folder=repository)
    command = ran.stdout.strip().splitlines()[-1]
    assert command.endswith("-m stroke_tf.reproduce_table1 --data 'my scans' --fold 'all'")


def test_an_experiment_is_asked_for_by_name(repository: Path):
    ran = make("-n", "experiment", f"VENV={sys.prefix}", "NAME=05-planes", "OUT=out", folder=repository)
    assert ran.stdout.strip().splitlines()[-1].endswith("python 'experiments/05-planes/run.py' --out 'out'")
    refused = make("-n", "experiment", f"VENV={sys.prefix}", folder=repository)
    assert refused.returncode != 0 and "NAME= is missing" in refused.stderr


def test_variables_of_the_shell_are_not_options(repository: Path):
    ran = make("-n", "reproduce-table1", f"VENV={sys.prefix}", folder=repository, DATA="other", OUT="other", FOLD="1")
    assert ran.stdout.strip().splitlines()[-1].endswith("-m stroke_tf.reproduce_table1")


def test_an_environment_of_the_user_gets_no_tensorflow(repository: Path, clone: Path):
    ran = make("-n", "test", f"VENV={sys.prefix}", folder=clone)
    assert re.findall(r"pip install .* -e '(.*)'", ran.stdout) == [".", ".[dev]"]
    assert "-m venv" not in ran.stdout


@pytest.mark.parametrize(
    ("smi", "extra"),
    [("echo 'GPU 0: Tesla T4'", "gpu"), ("echo 'No devices were found'; exit 6", "cpu,fast"), (None, "cpu,fast")],
)
def test_a_card_decides_which_tensorflow_is_installed(clone: Path, programs: Path, smi: str | None, extra: str):
    if smi:
        put_program(programs, "nvidia-smi", smi)
    assert f"-e '.[{extra}]'" in make("-n", "audit", folder=clone, PATH=str(programs)).stdout


def test_a_python_that_is_too_old_is_passed_over(clone: Path, programs: Path):
    put_program(programs, "python3", "exit 1")
    put_program(programs, "python3.12", "[ $1 = -c ] || echo made with python3.12")
    assert "made with python3.12" in make(".venv/bin", folder=clone, PATH=str(programs)).stdout


def test_a_machine_without_a_fitting_python_is_told_so(clone: Path, programs: Path):
    put_program(programs, "python3", "exit 1")
    ran = make("audit", folder=clone, PATH=str(programs))
    assert ran.returncode != 0
    assert "no Python from 3.10 to 3.13 found" in ran.stderr
    assert "VENV=path" in ran.stderr


def test_an_environment_that_is_not_there_is_told_so(clone: Path, tmp_path: Path):
    ran = make("lint", f"VENV={tmp_path / 'nowhere'}", folder=clone)
    assert ran.returncode != 0
    assert "no environment there" in ran.stderr


def test_an_installation_happens_once_and_again_when_setup_cfg_changes(clone: Path, tmp_path: Path):
    mine = tmp_path / "mine"
    (mine / "bin").mkdir(parents=True)
    put_program(mine / "bin", "python", 'echo "ran: $*"')
    runs = [make("lint", f"VENV={mine}", folder=clone).stdout for _ in range(2)]
    assert ["pip install" in run for run in runs] == [True, False]
    later = (mine / ".stroke_tf-dev-installed").stat().st_mtime + 10
    os.utime(clone / "setup.cfg", (later, later))
    assert "pip install" in make("lint", f"VENV={mine}", folder=clone).stdout
