"""The blood supply of a head after an artery was closed: core, penumbra, what is old, what is only slow.

Core is tissue that has died or will: DWI shows it, and the mask. Around it lies the penumbra: late and poorly fed, but
its vessels are wide, and it lives. What else looks like a core on a map: old infarcts (no flow, but no flow has been
missed for years), white matter (always poorly fed), fluid, and a hemisphere behind a narrow carotid, which is late
but has enough.
"""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.phantoms.anatomy import Head
from stroke_tf.phantoms.fields import ramp, smooth_noise
from stroke_tf.phantoms.lesions import (
    LOBE_CENTRES_MM,
    Patch,
    Pathology,
    draw_elsewhere,
    draw_skull_base_artefacts,
    draw_white_matter_lesions,
    paint,
    site_of,
)
from stroke_tf.phantoms.plan import Kind, Lobe

_GREY, _WHITE, _FLUID = 60.0, 25.0, 2.0
"""Healthy flow, ml per 100 ml and minute."""
_TRANSIT_S = (4.3, 5.2, 5.0)
"""Healthy mean transit time of grey matter, white matter and fluid."""
_LOBES = {Lobe.FRONTAL: 0.3, Lobe.TEMPORAL: 0.35, Lobe.PARIETAL: 0.3, Lobe.OCCIPITAL: 0.05}
"""Where the closed artery leads, mostly a branch of the middle cerebral one."""
_STEM_MM = np.array([30.0, 4.0, 2.0])
"""Lentiform nucleus and insula, fed by end arteries: here a core begins."""


@dataclass(frozen=True, eq=False)
class Perfusion:
    """What is true of the tissue, in the head's box; each of shape (x, y, z), float32, 0 outside the brain.

    Attributes:
        flow: ml per 100 ml and minute. transit_s, delay_s: s. water_hu: what the tissue has lost on plain CT.
    """

    flow: Volume
    transit_s: Volume
    delay_s: Volume
    water_hu: Volume


@dataclass(frozen=True, eq=False)
class Ischaemia:
    """One head after an artery was closed.

    Attributes:
        pathology: the core as its infarct, and the distractors; DWI is drawn from it.
        core, penumbra, old: bool, the head's box. perfusion: see there.
        description: plain numbers for a table.
    """

    pathology: Pathology
    core: Mask
    penumbra: Mask
    old: Mask
    perfusion: Perfusion
    description: dict[str, float | bool]


def draw_ischaemia(head: Head, *, rng: np.random.Generator, min_core_ml: float = 0.0) -> Ischaemia:
    """Close an artery: draw the hypoperfused territory, the core in it, and everything that looks like a core.

    Args:
        min_core_ml: least volume of the core in an adult's head.
    """
    side = int(rng.choice((-1, 1)))
    late = _hypoperfused(head, side, min_core_ml, rng)
    core, severity = _core(head, late, side, min_core_ml, rng)
    taken = np.zeros(head.brain.shape, dtype=bool)
    taken[late.window] |= late.core
    count = int(rng.choice(3, p=(0.35, 0.45, 0.2)))
    old = draw_elsewhere(head, taken, rng, count=count, most_ml=20, side=-side)
    white = draw_white_matter_lesions(head, taken, rng)
    distractors = {
        "acute_dwi_only": (),
        "old_infarct": old,
        "white_matter": white,
        "dwi_artefact": draw_skull_base_artefacts(head, rng),
    }
    carotid = int(rng.choice((-1, 0, 1), p=(0.15, 0.7, 0.15)))
    tissue, numbers = _tissue(head, late, core, severity, old, white[0], carotid, rng)
    mask, penumbra, gone = (np.zeros(head.brain.shape, dtype=bool) for _ in range(3))
    mask[core.window] = core.core
    penumbra[late.window] = late.core
    penumbra &= ~mask
    for patch in old:
        gone[patch.window] |= patch.core
    voxel_ml = float(np.prod(head.step_mm)) / 1000
    description = {
        "core_ml": round(float(mask.sum()) * voxel_ml, 3),
        "penumbra_ml": round(float(penumbra.sum()) * voxel_ml, 3),
        "old_infarct_ml": round(float(gone.sum()) * voxel_ml, 3),
        "narrow_carotid": bool(carotid),
        **{name: round(value, 3) for name, value in numbers.items()},
    }
    return Ischaemia(Pathology((core,), mask, distractors), mask, penumbra, gone, tissue, description)


