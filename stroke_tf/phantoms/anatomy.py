"""The healthy head: where cortex, white matter, nuclei and fluid lie, with folds, pose and a left and a right.

Shapes are ellipsoids in millimetres around the middle of the brain (x to the right, y to the front, z up), bent by a
smooth random warp. They are evaluated on a coarse lattice and stretched to the voxels; only what has sharp edges, the
walls of a sulcus, is decided voxel by voxel. A sulcus is the zero level of a smooth random field: such levels are
sheets that meander and branch, as sulci do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.phantoms.fields import along_axes, linear_matrix, ramp, smooth_noise

_ROOM_MM = (152.0, 190.0, 152.0)
"""The room that the largest head needs; a smaller field of view gets a smaller head."""
_LATTICE_MM = 2.5
_MIDDLE_Z_MM = -4.0
"""The brain reaches from -72 mm to 64 mm; this is what lies in the middle of the volume."""


@dataclass(frozen=True)
class Head:
    """One head, inside the box of its brain.

    Attributes:
        shape, spacing_mm: the whole volume.
        box: (start, stop) per axis of the brain's box in the volume; all arrays below have its shape.
        scale: size of this head against an adult's (1 unless the field of view is too small for one).
        brain: bool. gm, csf: share of grey matter and fluid in each voxel, float32; the rest is white matter.
        outer_mm: depth below the brain's hull. ventricle_mm: positive inside the ventricles, negative outside.
        midline_mm: signed distance from the midline, positive on the right. tent_mm: positive below the tentorium.
        lattice_mm: anatomical coordinates of lattice points, (n, 3). lattice_voxel: the same points in box voxels.
        lattice_outer_mm, lattice_ventricle_mm, lattice_tent_mm, lattice_pial_mm: the fields at these points.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    box: tuple[tuple[int, int], ...]
    scale: float
    brain: Mask
    gm: Volume
    csf: Volume
    outer_mm: Volume
    ventricle_mm: Volume
    midline_mm: Volume
    tent_mm: Volume
    lattice_mm: np.ndarray
    lattice_voxel: np.ndarray
    lattice_outer_mm: np.ndarray
    lattice_ventricle_mm: np.ndarray
    lattice_tent_mm: np.ndarray

    @property
    def step_mm(self) -> np.ndarray:
        """Return the size of a voxel in the millimetres of an adult's head, per axis."""
        return np.asarray(self.spacing_mm) / self.scale


