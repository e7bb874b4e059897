"""The door that compares masks with the truth, from files to tables."""

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.evaluate import main, parser
from stroke_tf.metrics.protocols import COLUMNS, MEASURE_NAMES
from stroke_tf.reports.page import Text
from stroke_tf.reports.viewer import Viewer, ViewerCase
from stroke_tf.workflows.report import page_of
from stroke_tf.workflows.viewer_cases import Scans

SHAPE = (10, 12, 9)
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
FILES = ("per_case.csv", "summary.csv", "summary.md", "summary.json")


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


def lesion(number: int, *, shift: int = 0) -> np.ndarray:
    """Return a box of lesion, of another size for each case."""
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[2 + shift : 5 + shift, 3 : 5 + number % 4, 2:4] = 1
    return mask


def siss_case(root: Path, number: int) -> None:
    """Write a case in the SISS layout: a noisy box of brain in air, and its lesion."""
    generator = np.random.default_rng(number)
    brain = np.zeros(SHAPE, dtype=bool)
    brain[1:-1, 1:-1, 1:-1] = True
    for kind in ("T1", "T2", "DWI", "Flair"):
        image = np.where(brain, generator.uniform(80, 120, SHAPE), 0).astype(np.float32)
        save(root / str(number) / f"VSD.Brain.XX.O.MR_{kind}.{number}.nii", image)
    save(root / str(number) / f"VSD.Brain.XX.O.OT.{number}.nii", lesion(number))


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Return a folder with seven true masks, 1.nii.gz to 7.nii.gz."""
    for number in range(1, 8):
        save(tmp_path / "truth" / f"{number}.nii.gz", lesion(number))
    return tmp_path / "truth"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Return a folder with seven predictions that lie one voxel beside the truth."""
    for number in range(1, 8):
        save(tmp_path / "shifted" / f"{number}_mask.nii.gz", lesion(number, shift=1))
    return tmp_path / "shifted"


def shown(out: Path) -> tuple[list[ViewerCase], str]:
    """Return the cases in the viewer of an evaluation's page, and its warnings."""
    blocks = [block for section in page_of(out, Scans(out)).sections for block in section.blocks]
    cases = [case for block in blocks if isinstance(block, Viewer) for case in block.cases]
    return cases, " ".join(block.text for block in blocks if isinstance(block, Text) and block.warning)


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def results(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_four_files_tell_the_same_story(truth, masks, tmp_path, capsys, next_command):
    out = tmp_path / "out"
    assert run("--truth", truth, "--masks", masks, "--out", out) == 0
    cases, summary = table(out / "per_case.csv"), {row["measure"]: row for row in table(out / "summary.csv")}
    assert [row["case"] for row in cases] == [str(number) for number in range(1, 8)]
    assert {row["dice"] for row in cases} == {str(2 / 3)}
    assert tuple(summary) == MEASURE_NAMES
    assert float(summary["dice"]["mean"]) == results(out)["rows"]["shifted"]["summary"]["dice"]["mean"]
    assert float(summary["dice"]["mean"]) == pytest.approx(2 / 3)
    assert float(summary["hd_mm"]["mean"]) == 1.0
    assert "0.6667 ± 0.0000" in (out / "summary.md").read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert all(f"wrote {out / name}" in printed for name in FILES)
    assert next_command(printed) == ["report", str(out)]


@pytest.mark.parametrize("protocol", ["isles2015", "isles2022"])
def test_the_page_names_protocol_conventions_cases_and_seed(protocol, truth, masks, tmp_path):
    out = tmp_path / "out"
    run("--truth", truth, "--masks", masks, "--out", out, "--protocol", protocol, "--seed", 31)
    page = (out / "summary.md").read_text(encoding="utf-8")
    assert f"`{protocol}`), 7 cases, bootstrap seed 31" in page
    assert all(each["sentence"] in page for each in results(out)["conventions"])
    assert ("its ASSD, HD and HD95 are left out" in page) == (protocol == "isles2015")


def test_the_same_seed_gives_the_same_files(truth, masks, tmp_path):
    for name in ("first", "second"):
        run("--truth", truth, "--masks", masks, "--out", tmp_path / name)
    for name in FILES:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_missing_prediction_is_named_counted_and_an_error(truth, masks, tmp_path, capsys):
    out = tmp_path / "out"
    (masks / "3_mask.nii.gz").unlink()
    assert run("--truth", truth, "--masks", masks, "--out", out) == 2
    assert "row shifted has no mask for 1 cases: 3" in capsys.readouterr().err
    row = table(out / "per_case.csv")[2]
    assert (row["case"], row["missing"], row["dice"]) == ("3", "True", "")
    summary = results(out)["rows"]["shifted"]["summary"]["dice"]
    assert (summary["n"], summary["left_out"]) == (6, 1)
    assert "Without prediction, and in no figure: 3." in (out / "summary.md").read_text(encoding="utf-8")


def test_an_empty_prediction_fails_in_2015_and_counts_in_2022(truth, masks, tmp_path):
    save(masks / "3_mask.nii.gz", np.zeros(SHAPE, dtype=np.uint8))
    for protocol, failed in (("isles2015", True), ("isles2022", False)):
        out = tmp_path / protocol
        assert run("--truth", truth, "--masks", masks, "--out", out, "--protocol", protocol) == 0
        row = results(out)["rows"]["shifted"]
        assert (row["cases"][2]["dice"], row["cases"][2]["assd_mm"], row["cases"][2]["failed"]) == (0.0, None, failed)
        assert (row["summary"]["assd_mm"]["n"], row["summary"]["assd_mm"]["left_out"]) == (6, 1)
        page = (out / "summary.md").read_text(encoding="utf-8")
        assert ("Failed (Dice 0; distances left out): 3." in page) is failed
        assert "Undefined for 3: precision" in page


def test_an_empty_truth_scores_1_in_2022_and_is_refused_in_2015(truth, masks, tmp_path, capsys):
    for folder, name in ((truth, "3.nii.gz"), (masks, "3_mask.nii.gz")):
        save(folder / name, np.zeros(SHAPE, dtype=np.uint8))
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "out") == 0
    assert results(tmp_path / "out")["rows"]["shifted"]["cases"][2]["dice"] == 1.0
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "2015", "--protocol", "isles2015") == 2
    assert "3.nii.gz: the true mask is empty" in capsys.readouterr().err
    assert not (tmp_path / "2015").exists()