def _hypoperfused(head: Head, side: int, min_core_ml: float, rng: np.random.Generator) -> Patch:
    """Draw the territory of the closed artery: a wedge from the cortex inward, 25 to 180 ml."""
    volume_ml = max(float(np.exp(rng.uniform(np.log(25), np.log(180)))), 2.5 * min_core_ml)
    lobe = list(_LOBES)[int(rng.choice(len(_LOBES), p=list(_LOBES.values())))]
    target = np.array(LOBE_CENTRES_MM[lobe]) * (side, 1, 1)
    nothing = np.zeros(head.brain.shape, dtype=bool)
    site = site_of(head, target, Kind.CORTICAL, side, volume_ml, nothing, rng, False)
    voxels = max(8, round(volume_ml * 1000 / float(np.prod(head.step_mm))))
    return paint(head, site, Kind.CORTICAL, side, voxels, nothing, rng)


def _core(head: Head, late: Patch, side: int, min_core_ml: float, rng: np.random.Generator) -> tuple[Patch, Volume]:
    """Grow the core where the territory is worst fed: away from its rim, near the end arteries, ragged by collaterals.

    Returns: the core as a patch in the territory's window, and the severity that it was cut from, in units of its
        spread, 0 at the border of the core.
    """
    from scipy.ndimage import distance_transform_edt, label

    depth = distance_transform_edt(np.pad(late.core, 1), sampling=head.step_mm)[1:-1, 1:-1, 1:-1].astype(np.float32)
    rows = [(np.arange(n) + c) * s for n, c, s in zip(late.core.shape, late.corner, head.step_mm, strict=True)]
    stem = head.lattice_voxel[int(((head.lattice_mm - _STEM_MM * (side, 1, 1)) ** 2).sum(axis=1).argmin())]
    rows = [row - c * s for row, c, s in zip(rows, stem, head.step_mm, strict=True)]
    away = np.meshgrid(*rows, indexing="ij", sparse=True)
    near = np.exp(-sum(axis**2 for axis in away) / (2 * 24.0**2)).astype(np.float32)
    shape = late.core.shape
    patchy = smooth_noise(shape, [9.0 / s for s in head.step_mm], rng)
    patchy += 0.5 * smooth_noise(shape, [4.0 / s for s in head.step_mm], rng)
    severity = 0.9 * depth / max(float(depth.max()), 1e-3) + rng.uniform(0, 0.8) * near + 0.22 * patchy
    inside = late.core & (head.csf[late.window] < 0.7)
    inside = inside if inside.any() else late.core
    share = float(rng.beta(1.6, 3.2)) * 0.75 + 0.03
    least = round(min_core_ml * 1000 / float(np.prod(head.step_mm)))
    wanted = int(np.clip(round(share * inside.sum()), max(1, least), inside.sum()))
    values = severity[inside]
    level = np.partition(values, values.size - wanted)[values.size - wanted]
    spread = max(float(values.std()), 1e-3)
    severity = (severity - level) / np.float32(spread)
    core = inside & (severity >= 0)
    # Specks of a few voxels are of no artery; each lonely one would be a lesion of its own.
    pieces, _ = label(core)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    without = core & (sizes[pieces] >= min(sizes.max(), max(2, 0.02 * wanted)))
    core = without if without.sum() >= least else core
    weight = ramp(severity + np.float32(0.1), 0.3) * late.core
    weight = np.where(core, np.maximum(weight, 0.6), np.minimum(weight, 0.3)).astype(np.float32)
    return Patch(late.corner, weight, core, float(rng.uniform(0.85, 1.15))), severity


