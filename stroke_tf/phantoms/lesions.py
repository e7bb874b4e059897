"""Infarcts and what looks like them: each becomes a soft map inside the head, each plays another part in a sequence.

An infarct is bright on FLAIR and on DWI together, and only infarcts are in the mask. Bright on DWI alone: an acute
patch, and the artefact where air below the skull base bends the field. Bright on FLAIR alone: an old infarct, and the
white-matter lesions around the ventricles.
"""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.phantoms.anatomy import Head
from stroke_tf.phantoms.fields import ramp, smooth_noise
from stroke_tf.phantoms.plan import Kind, LesionPlan, Lobe, PlannedLesion
from stroke_tf.seeds import child_seed

DISTRACTORS = ("acute_dwi_only", "old_infarct", "white_matter", "dwi_artefact")

LOBE_CENTRES_MM = {
    Lobe.FRONTAL: (34, 48, 18),
    Lobe.TEMPORAL: (50, -4, -20),
    Lobe.PARIETAL: (42, -30, 34),
    Lobe.OCCIPITAL: (22, -70, 4),
    Lobe.MIDBRAIN: (5, -24, -18),
    Lobe.CEREBELLUM: (26, -56, -42),
}
_DEEP_CENTRE_MM = np.array([22.0, -4.0, 10.0])
_SKULL_BASE_MM = ((0, 52, -20), (44, 6, -42), (-44, 6, -42), (0, -22, -60))
_COUNT_CHANCES = (0.06, 0.42, 0.34, 0.18)
"""Of 0 to 3 old infarcts, and of as many acute patches."""
_SLOPE = 0.72
"""Tangent of half the opening angle of a wedge."""


@dataclass(frozen=True)
class Patch:
    """A soft spot inside the head's box.

    Attributes:
        corner: first voxel of the window in the box. weight: float32 in [0, 1], the window.
        core: bool, the same window: what a rater would mark, as many voxels as the plan wants.
        strength: how clearly it shows, about 1.
    """

    corner: tuple[int, int, int]
    weight: Volume
    core: Mask
    strength: float

    @property
    def window(self) -> tuple[slice, ...]:
        """Return where the patch lies in the box."""
        return tuple(slice(c, c + n) for c, n in zip(self.corner, self.weight.shape, strict=True))


@dataclass(frozen=True)
class Pathology:
    """Everything that is not healthy in one head.

    Attributes:
        infarcts: the lesions, in the order of the plan. mask: bool, the head's box: their cores together.
        distractors: patches by name, see DISTRACTORS.
    """

    infarcts: tuple[Patch, ...]
    mask: Mask
    distractors: dict[str, tuple[Patch, ...]]


def draw_pathology(head: Head, plan: LesionPlan, *, seed: int) -> Pathology:
    """Place the planned infarcts in a head, and the distractors around them."""
    taken = np.zeros(head.brain.shape, dtype=bool)
    infarcts = []
    for number, lesion in enumerate(plan.lesions):
        rng = np.random.default_rng(child_seed(seed, "infarct", number))
        patch = _infarct(head, lesion, taken, rng)
        taken[patch.window] |= patch.core
        infarcts.append(patch)
    mask = taken.copy()
    rng = np.random.default_rng(child_seed(seed, "distractors"))
    side = plan.lesions[0].side
    old = draw_elsewhere(head, taken, rng, count=int(rng.choice(4, p=(0.06, 0.42, 0.34, 0.18))), most_ml=28, side=-side)
    acute = draw_elsewhere(
        head, taken, rng, count=int(rng.choice(4, p=(0.06, 0.42, 0.34, 0.18))), most_ml=16, side=side
    )
    distractors = {
        "acute_dwi_only": acute,
        "old_infarct": old,
        "white_matter": draw_white_matter_lesions(head, taken, rng),
        "dwi_artefact": draw_skull_base_artefacts(head, rng),
    }
    return Pathology(tuple(infarcts), mask, distractors)


def _infarct(head: Head, lesion: PlannedLesion, taken: Mask, rng: np.random.Generator) -> Patch:
    voxels = max(1, round(lesion.volume_ml * 1000 / float(np.prod(head.step_mm))))
    target = np.array(LOBE_CENTRES_MM[lesion.lobe]) * (lesion.side, 1, 1)
    below_tent = None if lesion.lobe is Lobe.MIDBRAIN else lesion.lobe is Lobe.CEREBELLUM
    site = site_of(head, target, lesion.kind, lesion.side, lesion.volume_ml, taken, rng, below_tent)
    return paint(head, site, lesion.kind, lesion.side, voxels, taken, rng)


