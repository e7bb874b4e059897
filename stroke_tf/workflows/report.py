"""One HTML page from what a run left behind; which journey it tells is told by what the folder holds."""

from dataclasses import dataclass
from pathlib import Path

from stroke_tf.errors import InputFileError, OutputError
from stroke_tf.files import require_absent, write_text
from stroke_tf.reports.page import MAX_BYTES, Page, Text, render_page
from stroke_tf.training.record import RUN_CARD
from stroke_tf.workflows.report_aboudi import aboudi_page
from stroke_tf.workflows.report_evaluation import evaluation_page
from stroke_tf.workflows.report_files import read_json, require_rows, run_folders
from stroke_tf.workflows.report_isles2018 import isles2018_page
from stroke_tf.workflows.report_predictions import prediction_records, predictions_page
from stroke_tf.workflows.report_run import run_page
from stroke_tf.workflows.report_table1 import table1_page
from stroke_tf.workflows.viewer_cases import Scans

_KNOWN = (
    "the results of stroke-tf reproduce-table1, reproduce-aboudi2022 or reproduce-isles2018 (results.json), of "
    "stroke-tf evaluate (summary.json) or predict (a JSON beside each mask), or a run folder of stroke-tf train "
    "(run_card.json)"
)


@dataclass(frozen=True)
class Report:
    """What was written, its size in bytes, what of the cases is missing from it, and the command that comes next."""

    path: Path
    size: int
    remarks: tuple[str, ...]
    next_words: tuple[str, ...]


def write_report(
    folder: Path,
    *,
    out: Path | None = None,
    data: Path | None = None,
    data_root: Path | None = None,
    force: bool = False,
) -> Report:
    """Write the page of a results folder or a run folder.

    Args:
        out: the file; by default report.html in the folder, whose name says SYNTHETIC where phantoms were measured.
        data, data_root: the scans of the cases, where they do not lie in the folder as phantoms do; without them the
            page has no viewer, and says so.
    Returns: the file and what is missing from it.
    Raises: InputFileError for a folder of no known kind or a damaged one, OutputError if the file exists.
    """
    folder = Path(folder)
    scans = Scans(folder, data, data_root)
    page = page_of(folder, scans)
    path = Path(out) if out is not None else folder / ("report-SYNTHETIC.html" if page.synthetic else "report.html")
    require_absent(path, force=force)
    html = render_page(page)
    size = len(html.encode())
    if size > MAX_BYTES:
        raise OutputError(f"{path}: the page would have {size:,} bytes, more than {MAX_BYTES:,}. Nothing was written.")
    write_text(path, html)
    cases = [block for section in page.sections if section.id == "cases" for block in section.blocks]
    remarks = tuple(block.text for block in cases if isinstance(block, Text) and block.warning)
    return Report(path, size, remarks, _next_words(folder))


def _next_words(folder: Path) -> tuple[str, ...]:
    """Return what a reader of the page does next: check that a network is the one of its card, or measure masks."""
    runs = [folder] if (folder / RUN_CARD).exists() else run_folders(folder)
    if runs:
        return ("verify", str(runs[0]))
    if any(folder.glob("*_mask.json")):
        return ("evaluate", "--truth", "FOLDER", "--masks", str(folder), "--out", "evaluation")
    return ("audit",)


def page_of(folder: Path, scans: Scans) -> Page:
    """Gather the page of a folder.

    Raises: InputFileError, naming what the folder could hold.
    """
    if not folder.is_dir():
        raise InputFileError(f"{folder}: no such folder. Name {_KNOWN}.")
    if (folder / "results.json").exists():
        results = read_json(folder / "results.json", ("rows", "synthetic", "claims"))
        require_rows(results["rows"], folder / "results.json")
        if results.get("paper") == "aboudi2022":
            return aboudi_page(folder, results, scans)
        if "generated_dwi" in results:
            return isles2018_page(folder, results, scans)
        if any(row.get("id") == "vote" for row in results["rows"]):
            return table1_page(folder, results, scans)
        raise InputFileError(f"{folder / 'results.json'}: of no journey that is known here. Name {_KNOWN}.")
    if (folder / RUN_CARD).exists():
        return run_page(folder)
    if (folder / "summary.json").exists():
        content = read_json(folder / "summary.json", ("rows", "synthetic", "protocol"))
        return evaluation_page(folder, content, scans)
    if records := prediction_records(folder):
        return predictions_page(folder, records, scans)
    raise InputFileError(
        f"{folder}: neither results.json nor {RUN_CARD} nor summary.json nor the record of a prediction is there. "
        f"Name {_KNOWN}."
    )
