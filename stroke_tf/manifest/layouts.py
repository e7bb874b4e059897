"""Find the cases under a folder by the names of their files.

Only the sequence part of a name is trusted: the numbers in SISS names follow no rule that could be relied on.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stroke_tf.errors import ManifestError
from stroke_tf.manifest.bids import predicted_by_us
from stroke_tf.manifest.case import PERFUSION, SEQUENCES, SERIES, Case, Layout, natural_order

_SISS = re.compile(
    r"(?:VSD|SMIR)\.Brain[^.]*\.[^.]*\.O\.(?:MR_)?(?P<kind>T1|T2|DWI|Flair|ADC|OT)\..*nii(?:\.gz)?", re.IGNORECASE
)
_ISLES2018 = re.compile(
    r"(?:VSD|SMIR)\.Brain[^.]*\.[^.]*\.O\.(?P<kind>CT|CT_4DPWI|CT_CBF|CT_CBV|CT_MTT|CT_Tmax)\..*nii(?:\.gz)?",
    re.IGNORECASE,
)
_BIDS = re.compile(
    r"(?P<case>sub-[a-z0-9]+(?:_ses-[a-z0-9]+)?)(?:_[a-z0-9]+-[a-z0-9]+)*"
    r"_(?P<kind>dwi|adc|flair|t1w?|t2w?|msk|mask)\.nii(?:\.gz)?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"(?P<kind>T1|T2|DWI|FLAIR|ADC|lesion|mask)\.nii(?:\.gz)?", re.IGNORECASE)
_MASK_WORDS = {"OT", "MSK", "MASK", "LESION"}
_LESION = "lesion"


@dataclass(frozen=True)
class _Found:
    """One file whose name says what it is."""

    layout: Layout
    case_id: str
    home: str
    """The case's own folder (SISS, ISLES 2018), or its BIDS name: two homes with one case id are a duplicate."""
    kind: str
    """A sequence, an image of CT perfusion, or "lesion"."""
    path: Path


@dataclass(frozen=True)
class Search:
    """What was found under a folder.

    Args:
        faults: by case id, why a case cannot be told; it is not among the cases.
        with_truth: whether there is a lesion mask, also where masks are not looked for.
    """

    cases: tuple[Case, ...]
    faults: Mapping[str, str]
    with_truth: bool


def find_cases(root: Path) -> list[Case]:
    """List the cases under a folder, in natural order, without opening any image.

    Both arrangements of SISS and ISLES 2018 are known (each file in a folder of its own name, or all files of a case
    in one folder), BIDS with and without sessions, plain folders (`patient07/FLAIR.nii.gz`), and phantoms, which are
    written in these same layouts.

    Raises: ManifestError if there is no folder or no case, if a sequence of a case is found twice, or if two
        folders hold cases of one name.
    """
    found = search_cases(root)
    if found.faults:
        raise ManifestError(next(iter(found.faults.values())))
    return list(found.cases)


def search_cases(root: Path, *, masks: bool = True) -> Search:
    """Find the cases under a folder as find_cases does, and list those that cannot be told beside the others.

    Args:
        masks: whether lesion masks are looked for; where they are not, none can be at fault either.
    Raises: ManifestError if there is no folder, or no case in it.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder. Give the folder that holds the cases.")
    files: dict[str, dict[str, _Found]] = {}
    faults: dict[str, str] = {}
    with_truth = False
    for found in _told_apart(filter(None, map(_recognise, _walk(root)))):
        with_truth |= found.kind == _LESION
        if found.kind == _LESION and not masks:
            continue
        kinds = files.setdefault(found.case_id, {})
        if fault := _doubled(found, kinds):
            faults.setdefault(found.case_id, fault)
        else:
            kinds[found.kind] = found
    names = [name for name in sorted(files, key=natural_order) if _has_image(files[name])]
    if not names and not faults:
        raise ManifestError(
            f"{root}: no case found. Expected SISS 2015 (1/VSD.Brain.XX.O.MR_Flair.*.nii), ISLES 2018 "
            "(case_1/SMIR.Brain.XX.O.CT_4DPWI.*.nii), ISLES 2022 (rawdata/sub-*/ses-*/*_dwi.nii.gz), BIDS "
            "(sub-*/anat/*_FLAIR.nii.gz) or plain names (patient07/FLAIR.nii.gz). For others write a manifest by hand: "
            "data_manifests/README.md."
        )
    return Search(tuple(_case(name, files[name]) for name in names if name not in faults), faults, with_truth)


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files below, through links too, but never a folder twice and nothing hidden."""
    seen = set()
    for folder, below, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        # macOS leaves twins of every file in __MACOSX and under names that begin with "._".
        below[:] = sorted(
            name for name in below if not name.startswith((".", "__MACOSX")) and not predicted_by_us(Path(folder, name))
        )
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _recognise(path: Path) -> _Found | None:
    for pattern, layout in ((_SISS, Layout.SISS2015), (_ISLES2018, Layout.ISLES2018)):
        if match := pattern.fullmatch(path.name):
            home = path.parent.parent if pattern.fullmatch(f"{path.parent.name}.nii") else path.parent
            return _Found(layout, home.name, str(home), _kind(match["kind"]), path)
    if match := _BIDS.fullmatch(path.name):
        kind = _kind(match["kind"])
        if kind != _LESION and "derivatives" in path.parts:
            return None  # a processed copy of a raw image
        return _Found(Layout.ISLES2022, match["case"], match["case"], kind, path)
    if match := _PLAIN.fullmatch(path.name):
        return _Found(Layout.PLAIN, path.parent.name, str(path.parent), _kind(match["kind"]), path)
    return None


def _told_apart(files: Iterable[_Found]) -> list[_Found]:
    """Give DWI and mask to ISLES 2018 where CT images lie beside them: both challenges name these two alike."""
    files = list(files)
    homes = {found.home for found in files if found.layout is Layout.ISLES2018}
    return [replace(found, layout=Layout.ISLES2018) if found.home in homes else found for found in files]


def _kind(word: str) -> str:
    word = word.upper().removeprefix("CT_")
    if word in _MASK_WORDS:
        return _LESION
    return SERIES if word == "4DPWI" else word.removesuffix("W")


def _doubled(found: _Found, kinds: dict[str, _Found]) -> str:
    """Say why a file cannot be another one of its case; nothing if it can."""
    for other in kinds.values():
        if other.home != found.home or other.layout != found.layout:
            return (
                f"{found.path}: duplicate case {found.case_id}, which is also at {other.path}. "
                "Index the two folders one at a time, or rename one case."
            )
    if found.kind in kinds:
        return (
            f"{found.path}: a second {found.kind} of case {found.case_id}; the first is {kinds[found.kind].path}. "
            "Keep one of the two."
        )
    return ""


def _has_image(kinds: dict[str, _Found]) -> bool:
    return any(kind in (*SEQUENCES, *PERFUSION) for kind in kinds)


def _case(case_id: str, kinds: dict[str, _Found]) -> Case:
    layout = next(iter(kinds.values())).layout
    images = {name: kinds[name].path for name in (*SEQUENCES, *PERFUSION) if name in kinds}
    lesion = kinds[_LESION].path if _LESION in kinds else None
    # Scans of one's own may lack FLAIR; then the first sequence there is gives the grid.
    reference = next(iter(images)) if layout is Layout.PLAIN and layout.reference not in images else layout.reference
    return Case(case_id, layout, images, lesion, reference, layout.resample)
