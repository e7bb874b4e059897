"""Find the cases under a folder by the names of their files.

Only the sequence part of a name is trusted: the numbers in SISS names follow no rule that could be relied on.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stroke_tf.errors import ManifestError
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


def find_cases(root: Path) -> list[Case]:
    """List the cases under a folder, in natural order, without opening any image.

    Both arrangements of SISS and ISLES 2018 are known (each file in a folder of its own name, or all files of a case
    in one folder), BIDS with and without sessions, plain folders (`patient07/FLAIR.nii.gz`), and phantoms, which are
    written in these same layouts.

    Raises: ManifestError if there is no folder or no case, if a sequence of a case is found twice, or if two
        folders hold cases of one name.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder. Give the folder that holds the cases.")
    files: dict[str, dict[str, _Found]] = {}
    for found in _told_apart(filter(None, map(_recognise, _walk(root)))):
        kinds = files.setdefault(found.case_id, {})
        _require_new(found, kinds)
        kinds[found.kind] = found
    cases = [_case(name, files[name]) for name in sorted(files, key=natural_order) if _has_image(files[name])]
    if not cases:
        raise ManifestError(
            f"{root}: no case found. Expected SISS 2015 (1/VSD.Brain.XX.O.MR_Flair.*.nii), ISLES 2018 "
            "(case_1/SMIR.Brain.XX.O.CT_4DPWI.*.nii), ISLES 2022 (rawdata/sub-*/ses-*/*_dwi.nii.gz) or plain names "
            "(patient07/FLAIR.nii.gz). For others write a manifest by hand: data_manifests/README.md."
        )
    return cases


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
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
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


def _require_new(found: _Found, kinds: dict[str, _Found]) -> None:
    for other in kinds.values():
        if other.home != found.home or other.layout != found.layout:
            raise ManifestError(
                f"{found.path}: duplicate case {found.case_id}, which is also at {other.path}. "
                "Index the two folders one at a time, or rename one case."
            )
    if found.kind in kinds:
        raise ManifestError(
            f"{found.path}: a second {found.kind} of case {found.case_id}; the first is {kinds[found.kind].path}. "
            "Keep one of the two."
        )


def _has_image(kinds: dict[str, _Found]) -> bool:
    return any(kind in (*SEQUENCES, *PERFUSION) for kind in kinds)


def _case(case_id: str, kinds: dict[str, _Found]) -> Case:
    layout = next(iter(kinds.values())).layout
    images = {name: kinds[name].path for name in (*SEQUENCES, *PERFUSION) if name in kinds}
    lesion = kinds[_LESION].path if _LESION in kinds else None
    # Scans of one's own may lack FLAIR; then the first sequence there is gives the grid.
    reference = next(iter(images)) if layout is Layout.PLAIN and layout.reference not in images else layout.reference
    return Case(case_id, layout, images, lesion, reference, layout.resample)
