"""Which cases a run works on, and who trains, validates and is tested."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.files import sha256_of_file
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.manifest.table import write_manifest
from stroke_tf.phantoms import SYNTHETIC_MARK
from stroke_tf.recipes.recipe import Cohort
from stroke_tf.workflows.cohort import (
    chosen_cases,
    is_synthetic,
    open_cases,
    phantom_cases,
    split_by_subset,
    split_of_fold,
    with_all_digests,
)
from stroke_tf.workflows.prepare import with_digests


def named(count: int) -> list[Case]:
    """Return cases 1 to count, whose files nobody opens."""
    names = [str(number) for number in range(1, count + 1)]
    return [Case(name, Layout.SISS2015, {"FLAIR": Path(name)}, lesion=Path(f"{name}-lesion")) for name in names]


def ids(cases) -> list[str]:
    return [case.case_id for case in cases]


def published_folds(repository: Path) -> dict[str, int]:
    with open(repository / "data_manifests" / "siss2015_splits.csv", newline="", encoding="utf-8") as stream:
        return {row["case"]: int(row["fold"]) for row in csv.DictReader(stream)}


def split(cases, fold: int = 0, *, share: float = 0.2, seed: int = 1):
    return split_of_fold(cases, fold, validation_share=share, seed=seed)


@pytest.mark.parametrize("fold", range(4))
def test_without_folds_in_the_manifest_the_published_ones_are_tested(repository, fold):
    published = published_folds(repository)
    found = split(named(28), fold)
    assert ids(found.test) == [case_id for case_id in published if published[case_id] == fold]


def test_the_tested_cases_do_not_depend_on_the_seed():
    assert split(named(28), seed=1).test == split(named(28), seed=2).test
    assert split(named(28), seed=1).validation != split(named(28), seed=2).validation


def test_folds_of_the_manifest_go_before_the_published_ones():
    cases = [replace(case, fold=number % 4) for number, case in enumerate(named(8))]
    assert ids(split(cases, 1).test) == ["2", "6"]


def test_every_case_is_tested_once_and_never_by_a_network_that_saw_it():
    cases = named(28)
    splits = [split(cases, fold) for fold in range(4)]
    assert sorted(ids(case for each in splits for case in each.test), key=int) == ids(cases)
    for each in splits:
        parts = [set(ids(each.train)), set(ids(each.validation)), set(ids(each.test))]
        assert [len(part) for part in parts] == [17, 4, 7]
        assert len(set.union(*parts)) == 28


def test_sessions_of_one_patient_stay_together():
    cases = named(8) + [replace(case, case_id=f"sub-a_ses-{number}") for number, case in enumerate(named(3))]
    for fold in range(4):
        found = split(cases, fold)
        homes = [part for part in (found.train, found.validation, found.test) if any("sub-a" in i for i in ids(part))]
        assert len(homes) == 1


def test_three_cases_are_too_few_for_four_folds():
    with pytest.raises(ManifestError, match=r"at least 4 cases with truth\. Received: 3"):
        split(named(3))


def test_a_case_without_truth_cannot_be_split():
    cases = named(5)
    cases[2] = replace(cases[2], lesion=None)
    with pytest.raises(ManifestError, match="No lesion mask for case 3"):
        split(cases)


def test_a_fold_without_a_case_is_an_error():
    cases = [replace(case, fold=number % 2) for number, case in enumerate(named(8))]
    with pytest.raises(ManifestError, match="no case in fold 3"):
        split(cases, 3)


def test_cases_are_given_in_the_order_they_are_asked_for():
    assert ids(chosen_cases(named(5), ["4", "2"])) == ["4", "2"]


def test_an_unknown_case_is_named_beside_the_known_ones():
    with pytest.raises(ManifestError, match=r"No case is called 9\. There are: 1, 2, 3"):
        chosen_cases(named(3), ["1", "9"])


def test_a_folder_and_its_manifest_give_the_same_cases(six_cases):
    found = [with_digests(case) for case in find_cases(six_cases)]
    write_manifest(six_cases / "manifest.csv", found, six_cases, force=False)
    folder, manifest = open_cases(six_cases), open_cases(six_cases / "manifest.csv")
    assert [(case.case_id, case.images, case.lesion) for case in folder.cases] == [
        (case.case_id, case.images, case.lesion) for case in manifest.cases
    ]
    assert not folder.synthetic and not manifest.synthetic


def test_paths_of_a_manifest_elsewhere_are_relative_to_the_data_root(six_cases, tmp_path):
    write_manifest(tmp_path / "manifest.csv", find_cases(six_cases), six_cases, force=False)
    assert len(open_cases(tmp_path / "manifest.csv", data_root=six_cases).cases) == 6


def test_nothing_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere: no such manifest or folder"):
        open_cases(tmp_path / "nowhere")


def test_every_file_has_its_digest(six_cases):
    case = with_all_digests(open_cases(six_cases).cases)[0]
    assert set(case.sha256) == {"T1", "T2", "DWI", "FLAIR", "lesion"}
    assert case.sha256["lesion"] == sha256_of_file(case.lesion)


@pytest.mark.parametrize("changed", ["DWI", "lesion"])
def test_a_file_changed_since_the_manifest_is_refused(six_cases, changed):
    cases = [with_digests(case) for case in find_cases(six_cases)]
    write_manifest(six_cases / "manifest.csv", cases, six_cases, force=False)
    path = {**cases[3].images, "lesion": cases[3].lesion}[changed]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=rf"case 4: {changed} has another SHA-256 than in the manifest"):
        with_all_digests(open_cases(six_cases / "manifest.csv").cases)


def test_phantoms_are_marked_and_known_as_such_again(tmp_path):
    cohort = Cohort(cases=2, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), min_lesion_ml=2.0)
    drawn = phantom_cases(tmp_path / "phantoms", cohort, seed=5, jobs=1)
    assert drawn.synthetic and "SYNTHETIC" in drawn.name
    assert open_cases(tmp_path / "phantoms").synthetic
    manifest = tmp_path / "elsewhere.csv"
    write_manifest(manifest, drawn.cases, tmp_path / "phantoms", force=False)
    assert open_cases(manifest, data_root=tmp_path / "phantoms").synthetic


def test_one_phantom_among_patients_is_found_by_whatever_name(six_cases):
    (six_cases.parent / "drawn").mkdir()
    (six_cases.parent / "drawn" / SYNTHETIC_MARK).touch()
    (six_cases / "6").rename(six_cases.parent / "drawn" / "6")
    (six_cases / "6").symlink_to(six_cases.parent / "drawn" / "6")
    cases = open_cases(six_cases).cases
    assert is_synthetic(cases)
    assert [case.case_id for case in cases if is_synthetic([case])] == ["6"]


def test_phantoms_of_one_seed_are_drawn_once(tmp_path):
    cohort = Cohort(cases=1, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), min_lesion_ml=2.0)
    first = phantom_cases(tmp_path / "phantoms", cohort, seed=5, jobs=1).cases[0].images["FLAIR"]
    written = first.stat().st_mtime_ns
    assert phantom_cases(tmp_path / "phantoms", cohort, seed=5, jobs=1).cases[0].images["FLAIR"] == first
    assert np.all(first.stat().st_mtime_ns == written)


def test_seventy_twenty_ten_is_the_published_split(repository):
    with open(repository / "data_manifests" / "siss2015_splits.csv", newline="", encoding="utf-8") as stream:
        published = {row["case"]: row["subset"] for row in csv.DictReader(stream)}
    found = split_by_subset(named(28))
    assert {name: "test" for name in ids(found.test)}.items() <= published.items()
    assert (len(found.train), len(found.validation), len(found.test)) == (19, 6, 3)


def test_subsets_of_the_manifest_go_before_the_published_ones():
    subsets = ["test", "train", "validation", "train"]
    cases = [replace(case, subset=subset) for case, subset in zip(named(4), subsets, strict=True)]
    found = split_by_subset(cases)
    assert (ids(found.train), ids(found.validation), ids(found.test)) == (["2", "4"], ["3"], ["1"])


def test_too_few_cases_for_seventy_twenty_ten_are_refused():
    with pytest.raises(ManifestError, match=r"leaves no case to test on; three patients .* Received: 2 cases"):
        split_by_subset(named(2))
    without = replace(named(4)[0], lesion=None)
    with pytest.raises(ManifestError, match="No lesion mask for case 1"):
        split_by_subset([without, *named(4)[1:]])
