"""A cohort of MRI phantoms on disk, in the folders and under the names of SISS 2015 or of ISLES 2022."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.errors import SettingError
from stroke_tf.files import write_json
from stroke_tf.phantoms.case import DEFAULT_SHAPE, DEFAULT_SPACING_MM, Phantom, draw_case, require_field_of_view
from stroke_tf.phantoms.cohort_folder import (
    CohortSettings,
    centred_affine,
    complete,
    folder_written_whole,
    has_content,
    prepare_root,
    require_cohort_size,
    save_image,
)
from stroke_tf.phantoms.plan import draw_lesion_plan
from stroke_tf.progress import Progress
from stroke_tf.seeds import child_seed

SISS2015, ISLES2022 = "siss2015", "isles2022"
LAYOUTS = (SISS2015, ISLES2022)
DRAWING = 1
"""The version of the drawing: it rises when the same seed gives other voxels."""

_SISS_FILES = {"DWI": ("MR_DWI", 0), "FLAIR": ("MR_Flair", 1), "T1": ("MR_T1", 2), "T2": ("MR_T2", 3), "OT": ("OT", 4)}
_SISS_FIRST_NUMBER, _SISS_NUMBERS_A_CASE = 70613, 6
_LAS = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class _Settings(CohortSettings):
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    min_lesion_ml: float


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
    require_cohort_size(cases, jobs)
    if layout not in LAYOUTS:
        raise SettingError(f"Unknown layout. Use one of {', '.join(LAYOUTS)}. Received: {layout!r}")
    draw_lesion_plan(seed=seed, min_lesion_ml=min_lesion_ml)
    settings = _Settings(layout, int(seed), *require_field_of_view(shape, spacing_mm), float(min_lesion_ml))
    prepare_root(root, settings, cases, drawing=DRAWING, force=force)
    if layout == ISLES2022:
        description = {"Name": "SYNTHETIC phantoms of stroke_tf", "BIDSVersion": "1.8.0", "DatasetType": "raw"}
        write_json(root / "dataset_description.json", description)
    is_whole, write = partial(_is_whole, root, settings), partial(_write_case, root, settings)
    complete(is_whole, write, cases, jobs=jobs, progress=progress)
    return [_case_folder(root, number, layout) for number in range(1, cases + 1)]


def seed_of_case(seed: int, number: int) -> int:
    """Return the seed from which write_cohort draws a case, for draw_case and draw_tissues.

    Args:
        seed: the cohort's. number: the case's, from 1.
    """
    return child_seed(seed, "phantom", number)


def _case_folder(root: Path, number: int, layout: str) -> Path:
    return root / str(number) if layout == SISS2015 else root / "rawdata" / _subject(number)


def _subject(number: int) -> str:
    return f"sub-strokecase{number:04d}"


def _is_whole(root: Path, settings: _Settings, number: int) -> bool:
    """Tell whether a case is there: its folder was renamed into place when it was complete, and no file has left it."""
    if settings.layout == SISS2015:
        return all(has_content(root / str(number) / name) for name in _siss_names(number).values())
    return all(has_content(root / branch / _subject(number) / name) for branch, name in _bids_names(number).values())


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
    affine = centred_affine(np.diag([*settings.spacing_mm, 1.0]), settings.shape)
    with folder_written_whole(root / str(number)) as folder:
        for name, path in _siss_names(number).items():
            data = phantom.lesion if name == "OT" else phantom.sequences[name]
            _save(folder / path, data, affine, settings)


def _write_bids(root: Path, number: int, phantom: Phantom, settings: _Settings) -> None:
    """Write DWI, ADC and mask on a LAS grid, as converters from DICOM do, and FLAIR on a finer, tilted one."""
    affine = centred_affine(_LAS @ np.diag([*settings.spacing_mm, 1.0]), settings.shape)
    names = _bids_names(number)
    raw, derived = root / "rawdata" / _subject(number), root / "derivatives" / _subject(number)
    # rawdata comes last: a case without it is not there, a mask without its scan harms nobody.
    with folder_written_whole(derived) as folder:
        _save(folder / names["OT"][1], phantom.lesion[::-1], affine, settings)
    with folder_written_whole(raw) as folder:
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
    target = centred_affine(tilt @ _LAS @ spacing, shape)
    to_source = np.linalg.inv(affine) @ target
    moved = affine_transform(data, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=1)
    return moved.astype(np.float32), target


def _save(path: Path, data: Volume | Mask, affine: np.ndarray, settings: _Settings) -> None:
    stored = data.astype(np.uint8) if data.dtype == bool else np.rint(data).astype(np.int16)
    save_image(path, stored, affine, seed=settings.seed)
