"""The notebook is committed clean, and runs from its first cell to the page."""

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parent.parent / "experiments" / "notebooks" / "table1.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
HOSTS = ("/kaggle/", "/content")
"""Folders of Kaggle and Colab, the only absolute paths that mean something on every reader's machine."""


def source_of(cell: dict) -> str:
    return "".join(cell["source"])


def test_nothing_of_a_run_is_kept_in_it():
    assert [cell["id"] for cell in CELLS if cell.get("outputs") or cell.get("execution_count")] == []
    assert [cell["id"] for cell in CELLS if set(cell["metadata"]) - {"tags"}] == []


def test_no_path_of_one_machine_stands_in_it():
    text = "\n".join(map(source_of, CELLS))
    paths = set(re.findall(r"""(?<=["'`(])/[a-z][\w./-]+""", text))
    assert {"/kaggle/working", "/kaggle/input", "/content/drive/MyDrive"} <= paths
    assert {path for path in paths if not path.startswith(HOSTS)} == set()


def test_it_asks_for_no_extra_and_pins_what_is_there():
    (install,) = (source_of(cell) for cell in CELLS if cell["id"] == "install")
    assert '"--constraint", constraints' in install and 'versions("tensorflow", "numpy")' in install
    assert not re.search(r"\[(cpu|gpu|fast|dev)", install)


def test_every_parameter_is_explained_and_used():
    (cell,) = (cell for cell in CELLS if "parameters" in cell["metadata"].get("tags", []))
    lines = source_of(cell).splitlines()
    names = [node.targets[0].id for node in ast.parse(source_of(cell)).body]
    assert len(names) == len(lines) and all("  # " in line for line in lines)
    rest = "\n".join(source_of(each) for each in CELLS if each is not cell and each["cell_type"] == "code")
    assert [name for name in names if not re.search(rf"\b{name}\b", rest)] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_runs_from_the_first_cell_to_the_page(tmp_path: Path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    # The kernel finds the package as an installed one, so that the notebook installs nothing into this environment.
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[2]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in book.cells if cell.id == "parameters")
    parameters.source += f'\nDATA, PRESET, WEIGHTS, OUT = "phantoms", "smoke", "none", {str(tmp_path / "out")!r}'
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(book, timeout=1800, kernel_name="python3", resources=place).execute()
    shown = {cell.id: cell.outputs for cell in book.cells if cell.cell_type == "code"}
    text = {name: "".join(each.get("text", "") for each in outputs) for name, outputs in shown.items()}
    assert "SYNTHETIC phantoms take their place" in text["data"]
    assert "device: " in text["run"] and "fold 0: z" in text["run"]
    (table,) = shown["table"]
    assert table.data["text/markdown"].startswith("# Table 1 on SYNTHETIC PHANTOMS")
    pictures = [each for each in shown["figures"] if "image/png" in each.data]
    assert len(pictures) == len(list((tmp_path / "out" / "figures").glob("*.png"))) >= 4
    assert "report-SYNTHETIC.html" in text["report"]
    assert (tmp_path / "out" / "report-SYNTHETIC.html").stat().st_size > 100_000
