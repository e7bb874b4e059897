"""The door `audit`: prints, writes, refuses to overwrite, and names what a results folder lacks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_tf.audit import main

SUMMARY = {name: {"mean": 0.5} for name in ("dice", "precision", "recall")}
ROW = {"id": "x", "summary": SUMMARY, "pooled": {"tp": 3, "fp": 1, "fn": 1, "tn": 5}, "paper": None}
RESULTS = {"synthetic": True, "rows": [ROW], "claims": [{"sentence": "a", "verdict": "holds", "reason": "b"}]}


def folder_with(results: object, tmp_path: Path) -> Path:
    (tmp_path / "results.json").write_text(json.dumps(results))
    return tmp_path


def test_both_papers_are_printed(capsys: pytest.CaptureFixture, next_command):
    assert main([]) == 0
    printed, beside = capsys.readouterr()
    assert "arXiv 2511.07281" in printed and "Aboudi" in printed
    # The page may go into a file, where a hint would be a stranger.
    assert "next: " not in printed
    assert next_command(beside) == ["reproduce-table1"]


def test_results_lead_to_their_page(tmp_path: Path, capsys, next_command):
    assert main(["--results", str(folder_with(RESULTS, tmp_path)), "--out", str(tmp_path / "audit.md")]) == 0
    assert next_command(capsys.readouterr().out) == ["report", str(tmp_path)]


def test_one_paper_is_chosen(capsys: pytest.CaptureFixture):
    assert main(["--paper", "aboudi2022"]) == 0
    assert "2511.07281" not in capsys.readouterr().out


def test_files_are_written_and_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture):
    page, data = tmp_path / "audit.md", tmp_path / "audit.json"
    wanted = ["--paper", "aboudi2022", "--out", str(page), "--json", str(data)]
    assert main(wanted) == 0
    assert f"wrote {page}" in capsys.readouterr().out
    assert json.loads(data.read_text())["papers"][0]["paper"] == "aboudi2022"
    page.unlink()
    assert main(wanted) == 2
    assert "--force" in capsys.readouterr().err
    assert not page.exists(), "nothing is written when one of two files is in the way"
    assert main([*wanted, "--force"]) == 0


def test_results_stand_beside_the_printed_numbers(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["--results", str(folder_with(RESULTS, tmp_path))]) == 0
    printed = capsys.readouterr().out
    assert "our own results: SYNTHETIC PHANTOMS" in printed
    assert "- a: **holds**. b" in printed


def without(key: str) -> dict:
    return {name: value for name, value in RESULTS.items() if name != key}


@pytest.mark.parametrize(
    ("results", "fault"),
    [
        (without("rows"), "'rows' and 'synthetic' are needed"),
        (without("synthetic"), "'rows' and 'synthetic' are needed"),
        ([], "'rows' and 'synthetic' are needed"),
        (RESULTS | {"rows": ["x"]}, "row 1: a row is an object"),
        (RESULTS | {"rows": [{"id": "x"}]}, "row x: no 'summary'"),
        (RESULTS | {"rows": [ROW | {"pooled": {"tp": 1}}]}, "row x: pooled counts lack fp, fn, tn"),
        (RESULTS | {"rows": [ROW | {"pooled": None}]}, "no row has pooled counts"),
        (RESULTS | {"rows": [ROW | {"paper": {"dice": 80.7}}]}, "must be a fraction"),
        (RESULTS | {"claims": [{"sentence": "a"}]}, "claim 1: sentence, verdict and reason"),
    ],
)
def test_results_without_a_piece_are_refused(
    results: object, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert main(["--results", str(folder_with(results, tmp_path))]) == 2
    assert fault in capsys.readouterr().err


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["--results", str(tmp_path / "nowhere")]) == 2
    assert "results.json: no such file" in capsys.readouterr().err
    (tmp_path / "results.json").write_text("{")
    assert main(["--results", str(tmp_path)]) == 2
    assert "cannot be read as JSON" in capsys.readouterr().err


def test_the_audit_needs_no_tensorflow_and_no_pandas(repository: Path):
    code = (
        "import sys; from stroke_tf.audit import main; main([]); "
        "heavy = {'tensorflow', 'keras', 'pandas', 'nibabel', 'matplotlib', 'scipy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
