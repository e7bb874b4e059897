"""Cases shared among machines: what a part is, what is refused, and a real cluster of two nodes, one of which dies."""

import csv
import importlib.util
import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stroke_tf.choices import Device, Precision, TieRule
from stroke_tf.cluster.predict import elsewhere, parts_of, predict_part
from stroke_tf.files import sha256_of_file
from stroke_tf.manifest.given import given_by
from stroke_tf.predict import main
from stroke_tf.workflows.outputs import Outputs
from stroke_tf.workflows.predict import Asked, predict_cases
from stroke_tf.workflows.seeing import Seeing

PLANES = "xyz"
PATIENCE_S = 300.0


@pytest.fixture
def four_cases(tmp_path, write_case) -> Path:
    """Return a folder of four cases, of which the third cannot be read."""
    for number in (1, 2, 3, 4):
        folder = write_case(tmp_path / "data", number, lesion=False)
    (folder.parent / "3" / "VSD.Brain.XX.O.MR_T2.3.nii").write_bytes(b"no image")
    return tmp_path / "data"


def asked_of(runs: Path, out: Path, planes: str = PLANES) -> Asked:
    outputs = Outputs(out, TieRule.BACKGROUND, plane_masks=False, probabilities=False, force=False)
    folders = tuple(runs / plane for plane in planes)
    return Asked(folders, outputs, device=Device.CPU, precision=Precision.FLOAT32)


def masks_of(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of_file(path) for path in folder.glob("*.nii.gz")}


