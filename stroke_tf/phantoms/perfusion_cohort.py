"""A cohort of CT-perfusion phantoms on disk, in the folders and under the names of ISLES 2018."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stroke_tf.errors import SettingError
from stroke_tf.files import write_json
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
from stroke_tf.phantoms.perfusion_case import (
    DEFAULT_FRAMES,
    DEFAULT_SIZE,
    DEFAULT_SLICES,
    SECONDS,
    PerfusionPhantom,
    draw_perfusion_case,
    require_perfusion_field,
)
from stroke_tf.progress import Progress
from stroke_tf.seeds import child_seed

ISLES2018 = "isles2018"
DRAWING = 3
"""The version of the drawing: it rises when the same seed gives other voxels."""
DESCRIPTION = "SYNTHETIC.json"
"""Beside a case's images: the numbers that it was drawn with."""
_FILES = ("CT_4DPWI", "CT", "CT_CBF", "CT_CBV", "CT_MTT", "OT", "CT_Tmax", "MR_DWI")
"""In the order of the numbers in the archive's names; that of the DWI is ours, the organisers' pages do not show it."""
_FIRST_NUMBER = 345561


@dataclass(frozen=True)
class _Settings(CohortSettings):
    size: int
    spacing_mm: float
    slices: tuple[int, int]
    frames: tuple[int, int]
    min_lesion_ml: float


def write_perfusion_cohort(
    root: Path,
    *,
    cases: int,
    size: int = DEFAULT_SIZE,
    spacing_mm: float | None = None,
    slices: tuple[int, int] = DEFAULT_SLICES,
    frames: tuple[int, int] = DEFAULT_FRAMES,
    seed: int,
    min_lesion_ml: float = 0.0,
    force: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a cohort of CT-perfusion phantoms, and a file in its root that says what it is.

    Args:
        root: folder of the cohort. cases: how many; case 3 is the same in a cohort of 3 and of 30.
        size: pixels of a slice along x and y. spacing_mm: of a pixel; None lets a slice measure 235 mm.
        slices, frames: the fewest and the most of a case.
        min_lesion_ml: least volume of the core, part of which may lie beyond the slices.
        force: replace a phantom cohort of other settings. Folders that hold anything else are never touched.
        jobs: processes; more than one needs that many times the memory.
        progress: told of each case that is done.
    Returns: the folder of each case, in order: root/case_1 and so on.
    Raises: OutputError if the root holds another cohort or other files, or the disk is full; SettingError.
    """
    root = Path(root)
    require_cohort_size(cases, jobs)
    spacing_mm = require_perfusion_field(size, spacing_mm, slices, frames)
    if not 0 <= min_lesion_ml <= 60:
        raise SettingError(f"The least volume of a core lies between 0 and 60 ml. Received: {min_lesion_ml:g}")
    settings = _Settings(
        ISLES2018, int(seed), int(size), spacing_mm, tuple(slices), tuple(frames), float(min_lesion_ml)
    )
    prepare_root(root, settings, cases, drawing=DRAWING, force=force)
    complete(partial(_is_whole, root), partial(_write_case, root, settings), cases, jobs=jobs, progress=progress)
    return [_case_folder(root, number) for number in range(1, cases + 1)]


def _case_folder(root: Path, number: int) -> Path:
    return root / f"case_{number}"


def _is_whole(root: Path, number: int) -> bool:
    return all(has_content(_case_folder(root, number) / path) for path in _names(number).values())


def _names(number: int) -> dict[str, Path]:
    first = _FIRST_NUMBER + (number - 1) * len(_FILES)
    stems = {word: f"SMIR.Brain.XX.O.{word}.{first + place}" for place, word in enumerate(_FILES)}
    return {word: Path(stem) / f"{stem}.nii" for word, stem in stems.items()}


def _write_case(root: Path, settings: _Settings, number: int) -> int:
    phantom = draw_perfusion_case(
        seed=child_seed(settings.seed, "perfusion phantom", number),
        size=settings.size,
        spacing_mm=settings.spacing_mm,
        slices=settings.slices,
        frames=settings.frames,
        min_core_ml=settings.min_lesion_ml,
    )
    # LAS, as converters from DICOM write it.
    affine = centred_affine(np.diag([-phantom.spacing_mm[0], *phantom.spacing_mm[1:], 1.0]), phantom.ct.shape)
    names = _names(number)
    with folder_written_whole(_case_folder(root, number)) as folder:
        for word, data in _stored(phantom).items():
            seconds = SECONDS if word == "CT_4DPWI" else None
            save_image(folder / names[word], data[::-1], affine, seed=settings.seed, seconds=seconds)
        write_json(folder / DESCRIPTION, {"notice": "SYNTHETIC: a drawn phantom.", **phantom.description})
    return number


def _stored(phantom: PerfusionPhantom) -> dict[str, np.ndarray]:
    maps = phantom.maps
    return {
        "CT_4DPWI": phantom.series,
        "CT": phantom.ct,
        "CT_CBF": maps.cbf,
        "CT_CBV": maps.cbv,
        "CT_MTT": maps.mtt,
        "CT_Tmax": maps.tmax,
        "MR_DWI": np.rint(phantom.dwi).astype(np.int16),
        "OT": phantom.lesion.astype(np.uint8),
    }
