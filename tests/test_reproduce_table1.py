"""The whole of Table 1 in a few steps: every stage, every row, every file. Its figures mean nothing."""

import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.recipes.multiplane_2025 import SMOKE, VARIANTS
from stroke_tf.report import main as report
from stroke_tf.reproduce_table1 import main, parser
from stroke_tf.training.record import read_run_card

ROWS = ["3d-unet", "x", "y", "z", "absent", "dsn", "vote", "threshold", "threshold-largest", "ceiling"]
NETWORKS = ROWS[:6]
FILLED = ("dice", "accuracy_voxel", "accuracy_balanced", "recall", "specificity")


class Killed(BaseException):
    """What stops a run where a machine would stop."""


def run(out: Path, *, say) -> dict:
    """Run the smoke preset as the door does."""
    from stroke_tf.workflows.table1 import reproduce_table1

    return reproduce_table1(asked(out), say=say)


def asked(out: Path):
    """Return the request of the smoke preset."""
    from stroke_tf.workflows.table1_rows import Table1Request

    return Table1Request(
        preset="smoke",
        data=None,
        data_root=None,
        folds=(0,),
        weights="none",
        weights_folder=None,
        out=out,
        seed=2511,
        device=Device.CPU,
        precision=Precision.FLOAT32,
        protocol=Protocol.ISLES2015,
    )


