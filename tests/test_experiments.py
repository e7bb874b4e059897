"""Experiments: arms that differ in one thing, resumed where they were, and READMEs that hold what was measured."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.errors import SettingError
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.planes import Plane
from stroke_tf.recipes.recipe import Cohort, Recipe
from stroke_tf.workflows.prepare import Prepared

FOLDER = Path(__file__).resolve().parent.parent / "experiments"
NAMES = sorted(path.parent.name for path in FOLDER.glob("0[3-8]-*/run.py"))
PUBLISHED = sorted(path.parent.name for path in FOLDER.glob("0[3-8]-*/results.json"))
SMALL = Cohort(cases=6, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), min_lesion_ml=3.0)


def loaded(path: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def arms():
    """Return experiments/arms.py under the name by which each run.py imports it."""
    before = list(sys.path)
    yield loaded(FOLDER / "arms.py", "arms")
    sys.path[:] = before
    del sys.modules["arms"]


@pytest.fixture(scope="module")
def experiments(arms) -> dict:
    """Return every experiment by name, constructed and not run."""
    return {name: loaded(FOLDER / name / "run.py", f"run_{name[:2]}").EXPERIMENT for name in NAMES}


def in_a_few_steps(recipe: Recipe) -> Recipe:
    phases = tuple(replace(phase, epochs=1) for phase in recipe.phases_random)
    return replace(recipe, phases_random=phases, steps_per_epoch=1, batch_size=2)


def row(case: str, dice: float) -> dict:
    return {"case": case, "dice": dice, "precision": dice, "recall": None}


def test_there_are_experiments_to_test():
    assert NAMES == [
        "03-pretraining",
        "04-sequences",
        "05-planes",
        "06-cropping",
        "07-split-by-slice",
        "08-oversegmentation",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_arms_differ_in_what_they_ask_for_and_in_nothing_else(name, experiments, arms):
    experiment = experiments[name]
    assert experiment.name == name and len(experiment.arms) >= 2
    assert experiment.minutes < 30
    assert len({arms.file_name(arm.name) for arm in experiment.arms}) == len(experiment.arms)
    for arm in experiment.arms:
        phases = arm.recipe.phases(pretrained=arm.weights != "none")
        # Every arm of an experiment is given the same number of steps.
        assert sum(phase.epochs for phase in phases) * arm.recipe.steps_per_epoch == 120
    seen = [(arm.recipe, arm.plane, arm.weights) for arm in experiment.arms]
    assert name == "07-split-by-slice" or len({str(each) for each in seen}) == len(seen)


@pytest.mark.parametrize("name", NAMES)
def test_a_readme_holds_question_expectation_command_and_a_place_for_the_result(name, experiments):
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    places = [
        text.index(part)
        for part in (
            "**Question.**",
            "**Set-up.** SYNTHETIC",
            "**Expected, written before the run.**",
            f"`make experiment NAME={name}`; expected {experiments[name].minutes} min",
            f"<!-- result:{name} -->",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_a_readme_are_those_that_were_measured(name, arms):
    text = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    stored = FOLDER / name / "results.json"
    content = "not run yet"
    if stored.exists():
        results = json.loads(stored.read_text(encoding="utf-8"))
        assert results["synthetic"] and not any("+changes" in network["commit"] for network in results["networks"])
        assert {told["of"] for told in results["comparisons"]}
        content = arms.result_section(results)
        assert (FOLDER / name / arms.FIGURE).is_file()
    assert arms.between_marks(text, name, content) == text


def test_the_readme_lists_every_experiment_with_its_answer(arms, repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    listed = arms.listed(FOLDER)
    assert all(name in listed for name in NAMES)
    assert arms.between_marks(text, "experiments", listed) == text


@pytest.fixture(scope="module")
def ran(arms, experiments, tmp_path_factory):
    """Return an experiment of two planes and a vote in one step each, its folder, and what it said when run twice."""
    out = tmp_path_factory.mktemp("experiment")
    planes = experiments["05-planes"]
    x, y, _ = (replace(arm, recipe=in_a_few_steps(arm.recipe)) for arm in planes.arms)
    tiny = replace(
        planes,
        arms=(x, y),
        seeds=(1,),
        cohort=SMALL,
        train=3,
        validation=1,
        comparisons=((y.name, x.name), ("vote of x, y, z", y.name)),
    )
    results = arms.run(tiny, out, jobs=1, say=lambda text: None)
    return tiny, out, results


def test_each_arm_is_tested_on_the_same_cases_and_compared_pair_by_pair(ran):
    experiment, out, results = ran
    assert results["synthetic"] and results["cases"] == {"train": 3, "validation": 1, "test": 2}
    for name in (*(arm.name for arm in experiment.arms), "vote of x, y, z"):
        assert [case["case"] for case in results["rows"][name]["1"]] == ["5", "6"]
    assert [(told["of"], told["against"]) for told in results["comparisons"]] == list(experiment.comparisons)
    assert {network["arm"] for network in results["networks"]} == {arm.name for arm in experiment.arms}
    for arm in experiment.arms:
        assert results["arms"][arm.name]["recipe"]["steps_per_epoch"] == 1
    assert [case["case"] for case in results["rows"]["threshold on FLAIR x DWI, no network"]["-"]] == ["5", "6"]
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == json.loads(json.dumps(results))
    assert (out / "SYNTHETIC-dice.png").read_bytes().startswith(b"\x89PNG")


def test_a_finished_network_is_neither_trained_nor_tested_again(ran, arms, monkeypatch):
    experiment, out, results = ran
    card = next((out / "runs").glob("x*")) / "run_card.json"
    written = card.stat().st_mtime_ns

    def refuse(*_, **__):
        raise AssertionError("a network was built although every run is finished")

    monkeypatch.setattr("stroke_tf.workflows.networks.build_trainable", refuse)
    again = arms.run(experiment, out, jobs=1, say=lambda text: None)
    assert card.stat().st_mtime_ns == written
    assert again["rows"] == results["rows"]


def test_a_vote_of_two_planes_needs_both(ran, arms):
    _, out, results = ran
    x, y = (arms.read_masks(next((out / "runs").glob(f"{plane}*"))) for plane in "xy")
    for case in results["rows"]["vote of x, y, z"]["1"]:
        assert case["tp"] + case["fp"] == np.count_nonzero(x[case["case"]] & y[case["case"]])


def test_publishing_fills_the_readmes_between_their_marks(ran, arms, tmp_path):
    experiment, out, results = ran
    folder = tmp_path / "experiments" / "05-planes"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(
        "# 05: which?\n<!-- result:05-planes -->\nstale\n<!-- /result:05-planes -->\nkept\n"
    )
    (tmp_path / "README.md").write_text("<!-- result:experiments -->\nstale\n<!-- /result:experiments -->\nkept\n")
    arms.publish(replace(experiment, folder=folder), out)
    text, whole = (path.read_text() for path in (folder / "README.md", tmp_path / "README.md"))
    assert arms.result_section(results) in text and "stale" not in text and text.endswith("kept\n")
    assert "[05: which?](experiments/05-planes/README.md) | y (coronal) − x (sagittal): " in whole
    assert (folder / "SYNTHETIC-dice.png").is_file() and (folder / "results.json").is_file()


def test_seeds_are_averaged_before_cases_are_compared(arms):
    rows = {
        "new": {"1": [row("a", 0.6), row("b", 0.8)], "2": [row("a", 0.8), row("b", 1.0)]},
        "old": {"1": [row("a", 0.5), row("b", 0.5)], "2": [row("a", 0.5), row("b", 0.5)]},
    }
    assert arms.of_each_case(rows["new"], "dice") == pytest.approx({"a": 0.7, "b": 0.9})
    told = arms.comparison(rows, "new", "old")
    assert told["dice"]["mean"] == pytest.approx(0.3)
    assert (told["dice"]["low"], told["dice"]["high"]) == pytest.approx((0.2, 0.4))
    assert told["dice"]["of_each_seed"] == pytest.approx({"1": 0.2, "2": 0.4})
    assert told["recall"]["mean"] is None and told["recall"]["n"] == 0
    assert told["dice"]["p_wilcoxon"] is None and "only 2 pairs" in told["dice"]["no_p_because"]


def test_rows_of_other_cases_are_not_compared(arms):
    with pytest.raises(SettingError, match="the same cases"):
        arms.comparison({"new": {"1": [row("a", 0.6)]}, "old": {"1": [row("b", 0.6)]}}, "new", "old")


def test_a_headline_tells_interval_and_p(arms):
    told = {"of": "new", "against": "old", "dice": {"mean": 0.021, "low": 0.01, "high": 0.034, "n": 16}}
    told["dice"]["p_wilcoxon"] = 0.0312
    results = {"comparisons": [told], "seeds": [1, 2]}
    sure = "new − old: +2.1 [+1.0, +3.4] points of Dice, p 0.031 (16 SYNTHETIC test phantoms, 2 seeds)."
    assert arms.headline(results) == sure
    told["dice"] |= {"p_wilcoxon": None, "n": 2}
    assert arms.headline(results).endswith("points of Dice (2 SYNTHETIC test phantoms, 2 seeds).")


def test_marks_that_are_missing_are_named(arms):
    with pytest.raises(SettingError, match="result:05-planes"):
        arms.between_marks("no marks", "05-planes", "content")


def test_an_experiment_without_cases_to_test_or_with_unknown_rows_is_refused(arms, experiments):
    planes = experiments["05-planes"]
    with pytest.raises(SettingError, match=r"left to test: 28 train and 4 validate of 32"):
        replace(planes, train=28)
    with pytest.raises(SettingError, match=r"Unknown: \{'w'\}"):
        replace(planes, comparisons=(("w", "y (coronal)"),))
    with pytest.raises(SettingError, match="name of its own"):
        replace(planes, arms=planes.arms[:1] * 2)


def test_held_out_slices_are_never_trained_on(arms, experiments):
    leakage = sys.modules["run_07"]
    held = {case: leakage.held_out(case, 80) for case in ("1", "2")}
    assert [mask.sum() for mask in held.values()] == [20, 20]
    assert (held["1"] != held["2"]).any()
    np.testing.assert_array_equal(held["1"], leakage.held_out("1", 80))

    images = np.arange(80.0)
    seen = Prepared(None, (2.0,) * 3, {}, {Plane.Y: images}, {Plane.Y: images}, None, (), None, None)
    cohorts = arms.Cohorts(tuple(Case(name, Layout.SISS2015, {}) for name in "12"), (), (), {"1": seen})
    group, prepared = leakage.other_slices(experiments["07-split-by-slice"].arms[0], cohorts)
    assert [case.case_id for case in group] == ["1"]
    np.testing.assert_array_equal(prepared["1"].images[Plane.Y], np.flatnonzero(~held["1"]))
    np.testing.assert_array_equal(cohorts.prepared["1"].images[Plane.Y], images)


def test_weights_learnt_on_tissues_fill_the_encoder_of_the_network(experiments, tmp_path, monkeypatch):
    from stroke_tf.choices import Architecture, Precision
    from stroke_tf.models.build import build_model, encoder_layers

    pretraining = sys.modules["run_03"]
    for name, value in (("EPOCHS", 1), ("STEPS", 1), ("BATCH", 2)):
        monkeypatch.setattr(pretraining, name, value)
    said: list[str] = []
    found = pretraining.find_weights("phantom-tissue", tmp_path, said.append, cohort=replace(SMALL, cases=3))
    assert found.name == "phantom-tissue" and found.pretrained
    assert json.loads((tmp_path / "weights" / "tissue_card.json").read_text())["synthetic"]
    backbone = pretraining.BASE.backbone
    plain, filled = (
        build_model(Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32, backbone=backbone, weights=path)
        for path in (None, found.path)
    )
    differing = [
        layer.name
        for layer, other in zip(encoder_layers(plain), encoder_layers(filled), strict=True)
        if any((a.numpy() != b.numpy()).any() for a, b in zip(layer.weights, other.weights, strict=True))
    ]
    assert differing == [layer.name for layer in encoder_layers(plain)]
    written = found.path.stat().st_mtime_ns
    assert pretraining.find_weights("phantom-tissue", tmp_path, said.append, cohort=replace(SMALL, cases=3)) == found
    assert found.path.stat().st_mtime_ns == written


def test_imagenet_weights_that_cannot_be_had_leave_their_arms_out_and_say_so(experiments, monkeypatch, tmp_path):
    from stroke_tf.errors import WeightsError

    def refuse(*_, **__):
        raise WeightsError("no network here")

    monkeypatch.setattr("stroke_tf.workflows.networks.imagenet_weights", refuse)
    said: list[str] = []
    assert sys.modules["run_03"].find_weights("imagenet", tmp_path, said.append) is None
    assert "no network here" in said[0]


def test_the_table_of_missing_sequences_is_printed_as_it_was_measured():
    folder = FOLDER / "09-missing-sequence"
    rows = json.loads((folder / "results.json").read_text(encoding="utf-8"))["dice"]
    table = loaded(folder / "run.py", "missing_sequence").table(rows)
    for page in (folder / "README.md", FOLDER.parent / "docs" / "predict.md"):
        assert table in page.read_text(encoding="utf-8"), page