def test_rows_are_compared_pair_by_pair(truth, masks, tmp_path):
    out = tmp_path / "out"
    assert run("--truth", truth, "--masks", masks, "--rows", f"perfect={truth}", "--out", out) == 0
    found = {each["measure"]: each["test"] for each in results(out)["comparisons"]}
    assert found["dice"]["p_value"] == 2 / 2**7
    assert found["dice"]["median_difference"] == pytest.approx(-1 / 3)
    assert (found["lesion_f1"]["p_value"], found["lesion_f1"]["reason"]) == (None, "the rows are equal in every case")
    assert "shifted - perfect" in (out / "summary.md").read_text(encoding="utf-8")


def test_rows_are_ranked_under_2015(truth, masks, tmp_path):
    arguments = ("--truth", truth, "--masks", masks, "--rows", f"perfect={truth}")
    run(*arguments, "--out", tmp_path / "out", "--protocol", "isles2015")
    assert results(tmp_path / "out")["mean_ranks"] == {"shifted": 2.0, "perfect": 1.0}


def test_a_pattern_names_the_masks_of_one_plane(truth, tmp_path):
    for number in range(1, 8):
        save(tmp_path / "both" / f"{number}_mask-x.nii.gz", lesion(number))
    out = tmp_path / "out"
    assert run("--truth", truth, "--rows", f"x={tmp_path / 'both'}/{{case}}_mask-x.nii.gz", "--out", out) == 0
    assert results(out)["rows"]["x"]["summary"]["dice"]["mean"] == 1.0


def test_a_cohort_gives_the_brain_too_and_a_manifest_its_folds(tmp_path):
    from stroke_tf.manifest.layouts import find_cases
    from stroke_tf.workflows.index import index

    root, out = tmp_path / "siss", tmp_path / "out"
    for number in range(1, 9):
        siss_case(root, number)
        save(tmp_path / "shifted" / f"{number}.nii.gz", lesion(number, shift=1))
    assert len(find_cases(root)) == 8
    assert run("--truth", root, "--masks", tmp_path / "shifted", "--out", out) == 0
    found = results(out)
    assert found["without_brain"] == {}
    for case in found["rows"]["shifted"]["cases"]:
        # All errors lie in the brain, which is smaller than the volume.
        assert 0.5 < case["accuracy_brain"] < case["accuracy_voxel"] < 1

    manifest = tmp_path / "siss.csv"
    index(root, manifest, seed=1, max_voxels=10_000, allow_empty=False, skip_bad=False, force=False)
    arguments = ("--truth", manifest, "--data-root", root, "--masks", tmp_path / "shifted")
    folds = []
    for fold in range(4):
        assert run(*arguments, "--fold", fold, "--out", tmp_path / f"fold-{fold}") == 0
        folds += [row["case"] for row in table(tmp_path / f"fold-{fold}" / "per_case.csv")]
    assert sorted(folds) == [str(number) for number in range(1, 9)]


