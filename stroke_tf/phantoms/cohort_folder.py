"""The folder of a cohort of phantoms: marked as synthetic, resumed after a stop, never mixed with real scans.

A case appears whole or not at all, so a cohort that was stopped half-way is completed by running it again.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf import __version__
from stroke_tf.errors import OutputError, SettingError
from stroke_tf.files import write_json
from stroke_tf.progress import Progress

SYNTHETIC_MARK = "SYNTHETIC-PHANTOMS.json"
_OURS = re.compile(r"\d+|case_\d+|rawdata|derivatives")
"""The folders that simulate writes into a root."""


@dataclass(frozen=True)
class CohortSettings:
    """What a cohort's voxels follow from; two runs with equal settings write equal files. Subclassed by each layout."""

    layout: str
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Return the settings as they are read back from the mark."""
        return json.loads(json.dumps(asdict(self)))


def require_cohort_size(cases: int, jobs: int) -> None:
    """Do nothing if a cohort can have so many cases, and so many processes can write it."""
    if not 1 <= cases <= 9999:
        raise SettingError(f"A cohort has 1 to 9999 cases. Received: {cases}")
    if jobs < 1:
        raise SettingError(f"Jobs are 1 or more processes. Received: {jobs}")


def prepare_root(root: Path, settings: CohortSettings, cases: int, *, drawing: int, force: bool) -> None:
    """Make sure that the root holds this cohort, or nothing; write the marker before the first case.

    Args:
        drawing: the version of the drawing: it rises when the same settings give other voxels.
    Raises: OutputError if the root holds real scans, or, without force, phantoms of other settings.
    """
    marker = root / SYNTHETIC_MARK
    with faults_explained(root):
        root.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in root.iterdir() if not path.name.startswith(".tmp-")]
    if others and not marker.is_file():
        raise OutputError(
            f"{root} holds {others[0]} but no {SYNTHETIC_MARK}: phantoms would mix with other data. "
            "Choose an empty folder."
        )
    if marker.is_file():
        found = _read_marker(marker)
        same = found.get("settings") == settings.as_json() and found.get("drawing") == drawing
        if not same or found.get("cases", 0) > cases:
            if not force:
                raise OutputError(
                    f"{marker}: this folder holds {found.get('cases')} phantoms of other settings "
                    f"({_differences(found, settings, cases, drawing)}). Choose another folder, or pass --force to "
                    "replace them."
                )
            _remove_cohort(root)
    with faults_explained(root):
        for place in (root, root / "rawdata", root / "derivatives"):
            for stale in place.glob(".tmp-*"):
                shutil.rmtree(stale, ignore_errors=True)
    write_json(
        marker,
        {
            "notice": "SYNTHETIC: every image below this folder is a drawn phantom. No patient was scanned.",
            "made_by": f"stroke_tf {__version__} simulate",
            "drawing": drawing,
            "cases": cases,
            "settings": settings.as_json(),
        },
    )


def complete(
    is_whole: Callable[[int], bool],
    write: Callable[[int], int],
    cases: int,
    *,
    jobs: int,
    progress: Progress | None,
) -> None:
    """Write the cases that are not there yet, in this process or in several.

    Args:
        is_whole: tells of a case's number whether all its files are there.
        write: writes the case of a number and returns the number; it must be picklable where jobs is above 1.
    """
    missing = [number for number in range(1, cases + 1) if not is_whole(number)]
    if progress:
        progress.begin_at(cases - len(missing))
    for number in _done(write, missing, jobs):
        if progress:
            progress.step(note=f"case {number}")


def has_content(path: Path) -> bool:
    """Tell whether a file is there and not empty."""
    return path.is_file() and path.stat().st_size > 0


def centred_affine(turn_and_scale: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return the affine whose origin in the world lies in the middle of the volume."""
    affine = np.array(turn_and_scale, dtype=np.float64)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def save_image(path: Path, stored: np.ndarray, affine: np.ndarray, *, seed: int, seconds: float | None = None) -> None:
    """Write an array as NIfTI whose header says that it is synthetic.

    Args:
        stored: a volume, or a series with time as its last axis, in the type it is to have in the file.
        seconds: the time step of a series.
    """
    import nibabel

    image = nibabel.Nifti1Image(stored, affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    image.header.set_xyzt_units("mm", None if seconds is None else "sec")
    if seconds is not None:
        image.header["pixdim"][4] = seconds
    image.header["descrip"] = f"SYNTHETIC phantom, stroke_tf {__version__}, seed {seed}".encode()[:79]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside the final one, and rename it when the block ends well."""
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    try:
        with faults_explained(folder):
            temporary.mkdir(parents=True, exist_ok=True)
            yield temporary
            if folder.exists():  # damaged: an intact one would not be written again
                shutil.rmtree(folder)
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def faults_explained(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error that says what to do."""
    try:
        yield
    except OSError as fault:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else fault.strerror or str(fault)
        raise OutputError(
            f"{path}: cannot be written, {reason}. Mend that and run again: whole cases are kept."
        ) from fault


def _read_marker(marker: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise OutputError(f"{marker} cannot be read ({fault}). Delete the folder, or choose another.") from fault
    return found if isinstance(found, dict) else {}


def _differences(found: Mapping[str, Any], settings: CohortSettings, cases: int, drawing: int) -> str:
    before = {**found.get("settings", {}), "cases": found.get("cases"), "drawing": found.get("drawing")}
    now = {**settings.as_json(), "cases": cases, "drawing": drawing}
    return ", ".join(f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name])


def _remove_cohort(root: Path) -> None:
    """Remove what simulate writes, and nothing else that a user may have put beside it."""
    with faults_explained(root):
        (root / SYNTHETIC_MARK).unlink()
        for path in root.iterdir():
            if path.is_dir() and _OURS.fullmatch(path.name):
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
