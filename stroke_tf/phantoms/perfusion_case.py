"""One whole CT-perfusion phantom: a head with a closed artery, the scans of it, and the maps computed from the scans.

The maps are not drawn. They are computed from the noisy series as a scanner's software does, so that they have the
noise and the bias of real ones; what is true of the tissue is kept beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.choices import Deconvolution
from stroke_tf.errors import SettingError
from stroke_tf.perfusion import (
    Maps,
    baseline_frames,
    concentration,
    find_arterial_input,
    perfusion_maps,
    smoothed,
)
from stroke_tf.phantoms.anatomy import Head, draw_head
from stroke_tf.phantoms.contrast import draw_sequence
from stroke_tf.phantoms.fields import along_axes, gaussian_matrix, smooth_noise
from stroke_tf.phantoms.ischaemia import Ischaemia, Perfusion, draw_ischaemia
from stroke_tf.phantoms.kinetics import TissueCurves, draw_bolus, snapped, tissue_curves
from stroke_tf.seeds import child_seed
from stroke_tf.volumes.head_ct import brain_of_ct

SECONDS = 1.0
SLICE_MM = 5.0
DEFAULT_SIZE, FIELD_MM = 256, 235.0
DEFAULT_SLICES, DEFAULT_FRAMES = (2, 22), (40, 60)
_HEAD_MM = 155.0
_USUAL_SLICES = 8
"""Three cases in four have no more: detectors 4 cm wide and narrower; the others were shuttled."""
_GREY_HU, _WHITE_HU, _FLUID_HU, _SKULL_HU, _SCALP_HU, _AIR_HU = 38.0, 29.0, 7.0, 950.0, 15.0, -1024.0
_GAP_MM, _SKULL_MM, _SCALP_MM = 1.5, 6.5, 5.0
_NOISE_HU = (3.0, 6.0)
"""Of one voxel of the series, 0.92 mm wide, in the middle of the head. A plain CT has more dose."""
_PLAIN_CT_NOISE = 0.6
_NOISE_AT_MM = 0.92
_SMOOTH_MM = 2.0
"""Sigma of the blur before the deconvolution."""
_VESSELS_MM = (
    (3, 34, 1.4, 0.0),
    (-3, 30, 1.4, 0.0),
    (38, 8, 1.5, 0.2),
    (-38, 8, 1.5, 0.2),
    (44, -8, 1.2, 0.5),
    (-44, -8, 1.2, 0.5),
    (16, -44, 1.2, 0.8),
    (-16, -44, 1.2, 0.8),
)
"""Arteries that cross a slice: x, y, radius in mm, delay in s. Anterior, middle and posterior cerebral branches."""
_SINUS_MM, _SINUS_DELAY_S = (0, -92, 3.2), 6.0


@dataclass(frozen=True, eq=False)
class PerfusionPhantom:
    """A CT-perfusion phantom on its own RAS+ grid.

    Attributes:
        ct: int16, HU. series: int16, HU, shape (x, y, z, t), one frame a second. dwi: float32.
        maps: computed from the series; see perfusion.Maps.
        lesion: bool: the core. penumbra, old, brain: bool. truth: what the series was drawn from.
        arterial_input: shape (t,), what was found in the series.
        spacing_mm: of a voxel. description: plain numbers, for a table.
    """

    ct: np.ndarray
    series: np.ndarray
    maps: Maps
    dwi: Volume
    lesion: Mask
    penumbra: Mask
    old: Mask
    brain: Mask
    truth: Perfusion
    arterial_input: np.ndarray
    spacing_mm: tuple[float, float, float]
    description: Mapping[str, Any]


def draw_perfusion_case(
    *,
    seed: int,
    size: int = DEFAULT_SIZE,
    spacing_mm: float | None = None,
    slices: tuple[int, int] = DEFAULT_SLICES,
    frames: tuple[int, int] = DEFAULT_FRAMES,
    min_core_ml: float = 0.0,
) -> PerfusionPhantom:
    """Draw one phantom case.

    Args:
        size: pixels of a slice along x and y. spacing_mm: of a pixel; None lets the slice measure 235 mm. A smaller
            field of view gets a smaller head. Slices are 5 mm apart.
        slices, frames: the fewest and the most, both drawn anew for each case.
        min_core_ml: least volume of the core, some of which may lie beyond the slices.
    Returns: the phantom; the same arguments give the same voxels.
    Raises: SettingError for a shape that cannot hold a head or a bolus.
    """
    spacing_mm = require_perfusion_field(size, spacing_mm, slices, frames)
    rng = np.random.default_rng(child_seed(seed, "perfusion"))
    voxel_mm = (spacing_mm, spacing_mm, SLICE_MM)
    whole = (size, size, int(np.ceil(_HEAD_MM / SLICE_MM)))
    head = draw_head(seed=child_seed(seed, "anatomy"), shape=whole, spacing_mm=voxel_mm)
    ischaemia = draw_ischaemia(head, rng=np.random.default_rng(child_seed(seed, "ischaemia")), min_core_ml=min_core_ml)
    slab = _slab(head, ischaemia, slices, rng)
    place = (*(slice(*ends) for ends in head.box[:2]), slice(None))
    shape = (size, size, slab.stop - slab.start)

    def on_grid(boxed: np.ndarray) -> np.ndarray:
        grid = np.zeros(shape, dtype=boxed.dtype)
        grid[place] = boxed[:, :, slab]
        return grid

    brain = on_grid(head.brain)
    truth = ischaemia.perfusion
    transit_s, delay_s = snapped(truth.transit_s, truth.delay_s)
    truth = Perfusion(*map(on_grid, (truth.flow, transit_s * head.brain, delay_s * head.brain, truth.water_hu)))
    still = _still_picture(head, slab, brain, truth.water_hu, on_grid, rng)
    loudness = _loudness(still, spacing_mm, rng)
    ct = _noisy(still, _PLAIN_CT_NOISE * loudness, rng)
    bolus = draw_bolus(rng)
    count = int(rng.integers(frames[0], frames[1] + 1))
    curves = tissue_curves(bolus, count, SECONDS)
    series = _series(
        still, loudness, brain, truth, curves, _vessels(head, slab, shape, place, on_grid(ischaemia.core)), rng
    )
    maps, artery = maps_of(series, ct, voxel_mm)
    dwi = on_grid(draw_sequence("DWI", head, ischaemia.pathology, seed=seed))
    lesion, penumbra, old = map(on_grid, (ischaemia.core, ischaemia.penumbra, ischaemia.old))
    voxel_ml = float(np.prod(voxel_mm)) / 1000
    description = {
        "seed": int(seed),
        "slices": shape[2],
        "frames": count,
        "lesion_ml": round(float(lesion.sum()) * voxel_ml, 3),
        "bolus_arrival_s": round(bolus.arrival_s, 2),
        "transit_shape": bolus.transit_shape,
        **ischaemia.description,
    }
    return PerfusionPhantom(ct, series, maps, dwi, lesion, penumbra, old, brain, truth, artery, voxel_mm, description)


def maps_of(series: np.ndarray, ct: np.ndarray, spacing_mm: Sequence[float]) -> tuple[Maps, np.ndarray]:
    """Compute the maps as a scanner's software would, from the scans alone.

    The brain is found in the plain CT, the artery in the series; curves are smoothed within slices and deconvolved
    with the oscillation-limited method.

    Args:
        series: shape (x, y, z, t), HU, one frame a second. ct: shape (x, y, z), HU.
    Returns: the maps, and the arterial input.
    """
    brain = brain_of_ct(ct, spacing_mm)
    curves = concentration(series, baseline_frames(series, brain))
    artery = find_arterial_input(curves, brain).curve
    # A pixel wider than the blur is blurred by its own width at least: its noise is no smaller for being wide.
    sigma = tuple(max(_SMOOTH_MM / side, 0.6) for side in spacing_mm[:2])
    blurred = smoothed(curves, brain, sigma)
    return perfusion_maps(blurred, artery, SECONDS, method=Deconvolution.OSCILLATION_LIMITED, brain=brain), artery


def require_perfusion_field(
    size: int, spacing_mm: float | None, slices: tuple[int, int], frames: tuple[int, int]
) -> float:
    """Return the spacing, if a head fits on the slices and a bolus between the frames.

    Raises: SettingError, with the values received.
    """
    if size < 32:
        raise SettingError(f"A slice of a CT-perfusion phantom has 32 pixels a side at least. Received: {size}")
    spacing_mm = FIELD_MM / size if spacing_mm is None else float(spacing_mm)
    if not 0.4 <= spacing_mm <= 8:
        raise SettingError(f"A pixel of a CT-perfusion phantom measures 0.4 to 8 mm. Received: {spacing_mm:g}")
    most = 22
    if not 1 <= slices[0] <= slices[1] <= most:
        raise SettingError(f"Slices are two numbers from 1 to {most}, the smaller first. Received: {slices}")
    if not 30 <= frames[0] <= frames[1] <= 120:
        raise SettingError(f"Frames are two numbers from 30 to 120, the smaller first. Received: {frames}")
    return spacing_mm


def _slab(head: Head, ischaemia: Ischaemia, slices: tuple[int, int], rng: np.random.Generator) -> slice:
    """Choose the slices: so many as are drawn, where at least half of the core that they could hold is in them."""
    most = min(slices[1], _USUAL_SLICES) if rng.random() < 0.75 else slices[1]
    wanted = int(rng.integers(slices[0], max(slices[0], most) + 1))
    area = head.brain.sum(axis=(0, 1))
    usable = np.flatnonzero(area > 0.22 * area.max())
    first, last = int(usable[0]), int(usable[-1]) + 1
    wanted = min(wanted, last - first)
    core = np.concatenate([[0], np.cumsum(ischaemia.core.sum(axis=(0, 1)))])
    starts = np.arange(first, last - wanted + 1)
    held = core[starts + wanted] - core[starts]
    start = int(rng.choice(starts[held >= 0.5 * held.max()]))
    return slice(start, start + wanted)


def _still_picture(
    head: Head, slab: slice, brain: Mask, water_hu: Volume, on_grid: Any, rng: np.random.Generator
) -> Volume:
    """Return the head in HU without contrast agent and without noise."""
    from scipy.ndimage import distance_transform_edt

    wm = 1 - head.gm - head.csf
    tissue = np.float32(_GREY_HU) * head.gm + np.float32(_WHITE_HU) * wm + np.float32(_FLUID_HU) * head.csf
    tissue += np.float32(rng.uniform(-1.5, 1.5))
    tissue += np.float32(0.7) * smooth_noise(head.brain.shape, [20.0 / s for s in head.step_mm], rng)
    picture = on_grid(tissue) - water_hu
    step = head.step_mm[:2]
    skull_mm = rng.uniform(0.8, 1.2) * _SKULL_MM
    for index in range(brain.shape[2]):
        away = distance_transform_edt(~brain[:, :, index], sampling=step)
        layers = [
            (away > 0, _FLUID_HU),
            (away > _GAP_MM, _SKULL_HU),
            (away > _GAP_MM + skull_mm, _SCALP_HU),
            (away > _GAP_MM + skull_mm + _SCALP_MM, _AIR_HU),
        ]
        for where, hu in layers:
            picture[:, :, index][where] = hu
    blur = [gaussian_matrix(n, 0.6 / s) for n, s in zip(picture.shape[:2], step, strict=True)]
    return along_axes(picture, [*blur, None])


def _loudness(still: Volume, spacing_mm: float, rng: np.random.Generator) -> Volume:
    """Return the noise's standard deviation in HU: the fewer photons come through, the larger it is; air has none.

    The count of photons falls exponentially with the tissue that they pass, which is most in the middle of the head.
    A wide pixel averages the noise of the narrow ones in it, less than by their number, because they share some.
    """
    from scipy.ndimage import distance_transform_edt

    level = rng.uniform(*_NOISE_HU) * min(1.0, (_NOISE_AT_MM / spacing_mm) ** 0.5)
    loudness = np.zeros_like(still)
    for index in range(still.shape[2]):
        depth_mm = distance_transform_edt(still[:, :, index] > -500, sampling=spacing_mm)
        # 0.02 per mm of water on both sides of the middle, against the path through the middle itself.
        loudness[:, :, index] = (depth_mm > 0) * level * np.exp(0.5 * 0.02 * (depth_mm - 65))
    return loudness


def _noisy(picture: np.ndarray, loudness: Volume, rng: np.random.Generator) -> np.ndarray:
    """Add noise that neighbouring pixels share in part, as filtered back-projection leaves it; whole HU, int16.

    Args:
        picture: shape (x, y, z) or (x, y, z, t); it is used up.
    """
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    share = np.float32(0.4)
    for axis in (0, 1):
        lines = np.moveaxis(noise, axis, 0)
        # One after the other, so that each pixel takes from its neighbour what that has taken before.
        lines[1:] += share * lines[:-1]
        noise *= np.float32(1 / np.hypot(1, share))
    noise *= loudness if picture.ndim == 3 else loudness[..., None]
    noise += picture
    np.rint(noise, out=noise)
    return np.clip(noise, _AIR_HU, 3071, out=noise).astype(np.int16)


def _series(
    still: Volume,
    loudness: Volume,
    brain: Mask,
    truth: Perfusion,
    curves: TissueCurves,
    vessels: tuple[Volume, Volume],
    rng: np.random.Generator,
) -> np.ndarray:
    frames = curves.artery.shape[1]
    inside = curves.curves(truth.flow[brain], truth.transit_s[brain], truth.delay_s[brain])
    share, late = (array[brain] for array in vessels)
    wet = share > 0
    # A vessel behind the closed artery is as late as the tissue that it feeds, less what the tissue itself adds.
    delay = late[wet] + np.maximum(truth.delay_s[brain][wet] - 1.5, 0)
    inside[wet] += share[wet, None] * (curves.vessels(delay) - inside[wet])
    series = np.repeat(still[..., None], frames, axis=3)
    series[brain] += inside
    return _noisy(series, loudness, rng)


def _vessels(
    head: Head, slab: slice, shape: tuple[int, int, int], place: tuple[slice, ...], core: Mask
) -> tuple[Volume, Volume]:
    """Return the share of each voxel that is blood of a large vessel, and how late that blood is.

    Arteries cross every slice near their places in an average head; the sagittal sinus runs along the midline behind.
    Where tissue has died the vessel that led to it is closed.
    """
    share, late = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    points, voxels = head.lattice_mm, head.lattice_voxel
    x, y = (np.arange(n, dtype=np.float32) for n in shape[:2])
    for index in range(shape[2]):
        plane = np.flatnonzero((np.abs(voxels[:, 2] - (slab.start + index)) < 0.51) & (head.lattice_outer_mm > 0.5))
        if not plane.size:
            continue
        for right, front, radius_mm, delay_s in (*_VESSELS_MM, (*_SINUS_MM, _SINUS_DELAY_S)):
            off = (points[plane, 0] - right) ** 2 + (points[plane, 1] - front) ** 2
            near = voxels[plane[int(off.argmin())]]
            cx, cy = (round(float(c)) + p.start for c, p in zip(near[:2], place[:2], strict=True))
            away = np.hypot((x - cx)[:, None] * head.step_mm[0], (y - cy)[None, :] * head.step_mm[1])
            # However wide the pixels, the vessel fills the one in its middle: else no artery could be found at all.
            disc = np.clip((radius_mm - away) / head.step_mm[0] + 0.5, 0, 1)
            disc[cx, cy] = 1
            more = disc > share[:, :, index]
            share[:, :, index][more] = disc[more]
            late[:, :, index][more] = delay_s
    share[core] *= np.float32(0.1)
    return share, late
