"""Write a cohort of phantoms, and show how far it is."""

from collections.abc import Sequence
from pathlib import Path

from stroke_tf.errors import SettingError
from stroke_tf.phantoms import write_cohort, write_perfusion_cohort
from stroke_tf.phantoms.case import DEFAULT_SHAPE, DEFAULT_SPACING_MM
from stroke_tf.phantoms.perfusion_case import DEFAULT_FRAMES, DEFAULT_SIZE, DEFAULT_SLICES
from stroke_tf.progress import Progress


def simulate(
    root: Path,
    *,
    cases: int,
    shape: Sequence[int] | None,
    spacing_mm: Sequence[float] | None,
    seed: int,
    layout: str,
    min_lesion_ml: float = 0.0,
    jobs: int = 1,
    force: bool = False,
) -> list[Path]:
    """Write a cohort of phantoms; see phantoms.write_cohort.

    Args:
        shape: None means that of SISS. spacing_mm: one number for cubic voxels, or three; None means 1 mm.
    Returns: the folder of each case.
    """
    spacing_mm = DEFAULT_SPACING_MM if spacing_mm is None else tuple(spacing_mm)
    progress = Progress(f"phantoms in {root}", cases)
    folders = write_cohort(
        root,
        cases=cases,
        shape=DEFAULT_SHAPE if shape is None else shape,
        spacing_mm=spacing_mm * 3 if len(spacing_mm) == 1 else spacing_mm,
        seed=seed,
        layout=layout,
        min_lesion_ml=min_lesion_ml,
        jobs=jobs,
        force=force,
        progress=progress,
    )
    progress.end()
    return folders


def simulate_perfusion(
    root: Path,
    *,
    cases: int,
    size: int | None,
    spacing_mm: Sequence[float] | None,
    slices: Sequence[int] | None,
    frames: Sequence[int] | None,
    seed: int,
    min_lesion_ml: float = 0.0,
    jobs: int = 1,
    force: bool = False,
) -> list[Path]:
    """Write a cohort of CT-perfusion phantoms; see phantoms.write_perfusion_cohort.

    Args:
        spacing_mm: one number, that of a pixel. None leaves each of these as ISLES 2018 has it.
    Returns: the folder of each case.
    """
    if spacing_mm is not None and len(spacing_mm) != 1:
        given = " ".join(f"{side:g}" for side in spacing_mm)
        raise SettingError(f"--spacing of isles2018 is one number, that of a pixel; slices are 5 mm. Received: {given}")
    progress = Progress(f"CT-perfusion phantoms in {root}", cases)
    folders = write_perfusion_cohort(
        root,
        cases=cases,
        size=DEFAULT_SIZE if size is None else size,
        spacing_mm=None if spacing_mm is None else spacing_mm[0],
        slices=DEFAULT_SLICES if slices is None else tuple(slices),
        frames=DEFAULT_FRAMES if frames is None else tuple(frames),
        seed=seed,
        min_lesion_ml=min_lesion_ml,
        jobs=jobs,
        force=force,
        progress=progress,
    )
    progress.end()
    return folders
