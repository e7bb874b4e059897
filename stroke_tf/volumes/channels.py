"""The volumes of one case on one grid: its channels, the brain, the lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Channels, Mask, Volume
from stroke_tf.errors import GeometryError, ManifestError
from stroke_tf.volumes.grid import require_same_grid, same_grid
from stroke_tf.volumes.grid import resample as resample_volume
from stroke_tf.volumes.intensity import background_of, brain_box, brain_mask, normalise, require_varied
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_mask, read_scan

CHANNELS = 3
"""Into which one sequence is repeated."""


@dataclass(frozen=True, eq=False)
class CaseVolumes:
    """What a network sees of one case, and what it should find; everything on the reference's grid, RAS+."""

    case_id: str
    channels: Channels
    """(x, y, z, channel), float32 in [-5, 5], exactly 0 outside the brain."""
    brain: Mask
    lesion: Mask | None
    reference: Scan
    """The scan on whose grid everything lies and on which results are written."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """The images of one case on the reference's grid, RAS+, as the files have them: not yet normalised."""

    case_id: str
    volumes: Mapping[str, Volume]
    """By sequence, (x, y, z), float32."""
    paths: Mapping[str, Path]
    lesion: Mask | None
    reference: Scan
    resampled: tuple[str, ...]
    """The sequences that lay on another grid."""

    def departing(self) -> Mask:
        """Mark where any image departs from its background: the brain, if the images are skull-stripped."""
        return brain_mask(list(self.volumes.values()))


def load_case(
    case_id: str,
    images: Mapping[str, Path],
    *,
    sequences: Sequence[str],
    reference: str,
    lesion: Path | None,
    resample: bool,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    allow_empty_lesion: bool = False,
    repeat_one: bool = True,
) -> CaseVolumes:
    """Read, check, align and normalise the sequences of one case.

    Args:
        images: path of each sequence the case has.
        sequences: a name for each channel, or one name that fills three.
        reference: the sequence whose grid is the case's own; it need not be a channel.
        lesion: the mask, on the reference's grid; None for a case to be predicted only.
        resample: whether images on another grid may be resampled onto the reference's; masks never are.
        allow_empty_lesion: whether a mask without lesion is meant so.
        repeat_one: whether one sequence fills three channels, and not one.
    Raises: ManifestError for a sequence the case lacks; InputFileError and GeometryError as the files deserve.
    Source: which three sequences the paper stacked is not told; see the table of assumptions.
    """
    names = channel_names(case_id, sequences, repeat_one=repeat_one)
    aligned = align_case(
        case_id,
        images,
        needed=names,
        reference=reference,
        lesion=lesion,
        resample=resample,
        max_voxels=max_voxels,
        allow_empty_lesion=allow_empty_lesion,
    )
    brain = aligned.departing()
    return CaseVolumes(case_id, normalised(aligned, names, brain), brain, aligned.lesion, aligned.reference)


def align_case(
    case_id: str,
    images: Mapping[str, Path],
    *,
    needed: Sequence[str],
    reference: str,
    lesion: Path | None,
    resample: bool,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    allow_empty_lesion: bool = False,
) -> Aligned:
    """Read the images of one case, and bring them onto the reference's grid.

    Args:
        needed: the sequences to read, beside the reference. The others as load_case.
    Raises: as load_case.
    """
    wanted = list(dict.fromkeys([reference, *needed]))
    for name in wanted:
        if name not in images:
            raise ManifestError(
                f"Case {case_id}: no {name} image; it has {', '.join(map(str, images.values())) or 'none'}. "
                "Add the file, or choose other sequences."
            )
    scans = {name: read_scan(images[name], max_voxels=max_voxels) for name in wanted}
    own = scans[reference]
    moved = tuple(name for name, scan in scans.items() if not same_grid(scan.grid, own.grid))
    volumes = _aligned(scans, own, may_resample=resample)
    mask = None if lesion is None else _lesion(lesion, own, max_voxels, allow_empty_lesion)
    return Aligned(case_id, volumes, {name: images[name] for name in wanted}, mask, own, moved)


def normalised(aligned: Aligned, names: Sequence[str | None], brain: Mask) -> Channels:
    """Stack the images as channels, each on the scale of its own brain.

    Args:
        names: the sequence of each channel; None leaves a channel at 0, which is the median of every brain.
        brain: (x, y, z), with a voxel at least; all else becomes 0.
    Returns: (x, y, z, channel), float32 in [-5, 5].
    """
    # Half of a head's volume or more is air; only the brain's box is worked on, and the rest is never touched.
    inside = tuple(slice(*ends) for ends in brain_box(brain, brain.shape, margin=0))
    channels = np.zeros((*brain.shape, len(names)), dtype=np.float32)
    for name in dict.fromkeys(name for name in names if name is not None):
        normal = normalise(aligned.volumes[name][inside], brain[inside], name=str(aligned.paths[name]))
        for place in (place for place, each in enumerate(names) if each == name):
            channels[(*inside, place)] = normal
    return channels


def channel_names(case_id: str, sequences: Sequence[str] | str, *, repeat_one: bool) -> list[str]:
    """Return the sequence of each channel; one alone is repeated to three where that is wanted."""
    names = [sequences] if isinstance(sequences, str) else list(sequences)
    if not names:
        raise ManifestError(f"Case {case_id}: name at least one sequence.")
    return names * CHANNELS if len(names) == 1 and repeat_one else names


def _aligned(scans: Mapping[str, Scan], own: Scan, *, may_resample: bool) -> dict[str, Volume]:
    if not may_resample:
        require_same_grid({str(own.path): own.grid, **{str(scan.path): scan.grid for scan in scans.values()}})
    volumes = {}
    for name, scan in scans.items():
        volume = require_varied(scan.data, str(scan.path))
        if not same_grid(scan.grid, own.grid):
            outside, _ = background_of(volume)
            volume = resample_volume(volume, scan.grid, own.grid, order=1, outside=outside)
            if volume.min() == volume.max():
                raise GeometryError(
                    f"{scan.path} does not overlap {own.path} in space. Check which patient and session they show."
                )
        volumes[name] = volume
    return volumes


def _lesion(path: Path, own: Scan, max_voxels: int, allow_empty: bool) -> Mask:
    mask = read_mask(path, max_voxels=max_voxels, allow_empty=allow_empty)
    require_same_grid({str(own.path): own.grid, str(path): mask.grid})
    return mask.data