def draw_elsewhere(
    head: Head, taken: Mask, rng: np.random.Generator, *, count: int, most_ml: float, side: int
) -> tuple[Patch, ...]:
    """Draw patches shaped like infarcts where no infarct lies."""
    patches = []
    for _ in range(count):
        volume_ml = float(np.exp(rng.uniform(np.log(0.8), np.log(most_ml))))
        side_here = side if rng.random() < 0.7 else -side
        kind = Kind.CORTICAL if rng.random() < 0.6 else Kind.SUBCORTICAL
        lobe = list(LOBE_CENTRES_MM)[int(rng.integers(4))]
        target = np.array(LOBE_CENTRES_MM[lobe]) * (side_here, 1, 1)
        site = site_of(head, target, kind, side_here, volume_ml, taken, rng, False)
        voxels = max(1, round(volume_ml * 1000 / float(np.prod(head.step_mm))))
        patch = paint(head, site, kind, side_here, voxels, taken, rng)
        taken[patch.window] |= patch.core
        patches.append(patch)
    return tuple(patches)


def site_of(
    head: Head,
    target_mm: np.ndarray,
    kind: Kind,
    side: int,
    volume_ml: float,
    taken: Mask,
    rng: np.random.Generator,
    below_tent: bool | None,
) -> int:
    """Return the number of the lattice point where an infarct begins: on the cortex, or in the depth."""
    radius_mm = (volume_ml * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    right_side = head.lattice_mm[:, 0] * side > 1.5
    if kind is Kind.CORTICAL:
        fits = (head.lattice_outer_mm > 0) & (head.lattice_outer_mm < 4)
    else:
        fits = (head.lattice_outer_mm > min(14, 6 + radius_mm)) & (head.lattice_ventricle_mm < -2 - radius_mm / 3)
    fits &= right_side
    if below_tent is not None:
        fits &= (head.lattice_tent_mm > 0) == below_tent
    nearest = np.minimum(np.rint(head.lattice_voxel).astype(int), np.array(taken.shape) - 1)
    free = fits & ~taken[tuple(nearest.T)]
    candidates = np.flatnonzero(free if free.any() else fits if fits.any() else right_side)
    spread_mm = 14.0 if kind is Kind.CORTICAL else 10.0
    off = ((head.lattice_mm[candidates] - target_mm) ** 2).sum(axis=1) / (2 * spread_mm**2)
    # The Gumbel trick: the arg-max of log weight plus this noise draws by weight, in one pass.
    return int(candidates[np.argmax(rng.gumbel(size=off.size) - off)])


def paint(head: Head, site: int, kind: Kind, side: int, voxels: int, taken: Mask, rng: np.random.Generator) -> Patch:
    """Grow an infarct from a lattice point until it holds the wanted number of voxels."""
    volume_mm3 = voxels * float(np.prod(head.step_mm))
    centre_mm = head.lattice_voxel[site] * head.step_mm
    if kind is Kind.CORTICAL:
        length_mm = (volume_mm3 * 3 / np.pi / _SLOPE**2) ** (1 / 3)
        reach_mm = 1.25 * length_mm
    else:
        length_mm = (volume_mm3 * 3 / 4 / np.pi) ** (1 / 3)
        reach_mm = 1.7 * length_mm
    corner, shape = _window(head, centre_mm, reach_mm + 4)
    rows = [(np.arange(n) + c) * s - m for n, c, s, m in zip(shape, corner, head.step_mm, centre_mm, strict=True)]
    x, y, z = np.meshgrid(*[row.astype(np.float32) for row in rows], indexing="ij", sparse=True)
    if kind is Kind.CORTICAL:
        inward = _DEEP_CENTRE_MM * (side, 1, 1) - head.lattice_mm[site] + rng.normal(0, 6, size=3)
        score = _wedge(x, y, z, inward / np.linalg.norm(inward), length_mm)
    else:
        stretch = rng.uniform(0.75, 1.3, size=3)
        score = np.float32(length_mm) - np.sqrt((x / stretch[0]) ** 2 + (y / stretch[1]) ** 2 + (z / stretch[2]) ** 2)
    wave_mm = max(2.0, 0.35 * length_mm)
    ragged = smooth_noise(shape, [wave_mm / s for s in head.step_mm], rng)
    ragged += 0.45 * smooth_noise(shape, [max(1.2, wave_mm / 2.5) / s for s in head.step_mm], rng)
    score += np.float32(0.09 * length_mm + 0.2) * ragged
    window = tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))
    # A sulcus inside a large infarct is part of it; at the rim, and for small ones, tissue goes first.
    score -= np.float32(min(3.0, 0.5 * length_mm)) * head.csf[window]
    return _grown(head, window, corner, score, side, voxels, taken, rng)


