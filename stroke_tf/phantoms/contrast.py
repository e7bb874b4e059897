"""From tissues to pictures: each sequence's contrast, the scanner's bias field, blur, thick slices, noise and scale.

Intensities are relative to white matter, which is 1 in every sequence before the patient's own scale and gamma.
"""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Volume
from stroke_tf.errors import SettingError
from stroke_tf.phantoms.anatomy import Head
from stroke_tf.phantoms.fields import (
    along_axes,
    gaussian_matrix,
    linear_matrix,
    slab_matrix,
    smooth_noise,
)
from stroke_tf.phantoms.lesions import Patch, Pathology
from stroke_tf.seeds import child_seed


@dataclass(frozen=True)
class Look:
    """How one sequence shows each tissue, and how it is acquired.

    Attributes:
        gm, csf: intensity of grey matter and fluid. infarct, old, white_matter, acute, artefact: what each adds where
            it is complete. The pairs are the (low, high) of a patient.
        slab_mm: (low, high) thickness of the axial slices; (1, 1) is a 3-D acquisition. blur_mm: sigma in the slice.
        shine: how unevenly the cortex shines, as a share of its intensity.
    """

    gm: tuple[float, float]
    csf: tuple[float, float]
    infarct: tuple[float, float]
    old: tuple[float, float]
    white_matter: tuple[float, float] = (0.0, 0.0)
    acute: tuple[float, float] = (0.0, 0.0)
    artefact: tuple[float, float] = (0.0, 0.0)
    slab_mm: tuple[float, float] = (1.0, 1.0)
    blur_mm: tuple[float, float] = (0.5, 0.7)
    shine: float = 0.04
    gamma: tuple[float, float] = (0.85, 1.2)
    bias: float = 0.15
    noise: tuple[float, float] = (0.02, 0.05)


LOOKS = {
    "T1": Look(
        gm=(0.70, 0.80), csf=(0.25, 0.35), infarct=(-0.20, -0.10), old=(-0.50, -0.30), white_matter=(-0.15, -0.05)
    ),
    "T2": Look(
        gm=(1.25, 1.45),
        csf=(2.3, 2.9),
        infarct=(0.55, 0.95),
        old=(0.7, 1.2),
        white_matter=(0.25, 0.55),
        slab_mm=(3.0, 5.0),
        blur_mm=(0.5, 0.8),
    ),
    "FLAIR": Look(
        gm=(1.12, 1.25),
        csf=(0.25, 0.45),
        infarct=(0.60, 1.15),
        old=(0.8, 1.9),
        white_matter=(0.4, 1.1),
        slab_mm=(3.0, 5.0),
        blur_mm=(0.5, 0.8),
        shine=0.07,
    ),
    "DWI": Look(
        gm=(1.08, 1.30),
        csf=(0.30, 0.50),
        infarct=(0.70, 1.70),
        old=(-0.20, 0.15),  # some shine through from T2
        white_matter=(0.0, 0.12),
        acute=(0.9, 2.4),
        artefact=(1.2, 3.2),
        slab_mm=(4.5, 5.5),
        blur_mm=(0.6, 1.0),
        shine=0.22,
        noise=(0.025, 0.05),
    ),
    # A map, not a picture: white matter is 750 in 1e-6 mm2/s for every patient, without bias, gamma or shine.
    "ADC": Look(
        gm=(1.08, 1.18),
        csf=(3.3, 3.9),
        infarct=(-0.40, -0.15),
        old=(0.5, 1.2),
        white_matter=(0.1, 0.3),
        acute=(-0.55, -0.30),
        slab_mm=(4.5, 5.5),
        blur_mm=(0.6, 1.0),
        shine=0.0,
        gamma=(1.0, 1.0),
        bias=0.0,
    ),
}
SISS_SEQUENCES = ("T1", "T2", "DWI", "FLAIR")
_ADC_OF_WHITE_MATTER = 750.0
_FLUID_SHARE = {"infarct": 0.5, "old": 1.0, "white_matter": 1.0, "acute": 1.0, "artefact": 0.0}
"""How much of a voxel's fluid takes no part in a patch."""


