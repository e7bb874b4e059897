"""Which masks are compared: the true ones, and the predicted ones that are named after the same cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.manifest.bids import derived_file, is_bids_name, predicted_by_us
from stroke_tf.manifest.case import Case, natural_order
from stroke_tf.workflows.cohort import open_cases

_ENDINGS = (".nii.gz", ".nii")
_MASK_WORDS = ("", "_mask", "_msk")


@dataclass(frozen=True)
class Truth:
    """One reference mask, and the case with its images where there is one."""

    case_id: str
    path: Path
    case: Case | None


@dataclass(frozen=True)
class Truths:
    """The truths that are to be met, and what was passed over to find them."""

    name: str
    synthetic: bool
    masks: tuple[Truth, ...]
    without_truth: tuple[str, ...] = ()


def find_truths(truth: Path, *, data_root: Path | None = None) -> Truths:
    """Find the reference masks in a manifest, a folder of cases, or a folder of masks named after their cases.

    Raises: ManifestError if no case has a truth; InputFileError if there is no such file or folder.
    """
    truth = Path(truth)
    try:
        cases = open_cases(truth, data_root=data_root)
    except ManifestError:
        # A layout that is broken keeps its own message; only a folder of plain masks is read in the other way.
        masks = _plain_masks(truth) if truth.is_dir() else {}
        if not masks:
            raise
        return Truths(truth.name, False, tuple(Truth(name, masks[name], None) for name in masks))
    found = tuple(Truth(case.case_id, case.lesion, case) for case in cases.cases if case.lesion is not None)
    if not found:
        raise ManifestError(f"{truth}: no case has a lesion mask; there is nothing to compare with.")
    without = tuple(case.case_id for case in cases.cases if case.lesion is None)
    return Truths(cases.name, cases.synthetic, found, without)


def chosen_truths(found: Truths, case_ids: Sequence[str], fold: int | None, subset: str) -> Truths:
    """Return the truths of the cases that were asked for; all of them if nothing was.

    Raises: ManifestError for a case without truth, or if no case is left.
    """
    known = {each.case_id: each for each in found.masks}
    unknown = [case_id for case_id in case_ids if case_id not in known]
    if unknown:
        raise ManifestError(
            f"{found.name}: no truth for case {', '.join(unknown)}. Known cases: {', '.join(list(known)[:12])}"
        )
    chosen = [known[case_id] for case_id in dict.fromkeys(case_ids)] or list(found.masks)
    if fold is not None:
        chosen = [each for each in chosen if each.case and each.case.fold == fold]
    if subset:
        chosen = [each for each in chosen if each.case and each.case.subset == subset]
    if not chosen:
        raise ManifestError(
            f"{found.name}: no case with truth is left of fold {fold}, subset {subset or 'any'}. "
            "Folds and subsets stand in the manifest; make one with: stroke-tf index ROOT"
        )
    # Cases that were not asked for are no gap, so they are not named beside those that were.
    without = () if case_ids or fold is not None or subset else found.without_truth
    return Truths(found.name, found.synthetic, tuple(chosen), without)


def find_predictions(row: str, place: str | Path, truths: Sequence[Truth]) -> dict[str, Path]:
    """Return the predicted mask of each case that has one.

    Args:
        row: its name, for messages.
        place: the folder that holds <case>.nii.gz or <case>_mask.nii.gz, a BIDS derivative that predict wrote, or a
            path with {case} in it.
    Raises: InputFileError if no case has one; ManifestError if a case has two.
    """
    if "{case}" in str(place):
        paths = {each.case_id: [Path(str(place).replace("{case}", each.case_id))] for each in truths}
    elif Path(place).is_dir():
        names = [f"{{case}}{word}{ending}" for word in _MASK_WORDS for ending in _ENDINGS]
        paths = {each.case_id: [Path(place, name.replace("{case}", each.case_id)) for name in names] for each in truths}
        if predicted_by_us(Path(place)):
            paths = {each.case_id: paths[each.case_id] + _derived_masks(Path(place), each.case_id) for each in truths}
    else:
        raise InputFileError(f"{place}: no such folder, for row {row}. Give the folder that holds <case>_mask.nii.gz.")
    found = {}
    for case_id, candidates in paths.items():
        there = [path for path in candidates if path.exists()]
        if len(there) > 1:
            raise ManifestError(f"{there[1]}: a second mask of case {case_id}; the first is {there[0]}. Keep one.")
        if there:
            found[case_id] = there[0]
    if not found:
        example = truths[0].case_id
        raise InputFileError(
            f"{place}: no mask for any of {len(truths)} cases, for row {row}. Masks are named after their case, such "
            f"as {example}.nii.gz or {example}_mask.nii.gz; for other names give a path with {{case}} in it."
        )
    return found


def _derived_masks(folder: Path, case_id: str) -> list[Path]:
    """Return where a derivative may keep the mask of a case; the sequence of its grid decides between two folders."""
    return (
        [folder / derived_file(case_id, sequence, "mask") for sequence in ("FLAIR", "DWI")]
        if is_bids_name(case_id)
        else []
    )


def _plain_masks(folder: Path) -> dict[str, Path]:
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((ending for ending in _ENDINGS if path.name.endswith(ending)), None)
        if ending is None or path.name.startswith("."):
            continue
        name = path.name[: -len(ending)]
        word = next((word for word in _MASK_WORDS[1:] if name.endswith(word)), "")
        name = name.removesuffix(word)
        if name in masks:
            raise ManifestError(
                f"{path}: a second mask of case {name}; the first is {masks[name]}. Keep one of the two."
            )
        masks[name] = path
    return {name: masks[name] for name in sorted(masks, key=natural_order)}
