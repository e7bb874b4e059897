"""Read NIfTI files to RAS+, and write results back on the grid of the file they came from."""

import gzip
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from stroke_tf.arrays import Volume, require_binary, require_finite
from stroke_tf.errors import GeometryError, InputFileError, OutputError
from stroke_tf.files import require_absent, written_whole
from stroke_tf.volumes.grid import Grid, grid_of_file, to_native, to_ras

DEFAULT_MAX_VOXELS = 512**3
_LARGEST_OFFSET = 64 * 2**20
"""Bytes before the voxels: header and extensions, which hold text; more is a damaged or a hostile number."""
_KINDS = ((nibabel.Nifti1Image, 348, b"n+1"), (nibabel.Nifti2Image, 540, b"n+2"))
_UNREADABLE = (OSError, EOFError, zlib.error, ValueError, HeaderDataError, WrapStructError)


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
    try:
        with _opened(path) as stream:
            kind, header = _header(stream, path)
            _checked_offset(header, path)
            grid = _checked_grid(header, _checked_shape(header, path, max_voxels), path)
            stream.seek(0)
            # Now that it is known to be sound, nibabel may read it in its own way, extensions included.
            header = kind.header_class.from_fileobj(stream)
    except _UNREADABLE as fault:
        raise _explained(fault, path) from fault
    return Place(path, grid, header)


def read_scan(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS) -> Scan:
    """Read an image.

    The header is judged before memory is taken for the voxels, so a damaged or hostile file cannot exhaust it.

    Returns: a Scan with finite float32 data.
    Raises: InputFileError if the file is missing, truncated, not NIfTI, not 3-D, not real-valued, too large, or holds
        NaN or infinity; GeometryError for spacings and affines that no scan can have.
    """
    path = Path(path)
    data, grid, header = _read(path, max_voxels, np.float32)
    return Scan(path, grid, header, require_finite(data, str(path)))


def read_mask(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS, allow_empty: bool = False) -> Scan:
    """Read a lesion mask: 0 and one other value.

    Returns: a Scan with bool data.
    Raises: as read_scan; InputFileError also if the mask holds more than two values, or no lesion though that is not
        allowed.
    """
    path = Path(path)
    data, grid, header = _read(path, max_voxels, None)
    lesion = require_binary(require_finite(data, str(path)), str(path))
    if not allow_empty and not lesion.any():
        raise InputFileError(
            f"{path}: the mask is empty, no voxel is lesion. Save the mask again, leave the case out, or, if "
            "the patient has no lesion, say so with stroke-tf index --allow-empty."
        )
    return Scan(path, grid, header, lesion)


def write_volume(path: Path, data: Volume, like: Place, *, dtype: Any, force: bool = False) -> None:
    """Write a volume on the native grid of another file, with its affine, orientation, header and codes.

    Args:
        path: ends in .nii or .nii.gz.
        data: RAS+, of the shape of like.grid.
        dtype: the type in the file, such as np.uint8 for masks; values are cast to it and never rescaled.
    Raises: OutputError if the file exists and force is False, or cannot be written; GeometryError if the shape is
        another.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise OutputError(f"{path}: a volume is written as .nii or .nii.gz. Choose such a name.")
    require_absent(path, force=force)
    if data.shape != like.grid.shape:
        raise GeometryError(f"{path}: shape {data.shape} does not fit {like.path}, which has {like.grid.shape}.")
    native = to_native(require_finite(np.asarray(data), str(path)), like.grid).astype(dtype)
    header = like.header.copy()
    header.set_data_dtype(native.dtype)
    # The source's scaling and display window belong to its own values.
    header["scl_slope"], header["scl_inter"] = np.nan, np.nan
    header["cal_max"] = header["cal_min"] = 0
    kind = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    # Given the header's own affine, nibabel leaves sform, qform and their codes as they were.
    image = kind(native, like.grid.native_affine, header)
    with written_whole(path) as temporary:
        nibabel.save(image, temporary)


def _read(path: Path, max_voxels: int, dtype: Any) -> tuple[np.ndarray, Grid, Any]:
    try:
        with _opened(path) as stream:
            kind, header = _header(stream, path)
            begin = _checked_offset(header, path)
            shape = _checked_shape(header, path, max_voxels)
            grid = _checked_grid(header, shape, path)
            image = _image(kind, header, begin, stream, path)
            with np.errstate(over="ignore", invalid="ignore"):
                native = np.asarray(image.dataobj, dtype=dtype).reshape(shape)
    except _UNREADABLE as fault:
        raise _explained(fault, path) from fault
    return np.ascontiguousarray(to_ras(native, grid)), grid, image.header


def _opened(path: Path) -> BinaryIO:
    if not path.name.endswith((".nii", ".nii.gz")):
        raise InputFileError(f"{path}: not NIfTI by its name; .nii or .nii.gz is needed. Convert the image first.")
    return gzip.open(path, "rb") if path.name.endswith(".gz") else open(path, "rb")


def _header(stream: BinaryIO, path: Path) -> tuple[Any, Any]:
    """Read the header as it is: nibabel's own reading mends spacings that are zero or negative without a word."""
    start = stream.read(540)
    for kind, size, magic in _KINDS:
        if len(start) < size:
            continue
        header = kind.header_class(start[:size], check=False)
        if int(header["sizeof_hdr"]) == size and bytes(header["magic"])[:3] == magic:
            return kind, header
    if start[:2] == b"\x1f\x8b":
        raise InputFileError(f"{path}: gzip-compressed, but not named so. Rename it to end in .nii.gz.")
    raise InputFileError(f"{path}: not NIfTI, or damaged in its first bytes. Convert the image, or fetch it again.")


