"""A run folder is never filled by two different runs."""

import json
from dataclasses import replace

import pytest

from stroke_tf.choices import Device, Precision
from stroke_tf.errors import OutputError, SettingError, TrainingError
from stroke_tf.files import write_json
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.models.device import Chosen
from stroke_tf.recipes.multiplane_2025 import SMOKE
from stroke_tf.training.record import RUN_CARD, read_run_card
from stroke_tf.training.resume import STATE_FILE
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.networks import RANDOM, EncoderWeights, build_trainable
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.prepare import prepare_all
from stroke_tf.workflows.run import SETTINGS, Job, RunOptions, is_finished, open_run
from stroke_tf.workflows.volumetric import train_volumetric

CHOSEN = Chosen(Device.CPU, "CPU", Precision.FLOAT32)
TINY = replace(SMOKE.volumetric, base_filters=2, size=8, steps_per_epoch=2)
ONE, OTHER = {"seed": 1, "plane": "x"}, {"seed": 2, "plane": "x"}


@pytest.fixture
def job(six_cases) -> Job:
    cases = find_cases(six_cases)
    return Job(TINY, None, tuple(cases[:2]), tuple(cases[2:3]), RANDOM, seed=1, synthetic=True)


def train(job: Job, folder, **options):
    prepared = prepare_all([*job.train, *job.validation], viewing_of(job.recipe, []), ArrayCache(folder.parent / "c"))
    trainable = build_trainable(job.recipe, job.weights, precision=CHOSEN.precision, seed=job.seed)
    by_id = {each.case.case_id: each for each in prepared}
    return train_volumetric(job, trainable, by_id, CHOSEN, folder, RunOptions(**options))


def test_a_free_folder_is_opened_with_its_settings(tmp_path):
    open_run(tmp_path / "run", ONE, RunOptions())
    assert json.loads((tmp_path / "run" / SETTINGS).read_text()) == ONE


def test_a_folder_that_holds_anything_is_refused(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"exists already\. Pass --resume"):
        open_run(tmp_path, ONE, RunOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(TrainingError, match=r"holds no run that could go on \(no settings\.json\)"):
        open_run(tmp_path, ONE, RunOptions(resume=True))
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_run_killed_at_its_first_write_can_be_resumed(tmp_path):
    (tmp_path / ".tmp-4711-settings.json").write_text("{")
    open_run(tmp_path, ONE, RunOptions(resume=True))
    assert json.loads((tmp_path / SETTINGS).read_text()) == ONE


def test_settings_that_are_not_json_are_explained(tmp_path):
    (tmp_path / SETTINGS).write_text("{")
    with pytest.raises(TrainingError, match=r"settings\.json: not readable as JSON .*--force"):
        open_run(tmp_path, ONE, RunOptions(resume=True))


def test_a_run_of_the_same_settings_is_resumed_with_its_checkpoint(tmp_path):
    open_run(tmp_path, ONE, RunOptions())
    (tmp_path / STATE_FILE).write_bytes(b"state")
    open_run(tmp_path, ONE, RunOptions(resume=True))
    assert (tmp_path / STATE_FILE).read_bytes() == b"state"


def test_a_run_of_other_settings_is_not_resumed_and_says_which_differ(tmp_path):
    open_run(tmp_path, ONE, RunOptions())
    (tmp_path / STATE_FILE).write_bytes(b"state")
    with pytest.raises(TrainingError, match=r"a run with another seed\. Resume it with the settings in settings\.json"):
        open_run(tmp_path, OTHER, RunOptions(resume=True))
    assert json.loads((tmp_path / SETTINGS).read_text()) == ONE
    assert (tmp_path / STATE_FILE).exists()


def test_force_starts_anew_without_the_old_card_and_checkpoint(tmp_path):
    open_run(tmp_path, ONE, RunOptions())
    (tmp_path / STATE_FILE).write_bytes(b"state")
    write_json(tmp_path / RUN_CARD, ONE)
    open_run(tmp_path, OTHER, RunOptions(force=True))
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS]


def test_only_a_card_of_the_same_settings_is_a_finished_run(tmp_path):
    assert not is_finished(tmp_path, ONE)
    write_json(tmp_path / RUN_CARD, {**ONE, "device": "CPU"})
    assert is_finished(tmp_path, ONE)
    assert not is_finished(tmp_path, OTHER)


def test_a_jobs_settings_survive_json(job):
    settings = job.settings(CHOSEN)
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 2},
        {"recipe": replace(TINY, batch_size=2)},
        {"recipe": replace(TINY, loss=replace(TINY.loss, alpha=0.5))},
        {"weights": EncoderWeights("imagenet", None, "0" * 64)},
        {"validation": ()},
    ],
    ids=["seed", "batch size", "loss", "weights", "validation"],
)
def test_whatever_decides_the_weights_is_among_the_settings(job, changed):
    assert replace(job, **changed).settings(CHOSEN) != job.settings(CHOSEN)


def test_the_images_are_among_the_settings(job):
    before = job.settings(CHOSEN)
    job.train[0].images["DWI"].write_bytes(job.train[1].images["DWI"].read_bytes())
    assert job.settings(CHOSEN)["data_sha256"] != before["data_sha256"]


def test_the_precision_is_among_the_settings(job):
    mixed = replace(CHOSEN, precision=Precision.MIXED_BFLOAT16)
    assert job.settings(mixed) != job.settings(CHOSEN)


def test_a_finished_run_holds_what_the_issue_promises_and_is_left_alone(job, tmp_path):
    folder = train(job, tmp_path / "run")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "attempts.json",
        "curves.png",
        "history.csv",
        "logs",
        "model.weights.h5",
        "network.json",
        "run_card.json",
        "settings.json",
    }
    card = read_run_card(folder)
    assert card["recipe"]["name"] == "multiplane-2025-3d"
    assert card["split"] == {"train": ["1", "2"], "validation": ["3"]}
    assert (card["synthetic"], card["plane"], card["device"]) == (True, None, "CPU, float32")
    assert card["same_seed_same_bits"] is True
    assert 0 <= card["best_validation_dice"] <= 1
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert train(job, folder, resume=True) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(OutputError, match="exists already"):
        train(replace(job, seed=2), folder)


def test_force_trains_anew_though_the_old_card_is_damaged(job, tmp_path):
    folder = train(job, tmp_path / "run")
    (folder / RUN_CARD).write_text("{")
    with pytest.raises(TrainingError, match=r"not readable as JSON .* with --force"):
        train(job, folder, resume=True)
    assert read_run_card(train(job, folder, force=True))["seed"] == 1


@pytest.mark.parametrize("options", [RunOptions(resume=True), RunOptions(force=True)])
def test_what_a_killed_write_left_behind_is_removed(tmp_path, options):
    open_run(tmp_path, ONE, RunOptions())
    (tmp_path / ".tmp-7-checkpoint.npz").write_bytes(b"half")
    open_run(tmp_path, ONE, options)
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS]


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_checkpoint_comes_after_some_seconds_or_none(seconds):
    with pytest.raises(SettingError, match="takes seconds, 0 or more"):
        RunOptions(checkpoint_every_s=seconds)
