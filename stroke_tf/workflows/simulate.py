"""Write a cohort of phantoms, and show how far it is."""

from collections.abc import Sequence
from pathlib import Path

from stroke_tf.phantoms import write_cohort
from stroke_tf.progress import Progress


def simulate(
    root: Path,
    *,
    cases: int,
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    seed: int,
    layout: str,
    min_lesion_ml: float = 0.0,
    jobs: int = 1,
    force: bool = False,
) -> list[Path]:
    """Write a cohort of phantoms; see phantoms.write_cohort.

    Args:
        spacing_mm: one number for cubic voxels, or three.
    Returns: the folder of each case.
    """
    progress = Progress(f"phantoms in {root}", cases)
    folders = write_cohort(
        root,
        cases=cases,
        shape=shape,
        spacing_mm=tuple(spacing_mm) * 3 if len(spacing_mm) == 1 else tuple(spacing_mm),
        seed=seed,
        layout=layout,
        min_lesion_ml=min_lesion_ml,
        jobs=jobs,
        force=force,
        progress=progress,
    )
    progress.end()
    return folders
