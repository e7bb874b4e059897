"""From the files of one CT-perfusion case to what networks see, and, apart from it, to what they should find.

Inputs and targets are two steps with two cache entries: the first never opens DWI or lesion, so what is predicted
cannot depend on them, and a case that lacks both is predicted like any other.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from stroke_tf.arrays import Mask, SliceStack, Volume
from stroke_tf.choices import FitRule, PerfusionInput
from stroke_tf.errors import ManifestError
from stroke_tf.manifest.case import Case
from stroke_tf.perfusion.channels import bolus_frames, scaled_map
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress
from stroke_tf.recipes.perfusion import MAPS, PerfusionRecipe
from stroke_tf.slices import SliceGeometry, cut, cut_labels, plan_fit
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.head_ct import brain_of_ct
from stroke_tf.volumes.intensity import normalise
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, read_mask, read_scan
from stroke_tf.volumes.series import read_series
from stroke_tf.workflows.prepare import with_digests

SEEN = ("CT", "CTP", *MAPS)
"""The images that a case needs at test time."""
# Counted up when the same files and settings give other arrays than before, so that old caches are left alone.
_PREPARATION = 1


@dataclass(frozen=True)
class PerfusionViewing:
    """How a case is looked at: what of a recipe decides the prepared arrays; see PerfusionRecipe."""

    size: int
    frames: int
    frame_seconds: float
    fit: FitRule
    max_voxels: int = DEFAULT_MAX_VOXELS


@dataclass(frozen=True)
class PerfusionCase:
    """One case as networks see it at test time; the arrays may be memory maps.

    Args:
        images: (n, size, size, frames + 6) float16: frames, mean before the bolus, CT, CBF, CBV, MTT, Tmax; 0 outside
            the brain.
        brain_share: (n, size, size) uint8, 255 where the whole pixel is brain.
        brain: (x, y, z), bool.
    """

    case: Case
    spacing_mm: tuple[float, float, float]
    geometry: SliceGeometry
    images: SliceStack
    brain_share: SliceStack
    brain: Mask


@dataclass(frozen=True)
class PerfusionTruth:
    """What networks should find in a case, and what only training may see.

    Args:
        dwi: (n, size, size) float16, z-scores, 0 outside the brain.
        coverage: (n, size, size) uint8, 255 where the lesion covers the whole pixel.
        dwi_volume: (x, y, z) float32, the same z-scores on the case's own grid.
        truth: (x, y, z), bool.
    """

    dwi: SliceStack
    coverage: SliceStack
    dwi_volume: Volume
    truth: Mask


@dataclass(frozen=True)
class LearntCase:
    """A case with its truth: everything that training and judging need."""

    seen: PerfusionCase
    target: PerfusionTruth

    @property
    def case(self) -> Case:
        """Return the row of the manifest."""
        return self.seen.case

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the voxel size."""
        return self.seen.spacing_mm

    @property
    def brain(self) -> Mask:
        """Return the brain on the case's own grid."""
        return self.seen.brain

    @property
    def truth(self) -> Mask:
        """Return the lesion on the case's own grid."""
        return self.target.truth


def perfusion_viewing(recipe: PerfusionRecipe) -> PerfusionViewing:
    """Return how a recipe looks at a case; the networks of one preset look in the same way."""
    return PerfusionViewing(recipe.size, recipe.frames, recipe.frame_seconds, recipe.fit)


def inputs_of(seen: PerfusionCase, dwi: SliceStack | None, looks_at: PerfusionInput) -> SliceStack:
    """Return the slices that a network looks at, (n, size, size, channel).

    Args:
        dwi: needed by PerfusionInput.DWI alone.
    Raises: ManifestError if it is needed and missing.
    """
    if looks_at in (PerfusionInput.WHOLE, PerfusionInput.UNGUIDED):
        return seen.images
    if looks_at is PerfusionInput.MAPS:
        return seen.images[..., -len(MAPS) :]
    if dwi is None:
        raise ManifestError(f"case {seen.case.case_id}: no DWI, and this network looks at nothing else.")
    return dwi[..., None]


def see_case(case: Case, viewing: PerfusionViewing, cache: ArrayCache | None) -> PerfusionCase:
    """Read, check, scale and cut what a network sees of one case, or find it in the cache; no DWI, no lesion.

    Args:
        cache: None keeps the arrays in memory, for a case that is seen once.
    Raises: ManifestError for a missing image; GeometryError for images on different grids; InputFileError as the
        files deserve.
    """
    case = dataclasses.replace(
        case, images={name: path for name, path in case.images.items() if name in SEEN}, lesion=None
    )
    for name in SEEN:
        if name not in case.images:
            raise ManifestError(
                f"case {case.case_id}: no {name} image; it has {', '.join(case.images) or 'none'}. Add the file: the "
                f"networks look at {', '.join(SEEN)}."
            )
    make = partial(_seen_arrays, case, viewing)
    arrays = make() if cache is None else cache.get_or_make(_key("seen", case, viewing), make)
    brain = np.asarray(arrays["brain"]).view(bool)
    return PerfusionCase(
        case=case,
        spacing_mm=tuple(float(value) for value in arrays["spacing_mm"]),
        geometry=_geometry(brain, viewing),
        images=arrays["images"],
        brain_share=arrays["brain_share"],
        brain=brain,
    )