def _tissue(
    head: Head,
    late: Patch,
    core: Patch,
    severity: Volume,
    old: tuple[Patch, ...],
    white: Patch,
    carotid: int,
    rng: np.random.Generator,
) -> tuple[Perfusion, dict[str, float]]:
    """Return flow, transit, delay and lost HU of every voxel, and the numbers that this case was drawn with."""
    wm = 1 - head.gm - head.csf
    shape = head.brain.shape

    def uneven(width_mm: float) -> Volume:
        return smooth_noise(shape, [width_mm / s for s in head.step_mm], rng)

    def mixed(grey: float, white: float, fluid: float) -> Volume:
        return np.float32(grey) * head.gm + np.float32(white) * wm + np.float32(fluid) * head.csf

    flow = mixed(_GREY, _WHITE, _FLUID)
    flow *= np.float32(rng.uniform(0.85, 1.15)) * np.exp(0.09 * uneven(12.0))
    transit = mixed(*_TRANSIT_S) * np.exp(0.06 * uneven(14.0))
    volume = flow * transit / 60
    delay = np.maximum(0.5 + 0.5 * uneven(25.0) + 0.6 * wm, 0).astype(np.float32)
    water = np.zeros(shape, np.float32)
    if carotid:
        behind = ramp(head.midline_mm * np.float32(carotid), 12.0) * (head.tent_mm < 0)
        delay += np.float32(rng.uniform(1.5, 4.0)) * behind
        flow *= 1 - np.float32(0.1) * behind
    delay += np.float32(0.6) * white.weight
    flow *= 1 - np.float32(0.35) * white.weight
    volume *= 1 - np.float32(0.3) * white.weight
    water += np.float32(rng.uniform(3, 7)) * white.weight
    for patch in old:
        window = patch.window
        flow[window] *= 1 - np.float32(0.85) * patch.weight
        volume[window] *= 1 - np.float32(0.8) * patch.weight
        delay[window] += np.float32(0.8) * patch.weight
        water[window] += np.float32(rng.uniform(14, 22)) * patch.weight * (1 - head.csf[window])
    numbers = _closed(head, late, core, severity, flow, volume, delay, water, rng)
    # No tissue holds its blood longer than the table; what does has hardly any flow.
    transit = np.clip(60 * volume / np.maximum(flow, 0.3), 1.5, 30)
    return Perfusion(*(array * head.brain for array in (flow, transit, np.maximum(delay, 0), water))), numbers


def _closed(
    head: Head,
    late: Patch,
    core: Patch,
    severity: Volume,
    flow: Volume,
    volume: Volume,
    delay: Volume,
    water: Volume,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Lower the flow behind the closed artery, in place.

    How little flow kills depends on how long it has been so little: the share of flow in the core, and that in the
    worst penumbra, are drawn anew for each case and overlap between cases. What tells is the water that dead tissue
    takes up, which plain CT and the series show as a loss of a few HU, and no map does.
    """
    core_share = float(rng.uniform(0.14, 0.32))
    penumbra_share = core_share + float(rng.uniform(0.02, 0.10))
    core_volume, wide = float(rng.uniform(0.55, 0.95)), float(rng.uniform(1.0, 1.2))
    penumbra_delay = float(rng.uniform(3.0, 6.0))
    core_delay = penumbra_delay * float(rng.uniform(0.85, 1.35))
    lost_hu = float(rng.uniform(6.0, 10.0))
    window = late.window
    wavy = smooth_noise(late.core.shape, [8.0 / s for s in head.step_mm], rng)
    # From the worst penumbra at the core's border to the mild one at the rim.
    mild = np.clip(-severity / 3, 0, 1)
    share = np.where(core.core, core_share * np.exp(0.22 * wavy), (penumbra_share + 0.28 * mild) * np.exp(0.12 * wavy))
    flow[window] *= 1 - late.weight * (1 - np.minimum(share, 1)).astype(np.float32)
    kept = np.where(core.core, core_volume * np.exp(0.15 * wavy), wide)
    volume[window] *= 1 + late.weight * (kept - 1).astype(np.float32)
    extra = np.where(core.core, core_delay, penumbra_delay) * np.exp(0.15 * wavy)
    delay[window] += late.weight * (extra * (1 - 0.4 * mild)).astype(np.float32)
    mottled = np.clip(1 + 0.2 * wavy, 0.5, 1.5)
    water[window] += np.float32(lost_hu) * core.weight * mottled * (1 - head.csf[window])
    return {"core_flow_share": core_share, "penumbra_flow_share": penumbra_share, "core_lost_hu": lost_hu}
