"""Commands, links and examples of every page hold, and the pages for newcomers run from top to bottom on phantoms."""

import argparse
import configparser
import doctest
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_tf.cli import DOORS

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *DOCS, *sorted(ROOT.glob("[de]*/**/README.md"))]
PAGES = list(dict.fromkeys(PAGES))
OTHERS = {"cd", "git", "export", "ssh", "ray", "sbatch", "srun", "squeue", "scancel", "bids-validator-deno", "deno"}
"""Programs of others, whose words only they understand."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    """Return the insides of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the commands of all `sh` blocks of a Markdown text, continued lines joined, comments dropped."""
    lines = "\n".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def inline_commands(text: str) -> list[str]:
    """Return the commands that stand inside a sentence and have no placeholder in them."""
    spans = re.findall(r"`((?:make|stroke-tf|python3? -m stroke_tf)[^`\n]*)`", text)
    return [span for span in spans if "<" not in span and "…" not in span]


def require_known(command: str) -> None:
    """Do nothing if a command can be run as it is written; raise AssertionError, or argparse's SystemExit."""
    words = shlex.split(command, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        del words[0]
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "make":
        require_make(arguments)
    elif program == "stroke-tf":
        require_door(arguments)
    elif program in ("python", "python3") and arguments[:1] == ["-m"] and arguments[1] in ("pytest", "pip", "venv"):
        require_files(arguments[2:])
    elif program in ("python", "python3") and arguments[:1] == ["-m"]:
        require_door([arguments[1].removeprefix("stroke_tf.").replace("_", "-"), *arguments[2:]])
    elif program in ("python", "python3", "bash"):
        require_files(arguments)
    elif program == "pip":
        require_extras(arguments)
    elif program != "ruff" and program not in (".", "source"):
        assert program in OTHERS, f"{program!r} is no program of ours; if it is meant, name it in OTHERS"


def require_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE))
    known = set(re.findall(r"\b([A-Z]{3,})=", makefile))
    for word in words:
        name, is_variable, _ = word.partition("=")
        assert name in (known if is_variable else targets), f"make knows no {word!r}"


def require_door(words: list[str]) -> None:
    if not words or words in (["--help"], ["--version"]):
        return
    parser_of(words[0]).parse_args(words[1:])


def parser_of(door: str) -> argparse.ArgumentParser:
    assert door in DOORS, f"no door is called {door!r}"
    return importlib.import_module(f"stroke_tf.{door.replace('-', '_')}").parser()


def require_spoken_of(command: str) -> None:
    """Do nothing if a sentence names a door and options that exist; a command with all it needs is read whole."""
    words = shlex.split(command)
    if words[0] != "stroke-tf" or len(words) == 1 or words[1] in ("--help", "--version"):
        require_known(command)
        return
    parser = parser_of(words[1])
    known = {name: action for action in parser._actions for name in action.option_strings}
    given = [word for word in words[2:] if word.startswith("--")]
    assert set(given) <= set(known), f"{words[1]} has no {', '.join(set(given) - set(known))}"
    needed = [action.option_strings[-1:] for action in parser._actions if action.required]
    if all(name[0] in given if name else words[2:] for name in needed):
        parser.parse_args(words[2:])


def require_files(words: list[str]) -> None:
    for word in words:
        if re.fullmatch(r"[\w./-]+\.(py|sh)|tests/[\w/]+", word):
            assert (ROOT / word).exists(), f"there is no {word!r}"


def require_extras(words: list[str]) -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    known = set(settings["options.extras_require"])
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= known, f"setup.cfg knows no extra of {extras!r}"


def every(found) -> list:
    """Return what is found on all pages, each once, named after the first page it stands on."""
    first = {}
    for page in PAGES:
        for command in found(page.read_text(encoding="utf-8")):
            first.setdefault(command, page)
    return [pytest.param(command, id=f"{name_of(page)}: {command}") for command, page in first.items()]


@pytest.mark.parametrize("command", every(commands))
def test_a_command_of_a_page_is_understood(command: str):
    require_known(command)


