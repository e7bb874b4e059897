"""The proof that nothing is mirrored, swapped or shifted between a file and its slices, in either direction.

A marker in which every voxel has a value of its own, and every axis another length, is written to disk in each of
the 48 ways in which a file can order a volume's axes. Each file is read, cut on each plane, restacked, written back on
its own grid and read again, by nibabel alone; every voxel must be where it was.
"""

from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
from nibabel import orientations

from stroke_tf.arrays import Volume
from stroke_tf.choices import FitRule
from stroke_tf.planes import Plane
from stroke_tf.slices import cut, cut_labels, plan_fit, restack
from stroke_tf.volumes.grid import Grid, grid_of_file, to_native, to_ras
from stroke_tf.volumes.nifti import read_scan, write_volume

_MARKER_SHAPE = (12, 15, 20)
_FITTED = 60
"""A multiple of each side of the marker, so that fitting by area loses nothing and equality can be asked for."""
_TOLERANCE = 1e-5
"""Of values between 0 and 1 that are 1/3600 apart; what float32 arithmetic may add."""
_LARGEST_SHIFT_VOXELS = 0.05


@dataclass(frozen=True)
class RoundTrip:
    """What was proven, and what was found to be wrong."""

    orientations: int
    """How many ways to store the marker came back whole, of 48."""
    faults: tuple[str, ...]
    shift_voxels: float
    """The farthest that the middle of a marker on the case's own grid moved, over planes and fits."""


def prove_round_trip(grid: Grid) -> RoundTrip:
    """Send the marker round in all 48 orientations, and once over the case's own grid.

    Args:
        grid: of the case's reference; its spacing, tilt and place are the marker's.
    """
    marker = numbered_marker()
    faults, whole = [], 0
    with TemporaryDirectory(prefix="stroke-tf-doctor-") as folder:
        for axes in all_orientations():
            found = _faults_of_orientation(marker, grid.affine, axes, Path(folder))
            whole += not found
            faults += found
    shift = _shift_on_own_grid(grid)
    if shift > _LARGEST_SHIFT_VOXELS:
        faults.append(f"a marker on the case's own grid moved by {shift:.3f} voxels")
    return RoundTrip(whole, tuple(faults), shift)


def numbered_marker() -> Volume:
    """Return a volume in RAS+ order whose voxels all differ, between 0 and 1."""
    size = int(np.prod(_MARKER_SHAPE))
    return (np.arange(size, dtype=np.float32) / size).reshape(_MARKER_SHAPE)


def all_orientations() -> list[np.ndarray]:
    """Return the 6 orders of the axes times the 8 signs, in nibabel's form."""
    return [
        np.array(list(zip(order, signs, strict=True)), dtype=float)
        for order in permutations(range(3))
        for signs in product((1, -1), repeat=3)
    ]


def _faults_of_orientation(marker: Volume, affine: np.ndarray, axes: np.ndarray, folder: Path) -> list[str]:
    native = orientations.apply_orientation(marker, axes)
    native_affine = affine @ orientations.inv_ornt_aff(axes, marker.shape)
    code = "".join(nibabel.aff2axcodes(native_affine))
    path = folder / "marker.nii"
    nibabel.save(nibabel.Nifti1Image(native, native_affine), path)
    scan = read_scan(path)
    faults = [] if np.array_equal(scan.data, marker) else [f"{code}: reading does not give RAS+"]
    for plane in Plane:
        geometry = plan_fit(marker.shape, plane, rule=FitRule.PLAIN, brain=None, size=_FITTED)
        labels = cut_labels(scan.data, geometry)
        if not _shows_the_planes_slices(labels, marker, plane):
            faults.append(f"{code}, {plane.anatomical}: a slice does not show the voxels that it should")
        back = folder / "back.nii"
        write_volume(back, restack(labels, geometry), scan, dtype=np.float32, force=True)
        returned = nibabel.load(back)
        same_place = np.allclose(returned.affine, native_affine, atol=1e-3)
        if not same_place or not _equal(np.asarray(returned.dataobj), native):
            faults.append(f"{code}, {plane.anatomical}: the marker did not come back to where it was")
    return faults


def _shows_the_planes_slices(labels: np.ndarray, marker: Volume, plane: Plane) -> bool:
    """Compare the slices with the marker itself, since two mirrors in a row would hide each other."""
    for index, fitted in enumerate(labels):
        native = marker.take(index, axis=plane.axis)
        rows, columns = (_FITTED // side for side in native.shape)
        if not _equal(fitted[rows // 2 :: rows, columns // 2 :: columns], native):
            return False
    return True


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=0, atol=_TOLERANCE))


def _shift_on_own_grid(grid: Grid) -> float:
    """Return how far, in voxels, an asymmetric marker on the case's own grid moves, at 128x128 and both fits."""
    marker = _blob(grid.shape).astype(np.float32)
    ras = to_ras(to_native(marker, grid), grid_of_file(grid.native_shape, grid.native_affine, "marker"))
    before, farthest = _centroid(marker), 0.0
    for plane, rule in product(Plane, FitRule):
        geometry = plan_fit(ras.shape, plane, rule=rule, brain=np.ones(ras.shape, dtype=bool))
        image = cut(ras[..., None], geometry)[..., 0]
        for stack in (cut_labels(ras, geometry), image):
            after = _centroid(restack(stack, geometry))
            farthest = max(farthest, float(np.abs(after - before).max()))
    return farthest


def _blob(shape: tuple[int, ...]) -> Volume:
    """Return a smooth blob that lies off the middle of each axis, by another share of each.

    Smooth, because the middle of a block with sharp borders wavers by some hundredths of a voxel in any resizing.
    """
    profiles = []
    for side, place in zip(shape, (0.35, 0.62, 0.42), strict=True):
        width = max(1.5, 0.07 * side)
        profiles.append(np.exp(-0.5 * ((np.arange(side) - place * side) / width) ** 2))
    x, y, z = profiles
    return x[:, None, None] * y[:, None] * z


def _centroid(weights: np.ndarray) -> np.ndarray:
    total = float(weights.sum(dtype=np.float64))
    places = []
    for axis, side in enumerate(weights.shape):
        others = tuple(other for other in range(3) if other != axis)
        places.append(float(np.arange(side) @ weights.sum(axis=others, dtype=np.float64)) / total)
    return np.array(places)
