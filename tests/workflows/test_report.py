"""A page is made from whatever a journey left behind, tells what is missing, and refuses what it does not know."""

import json
import re
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import InputFileError, OutputError
from stroke_tf.reports.page import MAX_BYTES, Text
from stroke_tf.reports.viewer import Viewer
from stroke_tf.workflows.report import page_of, write_report
from stroke_tf.workflows.report_table1 import table1_page
from stroke_tf.workflows.viewer_cases import ROOM, Scans, worst_to_best


@pytest.fixture(scope="module")
def page(table1_folder: Path):
    return page_of(table1_folder, Scans(table1_folder))


def blocks(page, kind: type) -> list:
    return [block for section in page.sections for block in section.blocks if isinstance(block, kind)]


def test_the_answer_stands_in_the_headline(page):
    assert re.match(r"The vote of three planes reaches a Dice of \d\d\.\d", page.headline)
    assert "2 SYNTHETIC phantoms; the paper prints 80.5" in page.headline
    assert [section.id for section in page.sections] == ["answer", "table", "cases", "plots", "audit", "runs"]


def test_variants_and_tests_of_ranks_stand_below_the_table(table1_folder: Path):
    results = json.loads((table1_folder / "results.json").read_text())
    results["variants"] = [{"row": "fpn", "title": "Feature pyramid", "dice": 0.02, "low": -0.01, "high": 0.05}]
    results["paired_tests"] = [{"second": "x", "median_difference": 0.031, "p_value": 0.5, "reason": ""}]
    page = table1_page(table1_folder, results, Scans(table1_folder / "elsewhere"))
    table = next(section for section in page.sections if section.id == "table")
    assert [block.id for block in table.blocks] == [
        *("table-1", "variants", "what-the-data-allows", "vote-against-rows")
    ]
    assert "Feature pyramid,2.0,-1.0,5.0" in table.blocks[1].csv
    assert [cell.text for cell in table.blocks[3].cells[0]] == ["ResNet50-UNet, X (sagittal)", "+3.1", "0.500", ""]


def test_every_title_of_a_measured_table_or_chart_says_synthetic(page):
    titles = {section.id: [getattr(block, "title", "") for block in section.blocks] for section in page.sections}
    measured = [title for part in ("table", "plots") for title in titles[part]]
    assert measured and all(title.startswith("SYNTHETIC") for title in measured)


def test_the_viewer_carries_every_mask_of_every_case_on_one_grid(page):
    (viewer,) = blocks(page, Viewer)
    assert [case.name for case in viewer.cases] == ["2", "<img src=x onerror=alert(1)>"]
    for case in viewer.cases:
        assert list(case.images) == ["FLAIR", "DWI"]
        assert [overlay.id for overlay in case.overlays] == ["truth", "x", "y", "z", "vote"]
        assert case.disagreement is not None


def test_the_page_opens_where_the_lesion_is(page):
    (viewer,) = blocks(page, Viewer)
    case = next(case for case in viewer.cases if case.name == "2")
    # The lesion's voxels 5-8, 8-12, 6-10 of 6 mm; the file's first axis runs to the left.
    x, y, z = case.centre_mm
    assert -48 <= x <= -30 and 48 <= y <= 72 and 36 <= z <= 60


def test_a_page_is_written_once_and_replaced_by_force_only(tmp_path: Path, table1_folder: Path):
    out = tmp_path / "page.html"
    written = write_report(table1_folder, out=out)
    assert written.size == out.stat().st_size < MAX_BYTES and written.remarks == ()
    with pytest.raises(OutputError, match="--force"):
        write_report(table1_folder, out=out)
    html = out.read_text(encoding="utf-8")
    assert "<img src=x" not in html and "&lt;img src=x onerror=alert(1)&gt;" in html
    write_report(table1_folder, out=out, force=True)
    assert out.read_text(encoding="utf-8") == html


def test_the_name_of_a_page_on_phantoms_says_so(tmp_path: Path, write_table1_results):
    folder = write_table1_results(tmp_path / "results", scans=False)
    assert write_report(folder).path.name == "report-SYNTHETIC.html"