def written_at(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def record_of(folder: Path, case_id: str) -> dict:
    """Return what is told of a case, without what a clock told."""
    told = json.loads((folder / f"{case_id}_mask.json").read_text(encoding="utf-8"))
    return {name: value for name, value in told.items() if name != "seconds"}


def test_parts_are_small_beside_the_whole_and_hold_each_case_once():
    for cases, at_once in ((1, 1), (7, 2), (1000, 3), (100_000, 640)):
        cuts = parts_of(cases, at_once=at_once)
        assert [number for cut in cuts for number in range(cases)[cut]] == list(range(cases))
        assert max(cut.stop - cut.start for cut in cuts) <= max(1, min(50, cases / at_once))


def test_of_no_case_there_is_no_part():
    assert parts_of(0, at_once=4) == []


def test_a_part_that_was_pickled_gives_the_files_of_a_prediction_here_and_no_table(random_runs, four_cases, tmp_path):
    given, asked = given_by(four_cases), asked_of(random_runs, tmp_path / "here")
    here = predict_cases(given, asked, say=lambda text: None)
    there = elsewhere(given, replace(asked, outputs=replace(asked.outputs, folder=tmp_path / "there")))
    told = predict_part(pickle.loads(pickle.dumps(there)))
    assert [(each.case_id, each.fault) for each in told] == [(each.case_id, each.fault) for each in here]
    assert [each.case_id for each in told if each.fault] == ["3"]
    assert len(masks_of(tmp_path / "here")) == 3
    assert masks_of(tmp_path / "there") == masks_of(tmp_path / "here")
    assert record_of(tmp_path / "there", "4") == record_of(tmp_path / "here", "4")
    assert sorted({path.suffix for path in (tmp_path / "there").iterdir()}) == [".gz", ".json"]


def test_a_part_taken_up_again_keeps_what_is_whole_and_does_the_rest(random_runs, four_cases, tmp_path):
    given, asked = given_by(four_cases), asked_of(random_runs, tmp_path / "out", "x")
    part = elsewhere(given, asked)
    first_half = replace(part, given=replace(part.given, cases=part.given.cases[:2]))
    predict_part(first_half)
    before = written_at(tmp_path / "out")
    # As a process leaves a case that dies between the mask and the end of the record.
    begun = {"format": "stroke_tf prediction 1", "case": "2", "state": "begun"}
    record = tmp_path / "out" / "2_mask.json"
    settings = json.loads(record.read_text(encoding="utf-8"))["settings"]
    record.write_text(json.dumps({**begun, "settings": settings}), encoding="utf-8")
    told = predict_part(part)
    after = written_at(tmp_path / "out")
    assert {each.case_id: each.kept for each in told} == {"1": True, "2": False, "3": False, "4": False}
    assert {name for name in before if before[name] != after[name]} == {"2_mask.nii.gz", "2_mask.json"}
    assert "4_mask.nii.gz" in after and record_of(tmp_path / "out", "2")["state"] == "done"


def test_what_goes_elsewhere_has_absolute_paths_but_for_the_word_that_stands_in_records(
    random_runs, four_cases, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fitted.json").write_text("{}", encoding="utf-8")
    asked = replace(asked_of(Path("runs"), Path("out")), fusion="fitted.json", seeing=Seeing(brain_mask="m/{case}.nii"))
    part = elsewhere(given_by(Path("data")), asked)
    paths = [*part.asked.runs, part.asked.outputs.folder, Path(part.asked.fusion), part.given.root]
    paths += [path for case in part.given.cases for path in case.images.values()]
    assert all(path.is_absolute() for path in paths)
    assert part.asked.seeing.brain_mask == "m/{case}.nii" and part.place == tmp_path
    assert elsewhere(given_by(Path("data")), replace(asked, seeing=Seeing(), fusion="mean")).place is None
    assert elsewhere(given_by(Path("data")), replace(asked, fusion="mean")).asked.fusion == "mean"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--address", "auto"], "--address auto names a Ray cluster. Pass --cluster ray"),
        (["--cluster", "ray", "--address", "http://head:8265"], "--address takes host:port"),
        (["--cluster", "ray", "--force"], "go on with --continue"),
        (["--threads", "0"], "--threads takes 1 or more. Received: 0"),
    ],
    ids=["address alone", "no address", "force", "no thread"],
)
def test_options_that_do_not_go_together_are_refused(random_runs, four_cases, tmp_path, capsys, more, said):
    words = ["--runs", str(random_runs / "x"), "--data", str(four_cases), "--out", str(tmp_path / "out")]
    assert main([*words, "--device", "cpu", *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def predicting(repository: Path, runs: Path, data: Path, out: Path, *more: str) -> subprocess.Popen:
    folders = [str(runs / plane) for plane in PLANES]
    words = ["--runs", *folders, "--data", str(data), "--out", str(out), "--device", "cpu", "--threads", "1", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "stroke_tf", "predict", *words],
        env={**os.environ, "PYTHONPATH": str(repository)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_a_part_on(raylet: int, driver: subprocess.Popen, parent_of) -> None:
    """Wait until a process of a node predicts; Ray gives such a process the name of its task."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and driver.poll() is None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if b"cases " in (process / "cmdline").read_bytes() and parent_of(int(process.name)) == raylet:
                    return
            except OSError:
                continue
        time.sleep(0.05)
    driver.kill()
    raise AssertionError(f"no part came to the second node:\n{driver.stdout.read()}")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'")
def test_a_machine_dies_and_every_case_is_predicted_once_to_the_same_bits(
    random_runs, four_cases, tmp_path, two_machines, parent_of, repository
):
    cluster, told = two_machines
    out, on_ray = tmp_path / "ray", ("--cluster", "ray", "--address", told["address"])
    driver = predicting(repository, random_runs, four_cases, out, *on_ray)
    wait_for_a_part_on(told["second"], driver, parent_of)
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "killed\n"
    said = driver.communicate(timeout=PATIENCE_S)[0]
    assert driver.returncode == 2, said
    assert "its process was lost" in said and "taken up again elsewhere" in said
    assert "error: case 3 failed: " in said and "1 of 4 cases failed" in said

    here = predicting(repository, random_runs, four_cases, tmp_path / "here")
    said = here.communicate(timeout=PATIENCE_S)[0]
    assert here.returncode == 2, said
    assert len(masks_of(out)) == 3 and masks_of(out) == masks_of(tmp_path / "here")
    assert [record_of(out, case) for case in "124"] == [record_of(tmp_path / "here", case) for case in "124"]
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "here").iterdir()}
    assert (out / "failed.csv").read_text() == (tmp_path / "here" / "failed.csv").read_text()
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["case"] for row in csv.DictReader(stream)] == ["1", "2", "4"]

    # A second call, on the machine that is left, does the one that is missing and touches no other.
    before = written_at(out)
    (out / "2_mask.nii.gz").unlink()
    again = predicting(repository, random_runs, four_cases, out, *on_ray, "--continue")
    said = again.communicate(timeout=PATIENCE_S)[0]
    assert again.returncode == 2 and "kept: 2 of 4 cases" in said, said
    assert masks_of(out) == masks_of(tmp_path / "here")
    after = written_at(out)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"2_mask.nii.gz", "2_mask.json", "failed.csv", "predictions.csv"}
