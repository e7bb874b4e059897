"""Folds by patient, and what is said of rows that are known."""

from pathlib import Path

import pytest

from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.workflows.claims import Verdict
from stroke_tf.workflows.isles2018 import split_of_folds
from stroke_tf.workflows.isles2018_results import judge_song, pair_with_whole, write_isles2018

FACTS = {
    "preset": "quick",
    "data": "ISLES 2018",
    "synthetic": False,
    "protocol": "isles2015",
    "folds": [0],
    "folds_in_all": 5,
    "seed": 1,
    "device": "CPU",
    "seconds": 1.0,
}
IMAGES = [
    {"case": f"case_{number}", "psnr_db": 20.0 + number, "ssim": 0.8, "psnr_of_blank_db": 15.0} for number in range(8)
]


def cases(count: int) -> list[Case]:
    return [
        Case(f"case_{number}", Layout.ISLES2018, {"CT": Path("ct.nii")}, Path("ot.nii"), "CT")
        for number in range(count)
    ]


def row(*dices: float) -> list[dict]:
    return [{"case": f"case_{number}", "dice": dice} for number, dice in enumerate(dices)]


def rows(**lifted: float) -> dict[str, list[dict]]:
    """Return all rows with Dice 0.5 to 0.57, each lifted by what is named for it."""
    names = {
        "whole": "whole",
        "unguided": "unguided",
        "maps": "maps",
        "dwi": "dwi",
        "tmax": "threshold-tmax",
        "cbf": "threshold-cbf",
    }
    return {
        full: row(*(0.5 + 0.01 * number + lifted.get(name, 0.0) for number in range(8))) for name, full in names.items()
    }


def judged(synthetic: bool = False, **lifted: float) -> dict[str, Verdict]:
    by_id = {
        name: {"cases": each, "summary": {"dice": {"mean": 0.6, "low": 0.55, "high": 0.65, "n": 8}}}
        for name, each in rows(**lifted).items()
    }
    return {claim.id: claim.verdict for claim in judge_song(by_id, synthetic=synthetic, seed=1)}


def test_each_case_is_tested_in_one_fold_and_trained_on_in_none_of_that():
    tested = []
    for fold in range(5):
        split = split_of_folds(cases(12), fold, folds=5, validation_share=0.2, seed=1)
        names = [[case.case_id for case in part] for part in (split.train, split.validation, split.test)]
        assert len({name for part in names for name in part}) == 12 == sum(map(len, names))
        assert all(names)
        tested += names[2]
    assert sorted(tested) == sorted(case.case_id for case in cases(12))


def test_folds_depend_on_names_alone_and_validation_on_the_seed():
    first, other = (split_of_folds(cases(12), 2, folds=5, validation_share=0.2, seed=seed) for seed in (1, 2))
    assert first.test == other.test
    assert first.validation != other.validation


def test_fewer_patients_than_folds_are_refused():
    with pytest.raises(ManifestError, match=r"5 folds by patient need at least 5 patients. Received: 4"):
        split_of_folds(cases(4), 0, folds=5, validation_share=0.2, seed=1)


def test_a_fold_that_is_none_is_refused():
    from stroke_tf.recipes.song_2019 import SMOKE
    from stroke_tf.workflows.isles2018 import _asked_folds

    assert _asked_folds((), SMOKE) == (0, 1, 2, 3, 4)
    with pytest.raises(SettingError, match=r"--fold takes 0 to 4, or all. Received: 7"):
        _asked_folds((7,), SMOKE)


def test_claims_hold_where_the_whole_model_is_above_in_every_case():
    assert judged(whole=0.1) == {
        "generated-dwi": Verdict.HOLDS,
        "beats-thresholds": Verdict.HOLDS,
        "song-dice": Verdict.HOLDS,
    }


def test_claims_fail_where_one_rival_is_above():
    assert judged(whole=0.1, maps=0.2)["generated-dwi"] is Verdict.FAILS
    assert judged(whole=0.1, cbf=0.2)["beats-thresholds"] is Verdict.FAILS


def test_what_the_dwi_taught_is_told_apart_from_what_seeing_more_than_the_maps_gives():
    by_id = {
        name: {"cases": each, "summary": {"dice": {"mean": 0.6, "low": 0.55, "high": 0.65, "n": 8}}}
        for name, each in rows(whole=0.1, unguided=0.1).items()
    }
    claim = judge_song(by_id, synthetic=False, seed=1)[0]
    assert claim.verdict is Verdict.HOLDS
    assert "whole - maps +10.0 [+10.0, +10.0]" in claim.reason
    assert "is not shown: points of Dice: whole - unguided +0.0" in claim.reason


def test_the_printed_number_is_not_tested_on_phantoms():
    assert judged(synthetic=True, whole=0.1)["song-dice"] is Verdict.NOT_TESTABLE


def test_a_pair_tells_mean_interval_and_test():
    by_id = {name: {"cases": each} for name, each in rows(whole=0.1).items()}
    by_id["maps"]["cases"] = list(reversed(by_id["maps"]["cases"]))
    pair = pair_with_whole(by_id, "maps", seed=1)
    assert pair["mean"] == pytest.approx(0.1)
    assert pair["low"] == pytest.approx(0.1) and pair["high"] == pytest.approx(0.1)
    assert (pair["n"], pair["median_difference"]) == (8, pytest.approx(0.1))


def test_the_page_and_the_table_show_what_was_measured_beside_what_was_printed(tmp_path):
    counted = {"tp": 10, "fp": 5, "fn": 5, "tn": 100, "precision": 0.7, "recall": 0.6}
    filled = {name: [each | counted for each in some] for name, some in rows(whole=0.1).items()}
    filled["ceiling"] = row(*[0.97] * 8)
    results = write_isles2018(filled, IMAGES, {"ceiling": "fit: brain, 96x96"}, tmp_path, facts=FACTS)
    page = (tmp_path / "isles2018.md").read_text(encoding="utf-8")
    assert page.startswith("# Generative model on CT perfusion: ISLES 2018")
    assert "63.5 ± 2.4" in page and "(62.4)" in page and "+10.0 [+10.0, +10.0]" in page
    assert "23.5 ± 2.4" in page and "fit: brain, 96x96" in page
    lines = (tmp_path / "isles2018.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 7
    assert (tmp_path / "figures" / "dice.png").exists()
    assert results["pairs"][0]["second"] == "unguided"