@pytest.mark.parametrize("command", every(inline_commands))
def test_a_command_in_a_sentence_is_understood(command: str):
    require_spoken_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "stroke-tf segment x",
        "python -m stroke_tf.segment",
        "make reproduce-table2",
        "make test DATUM=x",
        "make testall",
        "python -m pytest tests/test_nothing.py",
        "python docs/rooms.py",
        "pip install -e '.[tpu]'",
        "rm -rf results",
    ],
)
def test_the_check_of_commands_can_fail(command: str):
    with pytest.raises(AssertionError, match="no"):
        require_known(command)


def test_the_check_of_commands_refuses_an_unknown_option(capsys):
    with pytest.raises(SystemExit):
        require_known("stroke-tf audit --no-such-option")
    assert "--no-such-option" in capsys.readouterr().err


def test_commands_are_found_in_blocks_and_in_sentences():
    text = "Run `make test` or `stroke-tf <door>`:\n```sh\n# first\nmake lint \\\n  VENV=x\n```\n"
    assert commands(text) == ["make lint    VENV=x"]
    assert inline_commands(text) == ["make test"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page: Path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_stands_in_the_index():
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS if page.name != "README.md" and f"]({page.name})" not in text] == []
    assert "docs/README.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in page.read_text(encoding="utf-8")], ids=name_of)
def test_examples_return_what_the_page_shows(page: Path):
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


def test_the_quick_start_fits_a_screen():
    assert len((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8").splitlines()) <= 45


SMALLER = {
    "simulate": ["--shape", "40", "40", "32", "--spacing", "5", "--min-lesion-ml", "3"],
    "train": ["--preset", "smoke", "--backbone", "resnet18", "--steps-per-epoch", "1", "--batch-size", "2"],
}
"""What a page's command is given on top, so that its whole page runs in seconds."""
NOT_RUN = {"audit", "reproduce-table1", "compare-fusion"}
"""Doors of a page that are run whole in tests of their own, or want what those leave."""


@pytest.mark.slow
@pytest.mark.parametrize("page", ["quickstart.md", "train.md"])
def test_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line, comments=True) for line in commands((ROOT / "docs" / page).read_text(encoding="utf-8"))]
    ours = [words[1:] for words in lines if words[0] == "stroke-tf" and words[1] not in NOT_RUN]
    assert len(ours) >= 5
    for name, *arguments in ours:
        run = importlib.import_module(f"stroke_tf.{name.replace('-', '_')}").main
        assert run([*arguments, *SMALLER.get(name, [])]) == 0, (name, capsys.readouterr().err)
    assert "dice" in (tmp_path / "evaluation" / "summary.md").read_text(encoding="utf-8").lower()


RECIPE = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_script_of_the_page_on_recipes_trains_what_it_names(tmp_path: Path):
    (script,) = blocks(RECIPE, "python")
    assert 'PRESET = "smoke"' in script
    (tmp_path / "mine.py").write_text(script, encoding="utf-8")
    ran = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    card = (tmp_path / "runs" / "heavier-lesion" / "run_card.json").read_text(encoding="utf-8")
    assert '"lesion_weight": 6.0' in card and '"name": "heavier-lesion"' in card


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="git, which applies the page's change, is not installed here")
def test_the_row_of_the_page_on_recipes_is_a_row_of_table_1(tmp_path: Path):
    (change,) = blocks(RECIPE, "diff")
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns("__pycache__", ".*", "results", "runs", "*.egg-info")
    shutil.copytree(ROOT, clone, ignore=left_out)
    subprocess.run(["git", "apply", "-"], cwd=clone, input=change, text=True, check=True)
    subprocess.run([sys.executable, "docs/doors.py"], cwd=clone, env=looking_at(clone), check=True)
    (told,) = (line for line in commands(RECIPE) if "-m pytest" in line)
    words = shlex.split(told)[1:]
    ran = subprocess.run([sys.executable, *words], cwd=clone, env=looking_at(clone), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "flair-dwi" in (clone / "docs" / "doors.md").read_text(encoding="utf-8")


def looking_at(clone: Path) -> dict[str, str]:
    """Return an environment whose stroke_tf is that of a copied clone."""
    return {**os.environ, "PYTHONPATH": str(clone)}
