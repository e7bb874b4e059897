"""Every door answers `--help` at once, tells an error in one line, and stands in the README."""

import doctest
import importlib
import importlib.util
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_tf.cli import DOORS, data_options, door, main, say_next, say_report
from stroke_tf.errors import InputFileError

HEAVY = ("tensorflow", "keras", "segmentation_models", "pandas", "nibabel", "matplotlib", "albumentations", "skimage")

# Runs a module as `python -m` does, and tells which modules its run has imported.
AS_MAIN = """
import json, runpy, sys
code = 0
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
except SystemExit as end:
    code = end.code or 0
print(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


def run_as_main(module: str, *arguments: str, folder: Path) -> tuple[int, str, list[str]]:
    """Run `python -m module arguments`; return the exit code, what was printed, and the heavy modules imported."""
    command = [sys.executable, "-c", AS_MAIN, module, *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    printed, _, last = ran.stdout.rstrip("\n").rpartition("\n")
    code, modules = json.loads(last)
    return code, printed, [name for name in HEAVY if name in modules]


def module_of(name: str) -> str:
    return f"stroke_tf.{name.replace('-', '_')}"


@pytest.mark.parametrize("name", DOORS)
def test_help_is_given_without_heavy_imports(name: str, repository: Path):
    code, printed, heavy = run_as_main(module_of(name), "--help", folder=repository)
    assert code == 0
    assert f"usage: stroke-tf {name}" in printed
    assert heavy == []


def test_the_check_for_heavy_imports_can_fail(tmp_path: Path):
    (tmp_path / "slow_door.py").write_text("import nibabel\nprint('usage: stroke-tf slow')\n")
    assert run_as_main("slow_door", "--help", folder=tmp_path)[2] == ["nibabel"]


@pytest.mark.parametrize("name", DOORS)
def test_a_door_describes_itself_and_each_of_its_options(name: str):
    parser = importlib.import_module(module_of(name)).parser()
    assert parser.prog == f"stroke-tf {name}"
    assert parser.description and len(parser.description) > 40
    assert [action.dest for action in parser._actions if not action.help] == []


@pytest.mark.parametrize("name", DOORS)
def test_an_unknown_option_is_refused_with_the_usage(name: str, capsys):
    with pytest.raises(SystemExit) as end:
        importlib.import_module(module_of(name)).main(["--no-such-option"])
    assert end.value.code == 2
    assert f"usage: stroke-tf {name}" in capsys.readouterr().err


@pytest.mark.parametrize("name", DOORS)
def test_every_door_stands_in_the_readme(name: str, repository: Path):
    assert f"| `{name}` |" in (repository / "README.md").read_text(encoding="utf-8")


def test_the_page_of_doors_is_made_from_their_parsers(repository: Path):
    spec = importlib.util.spec_from_file_location("doors_page", repository / "docs" / "doors.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert doctest.testmod(made).failed == 0
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "write it again: python docs/doors.py"


def test_a_page_of_scans_is_told_where_they_lie(capsys, next_command):
    say_report(Path("results/siss"), Path("SISS2015 Training"), None)
    assert next_command(capsys.readouterr().out) == ["report", "results/siss", "--data", "SISS2015 Training"]


@pytest.mark.parametrize("name", DOORS)
def test_the_tests_of_every_door_read_its_last_line(name: str, repository: Path):
    file = f"test_{name.replace('-', '_')}.py"
    sources = [path.read_text(encoding="utf-8") for path in (repository / "tests").rglob(file)]
    mend = f"let a test in {file} pass what a successful run printed to the fixture next_command"
    assert any("next_command(" in source for source in sources), mend


def test_the_check_of_the_last_line_can_fail(next_command):
    with pytest.raises(AssertionError, match="what comes next, not 'wrote a file'"):
        next_command("next: stroke-tf audit\nwrote a file\n")
    with pytest.raises(SystemExit):
        next_command("next: stroke-tf audit --no-such-option\n")


def test_alone_it_tells_what_to_begin_with_and_needs_no_heavy_imports(tmp_path: Path):
    code, printed, heavy = run_as_main("stroke_tf", folder=tmp_path)
    assert (code, heavy) == (0, [])
    assert "Not a medical device" in printed and "stroke-tf --help" in printed
    begun = [line.split("  ")[1] for line in printed.splitlines() if line.startswith("  stroke-tf ")]
    assert len(begun) >= 3
    for command in begun:
        name, *arguments = shlex.split(command)[1:]
        importlib.import_module(module_of(name)).parser().parse_args(arguments)


def test_alone_it_goes_on_from_what_lies_here(tmp_path: Path, monkeypatch, capsys, next_command):
    (tmp_path / "my phantoms").mkdir()
    (tmp_path / "my phantoms" / "manifest.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "here: my phantoms/manifest.csv\n" in printed and "Begin with" not in printed
    line = next(line for line in printed.splitlines() if line.startswith("next: "))
    assert next_command(line)[:5] == ["train", "--axis", "y", "--data", "my phantoms/manifest.csv"]


def test_alone_it_says_that_tensorflow_is_missing(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else real(name))
    assert main([]) == 0
    assert "No TensorFlow is installed here" in capsys.readouterr().out


def test_the_list_of_doors_starts_without_heavy_imports(repository: Path):
    code, printed, heavy = run_as_main("stroke_tf", "--help", folder=repository)
    assert (code, heavy) == (0, [])
    assert [name for name in DOORS if f"  {name} " not in printed] == []


def test_an_unknown_door_is_answered_with_the_known_ones(capsys):
    assert main(["segment"]) == 2
    said = capsys.readouterr().err
    assert "'segment'" in said
    assert all(name in said for name in DOORS)


def test_the_version_is_that_of_the_package(capsys):
    from stroke_tf import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_users_error_is_one_line_and_exit_code_2(capsys):
    @door
    def guarded(arguments=None):
        raise InputFileError("brain.nii: not NIfTI. Name another file.")

    assert guarded([]) == 2
    assert capsys.readouterr().err == "error: brain.nii: not NIfTI. Name another file.\n"


def test_an_error_of_ours_keeps_its_traceback():
    @door
    def guarded(arguments=None):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded([])


def test_a_stop_by_the_user_is_exit_code_130(capsys):
    @door
    def guarded(arguments=None):
        raise KeyboardInterrupt

    assert guarded([]) == 130
    assert "stopped by the user" in capsys.readouterr().err


def test_full_memory_is_an_error_with_a_mend(capsys):
    @door
    def guarded(arguments=None):
        raise MemoryError

    assert guarded([]) == 3
    assert "--batch-size" in capsys.readouterr().err


def test_the_list_of_doors_can_be_cut_short_by_its_reader():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "stroke_tf", "--help"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    # Quiet, but no success: what was not printed may not have been done either.
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_file_that_the_system_refuses_is_told_in_one_line(capsys, tmp_path):
    (tmp_path / "runs").write_text("a file where a folder is meant")
    assert door(lambda _: list((tmp_path / "runs").iterdir()))(None) == 2
    assert f"error: {tmp_path / 'runs'}: Not a directory. Look at the path" in capsys.readouterr().err


def test_a_letter_the_terminal_lacks_is_escaped(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert door(lambda _: print("räun ≤", flush=True) or 0)(None) == 0
    assert terminal.buffer.getvalue() == b"r\\xe4un \\u2264\n"


def test_a_shell_that_knows_no_stroke_tf_is_told_what_comes_first(tmp_path, monkeypatch, capsys):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    say_next("audit")
    assert capsys.readouterr().out == "first: . .venv/bin/activate\nnext: stroke-tf audit\n"
    put = tmp_path / "stroke-tf"
    put.write_text("#!/bin/sh\n")
    put.chmod(0o755)
    say_next("audit")
    assert capsys.readouterr().out == "next: stroke-tf audit\n"


def test_the_next_command_can_be_pasted_though_names_hold_spaces(capsys, next_command):
    say_next("predict", "--runs", Path("my runs/x"), *data_options(Path("a b.csv"), Path("the root")), "--out", "it's")
    printed = capsys.readouterr().out
    assert "next: stroke-tf predict --runs 'my runs/x' --data 'a b.csv' --data-root 'the root' " in printed
    assert next_command(printed)[-1] == "it's"
