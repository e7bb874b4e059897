"""From a folder of scans to a manifest: find, read, check, measure, and split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from stroke_tf.errors import ManifestError, StrokeTfError
from stroke_tf.files import require_absent, sha256_of_file
from stroke_tf.manifest.case import SERIES, Case
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.manifest.split import four_folds, split_70_20_10
from stroke_tf.manifest.table import write_manifest
from stroke_tf.progress import Progress
from stroke_tf.volumes.grid import Grid, require_same_grid
from stroke_tf.volumes.intensity import require_varied
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, read_mask, read_scan
from stroke_tf.volumes.series import read_series

_BINS_ML = (1.0, 10.0, 50.0)


@dataclass(frozen=True)
class Indexed:
    """What became of the cases under a root."""

    cases: list[Case]
    bad: dict[str, str]
    """By case id: why it was left out."""


def index(
    root: Path,
    out: Path,
    *,
    seed: int,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    allow_empty: bool = False,
    skip_bad: bool = False,
    force: bool = False,
) -> Indexed:
    """Find the cases under a root, read every file once, and write the manifest.

    The splits are drawn among all cases found that have a mask, before bad ones are left out: one damaged download
    then does not move the other 27 cases of SISS away from the published folds.

    Args:
        allow_empty: whether a mask without lesion is meant so.
        skip_bad: write the manifest without the cases that cannot be used; by default nothing is written then.
    Raises: ManifestError, listing the cases at fault, unless skip_bad is True and a case is left.
    """
    require_absent(out, force=force)
    found = find_cases(root)
    seen = _look_at_all(found, max_voxels, allow_empty)
    if seen.bad and (not skip_bad or not seen.cases):
        lines = "\n".join(f"  {line}" for line in bad_lines(seen.bad))
        mend = "Mend them, or leave them out with --skip-bad." if seen.cases else "None is left to be indexed."
        raise ManifestError(
            f"{root}: {len(seen.bad)} of {len(found)} cases cannot be used; nothing was written. {mend}\n{lines}"
        )
    cases = _split(seen.cases, found, seed)
    write_manifest(out, cases, root, force=force)
    return Indexed(cases, seen.bad)


def bad_lines(bad: dict[str, str]) -> list[str]:
    """Return one line for each case that was left out."""
    return [f"case {case_id}: {reason}" for case_id, reason in bad.items()]


def summary_lines(cases: Sequence[Case]) -> list[str]:
    """Return what a reader wants to know of a cohort first: how many, how large, where from, how much lesion."""
    patients = {case.patient for case in cases}
    layouts = ", ".join(sorted({case.layout.value for case in cases}))
    lines = [f"{len(cases)} cases of {len(patients)} patients, layout {layouts}"]
    lines.append("grids: " + _counted("x".join(map(str, case.shape or ())) for case in cases))
    lines.append("orientations: " + _counted(case.orientation for case in cases))
    volumes = sorted(case.lesion_volume_ml for case in cases if case.lesion_volume_ml is not None)
    if not volumes:
        return [*lines, "no case has a lesion mask: they can be predicted, not trained on"]
    middle = len(volumes) // 2
    median = volumes[middle] if len(volumes) % 2 else (volumes[middle - 1] + volumes[middle]) / 2
    lines.append(
        f"lesion volume of {len(volumes)} cases with a mask: mean {sum(volumes) / len(volumes):.2f} ml, "
        f"median {median:.2f} ml, from {volumes[0]:.3f} to {volumes[-1]:.2f} ml"
    )
    edges = [0.0, *_BINS_ML, float("inf")]
    names = ["below 1 ml", "1 to 10 ml", "10 to 50 ml", "50 ml and more"]
    counts = [sum(low <= volume < high for volume in volumes) for low, high in pairwise(edges)]
    lines.append("  " + ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True)))
    lines.append("folds: " + _counted(f"{case.fold}" for case in cases if case.fold is not None))
    lines.append("70/20/10: " + _counted(case.subset for case in cases if case.subset))
    return lines


def _look_at_all(found: Sequence[Case], max_voxels: int, allow_empty: bool) -> Indexed:
    cases, bad = [], {}
    progress = Progress("reading cases", len(found))
    for case in found:
        try:
            cases.append(_look_at(case, max_voxels, allow_empty))
        except StrokeTfError as fault:
            bad[case.case_id] = str(fault)
        progress.step(note=f"case {case.case_id}")
    progress.end(f"{len(bad)} of {len(found)} cannot be used" if bad else "")
    return Indexed(cases, bad)


def _look_at(case: Case, max_voxels: int, allow_empty: bool) -> Case:
    """Read all files of a case, and return it with what was seen."""
    missing = [name for name in case.layout.expected if name not in case.images]
    if missing:
        there = ", ".join(str(path) for path in case.images.values())
        raise ManifestError(f"no {' and no '.join(missing)} image; found {there}. Add the file, or fetch it again.")
    grids = {}
    own = None
    for name, path in case.images.items():
        grid = _grid_of(name, path, max_voxels)
        if name == case.reference:
            own = grid
        if name == case.reference or not case.resample:
            grids[str(path)] = grid
    volume_ml = None
    if case.lesion is not None:
        mask = read_mask(case.lesion, max_voxels=max_voxels, allow_empty=allow_empty)
        grids[str(case.lesion)] = mask.grid
        volume_ml = float(mask.data.sum()) * mask.grid.voxel_volume_ml
    require_same_grid(grids)
    files = {**case.images, **({"lesion": case.lesion} if case.lesion else {})}
    return replace(
        case,
        sha256={name: sha256_of_file(path) for name, path in files.items()},
        shape=own.shape,
        spacing_mm=own.spacing_mm,
        orientation=own.orientation,
        lesion_volume_ml=volume_ml,
    )


def _grid_of(name: str, path: Path, max_voxels: int) -> Grid:
    """Read an image or a series whole, and return its grid."""
    if name == SERIES:
        return read_series(path, max_voxels=max_voxels).grid
    scan = read_scan(path, max_voxels=max_voxels)
    require_varied(scan.data, str(path))
    return scan.grid


def _split(cases: Sequence[Case], found: Sequence[Case], seed: int) -> list[Case]:
    measurable = [case.case_id for case in found if case.lesion is not None]
    folds = four_folds(measurable, seed=seed)
    subsets = split_70_20_10(measurable, seed=seed)
    return [replace(case, fold=folds.get(case.case_id), subset=subsets.get(case.case_id, "")) for case in cases]


def _counted(words: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{word} ({count})" for word, count in sorted(counts.items()))
