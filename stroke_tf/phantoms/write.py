"""A cohort of phantoms on disk, in the folders and under the names of SISS 2015 or of ISLES 2022.

A case appears whole or not at all, so a cohort that was stopped half-way is completed by running it again.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf import __version__
from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import OutputError, SettingError
from stroke_tf.files import write_json
from stroke_tf.phantoms.case import DEFAULT_SHAPE, DEFAULT_SPACING_MM, Phantom, draw_case, require_field_of_view
from stroke_tf.phantoms.plan import draw_lesion_plan
from stroke_tf.progress import Progress
from stroke_tf.seeds import child_seed

SYNTHETIC_MARK = "SYNTHETIC-PHANTOMS.json"
SISS2015, ISLES2022 = "siss2015", "isles2022"
LAYOUTS = (SISS2015, ISLES2022)
DRAWING = 1
"""The version of the drawing: it rises when the same seed gives other voxels."""

_SISS_FILES = {"DWI": ("MR_DWI", 0), "FLAIR": ("MR_Flair", 1), "T1": ("MR_T1", 2), "T2": ("MR_T2", 3), "OT": ("OT", 4)}
_SISS_FIRST_NUMBER, _SISS_NUMBERS_A_CASE = 70613, 6
_LAS = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class _Settings:
    """What a cohort's voxels follow from; two runs with equal settings write equal files."""

    layout: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    seed: int
    min_lesion_ml: float

    def as_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))