def test_a_page_whose_scans_are_gone_goes_without_a_viewer_and_says_so(tmp_path: Path, write_table1_results):
    folder = write_table1_results(tmp_path / "results", scans=False)
    page = page_of(folder, Scans(folder))
    assert blocks(page, Viewer) == []
    assert any("--data" in block.text and block.warning for block in blocks(page, Text))


def test_a_case_without_scans_is_named_beside_those_that_have_them(tmp_path: Path, write_table1_results):
    folder = write_table1_results(tmp_path / "results")
    shutil.rmtree(folder / "synthetic-phantoms" / "2")
    page = page_of(folder, Scans(folder))
    (viewer,) = blocks(page, Viewer)
    assert len(viewer.cases) == 1
    assert any(block.text.startswith("Not shown: case 2 (") for block in blocks(page, Text))


def test_scans_that_lie_elsewhere_are_named(tmp_path: Path, write_table1_results):
    folder = write_table1_results(tmp_path / "results")
    (folder / "synthetic-phantoms").rename(tmp_path / "scans")
    (viewer,) = blocks(page_of(folder, Scans(folder, tmp_path / "scans")), Viewer)
    assert len(viewer.cases) == 2


def test_scans_on_another_grid_are_not_shown_under_these_masks(tmp_path: Path, table1_folder: Path):
    (tmp_path / "2").mkdir()
    nibabel.save(nibabel.Nifti1Image(np.ones((9, 9, 9), np.float32), np.eye(4)), tmp_path / "2" / "FLAIR.nii.gz")
    page = page_of(table1_folder, Scans(table1_folder, tmp_path))
    assert blocks(page, Viewer) == []
    assert any("different grids" in block.text for block in blocks(page, Text))


def test_scans_that_were_named_and_hold_no_test_case_are_an_error(tmp_path: Path, table1_folder: Path, write_case):
    write_case(tmp_path / "data", 7)
    with pytest.raises(InputFileError, match="none of the test cases is there"):
        page_of(table1_folder, Scans(table1_folder, tmp_path / "data"))


def test_a_training_run_has_a_page(table1_folder: Path):
    run = table1_folder / "fold-0" / "runs" / "unet2d-x-none"
    page = page_of(run, Scans(run))
    assert page.synthetic and page.title == "Training run unet2d-x-none"
    assert [section.id for section in page.sections] == ["learning", "card"]


def test_an_evaluation_has_a_page(tmp_path: Path, table1_folder: Path):
    rows = json.loads((table1_folder / "results.json").read_text())["rows"]
    content = {
        "protocol": "isles2022",
        "data": "phantoms",
        "synthetic": True,
        "seed": 1,
        "number_of_cases": 2,
        "missing": {"vote": ["9"]},
        "conventions": [],
        "rows": {row["id"]: {"summary": row["summary"], "cases": row["cases"]} for row in rows},
    }
    (tmp_path / "summary.json").write_text(json.dumps(content))
    page = page_of(tmp_path, Scans(tmp_path))
    assert [section.id for section in page.sections] == ["answer", "cases", "plots", "conventions"]
    assert any("no mask for 1 cases: 9" in block.text for block in blocks(page, Text))