def learn_case(case: Case, viewing: PerfusionViewing, cache: ArrayCache | None) -> LearntCase:
    """Prepare a case with its truth, for training and for judging.

    Raises: as see_case; ManifestError if DWI or lesion mask are missing.
    """
    for name, path in (("DWI", case.images.get("DWI")), ("lesion mask", case.lesion)):
        if path is None:
            raise ManifestError(
                f"case {case.case_id}: no {name}, which training needs (prediction does not). Add the file beside "
                f"{case.images[case.reference]}, or leave the case out."
            )
    seen = see_case(case, viewing, cache)
    make = partial(_target_arrays, case, seen, viewing)
    arrays = make() if cache is None else cache.get_or_make(_key("target", case, viewing), make)
    truth = np.asarray(arrays["truth"]).view(bool)
    target = PerfusionTruth(arrays["dwi"], arrays["coverage"], arrays["dwi_volume"], truth)
    return LearntCase(dataclasses.replace(seen, case=case), target)


def learn_all(cases: Iterable[Case], viewing: PerfusionViewing, cache: ArrayCache) -> dict[str, LearntCase]:
    """Prepare cases with truth one after the other, and show the time left."""
    cases = list(cases)
    progress = Progress("preparing cases", len(cases))
    prepared = {}
    for case in cases:
        prepared[case.case_id] = learn_case(case, viewing, cache)
        progress.step(note=f"case {case.case_id}")
    progress.end(f"cache {cache.size_bytes() / 1e9:.1f} GB")
    return prepared


def _geometry(brain: Mask, viewing: PerfusionViewing) -> SliceGeometry:
    return plan_fit(brain.shape, Plane.Z, rule=viewing.fit, brain=brain, size=viewing.size)


def _key(what: str, case: Case, viewing: PerfusionViewing) -> str:
    return cache_key(
        preparation=_PREPARATION,
        what=what,
        files=dict(with_digests(case).sha256),
        reference=case.reference,
        size=viewing.size,
        frames=viewing.frames,
        frame_seconds=viewing.frame_seconds,
        fit=viewing.fit.value,
    )


def _seen_arrays(case: Case, viewing: PerfusionViewing) -> dict[str, np.ndarray]:
    scans = {name: read_scan(case.images[name], max_voxels=viewing.max_voxels) for name in ("CT", *MAPS)}
    series = read_series(case.images["CTP"])
    own = scans["CT"]
    grids = {str(scan.path): scan.grid for scan in scans.values()}
    require_same_grid({**grids, str(series.path): series.grid})
    brain = brain_of_ct(own.data, own.grid.spacing_mm, name=str(own.path))
    geometry = _geometry(brain, viewing)
    box = tuple(slice(*ends) for ends in geometry.box)
    channels = np.zeros((*brain.shape, viewing.frames + 2 + len(MAPS)), np.float32)
    channels[(*box, slice(0, viewing.frames))], before = bolus_frames(
        series.data[box],
        series.seconds,
        brain[box],
        frames=viewing.frames,
        frame_seconds=viewing.frame_seconds,
        name=str(series.path),
    )
    channels[(*box, viewing.frames)] = normalise(before, brain[box], name=str(series.path))
    channels[..., viewing.frames + 1] = normalise(own.data, brain, name=str(own.path))
    for place, name in enumerate(MAPS, start=viewing.frames + 2):
        channels[..., place] = scaled_map(name, scans[name].data, brain, name=str(scans[name].path))
    return {
        "images": cut(channels, geometry).astype(np.float16),
        "brain_share": _as_bytes(cut_labels(brain, geometry)),
        "brain": brain.view(np.uint8),
        "spacing_mm": np.asarray(own.grid.spacing_mm, np.float64),
    }


def _target_arrays(case: Case, seen: PerfusionCase, viewing: PerfusionViewing) -> dict[str, np.ndarray]:
    dwi = read_scan(case.images["DWI"], max_voxels=viewing.max_voxels)
    # Only `index --allow-empty` writes a volume of 0: the user has said that the mask is meant to be empty.
    lesion = read_mask(case.lesion, max_voxels=viewing.max_voxels, allow_empty=case.lesion_volume_ml == 0)
    own = read_scan(case.images[case.reference], max_voxels=viewing.max_voxels)
    require_same_grid({str(each.path): each.grid for each in (own, dwi, lesion)})
    normal = normalise(dwi.data, seen.brain, name=str(dwi.path))
    return {
        "dwi": cut(normal[..., None], seen.geometry)[..., 0].astype(np.float16),
        "dwi_volume": normal.astype(np.float32),
        "coverage": _as_bytes(cut_labels(lesion.data, seen.geometry)),
        "truth": lesion.data.view(np.uint8),
    }


def _as_bytes(share: SliceStack) -> SliceStack:
    return np.rint(share * 255.0).astype(np.uint8)
