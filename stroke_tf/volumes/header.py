"""The header of a NIfTI file, judged before memory is taken for its voxels, and then the voxels.

Scans and series share this, so that a damaged or hostile file is met by the same questions whatever it claims to be.
"""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from stroke_tf.errors import GeometryError, InputFileError
from stroke_tf.volumes.grid import Grid, grid_of_file, to_ras

DEFAULT_MAX_VOXELS = 512**3
_LARGEST_OFFSET = 64 * 2**20
"""Bytes before the voxels: header and extensions, which hold text; more is a damaged or a hostile number."""
_KINDS = ((nibabel.Nifti1Image, 348, b"n+1"), (nibabel.Nifti2Image, 540, b"n+2"))
_UNREADABLE = (OSError, EOFError, zlib.error, ValueError, HeaderDataError, WrapStructError)


def read_place_of(path: Path, *, axes: int, max_voxels: int) -> tuple[Grid, Any]:
    """Read where a file's voxels lie, and not the voxels.

    Args:
        axes: 3 for a volume, 4 for a series of volumes.
    Returns: the grid of a volume, and the header.
    Raises: InputFileError and GeometryError for what the header shows.
    """
    try:
        with _opened(path) as stream:
            kind, header = _header(stream, path)
            _checked_offset(header, path)
            grid = _checked_grid(header, _checked_shape(header, path, axes, max_voxels), path)
            stream.seek(0)
            # Now that it is known to be sound, nibabel may read it in its own way, extensions included.
            return grid, kind.header_class.from_fileobj(stream)
    except _UNREADABLE as fault:
        raise _explained(fault, path) from fault


def read_voxels(path: Path, *, axes: int, max_voxels: int, dtype: Any) -> tuple[np.ndarray, Grid, Any]:
    """Read a file's voxels in RAS+ order, after its header was judged.

    Args:
        axes: 3 for a volume, 4 for a series of volumes; the fourth axis is time and stays where it is.
        max_voxels: over all axes.
        dtype: what the voxels become; None leaves them as the file has them.
    Returns: a contiguous array, the grid of a volume, and the header.
    Raises: InputFileError and GeometryError as read_scan tells.
    """
    try:
        with _opened(path) as stream:
            kind, header = _header(stream, path)
            begin = _checked_offset(header, path)
            shape = _checked_shape(header, path, axes, max_voxels)
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


def _checked_shape(header: Any, path: Path, axes: int, max_voxels: int) -> tuple[int, ...]:
    count = int(header["dim"][0])
    shape = [int(side) for side in header["dim"][1 : count + 1]]
    if not 1 <= count <= 7 or min(shape) < 1:
        raise InputFileError(
            f"{path}: not NIfTI, or damaged: the header says dim {header['dim'].tolist()}. Fetch the file again."
        )
    while len(shape) > axes and shape[-1] == 1:
        shape.pop()
    if len(shape) != axes:
        mend = "Save one volume of it." if axes == 3 else "Name the file that holds the whole series."
        raise InputFileError(
            f"{path}: a {axes}-D image is needed. Received: {len(shape)}-D, shape {tuple(shape)}. {mend}"
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
    return grid_of_file(shape[:3], affine, str(path))


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
