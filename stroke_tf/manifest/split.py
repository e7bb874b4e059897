"""Who is trained on and who is tested on: always by patient, never by slice or session.

Patients are ordered by a hash of the seed and their name, not by a random generator: the published splits then come
out on every machine and under every version of Python and NumPy.
"""

from collections.abc import Sequence
from fractions import Fraction

from stroke_tf.errors import ManifestError
from stroke_tf.manifest.case import patient_of
from stroke_tf.seeds import child_seed

PUBLISHED_SEED = 2015
"""The seed of data_manifests/siss2015_splits.csv."""
FOLDS = 4


def four_folds(case_ids: Sequence[str], *, seed: int) -> dict[str, int]:
    """Deal the cases into four folds, so that each case is tested once.

    The 28 cases of SISS give 21 to train and validate and 7 to test in every fold, as in the paper.

    Returns: fold 0 to 3 of each case: the fold in which it is tested.
    Raises: ManifestError if a case is named twice.
    Source: arXiv 2511.07281 tests on 7 of 28 cases and does not say which; four folds test them all.
    """
    return folds_by_patient(case_ids, folds=FOLDS, seed=seed)


def folds_by_patient(case_ids: Sequence[str], *, folds: int, seed: int) -> dict[str, int]:
    """Deal the cases into folds, so that each case is tested once and the sessions of a patient stay together.

    Each patient goes to the fold that has the fewest cases so far, so folds of single-session cohorts differ by one
    case at most.

    Returns: fold 0 to folds - 1 of each case: the fold in which it is tested.
    Raises: ManifestError if a case is named twice.
    """
    filled = [0] * folds
    fold_of: dict[str, int] = {}
    for sessions in _shuffled_patients(case_ids, seed, "folds"):
        fold = filled.index(min(filled))
        filled[fold] += len(sessions)
        fold_of.update(dict.fromkeys(sessions, fold))
    return {case_id: fold_of[case_id] for case_id in case_ids}


def split_70_20_10(case_ids: Sequence[str], *, seed: int) -> dict[str, str]:
    """Divide the patients into 70 % train, 20 % validation, 10 % test.

    Both small parts are rounded to whole patients and hold at least one where there are three or more; with two, one
    validates; a single one is for training. The 28 cases of SISS give 19, 6 and 3.

    Source: Aboudi 2022, which does not say which cases, nor whether it was split by case.
    """
    patients = _shuffled_patients(case_ids, seed, "70/20/10")
    count = len(patients)
    test = max(1, round(Fraction(count, 10))) if count > 2 else 0
    validation = max(1, round(Fraction(count, 5))) if count > 1 else 0
    names = ["test"] * test + ["validation"] * validation + ["train"] * (count - test - validation)
    subsets = {case_id: name for name, sessions in zip(names, patients, strict=True) for case_id in sessions}
    return {case_id: subsets[case_id] for case_id in case_ids}


def hold_out(case_ids: Sequence[str], *, share: float, seed: int) -> tuple[list[str], list[str]]:
    """Set a share of the training patients aside for validation, one at least.

    Returns: the cases to train on and the cases to validate on, both in the order given.
    Raises: ManifestError if fewer than two patients are there, or if the share leaves none to train on.
    """
    patients = _shuffled_patients(case_ids, seed, "hold out")
    if len(patients) < 2:
        raise ManifestError(
            f"Only {len(patients)} patient to train and to validate on; two are needed at least. Add cases."
        )
    count = max(1, round(share * len(patients)))
    if count >= len(patients):
        raise ManifestError(
            f"A validation share of {share:g} leaves none of {len(patients)} patients to train on. Lower the share."
        )
    aside = {case_id for sessions in patients[:count] for case_id in sessions}
    return [name for name in case_ids if name not in aside], [name for name in case_ids if name in aside]


def require_disjoint(**named_lists: Sequence[str]) -> None:
    """Do nothing if no patient stands in two of the lists.

    Raises: ManifestError, naming the case and the two lists; two sessions of one patient count as one.
    Example:
        >>> require_disjoint(train=["1", "2"], test=["3"])
    """
    owner: dict[str, tuple[str, str]] = {}
    for name, case_ids in named_lists.items():
        for case_id in case_ids:
            other, first = owner.setdefault(patient_of(case_id), (name, case_id))
            if other != name:
                also = "" if first == case_id else f" (as {first}, the same patient)"
                raise ManifestError(
                    f"Case {case_id} is in two splits: {name} and {other}{also}. "
                    "Leave the patient in one of them; a network must not be tested on whom it has seen."
                )


def _shuffled_patients(case_ids: Sequence[str], seed: int, purpose: str) -> list[list[str]]:
    """Return the sessions of each patient, the patients in an order that depends on the seed and their names only."""
    sessions: dict[str, list[str]] = {}
    for case_id in case_ids:
        own = sessions.setdefault(patient_of(case_id), [])
        if case_id in own:
            raise ManifestError(f"Duplicate case {case_id}. Name each case once.")
        own.append(case_id)
    order = sorted(sessions, key=lambda patient: (child_seed(seed, purpose, patient), patient))
    return [sessions[patient] for patient in order]
