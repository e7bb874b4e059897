"""Aboudi 2022 on small cases: two models, every stage; all six run in tests/test_reproduce_aboudi2022.py."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.errors import ManifestError
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.recipes.aboudi_2022 import ABOUDI2022, SMOKE
from stroke_tf.reports.viewer import Viewer
from stroke_tf.workflows.aboudi2022 import Aboudi2022Request, recipe_of, reproduce_aboudi2022, require_sequences
from stroke_tf.workflows.aboudi2022_jobs import plan_aboudi2022
from stroke_tf.workflows.aboudi_results import Pace
from stroke_tf.workflows.report import page_of, write_report
from stroke_tf.workflows.training_jobs import unfinished
from stroke_tf.workflows.viewer_cases import Scans

MODELS = tuple(model for model in SMOKE.models if model.id in ("t1", "three"))


def request(data: Path, out: Path) -> Aboudi2022Request:
    return Aboudi2022Request(
        preset="tiny",
        data=data,
        data_root=None,
        weights="none",
        weights_folder=None,
        out=out,
        seed=1,
        device=Device.CPU,
        precision=Precision.FLOAT32,
        protocol=Protocol.ISLES2015,
    )


def written(out: Path) -> dict[str, int]:
    kinds = ("*.weights.h5", "*_mask.nii.gz", "*_measures.json")
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for kind in kinds for path in out.rglob(kind)}


@pytest.fixture(scope="module")
def story(tmp_path_factory, write_case):
    """Return what a run and its repetition left, on six cases, with a network that is built in seconds."""
    recipes = {
        name: replace(getattr(SMOKE, name), backbone="resnet18", batch_size=2)
        for name in ("printed", "compressed", "learning")
    }
    folder, said = tmp_path_factory.mktemp("aboudi"), []
    data, out = folder / "data", folder / "out"
    for number in range(1, 7):
        write_case(data, number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ABOUDI2022, "tiny", replace(SMOKE, name="tiny", models=MODELS, **recipes))
        results = reproduce_aboudi2022(request(data, out), say=said.append)
        first = written(out)
        reproduce_aboudi2022(request(data, out), say=lambda text: None)
        plan = plan_aboudi2022(request(data, out), say=lambda text: None)
        waves = [list(wave) for wave in plan.waves]
    left = [each.name for wave in waves for each in unfinished(wave, plan.chosen)]
    jobs = {"waves": waves, "left": left}
    return {"out": out, "said": said, "results": results, "first": first, "again": written(out), "jobs": jobs}


def rows(story) -> dict[str, dict]:
    return {row["id"]: row for row in story["results"]["rows"]}


def test_every_model_has_its_rows_and_four_rows_need_no_network(story):
    trained = ["t1-printed", "t1-learning", "three-printed", "three-compressed", "three-learning"]
    assert list(rows(story)) == [*trained, "nothing", "threshold", "threshold-largest", "ceiling"]
    assert story["results"]["main_rows"] == ["t1-learning", "three-learning"]


def test_as_printed_without_pretrained_weights_says_what_was_frozen(story):
    assert rows(story)["t1-printed"]["weights"] == "RANDOM, frozen"
    assert rows(story)["t1-learning"]["weights"] == "random, trained"
    assert "RANDOM" in " ".join(story["said"])
    assert "has learnt nothing and never will" in " ".join(table(story).split())


def test_a_row_tells_its_schedule_and_whether_it_learnt(story):
    schedule = rows(story)["t1-printed"]["schedule"]
    assert (schedule["learning_rate"], schedule["momentum"], schedule["steps"]) == (1e-5, 0.9, 2)
    assert schedule["learnt"] is False


def test_history_holds_accuracy_loss_and_dice_of_training_and_validation(story):
    header = (story["out"] / "runs" / "t1-printed" / "history.csv").read_text(encoding="utf-8").splitlines()[0]
    wanted = {"loss", "accuracy", "validation_loss", "validation_accuracy", "validation_dice"}
    assert wanted <= set(header.split(","))


def test_every_row_with_masks_stands_under_every_reading(story):
    for name, row in rows(story).items():
        assert ("readings" in row) is (name != "ceiling")
    assert set(rows(story)["t1-printed"]["readings"]) == set(story["results"]["audit"])


def test_pooled_counts_and_slices_are_of_the_same_masks(story):
    row = rows(story)["three-printed"]
    assert row["readings"]["pooled voxels"]["dice"] == pytest.approx(row["summary"]["dice"]["pooled"])


def test_the_list_of_jobs_is_what_the_journey_has_trained(story):
    """In two waves, since whether a model is trained at the rate that learns depends on what it learnt as printed."""
    first, second = ([each.name for each in wave] for wave in story["jobs"]["waves"])
    assert {*first, *second} == {run.name for run in (story["out"] / "runs").iterdir()}
    assert all(name.endswith("-learning") for name in second)
    assert not any(name.endswith("-learning") for name in first)
    assert story["jobs"]["left"] == []


def test_a_second_call_trains_and_measures_nothing_again(story):
    assert story["again"] == story["first"]


def test_the_files_are_there_and_the_audit_door_reads_the_results(story, capsys):
    from stroke_tf.audit import main

    names = {path.name for path in (story["out"] / "figures").iterdir()}
    assert names == {f"{kind}-{model.id}.png" for kind in ("curves", "slices") for model in MODELS} | {"readings.png"}
    assert json.loads((story["out"] / "results.json").read_text(encoding="utf-8"))["paper"] == "aboudi2022"
    assert main(["--paper", "aboudi2022", "--results", str(story["out"])]) == 0
    assert "three-learning" in capsys.readouterr().out


def table(story) -> str:
    return (story["out"] / "aboudi2022.md").read_text(encoding="utf-8")


def test_the_table_shows_theirs_beside_ours(story):
    assert table(story).startswith("# Aboudi 2022, Table II, on data\n")
    for words in (
        "(64.14)",
        "(99.43)",
        "(99.55)",
        "3D fully convolutional DenseNets",
        "T1, as printed",
        "Nothing marked",
    ):
        assert words in table(story)


def test_a_case_without_a_sequence_is_named_with_the_models_that_need_it(six_cases):
    cases = find_cases(six_cases)
    without = replace(cases[2], images={name: path for name, path in cases[2].images.items() if name != "T1"})
    with pytest.raises(ManifestError, match=rf"case {without.case_id}: no T1 image, which these models need: T1\. Add"):
        require_sequences([*cases[:2], without], SMOKE.models)


def test_all_sequences_of_the_models_are_asked_for_and_no_others(six_cases):
    cases = find_cases(six_cases)
    require_sequences(cases, SMOKE.models)
    only = [replace(case, images={"T1": case.images["T1"]}) for case in cases]
    require_sequences(only, [model for model in SMOKE.models if model.id == "t1"])


def test_a_model_changes_sequences_and_loss_of_a_schedule_and_nothing_else():
    model = SMOKE.models[-1]
    recipe = recipe_of(SMOKE, model, Pace.LEARNING)
    assert (recipe.sequences, recipe.loss.kind) == (model.sequences, model.loss)
    assert replace(recipe, sequences=SMOKE.learning.sequences, loss=SMOKE.learning.loss) == SMOKE.learning


def test_the_results_have_a_page_that_shows_every_test_case(story, tmp_path):
    scans = Scans(story["out"], story["out"].parent / "data")
    page = page_of(story["out"], scans)
    assert [section.id for section in page.sections] == [
        *("answer", "table", "readings", "cases", "plots", "audit", "runs")
    ]
    (viewer,) = [block for section in page.sections for block in section.blocks if isinstance(block, Viewer)]
    tested = {case["case"] for case in rows(story)["t1-learning"]["cases"]}
    assert {case.name for case in viewer.cases} == tested
    written = write_report(story["out"], out=tmp_path / "page.html", data=scans.data)
    assert written.remarks == () and written.size < 25_000_000