def _wedge(x: Volume, y: Volume, z: Volume, inward: np.ndarray, length_mm: float) -> Volume:
    """Return the depth in mm inside a cone whose base lies on the cortex at the origin, and whose tip points inward."""
    along = x * np.float32(inward[0]) + y * np.float32(inward[1]) + z * np.float32(inward[2])
    across = np.sqrt(np.maximum(x**2 + y**2 + z**2 - along**2, 0))
    cosine = np.float32(1 / np.hypot(1, _SLOPE))
    side_depth = (np.float32(_SLOPE) * (np.float32(length_mm) - along) - across) * cosine
    return np.minimum(side_depth, along + np.float32(0.35 * length_mm))


def _grown(
    head: Head,
    window: tuple[slice, ...],
    corner: tuple[int, int, int],
    score: Volume,
    side: int,
    voxels: int,
    taken: Mask,
    rng: np.random.Generator,
) -> Patch:
    allowed = head.brain[window] & (head.ventricle_mm[window] < -0.5) & (head.midline_mm[window] * side > -0.5)
    tent = head.tent_mm[window]
    centre = tuple(n // 2 for n in score.shape)
    allowed &= (tent > 0) == (tent[centre] > 0)
    # A sheet of fluid wider than a sulcus belongs to no infarct; the rim next to the hull is the rater's to skip.
    allowed &= head.outer_mm[window] > 0.8
    free = allowed & ~taken[window]
    if not free.any():
        free = allowed if allowed.any() else head.brain[window]
    if not free.any():
        free = np.ones_like(free)
    values = score[free]
    wanted = min(voxels, values.size)
    level = np.partition(values, values.size - wanted)[values.size - wanted]
    soft_mm = 1.2 + 0.1 * min(10.0, (voxels * float(np.prod(head.step_mm))) ** (1 / 3))
    weight = ramp(score - level + np.float32(0.15 * soft_mm), soft_mm) * allowed
    core = free & (score >= level)
    return Patch(corner, weight, core, float(rng.uniform(0.85, 1.15)))


def _window(head: Head, centre_mm: np.ndarray, reach_mm: float) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    size = np.array(head.brain.shape)
    first = np.clip(np.floor((centre_mm - reach_mm) / head.step_mm).astype(int), 0, size - 1)
    last = np.clip(np.ceil((centre_mm + reach_mm) / head.step_mm).astype(int) + 1, first + 1, size)
    return tuple(int(v) for v in first), tuple(int(v) for v in last - first)


def draw_white_matter_lesions(head: Head, taken: Mask, rng: np.random.Generator) -> tuple[Patch, ...]:
    """Return one patch over the whole box: caps around the ventricles and dots in the white matter, by load 0 to 3."""
    load = int(rng.choice(4, p=(0.22, 0.36, 0.28, 0.14)))
    reach_mm = np.float32((0.3, 1.0, 2.0, 3.2)[load] * rng.uniform(0.8, 1.2))
    shape = head.brain.shape
    patchy = smooth_noise(shape, [7.0 / s for s in head.step_mm], rng)
    caps = ramp(head.ventricle_mm + reach_mm + 1.2 * patchy, 2.0) * (head.ventricle_mm > -2.2 * reach_mm - 3)
    dots = smooth_noise(shape, [3.2 / s for s in head.step_mm], rng)
    dots = ramp(dots - np.float32(3.6 - 0.35 * load), 0.5)
    weight = np.maximum(caps, dots) * (1 - head.csf - head.gm) * (head.tent_mm < -6)
    weight *= ~taken
    return (Patch((0, 0, 0), weight, weight > 0.5, float(rng.uniform(0.6, 1.3))),)


def draw_skull_base_artefacts(head: Head, rng: np.random.Generator) -> tuple[Patch, ...]:
    """Return bright spots where air lies below the brain: above the nose, above the ears, at the cut below."""
    patches = []
    for place in _SKULL_BASE_MM:
        if rng.random() < 0.15:
            continue
        target = np.array(place) + rng.normal(0, 4, size=3)
        near = ((head.lattice_mm - target) ** 2).sum(axis=1) + 1e4 * (head.lattice_outer_mm < 0)
        centre_mm = head.lattice_voxel[int(np.argmin(near))] * head.step_mm
        size_mm = rng.uniform((9, 7, 4), (18, 14, 8))
        corner, shape = _window(head, centre_mm, 24.0)
        rows = [(np.arange(n) + c) * s - m for n, c, s, m in zip(shape, corner, head.step_mm, centre_mm, strict=True)]
        axes = zip(np.meshgrid(*rows, indexing="ij", sparse=True), size_mm, strict=True)
        spot = np.exp(-0.5 * sum((axis / size) ** 2 for axis, size in axes)).astype(np.float32)
        spot *= np.clip(1 + 0.5 * smooth_noise(shape, [6.0 / s for s in head.step_mm], rng), 0, 2)
        window = tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))
        spot *= head.brain[window]
        patches.append(Patch(corner, spot, spot > 0.5, float(rng.uniform(0.6, 1.4))))
    return tuple(patches)
