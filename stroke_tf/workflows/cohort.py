"""Which cases a run works on: a manifest, a folder, or phantoms where there is neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.manifest.split import PUBLISHED_SEED, four_folds, hold_out, require_disjoint, split_70_20_10
from stroke_tf.manifest.table import read_manifest
from stroke_tf.phantoms import SYNTHETIC_MARK, write_cohort
from stroke_tf.progress import Progress
from stroke_tf.recipes.recipe import Cohort
from stroke_tf.seeds import child_seed
from stroke_tf.workflows.prepare import with_digests

_SUBSETS = {"train": "train on", "validation": "validate on", "test": "test on"}


@dataclass(frozen=True)
class Cases:
    """The cases of a run, and what they are.

    Args:
        name: what tables call them.
        synthetic: phantoms, or some phantoms among patients.
    """

    name: str
    synthetic: bool
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Split:
    """Who trains, who decides when to stop, who is tested; by case, never by slice."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def open_cases(data: Path, *, data_root: Path | None = None) -> Cases:
    """Read the cases of a manifest, or find them under a folder.

    Raises: ManifestError, InputFileError where there is nothing to find.
    """
    if not data.exists():
        raise InputFileError(f"{data}: no such manifest or folder. Give the folder the cases were unpacked in.")
    cases = find_cases(data) if data.is_dir() else read_manifest(data, data_root)
    return Cases(str(data.name), is_synthetic(cases), tuple(cases))


def phantom_cases(folder: Path, cohort: Cohort, *, seed: int, jobs: int = 2) -> Cases:
    """Write a phantom cohort in the SISS layout, or go on with one that was begun."""
    progress = Progress("drawing phantoms", cohort.cases)
    write_cohort(
        folder,
        cases=cohort.cases,
        shape=cohort.shape,
        spacing_mm=cohort.spacing_mm,
        min_lesion_ml=cohort.min_lesion_ml,
        seed=child_seed(seed, "phantoms"),
        layout="siss2015",
        jobs=jobs,
        progress=progress,
    )
    progress.end()
    return Cases(phantoms_name(cohort, seed), True, tuple(find_cases(folder)))


def phantoms_name(cohort: Cohort, seed: int) -> str:
    """Return what tables call a phantom cohort, known before it is drawn."""
    return f"SYNTHETIC phantoms ({cohort.cases} cases, {'x'.join(map(str, cohort.shape))}, seed {seed})"


def with_all_digests(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return the cases with the SHA-256 of every file, which keys the cache and goes into run cards.

    Raises: ManifestError for a file that is no longer the one that the manifest was written for.
    """
    progress = Progress("hashing images", len(cases))
    hashed = []
    for case in cases:
        fresh = with_digests(case, trust_manifest=False)
        changed = [name for name, digest in case.sha256.items() if fresh.sha256.get(name, digest) != digest]
        if changed:
            raise ManifestError(
                f"case {case.case_id}: {', '.join(changed)} has another SHA-256 than in the manifest; the file was "
                "changed since. Restore it, or index the folder again."
            )
        hashed.append(fresh)
        progress.step()
    return tuple(hashed)


def chosen_cases(cases: Sequence[Case], wanted: Sequence[str]) -> tuple[Case, ...]:
    """Return the cases with these ids, in this order.

    Raises: ManifestError naming the ids that there are.
    """
    by_id = {case.case_id: case for case in cases}
    missing = [case_id for case_id in wanted if case_id not in by_id]
    if missing:
        known = ", ".join(sorted(by_id)[:12])
        raise ManifestError(f"No case is called {', '.join(missing)}. There are: {known}.")
    return tuple(by_id[case_id] for case_id in wanted)


def split_by_subset(cases: Sequence[Case]) -> Split:
    """Return the split into 70 % train, 20 % validation and 10 % test of Aboudi 2022, by patient.

    The subsets are those of the manifest where every case has one, else the published ones (data_manifests/).

    Raises: ManifestError if a case has no truth, or if a subset stays empty: three patients are needed at least.
    """
    _require_truth(cases)
    subsets = {case.case_id: case.subset for case in cases}
    if not all(subsets.values()):
        subsets = split_70_20_10([case.case_id for case in cases], seed=PUBLISHED_SEED)
    named = {name: tuple(case for case in cases if subsets[case.case_id] == name) for name in _SUBSETS}
    empty = [name for name, members in named.items() if not members]
    if empty:
        raise ManifestError(
            f"70/20/10 leaves no case to {' or '.join(_SUBSETS[name] for name in empty)}; three patients with truth "
            f"are needed at least. Received: {len(cases)} cases. Add cases, or fill the column subset of the manifest."
        )
    require_disjoint(**{name: [case.case_id for case in members] for name, members in named.items()})
    return Split(named["train"], named["validation"], named["test"])


def split_of_fold(cases: Sequence[Case], fold: int, *, validation_share: float, seed: int) -> Split:
    """Return the paper's kind of split: one fold in four is tested, the rest trains and validates.

    The folds are those of the manifest where it has them, else the published ones (data_manifests/), which do not
    depend on the run's seed: every run that names a fold means the same cases by it.

    Raises: ManifestError if there are too few cases, a case without truth, or none in the fold.
    """
    _require_truth(cases)
    if len(cases) < 4:
        raise ManifestError(f"Four folds need at least 4 cases with truth. Received: {len(cases)}")
    folds = {case.case_id: case.fold for case in cases}
    if any(value is None for value in folds.values()):
        folds = four_folds([case.case_id for case in cases], seed=PUBLISHED_SEED)
    test = [case for case in cases if folds[case.case_id] == fold]
    if not test:
        raise ManifestError(f"There is no case in fold {fold}; the manifest has {_listed(set(folds.values()))}.")
    rest = [case.case_id for case in cases if folds[case.case_id] != fold]
    train, validation = hold_out(rest, share=validation_share, seed=child_seed(seed, "validation", fold))
    require_disjoint(train=train, validation=validation, test=[case.case_id for case in test])
    return Split(chosen_cases(cases, train), chosen_cases(cases, validation), tuple(test))


def _require_truth(cases: Sequence[Case]) -> None:
    without = [case.case_id for case in cases if case.lesion is None]
    if without:
        raise ManifestError(f"No lesion mask for case {', '.join(without)}. Leave them out of the manifest.")


def _listed(folds: set[int]) -> str:
    return ", ".join(f"fold {fold}" for fold in sorted(folds))


def is_synthetic(cases: Sequence[Case]) -> bool:
    """Tell whether there are phantoms among the cases: a cohort of phantoms has a mark in its root."""
    lying_in = {image.parent for case in cases for image in case.images.values()}
    # Where a link points to counts as well: it is not the name that makes a patient.
    places = {place for folder in lying_in for place in (folder.absolute(), folder.resolve())}
    folders = {above for place in places for above in (place, *place.parents)}
    return any((folder / SYNTHETIC_MARK).exists() for folder in folders)
