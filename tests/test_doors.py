"""Every door answers `--help` at once, tells an error in one line, and stands in the README."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_tf.cli import DOORS, data_options, door, main, say_next
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


def test_the_next_command_can_be_pasted_though_names_hold_spaces(capsys):
    say_next("predict", "--runs", Path("my runs/x"), *data_options(Path("a b.csv"), Path("the root")))
    assert (
        capsys.readouterr().out
        == "next: stroke-tf predict --runs 'my runs/x' --data 'a b.csv' --data-root 'the root'\n"
    )