def test_masks_alone_leave_the_accuracy_in_the_brain_out_and_say_why(truth, masks, tmp_path):
    out = tmp_path / "out"
    run("--truth", truth, "--masks", masks, "--out", out)
    assert results(out)["rows"]["shifted"]["summary"]["accuracy_brain"]["left_out"] == 7
    page = (out / "summary.md").read_text(encoding="utf-8")
    assert "accuracy_brain is missing for 1, 2, 3, 4, 5, 6, 7: only masks were given, no images." in page


def test_a_prediction_stored_in_another_orientation_is_the_same_prediction(truth, masks, tmp_path):
    flipped = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    save(masks / "3_mask.nii.gz", lesion(3, shift=1)[::-1], flipped)
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "out") == 0
    assert results(tmp_path / "out")["rows"]["shifted"]["cases"][2]["dice"] == 2 / 3


def test_chosen_cases_only_are_evaluated(truth, masks, tmp_path):
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "out", "--case", "5", "2") == 0
    assert [row["case"] for row in table(tmp_path / "out" / "per_case.csv")] == ["5", "2"]


def test_results_are_not_overwritten_without_leave(truth, masks, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.md").write_text("precious")
    assert run("--truth", truth, "--masks", masks, "--out", out) == 2
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["summary.md"]
    assert (out / "summary.md").read_text() == "precious"
    assert run("--truth", truth, "--masks", masks, "--out", out, "--force") == 0


def moved(masks: Path) -> list[str]:
    affine = AFFINE.copy()
    affine[0, 3] = 4.0
    save(masks / "3_mask.nii.gz", lesion(3), affine)
    return ["truth/3.nii.gz", "shifted/3_mask.nii.gz", "different grids"]


def of_another_shape(masks: Path) -> list[str]:
    save(masks / "3_mask.nii.gz", lesion(3)[:-1])
    return ["truth/3.nii.gz", "shifted/3_mask.nii.gz", "different grids"]


def probabilities(masks: Path) -> list[str]:
    save(masks / "3_mask.nii.gz", np.linspace(0, 1, lesion(3).size, dtype=np.float32).reshape(SHAPE))
    return ["shifted/3_mask.nii.gz", "0 and one other value"]


def truncated(masks: Path) -> list[str]:
    path = masks / "3_mask.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    return ["shifted/3_mask.nii.gz", "truncated"]


def doubled(masks: Path) -> list[str]:
    save(masks / "3.nii.gz", lesion(3))
    return ["a second mask of case 3", "3.nii.gz", "3_mask.nii.gz"]


def none_there(masks: Path) -> list[str]:
    for path in masks.iterdir():
        path.unlink()
    return ["no mask for any of 7 cases", "1_mask.nii.gz"]


@pytest.mark.parametrize("spoil", [moved, of_another_shape, probabilities, truncated, doubled, none_there])
def test_bad_predictions_are_refused_by_name_and_nothing_is_written(spoil, truth, masks, tmp_path, capsys):
    said = spoil(masks)
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert [part for part in said if part not in error] == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--truth", "{truth}"), "No masks to evaluate"),
        (("--truth", "{truth}", "--masks", "{truth}", "--rows", "truth={masks}"), "Received twice: truth"),
        (("--truth", "{truth}", "--masks", "nowhere"), "nowhere: no such folder"),
        (("--truth", "nowhere", "--masks", "{masks}"), "nowhere: no such manifest or folder"),
        (("--truth", "{truth}", "--masks", "{masks}", "--case", "12"), "no truth for case 12"),
        (("--truth", "{truth}", "--masks", "{masks}", "--fold", "0"), "Folds and subsets stand in the manifest"),
        (("--truth", "{truth}", "--masks", "{masks}", "--subset", "test"), "stroke-tf index"),
    ],
)
def test_what_cannot_be_evaluated_is_told(arguments, said, truth, masks, tmp_path, capsys):
    filled = [each.format(truth=truth, masks=masks) for each in arguments]
    assert run(*filled, "--out", tmp_path / "out") == 2
    assert said in capsys.readouterr().err


