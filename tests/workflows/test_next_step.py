"""What `stroke-tf` alone finds in a folder, and what it says comes next."""

import importlib
from pathlib import Path

import pytest

from stroke_tf.phantoms import SYNTHETIC_MARK
from stroke_tf.recipes.multiplane_2025 import TABLE1
from stroke_tf.training import record
from stroke_tf.workflows import next_step
from stroke_tf.workflows.next_step import Step, next_steps


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def only_step(folder: Path) -> Step:
    """Return the one step there is, once its command was understood by its door."""
    (step,) = next_steps(folder)
    importlib.import_module(f"stroke_tf.{step.words[0].replace('-', '_')}").parser().parse_args(step.words[1:])
    return step


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Return an empty folder that is the working directory, as the door sees it."""
    monkeypatch.chdir(tmp_path)
    return Path()


def test_names_are_those_that_the_other_rooms_write():
    assert (next_step.RUN_CARD, next_step.PHANTOMS_MARK) == (record.RUN_CARD, SYNTHETIC_MARK)
    assert set(next_step.PRESETS) == set(TABLE1)


def test_an_empty_folder_leads_nowhere(here):
    assert next_steps(here) == []


JOURNEY = [
    ("phantoms/SYNTHETIC-PHANTOMS.json", "index phantoms --out phantoms/manifest.csv"),
    ("phantoms/manifest.csv", "train --axis y --data phantoms/manifest.csv --out runs/y"),
    ("runs/y/run_card.json", "predict --runs runs/y --data phantoms/manifest.csv --out predictions"),
    ("runs/x/run_card.json", "predict --runs runs/x runs/y --data phantoms/manifest.csv --out predictions"),
    ("predictions/1_mask.nii.gz", "evaluate --truth phantoms/manifest.csv --masks predictions --out evaluation"),
    ("evaluation/summary.json", "report evaluation"),
]


def test_a_journey_goes_on_from_where_it_has_come_furthest(here):
    for made, command in JOURNEY:
        touch(here, made)
        assert " ".join(only_step(here).words) == command


PLANES = [f"table1-quick/fold-0/runs/unet2d-{plane}-none/run_card.json" for plane in "xyz"]


@pytest.mark.parametrize(
    ("made", "seen", "command"),
    [
        (["table1-quick/results.json"], "finished", "report results/table1-quick"),
        (["siss/results.json", "siss/table1.md"], "finished", "report results/siss"),
        (["aboudi2022-quick/results.json"], "finished", "report results/aboudi2022-quick"),
        (
            ["table1-quick/results.json", "table1-quick/report.html", *PLANES],
            "its page is results/table1-quick/report.html",
            f"predict --runs {' '.join(str(Path('results', plane).parent) for plane in PLANES)} --data FOLDER "
            "--out predictions",
        ),
        (["aboudi2022-quick/results.json", "aboudi2022-quick/report-SYNTHETIC.html"], "its page is", "audit"),
        (
            ["table1-smoke/synthetic-phantoms/x"],
            "the same command goes on",
            "reproduce-table1 --preset smoke --out results/table1-smoke",
        ),
        (
            ["isles2018-mine/synthetic-phantoms/x"],
            "the same command goes on",
            "reproduce-isles2018 --out results/isles2018-mine",
        ),
        (
            ["table1-paper/fold-0/x"],
            "the command that began it",
            "reproduce-table1 --data FOLDER --out results/table1-paper",
        ),
    ],
)
def test_a_reproduction_is_read_or_gone_on_with(here, made, seen, command):
    touch(here / "results", *made)
    step = only_step(here)
    assert seen in step.seen
    assert " ".join(step.words) == command


def test_which_of_several_manifests_is_meant_is_left_to_the_user(here):
    touch(here, "b/manifest.csv", "a/manifest.csv")
    assert only_step(here).seen == "a/manifest.csv, b/manifest.csv"
    assert " ".join(only_step(here).words) == "train --axis y --data MANIFEST --out runs/y"


def test_results_and_own_cases_stand_beside_each_other(here):
    touch(here, "results/table1-quick/results.json", "manifest.csv", "results/bench/bench.json")
    assert [step.words[0] for step in next_steps(here)] == ["report", "train"]