def times(out: Path) -> dict[str, int]:
    """Return when each weight file, mask and record of measures was written."""
    kinds = ("*.weights.h5", "run_card.json", "*_mask.nii.gz", "*_measures.json")
    found = [path for kind in kinds for path in (out / "fold-0").rglob(kind)]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Return what three calls left: one killed before its fourth stage, one to the end, and one that had nothing to do.

    The first words of the later calls are kept beside what the disk held after each of the calls.
    """
    out, said = tmp_path_factory.mktemp("smoke") / "table1", []

    def killed_at_plane_z(text: str) -> None:
        if "fold 0: z" in text:
            raise Killed

    with pytest.raises(Killed):
        run(out, say=killed_at_plane_z)
    killed = times(out)
    run(out, say=said.append)
    finished = times(out)
    results = run(out, say=lambda text: None)
    return {"out": out, "said": said, "killed": killed, "finished": finished, "again": times(out), "results": results}


def cases_of_the_vote(story) -> list[str]:
    """Return the test cases, as the vote has them."""
    return [case["case"] for row in story["results"]["rows"] if row["id"] == "vote" for case in row["cases"]]


def test_every_row_is_filled_with_every_test_case(story):
    rows = {row["id"]: row for row in story["results"]["rows"]}
    assert list(rows) == ROWS
    # A fold is a quarter of the cohort.
    assert len(cases_of_the_vote(story)) == SMOKE.cohort.cases // 4
    for name in ROWS:
        assert [case["case"] for case in rows[name]["cases"]] == cases_of_the_vote(story), name
    for name in ROWS[:-1]:
        for measure in FILLED:
            summary = rows[name]["summary"][measure]
            assert (summary["n"], summary["left_out"]) == (len(cases_of_the_vote(story)), 0), (name, measure)
            assert 0 <= summary["mean"] <= 1, (name, measure)
    assert rows["ceiling"]["summary"]["dice"]["mean"] > 0.9


def test_results_json_tells_what_was_run_and_judges_every_claim(story):
    results = json.loads((story["out"] / "results.json").read_text(encoding="utf-8"))
    assert results["rows"] == story["results"]["rows"]
    assert (results["preset"], results["seed"], results["protocol"], results["folds"]) == (
        "smoke",
        2511,
        "isles2015",
        [0],
    )
    assert (results["weights_asked"], results["weights_used"], results["synthetic"]) == ("none", "none", True)
    assert [claim["id"] for claim in results["claims"]] == ["pretrained", "vote", "planes-beat-3d", "dice"]
    verdicts = {claim["id"]: claim["verdict"] for claim in results["claims"]}
    # There was no pretrained encoder, and no patient; the others depend on a few steps of training.
    assert verdicts["pretrained"] == verdicts["dice"] == "not testable"
    assert set(verdicts.values()) <= {"holds", "fails", "not testable"}
    assert all(claim["reason"] for claim in results["claims"])
    assert results["versions"]["python"] and results["device"].startswith("CPU")


def test_a_row_without_pretraining_of_its_own_says_so(story):
    rows = {row["id"]: row for row in story["results"]["rows"]}
    assert {rows[name]["weights"] for name in ("x", "y", "z", "absent", "dsn")} == {"none"}
    assert "the same network as row Y" in rows["absent"]["note"]
    assert rows["absent"]["cases"] == rows["y"]["cases"]


def test_phantoms_are_called_synthetic_in_the_title_and_in_every_picture(story):
    table = (story["out"] / "table1.md").read_text(encoding="utf-8")
    assert table.startswith("# Table 1 on SYNTHETIC PHANTOMS")
    pictures = {path.name for path in (story["out"] / "figures").iterdir()}
    overlays = {f"overlay-{case}-SYNTHETIC.png" for case in cases_of_the_vote(story)}
    assert pictures == overlays | {f"{name}-SYNTHETIC.png" for name in ("dice", "fusion", "disagreement")}


def test_the_vote_is_the_majority_of_the_planes_masks(story):
    folder = story["out"] / "fold-0" / "masks"
    for case in cases_of_the_vote(story):
        x, y, z, vote = (
            np.asarray(nibabel.load(folder / row / f"{case}_mask.nii.gz").dataobj) for row in ("x", "y", "z", "vote")
        )
        assert np.array_equal(vote, (x + y + z >= 2).astype(np.uint8))


def test_the_vote_is_that_of_the_stored_probabilities_to_the_voxel(story):
    fold = story["out"] / "fold-0"
    for case in cases_of_the_vote(story):
        voting = [
            np.asarray(nibabel.load(fold / "probabilities" / plane / f"{case}_prob.nii.gz").dataobj, np.float32) >= 0.5
            for plane in "xyz"
        ]
        for plane, found in zip("xyz", voting, strict=True):
            mask = np.asarray(nibabel.load(fold / "masks" / plane / f"{case}_mask.nii.gz").dataobj)
            assert np.array_equal(found, mask)
        vote = np.asarray(nibabel.load(fold / "masks" / "vote" / f"{case}_mask.nii.gz").dataobj)
        assert np.array_equal(sum(voting, start=np.zeros(vote.shape, int)) >= 2, vote)


def test_rules_of_fusion_stand_beside_the_vote_of_table_1(story):
    found = json.loads((story["out"] / "fusion.json").read_text(encoding="utf-8"))
    rows = {row["id"]: row for row in found["rows"]}
    table = {row["id"]: row for row in story["results"]["rows"]}
    pairs = {"majority": "vote", "plane-x": "x", "threshold": "threshold", "threshold-largest": "threshold-largest"}
    for ours, theirs in pairs.items():
        dices = [case["dice"] for case in table[theirs]["cases"]]
        assert [case["dice"] for case in rows[ours]["cases"]] == dices
    assert not {*found["validation"]["fold-0"]} & {*found["test"]["fold-0"]}
    assert (story["out"] / "fusion.md").read_text(encoding="utf-8").startswith("# Rules of fusion on SYNTHETIC")


def test_a_killed_run_keeps_what_it_had_finished(story):
    trained = {name.split("/")[2] for name in story["killed"] if name.endswith("run_card.json")}
    assert trained == {"unet2d-x-none", "unet2d-y-none"}
    assert {name: story["finished"][name] for name in story["killed"]} == story["killed"]


def test_the_second_call_fills_what_the_killed_one_left(story):
    assert len(story["finished"]) > len(story["killed"])
    masks = {name.split("/")[2] for name in story["finished"] if "/masks/" in name and name.endswith(".nii.gz")}
    assert masks == {*NETWORKS, "vote", "threshold", "threshold-largest"}


def test_a_call_with_nothing_left_to_do_writes_no_weights_and_no_masks(story):
    assert story["again"] == story["finished"]


def test_the_first_line_says_device_precision_data_and_weights(story):
    assert story["said"][0].startswith("device: CPU")
    for word in ("float32", "data: SYNTHETIC phantoms", "weights: none"):
        assert word in story["said"][0]


def test_every_stage_is_announced_with_the_time_left(story):
    stages = [text for text in story["said"] if text.startswith("[")]
    names = [text.partition("] ")[2].partition(" ·")[0].removeprefix("fold 0: ") for text in stages]
    assert names == ["preparing", "x", "y", "z", "absent", "dsn", "3d-unet", "judging", "fusion"]
    assert all(text.startswith(f"[{number}/9]") for number, text in enumerate(stages, start=1))
    assert all("gone, about" in text and text.endswith(" left") for text in stages)


def test_the_list_of_jobs_is_what_the_journey_has_trained(story):
    """So what other machines train from that list, the journey finds finished."""
    from stroke_tf.workflows.table1_jobs import plan_table1
    from stroke_tf.workflows.training_jobs import first_wave, unfinished

    plan = plan_table1(asked(story["out"]), say=lambda text: None)
    jobs = first_wave(plan)
    assert {each.name for each in jobs} == {
        f"fold-0/{run.name}" for run in (story["out"] / "fold-0" / "runs").iterdir()
    }
    assert unfinished(plan.waves[0], plan.chosen) == []
    assert pickle.loads(pickle.dumps(jobs)) == jobs
    assert all(path.is_absolute() for each in jobs for case in each.job.train for path in case.images.values())


@pytest.mark.slow
def test_a_network_trained_alone_has_the_bits_of_the_journeys(story, tmp_path, repository):
    """A job array's command, in a new process: one network that the journey trained after others."""
    out, run = tmp_path / "out", Path("fold-0", "runs", "unet2d-deep-y-none")
    for part in ("synthetic-phantoms", "cache"):
        shutil.copytree(story["out"] / part, out / part)
    command = [sys.executable, "-m", "stroke_tf", "reproduce-table1", "--preset", "smoke", "--weights", "none"]
    command += ["--device", "cpu", "--precision", "float32", "--out", str(out), "--only-job"]
    listed = subprocess.run([*command, "list"], cwd=repository, capture_output=True, text=True, check=True).stdout
    (number,) = re.findall(rf"^(\d+): fold-0/{run.name}$", listed, flags=re.MULTILINE)
    subprocess.run([*command, number], cwd=repository, capture_output=True, check=True)
    alone, ours = (read_run_card(folder / run) for folder in (out, story["out"]))
    assert alone["files"]["model.weights.h5"] == ours["files"]["model.weights.h5"]
    assert alone["best_validation_dice"] == ours["best_validation_dice"]
    assert not (out / "table1.md").exists()