def test_a_row_needs_a_name(truth, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["--truth", str(truth), "--rows", "folder"])
    assert "use NAME=FOLDER" in capsys.readouterr().err


def test_every_measure_stands_in_the_table_of_cases(truth, masks, tmp_path):
    run("--truth", truth, "--masks", masks, "--out", tmp_path / "out")
    assert tuple(table(tmp_path / "out" / "per_case.csv")[0]) == ("row", "case", "missing", *COLUMNS)


def bright_cohort(root: Path) -> None:
    """Write four cases whose lesions are bright on FLAIR and DWI, each beside a brighter speck that is none."""
    for number in range(1, 5):
        siss_case(root, number)
        for kind in ("DWI", "Flair"):
            path = root / str(number) / f"VSD.Brain.XX.O.MR_{kind}.{number}.nii"
            image = np.asarray(nibabel.load(path, mmap=False).dataobj)
            image[lesion(number) == 1] = 200
            image[8, 9, 6] = 400
            save(path, image)


def test_rules_without_a_network_stand_beside_the_masks(tmp_path, capsys):
    bright_cohort(tmp_path / "siss")
    for number in (1, 2):
        save(tmp_path / "masks" / f"{number}.nii", lesion(number, shift=1))
    arguments = ("--truth", tmp_path / "siss", "--masks", tmp_path / "masks", "--case", 1, 2, "--baseline")
    assert run(*arguments, "--out", tmp_path / "out") == 0
    rows = results(tmp_path / "out")["rows"]
    assert list(rows) == ["masks", "threshold", "threshold-largest"]
    dices = {name: [case["dice"] for case in row["cases"]] for name, row in rows.items()}
    # The speck is above any threshold that finds the lesion, and no part of the largest component.
    assert dices["threshold-largest"] == [1.0, 1.0]
    assert max(dices["masks"]) < min(dices["threshold"]) < 1.0
    assert (tmp_path / "out" / "baseline" / "threshold" / "2_mask.nii.gz").exists()


def test_a_baseline_is_never_fitted_on_what_it_is_measured_on(tmp_path, masks, capsys):
    bright_cohort(tmp_path / "siss")
    arguments = ("--truth", tmp_path / "siss", "--masks", masks, "--baseline", "--out", tmp_path / "out")
    assert run(*arguments) == 2
    assert "fitted on cases that are not evaluated, and none is left" in capsys.readouterr().err
    assert run(*arguments, "--case", 1, "--rows", f"threshold={masks}") == 2
    assert "Call yours other than threshold" in capsys.readouterr().err


def test_a_baseline_needs_images(truth, masks, tmp_path, capsys):
    arguments = ("--truth", truth, "--masks", masks, "--baseline", "--case", 1, "--out", tmp_path / "out")
    assert run(*arguments) == 2
    assert "--baseline needs FLAIR and DWI of every case" in capsys.readouterr().err


def test_the_page_shows_every_row_beside_the_scans_and_the_truth(tmp_path, masks):
    for number in range(1, 5):
        siss_case(tmp_path / "scans", number)
    rows = ("--rows", f"beside={masks}", "--rows", f"again={masks}")
    assert run("--truth", tmp_path / "scans", *rows, "--protocol", "isles2015", "--out", tmp_path / "out") == 0
    cases, warnings = shown(tmp_path / "out")
    assert [case.name for case in cases] == ["1", "2", "3", "4"] and not warnings
    assert all([overlay.id for overlay in case.overlays] == ["truth", "beside", "again"] for case in cases)
    assert all({"FLAIR", "DWI"} <= set(case.images) and not case.synthetic for case in cases)
    # A mask that is not the one that was measured is not shown as if it were.
    save(masks / "2_mask.nii.gz", lesion(2, shift=2))  # as large, elsewhere
    cases, warnings = shown(tmp_path / "out")
    assert [case.name for case in cases] == ["1", "3", "4"]
    assert "Not shown: case 2" in warnings and "was changed after it was measured" in warnings


def test_the_page_of_masks_without_scans_says_that_it_has_no_viewer(tmp_path, truth, masks):
    assert run("--truth", truth, "--masks", masks, "--out", tmp_path / "out") == 0
    cases, warnings = shown(tmp_path / "out")
    assert not cases and "No viewer and no pictures" in warnings