@pytest.fixture
def predictions(tmp_path: Path, table1_folder: Path) -> Path:
    """Return a folder of two predictions, one with the masks of its planes, as stroke-tf predict writes them."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    scans = table1_folder / "synthetic-phantoms"
    for number, case in enumerate(("2", "<img src=x onerror=alert(1)>")):
        masks = table1_folder / "fold-0" / "masks"
        shutil.copy(masks / "vote" / f"{case}_mask.nii.gz", folder)
        for plane in "xyz" if number == 0 else "":
            shutil.copy(masks / plane / f"{case}_mask.nii.gz", folder / f"{case}_mask-{plane}.nii.gz")
        record = {
            "format": "stroke_tf prediction 1",
            "case": case,
            "synthetic": True,
            "mask": f"{case}_mask.nii.gz",
            "lesion_ml": 21.6 * (number + 1),
            "lesions": [{"volume_ml": 21.6}],
            "reference": "FLAIR",
            "warnings": [] if number == 0 else ["not skull-stripped"],
            "inputs": {name: {"path": str(scans / case / f"{name}.nii.gz")} for name in ("DWI", "FLAIR")},
            "settings": {"tie": "background"},
        }
        (folder / f"{case}_mask.json").write_text(json.dumps(record))
    return folder


def test_predictions_have_a_page_without_scores(predictions: Path):
    page = page_of(predictions, Scans(predictions))
    assert page.headline.startswith("Lesions in 2 of 2 SYNTHETIC phantoms; 21.6 to 43.2 ml a case, 1 with warnings.")
    (viewer,) = blocks(page, Viewer)
    overlays = [[overlay.id for overlay in case.overlays] for case in viewer.cases]
    assert overlays == [["found", "x", "y", "z"], ["found"]]
    assert [list(case.images) for case in viewer.cases] == [["FLAIR", "DWI"]] * 2
    assert any("not skull-stripped" in block.text for block in blocks(page, Text))


def test_predictions_of_phantoms_and_patients_say_how_many_are_which(predictions: Path):
    record = predictions / "2_mask.json"
    record.write_text(record.read_text().replace('"synthetic": true', '"synthetic": false'))
    page = page_of(predictions, Scans(predictions))
    assert page.synthetic and page.headline.startswith("Lesions in 2 of 2 cases, 1 of them a SYNTHETIC phantom; 21.6")


def test_predictions_beside_scans_with_a_truth_show_it(predictions: Path, table1_folder: Path):
    page = page_of(predictions, Scans(predictions, table1_folder / "synthetic-phantoms"))
    (viewer,) = blocks(page, Viewer)
    assert all(case.overlays[0].id == "truth" for case in viewer.cases)


def test_predictions_whose_scans_have_moved_name_them(predictions: Path):
    for record in predictions.glob("2_*.json"):
        record.write_text(record.read_text().replace("FLAIR.nii.gz", "moved.nii.gz"))
    page = page_of(predictions, Scans(predictions))
    (viewer,) = blocks(page, Viewer)
    assert len(viewer.cases) == 1
    assert any("Not shown: case 2 (" in block.text for block in blocks(page, Text))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "neither results.json nor run_card.json nor summary.json"),
        ({"results.json": "{"}, "cannot be read as JSON"),
        ({"results.json": "[]"}, "no rows, synthetic, claims inside"),
        ({"results.json": '{"rows": [], "synthetic": true, "claims": []}'}, "of no journey that is known"),
        (
            {"results.json": '{"rows": [{"id": "vote"}], "synthetic": true, "claims": []}'},
            "row vote: no title, summary, cases",
        ),
        ({"results.json": '{"rows": {}, "synthetic": true, "claims": []}'}, "row 1: no id"),
        ({"summary.json": '{"rows": {}, "synthetic": true, "protocol": "isles2022"}'}, "no row inside"),
    ],
)
def test_an_unknown_or_damaged_folder_is_an_error_that_names_it(tmp_path: Path, files: dict, told: str):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputFileError, match=told) as fault:
        page_of(tmp_path, Scans(tmp_path))
    assert str(tmp_path) in str(fault.value)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(InputFileError, match="no such folder"):
        page_of(tmp_path / "nowhere", Scans(tmp_path))


def test_seven_cases_and_all_the_rest_fit_into_25_mb():
    """By calculation: cases share their room, and everything else on the page is bounded far below what is left."""
    from stroke_tf.reports.niivue import viewer_library

    rest = len(viewer_library().packed) + len(viewer_library().licences)
    assert ROOM + rest < 0.85 * MAX_BYTES


def test_of_many_cases_the_worst_the_best_and_some_between_are_shown():
    cases = [{"case": str(number), "dice": number / 100} for number in range(100)]
    chosen = [case["case"] for case in worst_to_best(cases, by="dice")]
    assert len(chosen) == 28 and chosen[0] == "0" and chosen[-1] == "99"
    assert worst_to_best(cases[:5], by="dice") == cases[:5]