def head_scale(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """Return the size of the head, against an adult's, that a field of view can hold."""
    return min(1.0, *(n * s / room for n, s, room in zip(shape, spacing_mm, _ROOM_MM, strict=True)))


def draw_head(*, seed: int, shape: Sequence[int], spacing_mm: Sequence[float]) -> Head:
    """Draw one healthy head.

    Args:
        shape: voxels of the whole volume. spacing_mm: size of a voxel.
    Returns: the head, cropped to its brain's box.
    """
    rng = np.random.default_rng(seed)
    scale = head_scale(shape, spacing_mm)
    step_mm = np.asarray(spacing_mm, dtype=np.float64) / scale
    box = _brain_box(shape, step_mm)
    lattice = _Lattice.over(box, step_mm)
    points = _anatomical_points(lattice, shape, step_mm, rng)
    fields = _fields(points, lattice, rng)
    full = {name: lattice.stretch(field) for name, field in fields.items()}
    brain, gm, csf = _tissues(full, float(np.mean(step_mm)), rng)
    return Head(
        shape=tuple(shape),
        spacing_mm=tuple(float(s) for s in spacing_mm),
        box=box,
        scale=scale,
        brain=brain,
        gm=gm,
        csf=csf,
        outer_mm=full["outer"],
        ventricle_mm=full["ventricle"],
        midline_mm=full["midline"],
        tent_mm=full["tent"],
        lattice_mm=points.reshape(3, -1).T,
        lattice_voxel=lattice.voxels(),
        lattice_outer_mm=fields["outer"].ravel(),
        lattice_ventricle_mm=fields["ventricle"].ravel(),
        lattice_tent_mm=fields["tent"].ravel(),
    )


def _brain_box(shape: Sequence[int], step_mm: np.ndarray) -> tuple[tuple[int, int], ...]:
    box = []
    for n, step, room in zip(shape, step_mm, _ROOM_MM, strict=True):
        half = room / 2 / step
        box.append((max(0, int(np.floor((n - 1) / 2 - half))), min(n, int(np.ceil((n - 1) / 2 + half)) + 1)))
    return tuple(box)


@dataclass(frozen=True)
class _Lattice:
    """Points every 2.5 mm (or every voxel, where voxels are larger) over the box."""

    lengths: tuple[int, ...]
    steps: tuple[float, ...]
    starts: tuple[int, ...]
    box_shape: tuple[int, ...]

    @classmethod
    def over(cls, box: tuple[tuple[int, int], ...], step_mm: np.ndarray) -> "_Lattice":
        steps = tuple(max(1.0, _LATTICE_MM / s) for s in step_mm)
        shape = tuple(stop - start for start, stop in box)
        lengths = tuple(int(np.ceil((n - 1) / h)) + 1 for n, h in zip(shape, steps, strict=True))
        return cls(lengths, steps, tuple(start for start, _ in box), shape)

    def stretch(self, field: np.ndarray) -> Volume:
        axes = zip(self.lengths, self.steps, self.box_shape, strict=True)
        return along_axes(field.astype(np.float32), [linear_matrix(m, np.arange(n) / h) for m, h, n in axes])

    def voxels(self) -> np.ndarray:
        axes = [np.arange(m) * h for m, h in zip(self.lengths, self.steps, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)


def _anatomical_points(
    lattice: _Lattice, shape: Sequence[int], step_mm: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the place in an average head that each lattice point shows, (3, x, y, z): pose, size and warp undone."""
    axes = [
        ((np.arange(m) * h + start) - (n - 1) / 2) * s
        for m, h, start, n, s in zip(lattice.lengths, lattice.steps, lattice.starts, shape, step_mm, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    points[2] += np.float32(_MIDDLE_Z_MM)
    size = rng.uniform(0.94, 1.02) * rng.uniform(0.98, 1.02, size=3)
    turn = _rotation(np.radians(rng.uniform(-5, 5, size=3))) / size[:, None]
    points = np.tensordot(turn.astype(np.float32), points, axes=1)
    points += rng.uniform(-1.5, 1.5, size=(3, 1, 1, 1)).astype(np.float32)
    node_mm = [h * s for h, s in zip(lattice.steps, step_mm, strict=True)]
    for wide_mm, amplitude_mm in ((34.0, 1.8), (15.0, 0.9)):
        for axis in range(3):
            points[axis] += amplitude_mm * smooth_noise(lattice.lengths, [wide_mm / d for d in node_mm], rng)
    # The torque of human brains: the right frontal and the left occipital lobe reach further out.
    points[1] -= np.float32(rng.uniform(1.5, 4.0)) * np.tanh(points[0] / 30) * np.abs(points[1]) / 60
    return points


def _rotation(angles: np.ndarray) -> np.ndarray:
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (other for other in range(3) if other != axis)
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    return turn


def _inside_mm(points: np.ndarray, centre: Sequence[float], half: Sequence[float], *, paired: bool = False) -> Volume:
    """Return the depth in mm inside an ellipsoid (negative outside); a paired one has a twin across the midline."""
    x, y, z = points
    x = np.abs(x) if paired else x
    axes = [(p - c, r) for p, c, r in zip((x, y, z), centre, half, strict=True)]
    near = np.sqrt(sum((p / r) ** 2 for p, r in axes)) + np.float32(1e-4)
    steep = np.sqrt(sum((p / r**2) ** 2 for p, r in axes)) + np.float32(1e-5)
    return (near * (1 - near) / steep).astype(np.float32)


def _fields(points: np.ndarray, lattice: _Lattice, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the smooth fields, in mm, from which the tissues follow."""
    x, y, z = points
    upper = np.minimum(_inside_mm(points, (0, 0, 4), (67, 85, 60)), (z + 24 + 0.12 * np.abs(x)) * 0.9)
    temporal = _inside_mm(points, (43, 6, -24), (21, 43, 20), paired=True)
    cerebrum = np.maximum(upper, temporal)
    cerebellum = np.maximum(
        _inside_mm(points, (22, -52, -37), (34, 30, 26), paired=True), _inside_mm(points, (0, -54, -36), (16, 26, 22))
    )
    stem = np.minimum(_inside_mm(points, (0, -24, -40), (15, 14, 42)), (z + 72))
    tent = (cerebellum - cerebrum) / 2
    callosum = np.sqrt(((y + 4) / 46) ** 2 + ((z - 4) / 28) ** 2)
    return {
        "outer": np.maximum(np.maximum(cerebrum, cerebellum), stem),
        "sulcus": _sulci(points, lattice, cerebellum > np.maximum(cerebrum, stem), stem > cerebrum, rng),
        "midline": x + 1.2 * smooth_noise(lattice.lengths, [8.0] * 3, rng),
        # How much of a sheet's fluid is missing here, in mm of distance: the fissure ends at the corpus callosum.
        "midline_fade": np.maximum(0, 1.05 - callosum) * 36 + np.maximum(0, tent + 1) * 3,
        "tent": tent,
        "tent_fade": np.maximum(0, 13 - np.abs(x)) * 0.5,
        "sylvian": (temporal - upper) / 2,
        "sylvian_fade": np.maximum(0, 32 - np.abs(x)) * 0.6,
        "ventricle": _ventricles(points, rng),
        "nuclei": _nuclei(points),
        "cortex": np.where(stem > np.maximum(cerebrum, cerebellum), 0.0, np.where(tent > 0, 2.0, 3.1)),
    }


def _sulci(
    points: np.ndarray, lattice: _Lattice, in_cerebellum: Mask, in_stem: Mask, rng: np.random.Generator
) -> np.ndarray:
    """Return the signed distance, in mm, from the nearest sulcus: wide folds, and thin folia in the cerebellum."""
    node_mm = points[1, 0, 1, 0] - points[1, 0, 0, 0]
    node_mm = float(max(abs(node_mm), 1.0))
    folds = smooth_noise(lattice.lengths, [8.5 / node_mm] * 3, rng)
    folds += 0.30 * smooth_noise(lattice.lengths, [5.0 / node_mm] * 3, rng)
    slope = np.sqrt(sum(g**2 for g in np.gradient(folds, node_mm)))
    sulcus = folds / (slope + 0.35 * slope.mean())
    x, y, z = points
    phase = (
        0.75 * z + 0.6 * (y + 50) + 0.12 * np.abs(x) + 1.2 * smooth_noise(lattice.lengths, [10.0 / node_mm] * 3, rng)
    )
    folia = np.sin(phase * np.float32(2 * np.pi / 9)) * np.float32(9 / 2 / np.pi) * 1.2
    return np.where(in_stem, 12.0, np.where(in_cerebellum, folia, sulcus))


def _ventricles(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the depth inside the ventricles; the left ones are the wider ones, and age widens all."""
    wide = np.float32(rng.uniform(-1.2, 2.6))
    x, y, z = points
    bent = np.stack([np.abs(x) - 0.0042 * (y - 18) ** 2 * (y < 18), y, z + 0.006 * (y - 2) ** 2])
    body = _inside_mm(bent, (9.5, 0, 15), (6.5, 34, 8.5))
    atrium = _inside_mm(points, (24, -36, 6), (6, 15, 8), paired=True)
    horn = _inside_mm(points, (31, -16, -16), (3.6, 18, 3.6), paired=True)
    lateral = np.maximum(np.maximum(body, atrium), horn) + wide - np.float32(0.6) * np.tanh(x / 4)
    third = _inside_mm(points, (0, -6, -2), (2.6, 13, 10)) + wide / 2
    fourth = _inside_mm(points, (0, -38, -34), (7, 5.5, 10)) + wide / 3
    cistern = _inside_mm(points, (0, 4, -26), (13, 9, 5))
    return np.maximum(np.maximum(lateral, third), np.maximum(fourth, cistern))


def _nuclei(points: np.ndarray) -> np.ndarray:
    thalamus = _inside_mm(points, (11, -13, 4), (8.5, 14, 8.5), paired=True)
    lentiform = _inside_mm(points, (25, 3, 2), (6.5, 17, 10.5), paired=True)
    caudate = _inside_mm(points, (13.5, 18, 9), (5, 10, 9), paired=True)
    insula = np.minimum(_inside_mm(points, (36, 3, 2), (4, 20, 14), paired=True), 1.5)
    dentate = np.minimum(_inside_mm(points, (15, -52, -38), (7, 7, 5), paired=True), 0.8)
    return np.maximum.reduce([thalamus, lentiform, caudate, insula, dentate])


def _tissues(full: dict[str, Volume], voxel_mm: float, rng: np.random.Generator) -> tuple[Mask, Volume, Volume]:
    """Return brain mask, grey-matter share and fluid share of each voxel."""
    soft_mm = max(1.0, voxel_mm)
    sulcal_depth_mm = rng.uniform(15, 20)
    gap_mm = rng.uniform(0.5, 1.3)  # half the width of a sulcus: an older brain shows wider ones
    pial = np.abs(full.pop("sulcus"))
    pial += np.maximum(0, full["outer"] - np.float32(sulcal_depth_mm)) * np.float32(0.7)
    np.minimum(pial, full["outer"], out=pial)
    np.minimum(pial, np.abs(full["midline"]) + full.pop("midline_fade"), out=pial)
    np.minimum(pial, np.abs(full["tent"]) + full.pop("tent_fade"), out=pial)
    np.minimum(pial, np.abs(full.pop("sylvian")) + full.pop("sylvian_fade"), out=pial)
    pial -= np.float32(gap_mm)
    csf = np.maximum(ramp(-pial, soft_mm), ramp(full["ventricle"], soft_mm))
    pial -= full.pop("cortex")
    gm = ramp(-pial, soft_mm)
    gm = np.maximum(gm, 0.8 * ramp(full.pop("nuclei"), 2 * soft_mm))
    gm *= 1 - csf
    return full["outer"] > -0.8, gm, csf
