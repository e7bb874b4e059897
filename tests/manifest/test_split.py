"""Splits are by patient, balanced, the same everywhere, and equal to the published ones."""

import csv
from collections import Counter

import pytest

from stroke_tf.errors import ManifestError
from stroke_tf.manifest.case import patient_of
from stroke_tf.manifest.split import PUBLISHED_SEED, four_folds, hold_out, require_disjoint, split_70_20_10

SISS = [str(number) for number in range(1, 29)]
SESSIONS = [f"sub-{patient}_ses-{session}" for patient in range(20) for session in range(1 + patient % 3)]


def test_the_published_splits_come_out_again(repository):
    with open(repository / "data_manifests" / "siss2015_splits.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["case"] for row in rows] == SISS
    assert {row["case"]: int(row["fold"]) for row in rows} == four_folds(SISS, seed=PUBLISHED_SEED)
    assert {row["case"]: row["subset"] for row in rows} == split_70_20_10(SISS, seed=PUBLISHED_SEED)


def test_the_published_seed_stands_in_the_readme(repository):
    assert f"**Seed {PUBLISHED_SEED}.**" in (repository / "data_manifests" / "README.md").read_text()


def test_four_folds_of_28_test_seven_each():
    assert Counter(four_folds(SISS, seed=1).values()) == {0: 7, 1: 7, 2: 7, 3: 7}


@pytest.mark.parametrize("count", range(1, 40))
def test_folds_differ_by_one_case_at_most(count):
    sizes = Counter(four_folds(SISS[:1] + [f"c{i}" for i in range(count - 1)], seed=3).values())
    assert max(sizes[fold] for fold in range(4)) - min(sizes[fold] for fold in range(4)) <= 1


def test_the_order_of_the_names_does_not_matter():
    assert four_folds(SISS[::-1], seed=5) == four_folds(SISS, seed=5)
    assert split_70_20_10(SISS[::-1], seed=5) == split_70_20_10(SISS, seed=5)


def test_another_seed_gives_another_split():
    assert four_folds(SISS, seed=1) != four_folds(SISS, seed=2)
    assert split_70_20_10(SISS, seed=1) != split_70_20_10(SISS, seed=2)


@pytest.mark.parametrize("seed", range(8))
def test_sessions_of_one_patient_never_separate(seed):
    folds, subsets = four_folds(SESSIONS, seed=seed), split_70_20_10(SESSIONS, seed=seed)
    train, validation = hold_out(SESSIONS, share=0.3, seed=seed)
    aside = {case: case in validation for case in train + validation}
    for split in (folds, subsets, aside):
        places = {(patient_of(case), place) for case, place in split.items()}
        assert len(places) == len({patient_of(case) for case in SESSIONS})


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(28, (19, 6, 3)), (10, (7, 2, 1)), (100, (70, 20, 10)), (3, (1, 1, 1)), (2, (1, 1, 0)), (1, (1, 0, 0))],
)
def test_70_20_10_rounds_to_whole_patients(count, sizes):
    counts = Counter(split_70_20_10([f"c{i}" for i in range(count)], seed=1).values())
    assert (counts["train"], counts["validation"], counts["test"]) == sizes


def test_hold_out_sets_aside_its_share_and_keeps_the_order():
    train, validation = hold_out(SISS[:21], share=0.2, seed=4)
    assert (len(train), len(validation)) == (17, 4)
    assert sorted(train + validation, key=int) == SISS[:21]
    assert train == sorted(train, key=int)


def test_hold_out_keeps_one_case_at_least_for_validation():
    assert len(hold_out(SISS[:4], share=0.01, seed=4)[1]) == 1


def test_hold_out_needs_two_patients():
    with pytest.raises(ManifestError, match=r"Only 1 patient to train and to validate on; two are needed"):
        hold_out(["sub-1_ses-1", "sub-1_ses-2"], share=0.5, seed=1)


def test_hold_out_must_leave_someone_to_train_on():
    with pytest.raises(ManifestError, match=r"share of 1 leaves none of 3 patients to train on. Lower the share"):
        hold_out(["1", "2", "3"], share=1.0, seed=1)


def test_a_duplicate_case_is_refused():
    with pytest.raises(ManifestError, match=r"Duplicate case 2. Name each case once"):
        four_folds(["1", "2", "2"], seed=1)


def test_a_case_in_two_splits_is_refused():
    with pytest.raises(ManifestError, match=r"Case 3 is in two splits: test and train. Leave the patient in one"):
        require_disjoint(train=["1", "3"], test=["2", "3"])


def test_two_sessions_of_one_patient_in_two_splits_are_refused():
    with pytest.raises(ManifestError, match=r"sub-1_ses-2 is in two splits: test and train \(as sub-1_ses-1, the same"):
        require_disjoint(train=["sub-1_ses-1"], test=["sub-1_ses-2"])


def test_disjoint_splits_pass():
    require_disjoint(train=["sub-1_ses-1", "sub-1_ses-2"], validation=["sub-2"], test=[])