def _checked_shape(header: Any, path: Path, max_voxels: int) -> tuple[int, ...]:
    count = int(header["dim"][0])
    shape = [int(side) for side in header["dim"][1 : count + 1]]
    if not 1 <= count <= 7 or min(shape) < 1:
        raise InputFileError(
            f"{path}: not NIfTI, or damaged: the header says dim {header['dim'].tolist()}. Fetch the file again."
        )
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) != 3:
        raise InputFileError(
            f"{path}: a 3-D image is needed. Received: {len(shape)}-D, shape {tuple(shape)}. Save one volume of it."
        )
    if math.prod(shape) > max_voxels:
        raise InputFileError(
            f"{path}: the header claims {math.prod(shape):,} voxels {tuple(shape)}; at most {max_voxels:,} are read. "
            "If the image really is that large, raise --max-voxels."
        )
    try:
        kind = header.get_data_dtype()
    except KeyError as fault:
        raise InputFileError(
            f"{path}: not NIfTI, or damaged: no type of voxel has the number {fault}. Fetch the file again."
        ) from fault
    if kind.kind not in "iuf":
        raise InputFileError(f"{path}: one real number a voxel is needed. Received: {kind}. Convert the image.")
    return tuple(shape)


def _checked_grid(header: Any, shape: tuple[int, ...], path: Path) -> Grid:
    spacing = header["pixdim"][1:4]
    if not (spacing > 0).all() or not np.isfinite(spacing).all():
        raise GeometryError(
            f"{path}: the header's spacing between voxels must be above zero. Received: {spacing.tolist()} mm. "
            "Mend the header (pixdim)."
        )
    try:
        # Now that the spacing is known to be sound, nibabel may mend what is harmless, such as a qfac of 0.
        affine = type(header)(header.binaryblock, header.endianness).get_best_affine()
    except (HeaderDataError, ValueError) as fault:
        raise GeometryError(f"{path}: the header holds no usable affine ({fault}). Mend its sform or qform.") from fault
    return grid_of_file(shape, affine, str(path))


def _image(kind: Any, header: Any, begin: int, stream: BinaryIO, path: Path) -> Any:
    """Open the image by nibabel, from memory if it is compressed, mapped if not."""
    size = begin + header.get_data_dtype().itemsize * math.prod(header.get_data_shape())
    if not path.name.endswith(".gz"):
        found = os.path.getsize(path)
        if found < size:
            raise InputFileError(_truncated(path, f"{found:,} of {size:,} bytes are there"))
        return kind.from_filename(path)
    stream.seek(0)
    # One byte more than is needed takes gzip to the end of the file, where it compares the checksum.
    content = stream.read(size + 1)
    if len(content) < size:
        raise InputFileError(_truncated(path, f"{len(content):,} of {size:,} bytes are there"))
    return kind.from_bytes(content)


def _checked_offset(header: Any, path: Path) -> int:
    """Return where the voxels begin; up to there a compressed file is read into memory."""
    offset = float(header["vox_offset"])
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise InputFileError(
            f"{path}: not NIfTI, or damaged: the header says that the voxels begin at byte {offset:g}. "
            "Fetch the file again."
        )
    return int(offset)


def _explained(fault: Exception, path: Path) -> InputFileError:
    if isinstance(fault, FileNotFoundError):
        return InputFileError(f"{path}: no such file. Check the path, or unpack the case there.")
    if isinstance(fault, gzip.BadGzipFile) and "Not a gzipped" in str(fault):
        return InputFileError(f"{path}: not gzip-compressed, though its name says so. Rename it, or fetch it again.")
    if isinstance(fault, (EOFError, zlib.error, gzip.BadGzipFile)):
        return InputFileError(_truncated(path, str(fault)))
    return InputFileError(f"{path}: cannot be read ({fault}). Fetch the file again.")


def _truncated(path: Path, detail: str) -> str:
    return f"{path}: truncated or damaged ({detail}). Fetch the file again."
