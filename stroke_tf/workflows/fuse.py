"""From the planes' files to one mask file: the workflow behind `stroke-tf fuse`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, require_binary
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import InputFileError, OutputError, SettingError
from stroke_tf.files import require_absent
from stroke_tf.fusion import fuse, lesion_where
from stroke_tf.fusion.clean_up import clean_up
from stroke_tf.fusion.disagreement import disagreement
from stroke_tf.fusion.fitted import FittedFusion, read_fitted
from stroke_tf.fusion.origin import origin_file, planes_of, read_origin, require_same_networks
from stroke_tf.fusion.rules import FASTSURFER, WEIGHTED, in_order, normalised
from stroke_tf.planes import parse_plane
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_scan, write_volume

_ROUNDING = 1e-3
"""How far above 1 a probability may lie that a program has written as a scaled integer."""


@dataclass(frozen=True)
class Fusing:
    """How volumes become a mask.

    Args:
        weights: in the order of the volumes, or by plane; None for rules without.
        threshold, min_component_ml, fill_holes: see fusion/rules.py and fusion/clean_up.py.
    """

    rule: FusionRule = FusionRule.MAJORITY
    weights: Sequence[float] | Mapping[str, float] | None = None
    threshold: float = 0.5
    tie: TieRule = TieRule.BACKGROUND
    min_component_ml: float = 0.0
    fill_holes: bool = False

    def __post_init__(self) -> None:
        if (self.rule in WEIGHTED) != (self.weights is not None):
            told = (
                "needs --weights, one for each volume, such as 0.2,0.4,0.4 or x=0.2,y=0.4,z=0.4, or fastsurfer"
                if self.rule in WEIGHTED
                else f"takes no weights; those that do: {', '.join(rule.value for rule in WEIGHTED)}"
            )
            raise SettingError(f"The rule {self.rule.value} {told}. Received: {self.weights}")
        if not self.min_component_ml >= 0:
            raise SettingError(f"The smallest component kept is 0 ml or more. Received: {self.min_component_ml}")


@dataclass(frozen=True)
class Fused:
    """What was written, and how much lesion each voter saw."""

    path: Path
    volume_ml: float
    voters_ml: Mapping[Path, float]
    disagreement: Path | None = None


def fuse_files(
    volumes: Sequence[Path],
    out: Path,
    *,
    fusing: Fusing | None = None,
    fitted: Path | None = None,
    planes: Sequence[str] = (),
    disagreement_map: Path | None = None,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    force: bool = False,
) -> Fused:
    """Fuse the probability volumes or masks of several planes into one mask, on their own grid.

    Rules that count votes keep a mask of each volume, one byte a voxel, and one volume at a time; the others keep sums.
    A map of disagreement keeps two more volumes.

    Args:
        volumes: two or more files on one grid; each holds probabilities in [0, 1], or 0 and one label.
        out: the mask to write, uint8 of 0 and 1, with the first file's affine, orientation and header.
        fusing: the rule and its numbers; the majority vote by default.
        fitted: instead of them, the file of a fitted fusion, whose networks must be those of the volumes.
        planes: which plane each volume is of, where nothing beside the volumes tells it.
        disagreement_map: write there the largest difference between two planes in each voxel.
    Raises: SettingError for fewer than two files, one named twice, weights that do not fit, or volumes of other
        networks than a fusion was fitted for; GeometryError naming the files whose grids differ; InputFileError for
        values that are neither; OutputError if a result exists and force is False.
    """
    written = [out] if disagreement_map is None else [out, disagreement_map]
    _require_voters(volumes, written)
    for path in written:
        require_absent(path, force=force)
    if fitted is not None:
        if fusing is not None:
            raise SettingError(
                f"{fitted} has a rule and numbers of its own. Give --fitted, or a rule with its numbers."
            )
        fusing = _of_fitted(read_fitted(fitted), fitted, volumes)
    fusing = fusing or Fusing()
    weights = _weights(fusing, volumes, planes)
    first = _read_voter(volumes[0], max_voxels)
    voters_ml: dict[Path, float] = {}
    extremes: list[np.ndarray] = []

    def taken() -> Iterator[Probabilities | Mask]:
        for path in volumes:
            scan = first if path == volumes[0] else _read_voter(path, max_voxels)
            require_same_grid({str(first.path): first.grid, str(path): scan.grid})
            volume = _as_voter(scan)
            voters_ml[path] = _volume_ml(lesion_where(volume, threshold=fusing.threshold), first)
            yield volume

    def watched() -> Iterator[Probabilities | Mask]:
        for volume in taken():
            _widen(extremes, volume)
            yield volume

    fused = fuse(
        fusing.rule,
        taken() if disagreement_map is None else watched(),
        threshold=fusing.threshold,
        tie=fusing.tie,
        weights=weights,
    )
    fused = clean_up(
        fused,
        voxel_volume_ml=first.grid.voxel_volume_ml,
        min_component_ml=fusing.min_component_ml,
        fill_holes=fusing.fill_holes,
    )
    write_volume(out, fused, first, dtype=np.uint8, force=force)
    if disagreement_map is not None:
        write_volume(disagreement_map, disagreement(extremes), first, dtype=np.float32, force=force)
    return Fused(out, _volume_ml(fused, first), voters_ml, disagreement_map)


def fusing_by(fitted: FittedFusion) -> Fusing:
    """Return how a fitted fusion fuses."""
    return Fusing(fitted.rule, fitted.weights, fitted.threshold, fitted.tie, fitted.min_component_ml, fitted.fill_holes)


def weights_from(text: str) -> Sequence[float] | Mapping[str, float]:
    """Read weights as a user writes them: 0.2,0.4,0.4 in the order of the volumes, x=0.2,y=0.4,z=0.4, or fastsurfer.

    Raises: SettingError for anything else.
    """
    if text.strip().lower() == "fastsurfer":
        return FASTSURFER
    parts = [part.strip() for part in text.split(",")]
    try:
        if all("=" in part for part in parts):
            pairs = [part.split("=", 1) for part in parts]
            named = {_plane_word(name): float(value) for name, value in pairs}
            if len(named) < len(pairs):
                raise ValueError("a plane has two weights")
            normalised(list(named.values()))
            return named
        return normalised([float(part) for part in parts])
    except ValueError as fault:
        raise SettingError(
            f"--weights takes numbers such as 0.2,0.4,0.4, or x=0.2,y=0.4,z=0.4, or fastsurfer ({fault}). "
            f"Received: {text!r}"
        ) from None


def planes_from(text: str) -> list[str]:
    """Read which planes volumes are of, such as x,y,z or sagittal,coronal,axial; 3d is the 3-D network."""
    return [_plane_word(part) for part in text.split(",")]


def _plane_word(word: str) -> str:
    return "3d" if word.strip().lower() == "3d" else parse_plane(word).value


def _of_fitted(fitted: FittedFusion, path: Path, volumes: Sequence[Path]) -> Fusing:
    """Check that a fitted fusion is meant for the networks of these volumes, which only their origins can tell."""
    origins = [read_origin(volume) for volume in volumes]
    if without := [volume for volume, origin in zip(volumes, origins, strict=True) if origin is None]:
        raise SettingError(
            f"{without[0]}: nothing tells which network made it (no {origin_file(without[0]).name} beside it), and "
            f"{path} holds for certain networks only. Predict with stroke-tf predict --probabilities, or fuse by a "
            "--rule."
        )
    require_same_networks(planes_of(origins), fitted.networks, str(path))
    return Fusing(fitted.rule, fitted.weights, fitted.threshold, fitted.tie, fitted.min_component_ml, fitted.fill_holes)


def _weights(fusing: Fusing, volumes: Sequence[Path], planes: Sequence[str]) -> list[float] | None:
    """Return the weights in the order of the volumes."""
    named = _named(volumes, planes)
    if fusing.weights is None:
        return None
    if not isinstance(fusing.weights, Mapping):
        if len(fusing.weights) != len(volumes):
            raise SettingError(
                f"One weight for each volume is needed. Received: {len(fusing.weights)} weights, {len(volumes)} volumes"
            )
        return list(fusing.weights)
    unnamed = [str(volume) for volume, plane in zip(volumes, named, strict=True) if plane is None]
    if unnamed:
        raise SettingError(
            f"{unnamed[0]}: nothing beside it tells its plane, and the weights are by plane. Name the planes of the "
            "volumes in their order, such as --planes x,y,z."
        )
    return in_order(fusing.weights, named)


def _named(volumes: Sequence[Path], planes: Sequence[str]) -> list[str | None]:
    """Return the plane of each volume: as the user says, and as what lies beside it says; these may not differ."""
    if planes and len(planes) != len(volumes):
        raise SettingError(f"--planes names each volume's plane. Received: {len(planes)} for {len(volumes)} volumes")
    if len(set(planes)) < len(planes):
        raise SettingError(f"Each plane votes once. Received: --planes {','.join(planes)}")
    origins = [read_origin(volume) for volume in volumes]
    if not planes:
        return [None if origin is None else origin.plane for origin in origins]
    for volume, plane, origin in zip(volumes, planes, origins, strict=True):
        if origin is not None and origin.plane != plane:
            raise SettingError(
                f"{volume}: plane {plane} by --planes, plane {origin.plane} by {origin_file(volume).name}. Name the "
                "volumes in the order of the planes."
            )
    return list(planes)


def _widen(extremes: list[np.ndarray], volume: Probabilities | Mask) -> None:
    """Keep the smallest and the largest value of each voxel, whose difference is the planes' disagreement."""
    values = volume.astype(np.float32)
    if not extremes:
        extremes += [values, values.copy()]
        return
    np.minimum(extremes[0], values, out=extremes[0])
    np.maximum(extremes[1], values, out=extremes[1])


def _require_voters(volumes: Sequence[Path], written: Sequence[Path]) -> None:
    if len(volumes) < 2:
        named = ", ".join(map(str, volumes)) or "none"
        raise SettingError(f"A vote needs two volumes or more. Received: {named}")
    real = [path.resolve() for path in volumes]
    if doubled := [str(path) for path, where in zip(volumes, real, strict=True) if real.count(where) > 1]:
        raise SettingError(f"Each plane votes once. Named twice: {doubled[0]}")
    if lost := [path for path in written if path.resolve() in real]:
        raise OutputError(f"{lost[0]} is one of the volumes to fuse, and would be lost. Choose another name for it.")
    if len({path.resolve() for path in written}) < len(written):
        raise OutputError(f"{written[0]}: mask and disagreement need a file each. Choose another name for one.")


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


def _as_voter(scan: Scan) -> Probabilities | Mask:
    if scan.data.max() > 1 + _ROUNDING:
        return require_binary(scan.data, str(scan.path))
    return np.minimum(scan.data, np.float32(1))


def _volume_ml(mask: Mask, like: Scan) -> float:
    return float(np.count_nonzero(mask)) * like.grid.voxel_volume_ml
