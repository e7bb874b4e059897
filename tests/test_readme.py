"""The README's commands name doors, options, targets and variables that exist."""

import importlib
import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest

from stroke_tf.cli import DOORS

README = Path(__file__).resolve().parent.parent / "README.md"


def commands(text: str) -> list[str]:
    """Return the commands of all `sh` blocks of a Markdown text, continued lines joined, comments dropped."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def inline_commands(text: str) -> list[str]:
    """Return the commands that stand inside a sentence and have no placeholder in them."""
    spans = re.findall(r"`((?:make|stroke-tf|python3? -m stroke_tf)[^`\n]*)`", text)
    return [span for span in spans if "<" not in span and "…" not in span]


def require_known(command: str, makefile: str) -> None:
    """Do nothing if a command can be run as it is written; raise AssertionError, or argparse's SystemExit."""
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE))
        known = set(re.findall(r"\b([A-Z]{3,})=", makefile))
        for word in words[1:]:
            name, is_variable, _ = word.partition("=")
            assert name in (known if is_variable else targets), f"make knows no {word!r}"
        return
    if words[0] == "stroke-tf":
        name, arguments = words[1], words[2:]
    else:
        assert words[1] == "-m", command
        name, arguments = words[2].removeprefix("stroke_tf.").replace("_", "-"), words[3:]
    assert name in DOORS, f"no door is called {name!r}"
    importlib.import_module(f"stroke_tf.{name.replace('-', '_')}").parser().parse_args(arguments)


@pytest.mark.parametrize("command", dict.fromkeys(commands(README.read_text(encoding="utf-8"))))
def test_a_command_of_the_readme_is_understood(command: str, repository: Path):
    require_known(command, (repository / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", dict.fromkeys(inline_commands(README.read_text(encoding="utf-8"))))
def test_a_command_in_a_sentence_of_the_readme_is_understood(command: str, repository: Path):
    require_known(command, (repository / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "command",
    [
        "stroke-tf segment x",
        "python -m stroke_tf.segment",
        "make reproduce-table2",
        "make test DATUM=x",
        "make testall",
    ],
)
def test_the_check_of_commands_can_fail(command: str, repository: Path):
    with pytest.raises(AssertionError, match="no"):
        require_known(command, (repository / "Makefile").read_text(encoding="utf-8"))


def test_the_check_of_commands_refuses_an_unknown_option(repository: Path, capsys):
    with pytest.raises(SystemExit):
        require_known("stroke-tf audit --no-such-option", "")
    assert "--no-such-option" in capsys.readouterr().err


def test_commands_are_found_in_blocks_and_in_sentences():
    text = "Run `make test` or `stroke-tf <door>`:\n```sh\n# first\nmake lint \\\n  VENV=x\n```\n"
    assert commands(text) == ["make lint    VENV=x"]
    assert inline_commands(text) == ["make test"]


def test_links_of_the_readme_lead_to_files(repository: Path):
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert len(links) >= 5
    assert [link for link in links if not (repository / link).is_file()] == []


def test_the_readme_says_that_this_is_no_medical_device():
    assert "Not a medical device" in README.read_text(encoding="utf-8")


def test_the_citation_names_each_paper_and_this_version(repository: Path):
    import yaml

    from stroke_tf import __version__

    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == __version__
    assert citation["license"] == "Apache-2.0"
    cited = str(citation["references"])
    assert all(name in cited for name in ("2511.07281", "10.22937/IJCSNS.2022.22.11.67", "1906.02392"))


def test_the_benchmark_table_is_the_one_that_was_measured(repository: Path):
    spec = importlib.util.spec_from_file_location("summary", repository / "experiments" / "benchmarks" / "summary.py")
    summary = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(summary)
    text = README.read_text(encoding="utf-8")
    table = summary.summary(json.loads(summary.STORED.read_text(encoding="utf-8")))
    assert table.count("\n|") >= 8
    assert summary.in_readme(text, table) == text
