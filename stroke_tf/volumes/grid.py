"""Where the voxels of a volume lie in the patient, and when two volumes share one grid.

Imagine a scan as a box of voxels standing in a room. The affine says where each voxel stands, in millimetres to the
patient's right, front and top. The file may count its voxels from any corner and along any order of axes, which makes
48 ways to store the same box; RAS+ is the one of them in which the indices grow to the right, front and top.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from nibabel import orientations
from nibabel.affines import voxel_sizes

from stroke_tf.arrays import Volume
from stroke_tf.errors import GeometryError

TOLERANCE_MM = 0.1
"""How far apart the farthest corners of two grids may lie that count as one.

An sform keeps 1.5e-5 mm at 200 mm. A qform stores a rotation as three float32 numbers and finds the fourth by a square
root, which moves the far corner of a SISS volume by up to 0.02 mm; so much may the headers differ that two programs
write for one scan. A tenth of a millimetre is five times that, and a tenth of a SISS voxel, too little to move a
border. Only a qform within 0.1 degrees of a half turn may lose more (0.4 mm, measured): if the other file of the case
has an sform, the two are refused, because nothing tells this loss from a real shift.
"""


@dataclass(frozen=True, eq=False)
class Grid:
    """The grid of one file, in RAS+ order, with the way back to the file's own order."""

    shape: tuple[int, int, int]
    affine: np.ndarray
    """(4, 4), from RAS+ voxel indices to millimetres."""
    native_shape: tuple[int, int, int]
    native_affine: np.ndarray
    """(4, 4), from the file's voxel indices to millimetres."""
    orientation: str
    """Where the file's axes point, such as LAS."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the distances between neighbouring voxels along the RAS+ axes."""
        x, y, z = (float(side) for side in voxel_sizes(self.affine))
        return x, y, z

    @property
    def voxel_volume_ml(self) -> float:
        """Return the volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def __str__(self) -> str:
        sides = " x ".join(f"{side:.4g}" for side in self.spacing_mm)
        return f"shape {self.shape}, {sides} mm, stored as {self.orientation}"


def grid_of_file(shape: tuple[int, ...], affine: np.ndarray, name: str) -> Grid:
    """Describe the grid of a file from its own shape and affine.

    Raises: GeometryError, naming the file, for a shape that is not 3-D, a spacing that is not above zero, or an
        affine that folds the volume flat.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise GeometryError(f"{name}: a 3-D volume is needed. Received shape: {tuple(shape)}")
    affine = np.array(affine, dtype=np.float64)
    _require_sound(affine, name)
    native_shape = tuple(int(side) for side in shape)
    to_ras_axes = orientations.io_orientation(affine)
    return Grid(
        shape=tuple(native_shape[int(axis)] for axis in np.argsort(to_ras_axes[:, 0])),
        affine=affine @ orientations.inv_ornt_aff(to_ras_axes, native_shape),
        native_shape=native_shape,
        native_affine=affine,
        orientation="".join(orientations.ornt2axcodes(to_ras_axes)),
    )


def to_ras(data: np.ndarray, grid: Grid) -> Volume:
    """Turn an array in the file's order into RAS+ order (a view, no voxel is copied); time stays the last axis."""
    if data.shape[:3] != grid.native_shape:
        raise GeometryError(f"An array of shape {data.shape} does not fit a file of shape {grid.native_shape}.")
    return orientations.apply_orientation(data, orientations.io_orientation(grid.native_affine))


def to_native(data: Volume, grid: Grid) -> np.ndarray:
    """Turn a RAS+ array into the file's order (a view); undoes to_ras exactly."""
    if data.shape != grid.shape:
        raise GeometryError(f"An array of shape {data.shape} does not fit a RAS+ grid of shape {grid.shape}.")
    ras = orientations.axcodes2ornt("RAS")
    back = orientations.ornt_transform(ras, orientations.io_orientation(grid.native_affine))
    return orientations.apply_orientation(data, back)


def same_grid(first: Grid, second: Grid, tolerance_mm: float = TOLERANCE_MM) -> bool:
    """Return whether two grids hold the same voxels at the same places, however their files store them."""
    return first.shape == second.shape and _farthest_corner_mm(first, second) <= tolerance_mm


def require_same_grid(grids: Mapping[str, Grid]) -> None:
    """Do nothing if all grids equal the first.

    Args:
        grids: by the name of the file.
    Raises: GeometryError, naming the two files and how they differ.
    """
    names = list(grids)
    for name in names[1:]:
        first, second = grids[names[0]], grids[name]
        if not same_grid(first, second):
            apart = (
                f"the farthest corners lie {_farthest_corner_mm(first, second):.3g} mm apart"
                if first.shape == second.shape
                else "the shapes differ"
            )
            raise GeometryError(
                f"{name} ({second}) and {names[0]} ({first}) lie on different grids: {apart}. "
                "Resample one onto the other, or allow images to be resampled (column resample of the manifest, or "
                "predict --resample); masks are never resampled."
            )


def resample(data: Volume, source: Grid, target: Grid, *, order: int, outside: float = 0.0) -> Volume:
    """Bring a volume from one grid onto another.

    Where the target's voxels are larger than the source's, the source is blurred first to about their size; taking
    single points of a fine image would turn its noise into the coarse image's.

    Args:
        data: RAS+, on the source grid.
        order: 0 nearest voxel, the only one for masks; 1 linear, for images.
        outside: the value of what the source did not see.
    Returns: an array of the target's shape, with the type of data.
    Raises: GeometryError if data is a mask and order is not 0.
    """
    from scipy import ndimage

    if data.dtype == bool and order != 0:
        raise GeometryError(f"A mask can be resampled with order 0 only. Received: {order}")
    step = np.linalg.inv(source.affine) @ target.affine
    if order > 0:
        blur = np.clip((np.abs(step[:3, :3]).max(axis=1) - 1.0) / 2.0, 0.0, None)
        if blur.any():
            data = ndimage.gaussian_filter(data, blur, mode="nearest", truncate=3.0)
    values = data.view(np.uint8) if data.dtype == bool else data
    # An all but unturned matrix lets SciPy take the fast way, one axis at a time; header noise must not prevent it.
    matrix = np.where(np.abs(step[:3, :3]) < 1e-9, 0.0, step[:3, :3])
    moved = ndimage.affine_transform(
        values, matrix, step[:3, 3], target.shape, order=order, mode="constant", cval=outside, prefilter=False
    )
    return moved.view(bool) if data.dtype == bool else moved


def _require_sound(affine: np.ndarray, name: str) -> None:
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(
            f"{name}: the affine is not a finite 4x4 matrix. Received: {affine.tolist()}. "
            "Mend the header's sform or qform."
        )
    spacing = voxel_sizes(affine)
    if (spacing <= 0).any():
        raise GeometryError(
            f"{name}: the spacing between voxels must be above zero. Received: {spacing.tolist()} mm. "
            "Mend the header's sform or qform."
        )
    # Of unit axes the determinant is the sine of how far they stand apart: 1 for a box, 0 when flat.
    if abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-3:
        raise GeometryError(
            f"{name}: the affine is singular, two axes point the same way. Received: {affine[:3, :3].tolist()}. "
            "Mend the header's sform or qform."
        )


def _farthest_corner_mm(first: Grid, second: Grid) -> float:
    corners = np.array([(*corner, 1) for corner in product(*((0, side - 1) for side in first.shape))])
    apart = corners @ (first.affine - second.affine).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())