def test_the_door_goes_on_with_the_folder_and_prints_the_table(story, capsys, next_command):
    arguments = ["--preset", "smoke", "--weights", "none", "--device", "cpu", "--precision", "float32", "--out"]
    assert main([*arguments, str(story["out"])]) == 0
    printed = capsys.readouterr().out
    assert (story["out"] / "table1.md").read_text(encoding="utf-8") in printed
    assert next_command(printed) == ["report", str(story["out"])]
    assert times(story["out"]) == story["finished"]


def test_a_weight_file_that_is_not_there_stops_before_anything_is_drawn(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["--weights", str(tmp_path / "own.h5"), "--preset", "smoke", "--out", str(out)]) == 2
    assert "own.h5: no such file" in capsys.readouterr().err
    assert not out.exists()


def test_data_that_is_not_there_is_an_error(tmp_path, capsys):
    arguments = ["--preset", "smoke", "--weights", "none", "--data", str(tmp_path / "nowhere"), "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 2
    assert "nowhere: no such manifest or folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--fold", "4"], ["--preset", "fast"], ["--protocol", "isles2017"]])
def test_a_word_that_is_no_choice_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.slow
def test_every_variant_is_a_row_beside_row_y(story):
    """Six networks more, so not among the fast tests; the rows of the paper are taken as they lie."""
    arguments = ["--preset", "smoke", "--weights", "none", "--device", "cpu", "--precision", "float32"]
    assert main([*arguments, "--variants", "all", "--out", str(story["out"])]) == 0
    results = json.loads((story["out"] / "results.json").read_text(encoding="utf-8"))
    rows = {row["id"]: row for row in results["rows"]}
    assert list(rows) == [*ROWS[:6], *VARIANTS, *ROWS[6:]]
    assert [each["row"] for each in results["variants"]] == list(VARIANTS)
    for name in VARIANTS:
        assert [case["case"] for case in rows[name]["cases"]] == cases_of_the_vote(story), name
        assert rows[name]["paper"] is None and rows[name]["weights"] == "none"
    before = times(story["out"])
    assert main([*arguments, "--variants", "all", "--out", str(story["out"])]) == 0
    assert times(story["out"]) == before


def test_an_unknown_variant_stops_before_anything_is_drawn(tmp_path, capsys):
    assert main(["--preset", "smoke", "--variants", "resnet", "--out", str(tmp_path / "out")]) == 2
    assert "all, or some of dense-unet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_results_have_a_page_with_every_part(story, tmp_path, capsys):
    assert report([str(story["out"]), "--out", str(tmp_path / "page.html")]) == 0
    assert "note:" not in capsys.readouterr().out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    parts = re.findall(r'<section id="([a-z]+)"', page)
    assert parts == ["answer", "table", "cases", "plots", "fusion", "audit", "runs"]
    assert "SYNTHETIC PHANTOMS" in page and page.count('<figure class="chart"') >= 6