def write_cohort(
    root: Path,
    *,
    cases: int,
    shape: Sequence[int] = DEFAULT_SHAPE,
    spacing_mm: Sequence[float] = DEFAULT_SPACING_MM,
    seed: int,
    layout: str = SISS2015,
    min_lesion_ml: float = 0.0,
    force: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a cohort of phantoms, and a file in its root that says what it is.

    Args:
        root: folder of the cohort. cases: how many; case 3 is the same in a cohort of 3 and of 30.
        shape, spacing_mm: grid of the case's reference sequence. layout: "siss2015", or "isles2022", in which FLAIR
            lies on another grid than DWI and mask.
        min_lesion_ml: least total lesion volume of a case; above 0 the volumes no longer follow SISS.
        force: replace a phantom cohort of other settings. Folders that hold anything else are never touched.
        jobs: processes; more than one needs that many times the memory.
        progress: told of each case that is done.
    Returns: the folder of each case, in order.
    Raises: OutputError if the root holds another cohort or other files, or the disk is full; SettingError.
    """
    root, layout = Path(root), str(getattr(layout, "value", layout))
    _require_settings(cases, layout, jobs)
    draw_lesion_plan(seed=seed, min_lesion_ml=min_lesion_ml)
    settings = _Settings(layout, *require_field_of_view(shape, spacing_mm), int(seed), float(min_lesion_ml))
    _prepare_root(root, settings, cases, force=force)
    numbers = range(1, cases + 1)
    missing = [number for number in numbers if not _is_whole(root, number, settings)]
    if progress:
        progress.begin_at(cases - len(missing))
    for number in _done(partial(_write_case, root, settings), missing, jobs):
        if progress:
            progress.step(note=f"case {number}")
    return [_case_folder(root, number, layout) for number in numbers]


def seed_of_case(seed: int, number: int) -> int:
    """Return the seed from which write_cohort draws a case, for draw_case and draw_tissues.

    Args:
        seed: the cohort's. number: the case's, from 1.
    """
    return child_seed(seed, "phantom", number)


def _require_settings(cases: int, layout: str, jobs: int) -> None:
    if not 1 <= cases <= 9999:
        raise SettingError(f"A cohort has 1 to 9999 cases. Received: {cases}")
    if layout not in LAYOUTS:
        raise SettingError(f"Unknown layout. Use one of {', '.join(LAYOUTS)}. Received: {layout!r}")
    if jobs < 1:
        raise SettingError(f"Jobs are 1 or more processes. Received: {jobs}")


def _prepare_root(root: Path, settings: _Settings, cases: int, *, force: bool) -> None:
    """Make sure that the root holds this cohort, or nothing; write the marker before the first case."""
    marker = root / SYNTHETIC_MARK
    with _faults_explained(root):
        root.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in root.iterdir() if not path.name.startswith(".tmp-")]
    if others and not marker.is_file():
        raise OutputError(
            f"{root} holds {others[0]} but no {SYNTHETIC_MARK}: phantoms would mix with other data. "
            "Choose an empty folder."
        )
    if marker.is_file():
        found = _read_marker(marker)
        same = found.get("settings") == settings.as_json() and found.get("drawing") == DRAWING
        if not same or found.get("cases", 0) > cases:
            if not force:
                raise OutputError(
                    f"{marker}: this folder holds {found.get('cases')} phantoms of other settings "
                    f"({_differences(found, settings, cases)}). Choose another folder, or pass --force to replace them."
                )
            _remove_cohort(root)
    with _faults_explained(root):
        for place in (root, root / "rawdata", root / "derivatives"):
            for stale in place.glob(".tmp-*"):
                shutil.rmtree(stale, ignore_errors=True)
    write_json(marker, _marker(settings, cases))
    if settings.layout == ISLES2022:
        description = {"Name": "SYNTHETIC phantoms of stroke_tf", "BIDSVersion": "1.8.0", "DatasetType": "raw"}
        write_json(root / "dataset_description.json", description)


def _marker(settings: _Settings, cases: int) -> dict[str, Any]:
    return {
        "notice": "SYNTHETIC: every image below this folder is a drawn phantom. No patient was scanned.",
        "made_by": f"stroke_tf {__version__} simulate",
        "drawing": DRAWING,
        "cases": cases,
        "settings": settings.as_json(),
    }


def _read_marker(marker: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise OutputError(f"{marker} cannot be read ({fault}). Delete the folder, or choose another.") from fault
    return found if isinstance(found, dict) else {}


def _differences(found: Mapping[str, Any], settings: _Settings, cases: int) -> str:
    before = {**found.get("settings", {}), "cases": found.get("cases"), "drawing": found.get("drawing")}
    now = {**settings.as_json(), "cases": cases, "drawing": DRAWING}
    return ", ".join(f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name])


def _remove_cohort(root: Path) -> None:
    """Remove what simulate writes, and nothing else that a user may have put beside it."""
    with _faults_explained(root):
        (root / SYNTHETIC_MARK).unlink()
        for path in root.iterdir():
            if path.is_dir() and (path.name.isdigit() or path.name in ("rawdata", "derivatives")):
                shutil.rmtree(path)


def _done(work: Callable[[int], int], numbers: Sequence[int], jobs: int) -> Iterator[int]:
    """Do the work for each number, here or in processes; a process's own error is what the caller sees."""
    if jobs == 1 or len(numbers) < 2:
        yield from map(work, numbers)
        return
    # Spawned rather than forked: a fork copies the locks of the caller's threads (TensorFlow, BLAS), and may hang.
    with ProcessPoolExecutor(min(jobs, len(numbers)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(work, number) for number in numbers]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _case_folder(root: Path, number: int, layout: str) -> Path:
    return root / str(number) if layout == SISS2015 else root / "rawdata" / _subject(number)


def _subject(number: int) -> str:
    return f"sub-strokecase{number:04d}"


def _is_whole(root: Path, number: int, settings: _Settings) -> bool:
    """Tell whether a case is there: its folder was renamed into place when it was complete, and no file has left it."""
    if settings.layout == SISS2015:
        return all(_has_content(root / str(number) / name) for name in _siss_names(number).values())
    return all(_has_content(root / branch / _subject(number) / name) for branch, name in _bids_names(number).values())


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _siss_names(number: int) -> dict[str, Path]:
    """Return folder and file of each image, as the challenge's archive has them.

    The number of the mask is ours: the organisers' pages give those of the four sequences only.
    """
    first = _SISS_FIRST_NUMBER + (number - 1) * _SISS_NUMBERS_A_CASE
    stems = {name: f"VSD.Brain.XX.O.{word}.{first + place}" for name, (word, place) in _SISS_FILES.items()}
    return {name: Path(stem) / f"{stem}.nii" for name, stem in stems.items()}


def _bids_names(number: int) -> dict[str, tuple[str, Path]]:
    session, stem = "ses-0001", f"{_subject(number)}_ses-0001"
    raw = {name: ("rawdata", Path(session) / f"{stem}_{name.lower()}.nii.gz") for name in ("DWI", "ADC", "FLAIR")}
    return {**raw, "OT": ("derivatives", Path(session) / f"{stem}_msk.nii.gz")}


def _write_case(root: Path, settings: _Settings, number: int) -> int:
    sequences = ("T1", "T2", "DWI", "FLAIR") if settings.layout == SISS2015 else ("DWI", "ADC", "FLAIR")
    phantom = draw_case(
        seed=seed_of_case(settings.seed, number),
        shape=settings.shape,
        spacing_mm=settings.spacing_mm,
        sequences=sequences,
        min_lesion_ml=settings.min_lesion_ml,
    )
    if settings.layout == SISS2015:
        _write_siss(root, number, phantom, settings)
    else:
        _write_bids(root, number, phantom, settings)
    return number


def _write_siss(root: Path, number: int, phantom: Phantom, settings: _Settings) -> None:
    affine = _centred_affine(np.diag([*settings.spacing_mm, 1.0]), settings.shape)
    with _folder_written_whole(root / str(number)) as folder:
        for name, path in _siss_names(number).items():
            data = phantom.lesion if name == "OT" else phantom.sequences[name]
            _save(folder / path, data, affine, settings)


def _write_bids(root: Path, number: int, phantom: Phantom, settings: _Settings) -> None:
    """Write DWI, ADC and mask on a LAS grid, as converters from DICOM do, and FLAIR on a finer, tilted one."""
    affine = _centred_affine(_LAS @ np.diag([*settings.spacing_mm, 1.0]), settings.shape)
    names = _bids_names(number)
    raw, derived = root / "rawdata" / _subject(number), root / "derivatives" / _subject(number)
    # rawdata comes last: a case without it is not there, a mask without its scan harms nobody.
    with _folder_written_whole(derived) as folder:
        _save(folder / names["OT"][1], phantom.lesion[::-1], affine, settings)
    with _folder_written_whole(raw) as folder:
        for name in ("DWI", "ADC"):
            _save(folder / names[name][1], phantom.sequences[name][::-1], affine, settings)
        flair, flair_affine = _on_flair_grid(phantom.sequences["FLAIR"][::-1], affine, settings)
        _save(folder / names["FLAIR"][1], flair, flair_affine, settings)


def _on_flair_grid(data: Volume, affine: np.ndarray, settings: _Settings) -> tuple[Volume, np.ndarray]:
    """Resample onto a grid with smaller pixels, fewer slices and a few degrees of tilt."""
    from scipy.ndimage import affine_transform

    zoom = np.array([0.9, 0.9, 1.25])
    shape = tuple(round(n / z) for n, z in zip(data.shape, zoom, strict=True))
    angle = np.radians(3.0)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    spacing = np.diag([*(np.array(settings.spacing_mm) * zoom), 1.0])
    target = _centred_affine(tilt @ _LAS @ spacing, shape)
    to_source = np.linalg.inv(affine) @ target
    moved = affine_transform(data, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=1)
    return moved.astype(np.float32), target


def _centred_affine(turn_and_scale: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return the affine whose origin in the world lies in the middle of the volume."""
    affine = np.array(turn_and_scale, dtype=np.float64)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def _save(path: Path, data: Volume | Mask, affine: np.ndarray, settings: _Settings) -> None:
    import nibabel

    stored = data.astype(np.uint8) if data.dtype == bool else np.rint(data).astype(np.int16)
    image = nibabel.Nifti1Image(stored, affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"SYNTHETIC phantom, stroke_tf {__version__}, seed {settings.seed}".encode()[:79]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)


@contextmanager
def _folder_written_whole(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside the final one, and rename it when the block ends well."""
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    try:
        with _faults_explained(folder):
            temporary.mkdir(parents=True, exist_ok=True)
            yield temporary
            if folder.exists():  # damaged: an intact one would not be written again
                shutil.rmtree(folder)
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _faults_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else fault.strerror or str(fault)
        raise OutputError(
            f"{path}: cannot be written, {reason}. Mend that and run again: whole cases are kept."
        ) from fault
