"""From the planes' files to one mask file: the workflow behind `stroke-tf fuse`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, require_binary
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import InputFileError, OutputError, SettingError
from stroke_tf.files import require_absent
from stroke_tf.fusion import fuse, lesion_where
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_scan, write_volume

_ROUNDING = 1e-3
"""How far above 1 a probability may lie that a program has written as a scaled integer."""


@dataclass(frozen=True)
class Fused:
    """What was written, and how much lesion each voter saw."""

    path: Path
    volume_ml: float
    voters_ml: Mapping[Path, float]


def fuse_files(
    volumes: Sequence[Path],
    out: Path,
    *,
    rule: FusionRule = FusionRule.MAJORITY,
    threshold: float = 0.5,
    tie: TieRule = TieRule.BACKGROUND,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    force: bool = False,
) -> Fused:
    """Vote the probability volumes or masks of several planes into one mask, on their own grid.

    One volume of probabilities is in memory at a time; of each voter a mask stays, one byte a voxel.

    Args:
        volumes: two or more files on one grid; each holds probabilities in [0, 1], or 0 and one label.
        out: the mask to write, uint8 of 0 and 1, with the first file's affine, orientation and header.
        threshold: from which probability on a voxel is lesion for a plane.
    Raises: SettingError for fewer than two files or one named twice; GeometryError naming the files whose grids
        differ; InputFileError for values that are neither; OutputError if the mask exists and force is False.
    """
    _require_voters(volumes, out)
    require_absent(out, force=force)
    first = _read_voter(volumes[0], max_voxels)
    masks, voters_ml = [], {}
    for path in volumes:
        scan = first if path == volumes[0] else _read_voter(path, max_voxels)
        require_same_grid({str(first.path): first.grid, str(path): scan.grid})
        masks.append(_vote(scan, threshold))
        voters_ml[path] = _volume_ml(masks[-1], first)
    fused = fuse(rule, masks, threshold=threshold, tie=tie)
    write_volume(out, fused, first, dtype=np.uint8, force=force)
    return Fused(out, _volume_ml(fused, first), voters_ml)


def _require_voters(volumes: Sequence[Path], out: Path) -> None:
    if len(volumes) < 2:
        named = ", ".join(map(str, volumes)) or "none"
        raise SettingError(f"A vote needs two volumes or more. Received: {named}")
    real = [path.resolve() for path in volumes]
    if doubled := [str(path) for path, where in zip(volumes, real, strict=True) if real.count(where) > 1]:
        raise SettingError(f"Each plane votes once. Named twice: {doubled[0]}")
    if out.resolve() in real:
        raise OutputError(f"{out} is one of the volumes to fuse, and would be lost. Choose another name for the mask.")


def _read_voter(path: Path, max_voxels: int) -> Scan:
    scan = read_scan(path, max_voxels=max_voxels)
    low, high = float(scan.data.min()), float(scan.data.max())
    if low < 0 or (high > 1 + _ROUNDING and not _holds_one_label(scan.data)):
        raise InputFileError(
            f"{path}: neither probabilities in [0, 1] nor a mask of 0 and one label. Received values from {low:g} "
            f"to {high:g}. Give what `stroke-tf predict --probabilities` wrote, or a mask."
        )
    return scan


def _holds_one_label(data: np.ndarray) -> bool:
    return bool(((data == 0) | (data == data.max())).all())


def _vote(scan: Scan, threshold: float) -> Mask:
    if scan.data.max() > 1 + _ROUNDING:
        return require_binary(scan.data, str(scan.path))
    return lesion_where(scan.data, threshold=threshold)


def _volume_ml(mask: Mask, like: Scan) -> float:
    return float(np.count_nonzero(mask)) * like.grid.voxel_volume_ml
