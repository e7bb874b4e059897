"""From a folder of DICOM files to a case in plain files, and back: which series shows which sequence, and the mask as a
segmentation of the series it was found in."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.errors import InputFileError, SettingError
from stroke_tf.files import require_absent, write_json
from stroke_tf.manifest.case import SEQUENCES
from stroke_tf.progress import Progress
from stroke_tf.volumes.dicom import Series, convert_series, find_series
from stroke_tf.volumes.dicom_segmentation import is_on_grid_of, write_segmentation
from stroke_tf.volumes.grid import Grid
from stroke_tf.volumes.nifti import read_mask

RECORD = "conversion.json"
_SIGNS = {
    "FLAIR": r"flair|dark.?fluid|tirm",
    "ADC": r"adc|apparent.?diff",
    "DWI": r"dwi|diff|b[ _=]?1000|trace|ep2d_diff",
    "T2": r"(?<![a-z0-9])t2(?!\*|[ _-]?(star|flair|\*))",
    "T1": r"(?<![a-z0-9])t1(?!.*(gd|gad|post|\+c|ce\b|km\b))|mprage|bravo|spgr",
}
"""How scanners of several makers call a sequence, in the order in which a name is judged."""
_NOT_A_SCAN = r"localizer|scout|survey|loc(?![a-z])|phoenix|screen|mip|perf|swi|angio|tof"


@dataclass(frozen=True)
class Converted:
    """What was written: the file of each sequence, and the series it came from."""

    folder: Path
    files: Mapping[str, Path]
    series: Mapping[str, Series]


def convert(
    source: Path,
    out: Path,
    *,
    wanted: Mapping[str, str],
    force: bool,
    say: Callable[[str], None] = print,
) -> Converted:
    """Convert the series of one patient into FLAIR.nii.gz, DWI.nii.gz and so on, in a folder of their own.

    Args:
        wanted: for some sequences the series: its number, or words of its description. The others are known by their
            descriptions, where these are plain.
    Raises: InputFileError, SettingError, where a series cannot be told or converted; OutputError for files that exist.
    """
    found = find_series(source)
    for series in found:
        say(str(series))
    _require_one_patient(source, found)
    chosen = {name: _named(word, name, found) for name, word in wanted.items()} | _guessed(found, set(wanted))
    if not chosen:
        raise SettingError(
            f"{source}: no series is plainly FLAIR, DWI, ADC, T1 or T2. Say which is: --flair NUMBER, --dwi NUMBER …"
        )
    files = {name: out / f"{name}.nii.gz" for name in SEQUENCES if name in chosen}
    for path in (*files.values(), out / RECORD):
        require_absent(path, force=force)
    progress = Progress("converting", len(files))
    for name, path in files.items():
        convert_series(chosen[name], path, force=force)
        progress.step(note=name)
    told = {
        name: {"number": chosen[name].number, "description": chosen[name].description, "uid": chosen[name].uid}
        for name in files
    }
    write_json(out / RECORD, {"from": "DICOM, by dicom2nifti", "series": told})
    return Converted(out, files, {name: chosen[name] for name in files})


def convert_back(source: Path, mask: Path, out: Path, *, wanted: str | None, force: bool) -> Series:
    """Write a mask as the DICOM segmentation of a series; return that series.

    Args:
        mask: a lesion mask on the grid of one of the series; it may be empty.
        out: ends in .dcm.
        wanted: the series: its number, or words of its description; None is the one on whose grid the mask lies.
    Raises: InputFileError, SettingError, where the series cannot be told; GeometryError where the mask lies on another
        grid than that which was named; OutputError if the file exists and force is False.
    """
    if out.suffix.lower() != ".dcm":
        raise SettingError(f"--out {out}: a segmentation is one DICOM file. Let its name end in .dcm.")
    found = find_series(source)
    _require_one_patient(source, found)
    scan = read_mask(mask, allow_empty=True)
    series = _named(wanted, "series", found) if wanted else _of_grid(mask, scan.grid, found)
    write_segmentation(scan.data, scan.grid, series, out, force=force)
    return series


def sequence_of(description: str) -> str:
    """Return the sequence that a series' description tells; nothing where it tells none.

    Example:
        >>> [sequence_of(name) for name in ("AX T2 FLAIR FS", "ep2d_diff_b1000", "t2_tse_tra", "3-plane localizer")]
        ['FLAIR', 'DWI', 'T2', '']
    """
    word = description.lower()
    if re.search(_NOT_A_SCAN, word):
        return ""
    return next((name for name, sign in _SIGNS.items() if re.search(sign, word)), "")


def _require_one_patient(source: Path, found: Sequence[Series]) -> None:
    if len({series.patient for series in found}) > 1:
        raise InputFileError(
            f"{source}: series of more than one patient. Give the folder of one, or export them apart."
        )


def _of_grid(mask: Path, grid: Grid, found: Sequence[Series]) -> Series:
    """Return the series that has a mask's voxels; the FLAIR or the DWI if there are several, as predict refers to."""
    hits = []
    progress = Progress("looking for the mask's grid", len(found))
    for series in found:
        hits += [series] if is_on_grid_of(series, grid) else []
        progress.step(note=str(series))
    if not hits:
        raise InputFileError(
            f"{mask}: none of the {len(found)} series lies on its grid ({grid}). Give the folder that the scans were "
            "converted from."
        )
    for name in ("FLAIR", "DWI"):
        of_name = [series for series in hits if sequence_of(series.description) == name]
        if len(of_name) == 1:
            return of_name[0]
    if len(hits) > 1:
        raise SettingError(f"{mask} lies on the grid of {'; '.join(map(str, hits))}. Say on which: --series NUMBER")
    return hits[0]


def _named(word: str, name: str, found: Sequence[Series]) -> Series:
    if word.isdecimal():
        hits = [series for series in found if series.number == int(word)]
    else:
        hits = [series for series in found if word.lower() in series.description.lower()]
    if len(hits) != 1:
        listed = "; ".join(map(str, hits or found))
        raise SettingError(
            f"--{name.lower()} {word}: {'no' if not hits else len(hits)} series is meant by it; one must be. "
            f"{'There are' if not hits else 'These are'}: {listed}"
        )
    return hits[0]


def _guessed(found: Sequence[Series], named: set[str]) -> dict[str, Series]:
    guesses: dict[str, list[Series]] = {}
    for series in found:
        name = sequence_of(series.description)
        if name and name not in named:
            guesses.setdefault(name, []).append(series)
    unclear = {name: hits for name, hits in guesses.items() if len(hits) > 1}
    if unclear:
        name, hits = next(iter(unclear.items()))
        raise SettingError(
            f"{len(hits)} series may be the {name}: {'; '.join(map(str, hits))}. Say which: --{name.lower()} NUMBER, "
            "or words of its description."
        )
    return {name: hits[0] for name, hits in guesses.items()}
