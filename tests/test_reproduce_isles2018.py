"""The journey of Song 2019 in a few steps, one fold: every stage, every row, every file. Its figures mean nothing."""

import json
import re
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.predict import main as predict
from stroke_tf.recipes.song_2019 import SMOKE
from stroke_tf.report import main as report
from stroke_tf.reproduce_isles2018 import main, parser
from stroke_tf.workflows.isles2018_results import COMPARED, TITLES

NETWORKS = ["whole", "unguided", "maps", "dwi"]
RULES = ["threshold-tmax", "threshold-cbf"]


class Killed(BaseException):
    """What stops a run where a machine would stop."""


def run(out: Path, *, say) -> dict:
    from stroke_tf.workflows.isles2018 import reproduce_isles2018

    return reproduce_isles2018(asked(out), say=say)


def asked(out: Path):
    """Return the request of the smoke preset."""
    from stroke_tf.workflows.isles2018 import Isles2018Request

    return Isles2018Request(
        preset="smoke",
        data=None,
        data_root=None,
        folds=(0,),
        out=out,
        seed=1906,
        device=Device.CPU,
        precision=Precision.FLOAT32,
        protocol=Protocol.ISLES2015,
    )


def times(out: Path) -> dict[str, int]:
    """Return when each weight file, mask, image and record of measures was written."""
    kinds = ("*.weights.h5", "run_card.json", "*.nii.gz", "*_measures.json", "*_quality.json")
    found = [path for kind in kinds for path in (out / "fold-0").rglob(kind)]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Return what three calls left: one killed before its last network, one to the end, one with nothing to do."""
    out, said = tmp_path_factory.mktemp("smoke") / "isles2018", []

    def killed_at_dwi(text: str) -> None:
        if "fold 0: dwi" in text:
            raise Killed

    with pytest.raises(Killed):
        run(out, say=killed_at_dwi)
    killed = times(out)
    run(out, say=said.append)
    finished = times(out)
    results = run(out, say=lambda text: None)
    return {"out": out, "said": said, "killed": killed, "finished": finished, "again": times(out), "results": results}


def test_the_list_of_jobs_is_what_the_journey_has_trained(story):
    from stroke_tf.workflows.isles2018_jobs import plan_isles2018
    from stroke_tf.workflows.training_jobs import first_wave, unfinished

    plan = plan_isles2018(asked(story["out"]), say=lambda text: None)
    assert [each.name for each in first_wave(plan)] == [f"fold-0/{name}" for name in NETWORKS]
    assert unfinished(plan.waves[0], plan.chosen) == []


@pytest.fixture(scope="module")
def tested(story) -> str:
    return story["results"]["rows"][0]["cases"][0]["case"]


def test_every_row_is_filled_with_every_test_case(story):
    rows = {row["id"]: row for row in story["results"]["rows"]}
    assert list(rows) == list(TITLES) == [*NETWORKS, *RULES, "ceiling"]
    tested = [case["case"] for case in rows["whole"]["cases"]]
    assert len(tested) == 2 < SMOKE.cohort.cases
    for name, row in rows.items():
        assert [case["case"] for case in row["cases"]] == tested, name
        assert row["summary"]["dice"]["n"] == len(tested), name
    assert rows["ceiling"]["summary"]["dice"]["mean"] > 0.8
    assert [case["case"] for case in story["results"]["generated_dwi"]["cases"]] == tested


def test_nobody_is_trained_on_and_tested(story):
    tested = {case["case"] for case in story["results"]["rows"][0]["cases"]}
    for name in NETWORKS:
        card = json.loads((story["out"] / "fold-0" / "runs" / name / "run_card.json").read_text(encoding="utf-8"))
        train, validation = set(card["split"]["train"]), set(card["split"]["validation"])
        assert len(train | validation | tested) == SMOKE.cohort.cases == len(train) + len(validation) + len(tested)


def test_results_json_compares_judges_and_tells_what_was_run(story):
    results = json.loads((story["out"] / "results.json").read_text(encoding="utf-8"))
    assert (results["preset"], results["folds"], results["folds_in_all"], results["synthetic"]) == (
        "smoke",
        [0],
        5,
        True,
    )
    assert [(pair["first"], pair["second"]) for pair in results["pairs"]] == [("whole", other) for other in COMPARED]
    assert {claim["id"]: claim["verdict"] for claim in results["claims"]}["song-dice"] == "not testable"
    assert all(claim["reason"] for claim in results["claims"])
    assert results["rows"][0]["paper"] == {"dice": 0.624}
    assert set(results["generated_dwi"]["summary"]) == {"psnr_db", "ssim", "psnr_of_blank_db"}


def test_phantoms_are_called_synthetic_in_the_title_and_in_every_picture(story):
    page = (story["out"] / "isles2018.md").read_text(encoding="utf-8")
    assert page.startswith("# Generative model on CT perfusion: SYNTHETIC PHANTOMS")
    assert "(62.4)" in page
    cases = [case["case"] for case in story["results"]["rows"][0]["cases"]]
    pictures = {path.name for path in (story["out"] / "figures").iterdir()}
    assert pictures == {"dice-SYNTHETIC.png", *(f"generated-{case}-SYNTHETIC.png" for case in cases)}


def test_a_killed_run_keeps_what_it_had_finished_and_the_next_fills_the_rest(story):
    trained = {name.split("/")[2] for name in story["killed"] if name.endswith("run_card.json")}
    assert trained == {"whole", "unguided", "maps"}
    assert {name: story["finished"][name] for name in story["killed"]} == story["killed"]
    masks = {name.split("/")[2] for name in story["finished"] if name.endswith("_mask.nii.gz")}
    assert masks == {*NETWORKS, *RULES}


def test_a_call_with_nothing_left_to_do_writes_nothing_again(story):
    assert story["again"] == story["finished"]


def test_every_stage_is_announced_with_the_time_left(story):
    assert story["said"][0].startswith("device: CPU")
    assert "SYNTHETIC CT-perfusion phantoms" in story["said"][0]
    stages = [text for text in story["said"] if text.startswith("[")]
    assert len(stages) == 6
    assert all("gone, about" in text and text.endswith(" left") for text in stages)


@pytest.mark.parametrize("name", ["whole", "unguided", "maps"])
def test_without_dwi_and_lesion_a_test_case_gets_the_same_mask(story, tested, name, tmp_path, capsys):
    data, out = tmp_path / "data" / tested, tmp_path / "out"
    shutil.copytree(story["out"] / "synthetic-phantoms" / tested, data)
    (case,) = find_cases(tmp_path / "data")
    for path in (case.images["DWI"], case.lesion):
        path.unlink()
    run_folder = story["out"] / "fold-0" / "runs" / name
    words = ["--runs", run_folder, "--data", tmp_path / "data", "--out", out, "--device", "cpu"]
    assert predict([*map(str, words), "--precision", "float32", "--probabilities"]) == 0
    said = capsys.readouterr().out
    assert "ml of lesion" in said
    stored = story["out"] / "fold-0" / "masks" / name / f"{tested}_mask.nii.gz"
    found, expected = (nibabel.load(path) for path in (out / f"{tested}_mask.nii.gz", stored))
    assert np.array_equal(np.asarray(found.dataobj), np.asarray(expected.dataobj))
    assert np.array_equal(found.affine, expected.affine)
    record = json.loads((out / f"{tested}_mask.json").read_text())
    # What the line "device:" says, in which no "auto" can stand.
    assert record["computed_by"] in said and record["computed_by"].endswith(", float32, Keras")
    drawn = out / f"{tested}_generated-dwi.nii.gz"
    assert drawn.exists() == (name == "whole")
    if drawn.exists():
        kept = nibabel.load(story["out"] / "fold-0" / "generated" / drawn.name)
        assert np.array_equal(nibabel.load(drawn).get_fdata(), kept.get_fdata())


def test_the_upper_bound_does_not_predict(story, tmp_path, capsys):
    words = ["--runs", story["out"] / "fold-0" / "runs" / "dwi", "--data", story["out"] / "synthetic-phantoms"]
    assert predict([*map(str, words), "--out", str(tmp_path / "out")]) == 2
    assert "looks at the real DWI, which no case has at test time" in capsys.readouterr().err


def test_runs_of_this_journey_do_not_vote(story, tmp_path, capsys):
    runs = [str(story["out"] / "fold-0" / "runs" / name) for name in ("whole", "maps")]
    assert predict(["--runs", *runs, "--data", str(story["out"]), "--out", str(tmp_path / "out")]) == 2
    assert "predicts alone" in capsys.readouterr().err


def test_the_door_goes_on_with_the_folder_and_prints_the_table(story, capsys, next_command):
    arguments = ["--preset", "smoke", "--fold", "0", "--device", "cpu", "--precision", "float32", "--out"]
    assert main([*arguments, str(story["out"])]) == 0
    printed = capsys.readouterr().out
    assert (story["out"] / "isles2018.md").read_text(encoding="utf-8") in printed
    assert next_command(printed) == ["report", str(story["out"])]
    assert times(story["out"]) == story["finished"]


def test_data_that_is_not_there_is_an_error(tmp_path, capsys):
    words = ["--preset", "smoke", "--device", "cpu", "--data", str(tmp_path / "nowhere"), "--out"]
    assert main([*words, str(tmp_path / "out")]) == 2
    assert "nowhere: no such manifest or folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--fold", "5"], ["--preset", "fast"], ["--protocol", "isles2017"]])
def test_a_word_that_is_no_choice_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert "invalid choice" in capsys.readouterr().err


def test_the_results_have_a_page_with_the_drawn_dwi_among_the_images(story, tmp_path, capsys):
    assert report([str(story["out"]), "--out", str(tmp_path / "page.html")]) == 0
    assert "note:" not in capsys.readouterr().out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    contents = re.search(r'id="viewer-contents">(.*?)</script>', page).group(1)
    cases = json.loads(contents)["cases"]
    assert {case["name"] for case in cases} == {case["case"] for case in story["results"]["rows"][0]["cases"]}
    images = [image["name"] for image in cases[0]["images"]]
    assert images[0] == "DWI" and images[-1] == "DWI, drawn" and "CTP" not in images
