"""Rules of fusion compared on what a run stored; test cases have no say in what is fitted."""

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import Protocol, TieRule
from stroke_tf.compare_fusion import main
from stroke_tf.errors import ManifestError
from stroke_tf.files import write_json
from stroke_tf.fuse import main as fuse
from stroke_tf.fusion.fitted import read_fitted
from stroke_tf.fusion.origin import Origin, write_origin
from stroke_tf.volumes.nifti import read_place, read_scan, stored_exactly, write_volume
from stroke_tf.workflows.compare_fusion import CANDIDATES, FILES, compare_fusion, fit_fold, which_rule
from stroke_tf.workflows.stored_planes import Roster, StoredPlanes

SHAPE = (14, 13, 12)
VALIDATION, TEST = ("1", "2", "3"), ("4", "5", "6", "7", "8", "9")


def planes_and_truth(number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what three planes see of a ball through noise: all over-segment, and x sees least."""
    generator = np.random.default_rng(number)
    centre = np.array([6, 6, 6]).reshape(3, 1, 1, 1) + number % 2
    distance = np.linalg.norm(np.indices(SHAPE) - centre, axis=0)
    noise = {"x": 2.5, "y": 1.0, "z": 1.0}
    volumes = {
        plane: (1 / (1 + np.exp(2 * (distance - 4) + generator.normal(0, by, SHAPE)))).astype(np.float32)
        for plane, by in noise.items()
    }
    return volumes, distance < 3


def write_run(results: Path, *, fold: str = "fold-0", validation=VALIDATION, test=TEST) -> Path:
    """Write what a Table 1 run leaves of one fold for the comparison."""
    results.mkdir(exist_ok=True)
    affine = np.diag([-3.0, 3.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), affine), results / "like.nii")
    like, stored = read_place(results / "like.nii"), StoredPlanes(results / fold)
    for case in (*validation, *test):
        volumes, truth = planes_and_truth(int(case))
        for plane, volume in volumes.items():
            stored.keep(case, volume, Origin(plane, plane * 64, 0.5, "hand-made"), like)
        stored.keep_known(case, truth, np.ones(SHAPE, bool), like)
        for row in ("threshold", "threshold-largest"):
            write_volume(
                results / fold / "masks" / row / f"{case}_mask.nii.gz", truth, like, dtype=np.uint8, force=True
            )
    stored.keep_roster(
        Roster(validation, test, ("x", "y", "z"), "balls", True, Protocol.ISLES2015, TieRule.BACKGROUND, 7)
    )
    return results


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> tuple[Path, dict]:
    results = write_run(tmp_path_factory.mktemp("results"))
    return results, compare_fusion(results)


def fitted_texts(results: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (results / "fold-0" / "fusion").glob("*.json")}


def test_every_rule_is_measured_in_all_four_ways(compared):
    rows = {row["id"]: row for row in compared[1]["rows"]}
    assert len(CANDIDATES) == 36
    assert set(rows) == {
        *(candidate.name for candidate in CANDIDATES),
        *("plane-x", "plane-y", "plane-z", "best-plane", "threshold", "threshold-largest"),
    }
    for row in rows.values():
        assert [case["case"] for case in row["cases"]] == list(TEST)
        assert row["difference"]["n"] == len(TEST)
    assert rows["majority"]["difference"]["mean"] == 0
    assert rows["threshold"]["summary"]["dice"]["mean"] == 1


def test_planes_that_over_segment_are_mended_by_a_fitted_threshold(compared):
    rows = {row["id"]: row for row in compared[1]["rows"]}
    assert rows["majority"]["summary"]["recall"]["mean"] > rows["majority"]["summary"]["precision"]["mean"]
    assert rows["majority+threshold"]["fitted"]["fold-0"]["threshold"] > 0.5
    assert rows["majority+threshold"]["difference"]["low"] > 0
    assert "Worth using in place of the majority vote at 0.5" in compared[1]["sentence"]


def test_the_counts_are_those_of_whole_volumes(compared):
    results, content = compared
    rows = {row["id"]: row for row in content["rows"]}
    fusion = read_fitted(results / "fold-0" / "fusion" / "weighted-logits+threshold+clean-up.json")
    volumes, truth = planes_and_truth(5)
    volumes = {plane: stored_exactly(volume, 2**-15) for plane, volume in volumes.items()}
    mask = fusion.mask_of(volumes, voxel_volume_ml=0.027)
    (case,) = (case for case in rows["weighted-logits+threshold+clean-up"]["cases"] if case["case"] == "5")
    assert (case["tp"], case["fp"]) == ((mask & truth).sum(), (mask & ~truth).sum())
    assert case["tp"] + case["fp"] + case["fn"] + case["tn"] == np.prod(SHAPE)


def test_the_files_say_synthetic_and_hold_every_row(compared):
    results, content = compared
    page = (results / "fusion.md").read_text(encoding="utf-8")
    assert page.startswith("# Rules of fusion on SYNTHETIC PHANTOMS") and content["sentence"] in page
    assert len((results / "fusion.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(content["rows"])
    assert json.loads((results / "fusion.json").read_text(encoding="utf-8")) == json.loads(json.dumps(content))
    pictures = {path.name for path in (results / "figures").iterdir()}
    assert pictures == {"fusion-SYNTHETIC.png", "disagreement-SYNTHETIC.png"}


def test_each_test_case_has_a_map_of_disagreement_on_its_own_grid(compared):
    results, content = compared
    volumes, _ = planes_and_truth(4)
    apart = read_scan(results / "fold-0" / "fusion" / "4_disagreement.nii.gz")
    stack = np.stack(list(volumes.values()))
    np.testing.assert_allclose(apart.data, stack.max(axis=0) - stack.min(axis=0), atol=1e-4)
    assert nibabel.load(apart.path).get_data_dtype() == np.float32
    found = content["disagreement"]
    assert sum(each["voxels"] for each in found["bins"]) == len(TEST) * np.prod(SHAPE)
    # Where planes disagree the vote errs more often than where they do not.
    assert found["auc_pooled"] > 0.6 and set(found["auc_by_case"]) == {f"fold-0/{case}" for case in TEST}


def test_test_cases_have_no_say_in_what_is_fitted(compared, tmp_path):
    results = Path(shutil.copytree(compared[0], tmp_path / "garbled"))
    stored, generator = StoredPlanes(results / "fold-0"), np.random.default_rng(0)
    like = read_place(results / "like.nii")
    shutil.rmtree(results / "fold-0" / "fusion")
    for case in TEST:
        for plane in "xyz":
            noise = generator.random(SHAPE, dtype=np.float32)
            stored.keep(case, noise, Origin(plane, plane * 64, 0.5, "hand-made"), like)
        stored.keep_known(case, generator.random(SHAPE) < 0.5, generator.random(SHAPE) < 0.9, like)
    garbled = compare_fusion(results)
    assert garbled["rows"][0]["cases"] != compared[1]["rows"][0]["cases"]
    assert len(fitted_texts(results)) == len(CANDIDATES)
    assert fitted_texts(results) == fitted_texts(compared[0])


def test_fitting_does_not_even_open_the_test_cases(compared, tmp_path):
    results = Path(shutil.copytree(compared[0], tmp_path / "half"))
    shutil.rmtree(results / "fold-0" / "fusion")
    gone = [path for case in TEST for path in (results / "fold-0").rglob(f"{case}_*")]
    assert len(gone) == len(TEST) * 10
    for path in gone:
        path.unlink()
    stored = StoredPlanes(results / "fold-0")
    fit_fold(stored, stored.roster())
    assert fitted_texts(results) == fitted_texts(compared[0])


def test_a_validation_case_that_is_tested_as_well_is_refused(compared, tmp_path):
    results = write_run(tmp_path / "leak", validation=("1", "4"), test=("4", "5"))
    with pytest.raises(ManifestError, match="Case 4 is among the cases to be tested"):
        compare_fusion(results)
    assert not (results / "fusion.json").exists()


def test_a_fitted_fusion_names_its_cases_and_networks(compared):
    fusion = read_fitted(compared[0] / "fold-0" / "fusion" / "mean-probability+threshold.json")
    assert fusion.fitted_on == VALIDATION
    assert fusion.networks == {plane: plane * 64 for plane in "xyz"}


def test_what_is_there_already_is_not_computed_again(compared, tmp_path, capsys, next_command):
    results, content = compared
    before = (results / "fusion.json").stat().st_mtime_ns
    said = []
    assert compare_fusion(results, say=said.append)["source"] == content["source"]
    assert "is there" in said[0] and (results / "fusion.json").stat().st_mtime_ns == before
    assert main([str(results)]) == 0
    words = next_command(capsys.readouterr().out)
    # As it is printed, it works: the volumes are there, and the fitted fusion is theirs.
    assert words[0] == "fuse" and fuse([*words[1:-1], str(tmp_path / words[-1])]) == 0


def test_two_folds_are_fitted_each_for_itself_and_pooled(compared, tmp_path):
    results = Path(shutil.copytree(compared[0], tmp_path / "two"))
    write_run(results, fold="fold-1", validation=("4", "5", "6"), test=("1", "2", "3"))
    content = compare_fusion(results)
    assert content["folds"] == ["fold-0", "fold-1"]
    row = next(row for row in content["rows"] if row["id"] == "mean-probability+threshold")
    assert [row["fitted"][fold]["fitted_on"] for fold in content["folds"]] == [list(VALIDATION), ["4", "5", "6"]]
    assert len(row["cases"]) == row["difference"]["n"] == 9


def test_a_volume_of_another_network_than_the_others_is_refused(compared, tmp_path, capsys):
    results = Path(shutil.copytree(compared[0], tmp_path / "mixed"))
    write_origin(StoredPlanes(results / "fold-0").volume_file("y", "2"), Origin("y", "0" * 64, 0.5, "hand-made"))
    assert main([str(results), "--force"]) == 2
    assert "made by another network than the volumes of other cases" in capsys.readouterr().err


@pytest.mark.parametrize(("folder", "said"), [("nowhere", "no such folder"), ("empty", "holds no fold of Table 1")])
def test_a_folder_that_holds_no_results_is_refused(tmp_path, capsys, folder, said):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / folder)]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_kept_no_probabilities_is_told_how_to_keep_them(tmp_path, capsys):
    (tmp_path / "fold-0" / "masks").mkdir(parents=True)
    assert main([str(tmp_path)]) == 2
    assert "Run stroke-tf reproduce-table1 again with the same --out" in capsys.readouterr().err
    write_json(tmp_path / "fold-0" / "probabilities" / "cases.json", {"validation": []})
    assert main([str(tmp_path)]) == 2
    assert "cases.json: damaged" in capsys.readouterr().err


def row(name: str, mean: float, low: float, high: float, *, cases: int = 7, p: float = 0.02) -> dict:
    difference = {"mean": mean, "low": low, "high": high, "n": cases, "p_value": p}
    return {"id": name, "kind": "fusion", "title": name.title(), "variant": "0.5", "difference": difference}


BASE = row("majority", 0.0, 0.0, 0.0)


def test_only_an_interval_above_zero_makes_a_rule_worth_using():
    said = which_rule([BASE, row("union", -0.05, -0.08, -0.01), row("mean", 0.004, -0.001, 0.009)])
    assert said.startswith("No rule is worth using") and "Mean (0.5), +0.4 points of Dice [-0.1, +0.9]" in said
    said = which_rule([BASE, row("mean", 0.004, 0.001, 0.009), row("staple", 0.01, -0.01, 0.03)])
    assert said.startswith("Worth using in place of the majority vote at 0.5: Mean (0.5), +0.4 points of Dice")
    assert (
        "of 2 variants compared on 7 test cases, 1 has an interval above zero and a Wilcoxon p below 0.05, and none"
        in said
    )


def test_an_interval_above_zero_that_the_test_of_ranks_does_not_confirm_is_not_enough():
    said = which_rule([BASE, row("mean", 0.004, 0.001, 0.009, p=0.06)])
    assert said.startswith("No rule is worth using")
    assert "1 has a 95 % interval of the paired difference of Dice above zero (but no Wilcoxon p below 0.05)" in said


def test_few_cases_decide_nothing_however_well_they_agree():
    said = which_rule([row("majority", 0, 0, 0, cases=2), row("mean", 0.1, 0.09, 0.11, cases=2)])
    assert said.startswith("Which rule is worth using cannot be said on 2 test cases")


def test_stored_probabilities_are_rounded_down_by_less_than_a_step(compared):
    volumes, _ = planes_and_truth(4)
    path = StoredPlanes(compared[0] / "fold-0").volume_file("x", "4")
    read = read_scan(path).data
    assert nibabel.load(path).get_data_dtype() == np.uint16
    assert np.array_equal(read, stored_exactly(volumes["x"], 2**-15))
    assert (volumes["x"] - read).min() >= 0 and (volumes["x"] - read).max() < 2**-15
    assert np.array_equal(read >= 0.5, volumes["x"] >= 0.5)
    assert files_of_results(compared[0]) == set(FILES)


def files_of_results(results: Path) -> set[str]:
    return {path.name for path in results.iterdir() if path.name.startswith("fusion.")}
