"""Table II as text: theirs beside ours, and what a reader must know about either."""

import csv
import io

from stroke_tf.paper.readings import Averaging
from stroke_tf.reports.aboudi import aboudi_csv, aboudi_markdown


def results(**changed) -> dict:
    """Return results of one model, trained as printed, and of one row without a network."""
    summary = {"mean": 0.61, "sd": 0.1, "low": 0.5, "high": 0.7, "n": 3, "left_out": 1}
    readings = {reading.value: {"dice": 0.61, "precision": 0.8, "recall": 0.5} for reading in Averaging}
    readings["D of lesion, P R of background"]["precision"] = 0.9955
    row = {
        "id": "dwi-printed",
        "model": "dwi",
        "title": "DWI, as printed",
        "weights": "RANDOM, frozen",
        "note": "",
        "schedule": {"learning_rate": 1e-5, "steps": 30, "batch_size": 32, "first_loss": 0.7, "last_loss": 0.63}
        | {"best_dice": 0.01, "learnt": False},
        "summary": {name: summary for name in ("dice", "accuracy_voxel", "precision", "recall")},
        "readings": readings,
        "accuracies": {"voxel": 0.9943, "balanced": 0.76, "(TP+FP)/all": 0.01},
    }
    return {
        "synthetic": True,
        "data": "SYNTHETIC phantoms",
        "protocol": "isles2015",
        "split": {"train": ["1", "2"], "validation": ["3"], "test": ["4"]},
        "weights_used": "none",
        "shortened": True,
        "printed_sum_of_rates": 0.088,
        "least_fall": 0.05,
        "least_dice": 0.05,
        "models": [{"id": "dwi", "title": "DWI"}],
        "main_rows": ["dwi-printed"],
        "like_the_print": {"dwi-printed": ["D of lesion, P R of background"]},
        "audit": {reading.value: {"possible": reading is not Averaging.MICRO} for reading in Averaging},
        "answer": ["It is this one."],
        "claims": [{"sentence": "Dice 64.14 %", "verdict": "not testable", "reason": "phantoms"}],
        "rows": [row, row | {"id": "nothing", "model": "", "title": "Nothing marked", "schedule": None}],
        **changed,
    }


def line(text: str, start: str) -> str:
    """Return the one line of the text that begins so, its spaces made single."""
    (found,) = [" ".join(each.split()) for each in text.splitlines() if each.startswith(start)]
    return found


def test_phantoms_are_called_so_in_the_title():
    assert aboudi_markdown(results()).startswith("# Aboudi 2022, Table II, on SYNTHETIC PHANTOMS")
    real = aboudi_markdown(results(synthetic=False, data="SISS"))
    assert real.startswith("# Aboudi 2022, Table II, on SISS\n")
    assert "SYNTHETIC" not in real


def test_a_schedule_is_shown_with_what_it_came_to():
    shown = line(aboudi_markdown(results()).partition("## Does")[2], "| DWI, as printed")
    assert shown == "| DWI, as printed | 1e-05 | 30 x 32 | 0.0003 | 0.7000 | 0.6300 | 10.0 | 1.0 | no |"


def test_only_what_looks_like_the_printed_pair_is_bold():
    text = aboudi_markdown(results()).partition("## Which")[2]
    assert line(text, "| D of lesion") == "| D of lesion, P R of background | possible | **61.0 / 99.55** |"
    assert line(text, "| both classes, counts") == "| both classes, counts added | impossible | 61.0 / 80.00 |"


def test_notes_say_what_was_missing_and_what_is_left_out():
    text = aboudi_markdown(results())
    assert "no pretrained encoder was at hand" in text
    assert "shorter than the 100 epochs" in text
    assert "left out of the mean: Dice of 1, Voxel accuracy of 1, Precision of 1, Recall of 1 case(s)" in text
    whole = aboudi_markdown(results(weights_used="imagenet", shortened=False))
    assert "no pretrained encoder" not in whole
    assert "shorter than" not in whole


def test_the_csv_holds_the_printed_row_and_every_row_under_every_reading():
    lines = list(csv.DictReader(io.StringIO(aboudi_csv(results()))))
    assert (lines[0]["dice"], lines[0]["precision"], lines[0]["accuracy_voxel"]) == ("0.6414", "0.9955", "0.9943")
    assert len(lines) == 1 + 2 * len(Averaging)
    by_case = [each for each in lines if each["reading"] == "mean over cases"]
    assert [each["n"] for each in by_case] == ["3", "3"]
