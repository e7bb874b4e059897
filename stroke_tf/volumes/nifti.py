"""Read NIfTI files to RAS+, and write results back on the grid of the file they came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from stroke_tf.arrays import Volume, require_binary, require_finite
from stroke_tf.errors import GeometryError, InputFileError, OutputError
from stroke_tf.files import require_absent, written_whole
from stroke_tf.volumes.grid import Grid, to_native
from stroke_tf.volumes.header import DEFAULT_MAX_VOXELS, read_place_of, read_voxels


@dataclass(frozen=True, eq=False)
class Place:
    """Where the voxels of one file lie, and the header to write results with."""

    path: Path
    grid: Grid
    header: Any
    """The NIfTI header as the file has it."""


@dataclass(frozen=True, eq=False)
class Scan(Place):
    """One file: where its voxels lie, and the voxels in RAS+ order."""

    data: np.ndarray
    """(x, y, z): float32 of an image, bool of a mask."""


def read_place(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS) -> Place:
    """Read where a file's voxels lie, and not the voxels.

    Raises: as read_scan, for what the header shows.
    """
    path = Path(path)
    return Place(path, *read_place_of(path, axes=3, max_voxels=max_voxels))


def read_scan(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS) -> Scan:
    """Read an image.

    The header is judged before memory is taken for the voxels, so a damaged or hostile file cannot exhaust it.

    Returns: a Scan with finite float32 data.
    Raises: InputFileError if the file is missing, truncated, not NIfTI, not 3-D, not real-valued, too large, or holds
        NaN or infinity; GeometryError for spacings and affines that no scan can have.
    """
    path = Path(path)
    data, grid, header = read_voxels(path, axes=3, max_voxels=max_voxels, dtype=np.float32)
    return Scan(path, grid, header, require_finite(data, str(path)))


def read_mask(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS, allow_empty: bool = False) -> Scan:
    """Read a lesion mask: 0 and one other value.

    Returns: a Scan with bool data.
    Raises: as read_scan; InputFileError also if the mask holds more than two values, or no lesion though that is not
        allowed.
    """
    path = Path(path)
    data, grid, header = read_voxels(path, axes=3, max_voxels=max_voxels, dtype=None)
    lesion = require_binary(require_finite(data, str(path)), str(path))
    if not allow_empty and not lesion.any():
        raise InputFileError(
            f"{path}: the mask is empty, no voxel is lesion. Save the mask again, leave the case out, or, if "
            "the patient has no lesion, say so with stroke-tf index --allow-empty."
        )
    return Scan(path, grid, header, lesion)


def write_volume(
    path: Path,
    data: Volume,
    like: Place,
    *,
    dtype: Any,
    step: float | None = None,
    force: bool = False,
    description: str | None = None,
) -> None:
    """Write a volume on the native grid of another file, with its affine, orientation, header and codes.

    Args:
        path: ends in .nii or .nii.gz.
        data: RAS+, of the shape of like.grid.
        dtype: the type in the file, such as np.uint8 for masks; values are cast to it and never rescaled.
        step: store whole multiples of it instead, rounded down; the header tells every reader. See stored_exactly.
        description: up to 79 bytes for the header's own; None leaves what the other file says.
    Raises: OutputError if the file exists and force is False, or cannot be written; GeometryError if the shape is
        another.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise OutputError(f"{path}: a volume is written as .nii or .nii.gz. Choose such a name.")
    require_absent(path, force=force)
    if data.shape != like.grid.shape:
        raise GeometryError(f"{path}: shape {data.shape} does not fit {like.path}, which has {like.grid.shape}.")
    native = to_native(require_finite(np.asarray(data), str(path)), like.grid)
    native = native.astype(dtype) if step is None else np.floor(native / np.float32(step)).astype(dtype)
    header = like.header.copy()
    header.set_data_dtype(native.dtype)
    # The source's scaling and display window belong to its own values.
    header["scl_slope"], header["scl_inter"] = np.nan, np.nan
    header["cal_max"] = header["cal_min"] = 0
    if description is not None:
        header["descrip"] = description.encode("ascii", "replace")[:79]
    kind = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    # Given the header's own affine, nibabel leaves sform, qform and their codes as they were.
    image = kind(native, like.grid.native_affine, header)
    if step is not None:
        # Set on the image, whose constructor forgets what the header said; the stored numbers are left as they are.
        image.header.set_slope_inter(step, 0)
    with written_whole(path) as temporary:
        nibabel.save(image, temporary)


def stored_exactly(data: Volume, step: float) -> Volume:
    """Return what will be read where write_volume stores data in whole multiples of a power of two.

    A threshold that is such a multiple itself decides alike before and after, because values are rounded down.
    """
    return np.floor(data / np.float32(step)) * np.float32(step)
