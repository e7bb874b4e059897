"""Cases as a user names them to a prediction: files, a folder, a BIDS dataset, a manifest, or a text list of these."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stroke_tf.errors import InputFileError, ManifestError, StrokeTfError
from stroke_tf.manifest.bids import is_bids_dataset
from stroke_tf.manifest.case import PERFUSION, SEQUENCES, Case, Layout
from stroke_tf.manifest.layouts import search_cases
from stroke_tf.manifest.table import read_manifest

_LIST_ENDING = ".txt"
_IMAGE_ENDINGS = (".nii", ".nii.gz")


@dataclass(frozen=True)
class Given:
    """The cases of a prediction; masks that lie beside them are left alone.

    Args:
        name: what was given, in words.
        root: the folder that holds them, or the folder of the manifest or list.
        faults: by case, or by what a line of a list says: why it cannot be predicted.
        bids: whether the root is a BIDS dataset.
        with_truth: whether there is a lesion mask beside any case of a folder or manifest; files and lists are not
            asked, since their truth could not be named to evaluate in one word.
    """

    name: str
    root: Path
    cases: tuple[Case, ...]
    faults: Mapping[str, str]
    bids: bool = False
    with_truth: bool = False


def given_by(place: Path, *, data_root: Path | None = None) -> Given:
    """Find the cases of a folder, a manifest or a text list.

    Args:
        place: a folder of cases or one case's folder in any layout that find_cases knows, BIDS included; a manifest
            (CSV); or a text file (.txt) that names one such folder a line, relative to itself. Empty lines, and lines
            that begin with #, say nothing.
        data_root: the folder to which the paths of a manifest are relative.
    Raises: InputFileError, ManifestError where there is nothing to find.
    """
    place = Path(place)
    if not place.exists():
        raise InputFileError(
            f"{place}: no such folder, manifest or list. Give the folder the cases were unpacked in, or name the files "
            "of one case: --flair, --dwi …"
        )
    if place.is_dir():
        found = search_cases(place, masks=False)
        return Given(_name_of(place), place, found.cases, found.faults, is_bids_dataset(place), found.with_truth)
    if place.name.endswith(_LIST_ENDING):
        return _listed(place)
    if place.name.endswith(_IMAGE_ENDINGS):
        raise InputFileError(f"{place}: an image. Say which sequence it shows: --flair {place}, or --dwi, --t1, --t2 …")
    listed = read_manifest(place, data_root)
    cases = tuple(replace(case, lesion=None) for case in listed)
    with_truth = any(case.lesion is not None for case in listed)
    return Given(place.name, data_root or place.parent, cases, {}, with_truth=with_truth)


def given_as_files(images: Mapping[str, Path], *, name: str = "", reference: str = "", resample: bool = False) -> Given:
    """Make a case of one file a sequence.

    Args:
        images: by sequence.
        name: of the case, after which results are called; by default what _name_of_files finds.
    Raises: InputFileError for a file that is not there; ManifestError for a name that no file can have.
    """
    known = {sequence: Path(os.path.abspath(images[sequence])) for sequence in _ordered(images)}
    for sequence, path in known.items():
        if not path.is_file():
            raise InputFileError(f"{path}: no such file, for {sequence}. Check the path.")
    doubled = [sequence for sequence, path in known.items() if list(known.values()).count(path) > 1]
    if doubled:
        raise InputFileError(
            f"{known[doubled[0]]}: named for {' and '.join(doubled)}. Give each sequence its own file."
        )
    name = name or _name_of_files(next(iter(known.values())))
    if not re.fullmatch(r"[^/\\\0]+", name) or name.startswith("."):
        raise ManifestError(f"Results are named after the case, so its name must hold no / or \\. Received: {name!r}")
    case = Case(name, Layout.PLAIN, known, None, Layout.PLAIN.reference, resample)
    if case.reference not in known:
        case = replace(case, reference=next(iter(known)))
    return Given("files", next(iter(known.values())).parent, (with_reference(case, reference),), {})


def with_reference(case: Case, wanted: str) -> Case:
    """Return the case with another reference: the one that is wanted, or the first it has where its own is missing.

    Raises: ManifestError if the case does not have the one that is wanted.
    """
    if wanted and wanted not in case.images:
        raise ManifestError(f"case {case.case_id}: no {wanted} image, on whose grid the mask shall lie (--reference).")
    if not wanted and case.reference not in case.images:
        wanted = next(iter(_ordered(case.images)))
    return replace(case, reference=wanted) if wanted else case


def _listed(path: Path) -> Given:
    """Find the cases of every line; a line at fault is told, and the others count."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise InputFileError(f"{path}: cannot be read as text ({fault}). Write one folder a line.") from fault
    cases: dict[str, Case] = {}
    faults: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        place = f"{path}, line {number}"
        folder = path.parent / Path(line).expanduser()
        if folder.is_file() and folder.name.endswith(_LIST_ENDING):
            faults[line] = f"{place}: a list within a list. Name its folders here."
            continue
        try:
            found = given_by(folder)
        except StrokeTfError as fault:
            faults[line] = f"{place}: {fault}"
            continue
        faults.update({name: f"{place}: {fault}" for name, fault in found.faults.items()})
        for case in found.cases:
            if case.case_id in cases:
                faults[f"{place} ({case.case_id})"] = (
                    f"{place}: duplicate case {case.case_id}; results are named after the case. Rename one folder."
                )
            else:
                cases[case.case_id] = case
    if not cases and not faults:
        raise ManifestError(f"{path}: no case in it. Write the folder of a case, or of several, on each line.")
    return Given(path.name, path.parent, tuple(cases.values()), faults)


def _ordered(images: Mapping[str, Path]) -> list[str]:
    """Return the sequences that are there, FLAIR and DWI first: on their grids lesions are usually drawn."""
    order = dict.fromkeys(("FLAIR", "DWI", *SEQUENCES, "CT", *PERFUSION))
    return [name for name in order if name in images]


def _name_of_files(path: Path) -> str:
    """Return the folder's name for a file with a plain name (anna/flair.nii.gz), else the file's own."""
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    plain = stem.upper() in {*SEQUENCES, *PERFUSION}
    return (path.parent.name if plain else "") or stem


def _name_of(folder: Path) -> str:
    return Path(os.path.abspath(folder)).name