def draw_sequence(name: str, head: Head, pathology: Pathology, *, seed: int) -> Volume:
    """Take the picture of one sequence.

    Args:
        name: a key of LOOKS.
    Returns: the head's box, float32, 0 outside the brain and at least 1 inside it.
    Raises: SettingError for an unknown sequence.
    """
    if name not in LOOKS:
        raise SettingError(f"Unknown sequence. Use one of {', '.join(LOOKS)}. Received: {name!r}")
    look = LOOKS[name]
    rng = np.random.default_rng(child_seed(seed, "contrast", name))
    # DWI and ADC come from one acquisition, so their slices must lie alike.
    slabs = np.random.default_rng(child_seed(seed, "slabs", "DWI" if name == "ADC" else name))
    picture = _tissue_picture(look, head, rng)
    _add_pathology(picture, look, head, pathology, rng)
    if look.bias:
        picture *= np.exp(_broad_noise(head, 55.0, rng) * np.float32(look.bias))
    picture = _acquired(picture, look, head, slabs, rng)
    gamma = rng.uniform(*look.gamma)
    scale = _ADC_OF_WHITE_MATTER if name == "ADC" else float(np.exp(rng.uniform(np.log(150), np.log(900))))
    if gamma != 1:
        picture **= np.float32(gamma)
    picture *= np.float32(scale)
    np.clip(picture, 1, 32000, out=picture)
    picture *= head.brain
    return picture


def _tissue_picture(look: Look, head: Head, rng: np.random.Generator) -> Volume:
    gm, csf = np.float32(rng.uniform(*look.gm)), np.float32(rng.uniform(*look.csf))
    if look.shine:
        uneven = _broad_noise(head, 14.0, rng)
        picture = np.float32(look.shine) * uneven
        picture += gm - 1
        picture *= head.gm
        uneven *= np.float32(0.02)
        picture += uneven
    else:
        picture = head.gm * (gm - 1)
    picture += head.csf * (csf - 1)
    picture += 1
    return picture


def _add_pathology(picture: Volume, look: Look, head: Head, pathology: Pathology, rng: np.random.Generator) -> None:
    """Add every patch to the picture, in place; fluid stays fluid, but an infarct swells and narrows its sulci."""
    groups = {
        "infarct": (pathology.infarcts, look.infarct),
        "old": (pathology.distractors["old_infarct"], look.old),
        "white_matter": (pathology.distractors["white_matter"], look.white_matter),
        "acute": (pathology.distractors["acute_dwi_only"], look.acute),
        "artefact": (pathology.distractors["dwi_artefact"], look.artefact),
    }
    for name, (patches, (low, high)) in groups.items():
        amount = rng.uniform(low, high)  # drawn even where it is 0, so that each group keeps its random numbers
        if low == high == 0:
            continue
        for patch in patches:
            tissue = 1 - _FLUID_SHARE[name] * head.csf[patch.window]
            picture[patch.window] += _mottled(patch, head, rng) * tissue * np.float32(amount * patch.strength)


def _mottled(patch: Patch, head: Head, rng: np.random.Generator) -> Volume:
    uneven = smooth_noise(patch.weight.shape, [6.0 / s for s in head.step_mm], rng)
    return patch.weight * np.clip(1 + np.float32(0.14) * uneven, 0.4, 1.6)


def _broad_noise(head: Head, width_mm: float, rng: np.random.Generator) -> Volume:
    return smooth_noise(head.brain.shape, [width_mm / s for s in head.step_mm], rng)


def _acquired(picture: Volume, look: Look, head: Head, slabs: np.random.Generator, rng: np.random.Generator) -> Volume:
    """Return what a scanner makes of it: blurred in the slice, averaged over slabs, noisy, stretched to the grid."""
    step = head.step_mm
    blur_mm, slab_mm = slabs.uniform(*look.blur_mm), slabs.uniform(*look.slab_mm)
    depth = picture.shape[2]
    thick = slab_mm / step[2]
    down = up = None
    if thick > 1.2:
        centres = np.arange(slabs.uniform(-thick, 0), depth + thick, thick)
        down = slab_matrix(depth, centres, 0.9 * thick)
        up = linear_matrix(len(centres), (np.arange(depth) - centres[0]) / thick)
    blur = [gaussian_matrix(n, blur_mm / s) for n, s in zip(picture.shape[:2], step[:2], strict=True)]
    picture = along_axes(picture, [None, None, down])
    picture = along_axes(picture, [*blur, None])
    _add_rician_noise(picture, rng.uniform(*look.noise), rng)
    return along_axes(picture, [None, None, up])


def _add_rician_noise(picture: Volume, sigma: float, rng: np.random.Generator) -> None:
    """Replace the picture by the length of (picture + noise, noise), in place: a scanner shows magnitudes."""
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= np.float32(sigma)
    picture += noise
    picture *= picture
    rng.standard_normal(out=noise, dtype=np.float32)
    noise *= np.float32(sigma)
    noise *= noise
    picture += noise
    np.sqrt(picture, out=picture)
