"""What stands in the README only: the warning, the citation, the benchmarks. Its commands: tests/test_docs.py."""

import importlib.util
import json
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


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
