"""From the files of one case to what networks see, once, into the memory-mapped cache.

Training, validation, prediction and the whole of Table 1 all see a case through this one function, so that what a
network meets in use is what it met in training, to the last bit.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stroke_tf.batches.memory_maps import give_pages_back
from stroke_tf.choices import FitRule
from stroke_tf.errors import ManifestError
from stroke_tf.files import sha256_of_file
from stroke_tf.manifest.case import Case
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress
from stroke_tf.slices import SliceGeometry, cut, cut_labels, plan_fit
from stroke_tf.volumes.cache import ArrayCache, cache_key
from stroke_tf.volumes.channels import CaseVolumes, load_case
from stroke_tf.volumes.intensity import brain_box
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS

# Counted up when the same files and settings give other arrays than before, so that old caches are left alone.
_PREPARATION = 1
SLICE_SIZE = 128


@dataclass(frozen=True)
class Viewing:
    """How a case is looked at: what of a recipe decides the prepared arrays.

    Args:
        sequences: a channel each; one alone is repeated to three.
        fit: how slices become squares.
        planes: which planes are cut; the 3-D network needs none.
        patches: whether the brain's box is kept as a volume, from which the 3-D network takes its patches.
        repeat_one: whether one sequence alone is repeated; not where its neighbours are the other channels.
    """

    sequences: tuple[str, ...]
    fit: FitRule
    planes: tuple[Plane, ...] = tuple(Plane)
    max_voxels: int = DEFAULT_MAX_VOXELS
    patches: bool = True
    repeat_one: bool = True


@dataclass(frozen=True)
class Prepared:
    """One case as the networks see it; the arrays may be memory maps.

    Args:
        images: of each plane, shape (n, 128, 128, channel), float16 z-scores, 0 outside the brain.
        coverage: of each plane, shape (n, 128, 128), uint8, 255 where the lesion covers the whole pixel; empty
            where the case has no truth.
        channels: shape (x, y, z, channel), float16, the brain's box only; None where no patches are wanted.
        box: (start, stop) of that box along each axis of the volume.
        brain, truth: shape (x, y, z), bool, the whole volume; truth is None where there is none.
    """

    case: Case
    spacing_mm: tuple[float, float, float]
    geometries: Mapping[Plane, SliceGeometry]
    images: Mapping[Plane, np.ndarray]
    coverage: Mapping[Plane, np.ndarray]
    channels: np.ndarray | None
    box: tuple[tuple[int, int], ...]
    brain: np.ndarray
    truth: np.ndarray | None

    @property
    def lesion_in_box(self) -> np.ndarray:
        """Return the truth within the brain's box, shape of `channels` without its last axis."""
        if self.truth is None:
            raise ManifestError(f"case {self.case.case_id}: no lesion mask, and one is needed here.")
        return self.truth[tuple(slice(start, stop) for start, stop in self.box)]


def prepare(case: Case, viewing: Viewing, cache: ArrayCache | None, *, need_truth: bool = False) -> Prepared:
    """Read, check, normalise and cut one case, or find it in the cache.

    Args:
        cache: None keeps the arrays in memory, for a case that is seen once.
        need_truth: the lesion mask must be there; a mask without a voxel is an error of its own in training.
    Raises: what load_case raises; ManifestError if a mask is needed and missing.
    """
    if need_truth and case.lesion is None:
        raise ManifestError(f"case {case.case_id}: no lesion mask, which training and evaluation need. Leave it out.")
    make = partial(_arrays, case, viewing)
    arrays = make() if cache is None else cache.get_or_make(_key(case, viewing), make)
    return _from_arrays(case, viewing, arrays)


def prepare_volumes(case: Case, volumes: CaseVolumes, viewing: Viewing) -> Prepared:
    """Cut a case whose volumes are there already, as `prepare` does with those it reads."""
    return _from_arrays(case, viewing, _cut_up(volumes, viewing))


def prepare_all(
    cases: Iterable[Case], viewing: Viewing, cache: ArrayCache, *, title: str = "preparing cases"
) -> list[Prepared]:
    """Prepare cases with truth one after the other, and show the time left."""
    cases = list(cases)
    progress = Progress(title, len(cases))
    prepared = []
    for case in cases:
        prepared.append(prepare(case, viewing, cache, need_truth=True))
        progress.step(note=f"case {case.case_id}")
    progress.end(f"cache {cache.size_bytes() / 1e9:.1f} GB")
    return prepared


def with_digests(case: Case, *, trust_manifest: bool = True) -> Case:
    """Return the case with the SHA-256 of every file it names, computed where the manifest has none."""
    files = dict(case.images) | ({"lesion": case.lesion} if case.lesion else {})
    known = case.sha256 if trust_manifest else {}
    digests = {name: known.get(name) or sha256_of_file(path) for name, path in files.items()}
    return dataclasses.replace(case, sha256=digests)


def content_digest(cases: Sequence[Case], *, trust_manifest: bool = True) -> str:
    """Return one SHA-256 over the ids and file digests of cases, for fingerprints and run cards."""
    return cache_key(
        cases=[[case.case_id, dict(with_digests(case, trust_manifest=trust_manifest).sha256)] for case in cases]
    )


def _key(case: Case, viewing: Viewing) -> str:
    digests = with_digests(case).sha256
    used = {name: digests[name] for name in (*viewing.sequences, case.reference, "lesion") if name in digests}
    return cache_key(
        preparation=_PREPARATION,
        files=used,
        reference=case.reference,
        resample=case.resample,
        sequences=list(viewing.sequences),
        fit=viewing.fit.value,
        size=SLICE_SIZE,
        planes=[plane.value for plane in viewing.planes],
        patches=viewing.patches,
        # Named only where it is another than it always was, so that the caches of older versions stay good.
        **({} if viewing.repeat_one else {"repeat_one": False}),
    )


def _arrays(case: Case, viewing: Viewing) -> dict[str, np.ndarray]:
    volumes = load_case(
        case.case_id,
        case.images,
        sequences=viewing.sequences,
        reference=case.reference,
        lesion=case.lesion,
        resample=case.resample,
        max_voxels=viewing.max_voxels,
        # Only `index --allow-empty` writes a volume of 0: the user has said that the mask is meant to be empty.
        allow_empty_lesion=case.lesion_volume_ml == 0,
        repeat_one=viewing.repeat_one,
    )
    return _cut_up(volumes, viewing)


def _cut_up(volumes: CaseVolumes, viewing: Viewing) -> dict[str, np.ndarray]:
    box = brain_box(volumes.brain, volumes.brain.shape, margin=0)
    arrays = {
        "box": np.asarray(box, np.int32),
        "brain": volumes.brain.view(np.uint8),
        "spacing_mm": np.asarray(volumes.reference.grid.spacing_mm, np.float64),
    }
    if viewing.patches:
        arrays["channels"] = volumes.channels[tuple(slice(*ends) for ends in box)].astype(np.float16)
    if volumes.lesion is not None:
        arrays["truth"] = volumes.lesion.view(np.uint8)
    for plane in viewing.planes:
        geometry = plan_fit(volumes.brain.shape, plane, rule=viewing.fit, brain=volumes.brain, size=SLICE_SIZE)
        arrays[f"images_{plane.value}"] = cut(volumes.channels, geometry).astype(np.float16)
        if volumes.lesion is not None:
            coverage = cut_labels(volumes.lesion, geometry)
            arrays[f"coverage_{plane.value}"] = np.rint(coverage * 255.0).astype(np.uint8)
    return arrays


def _from_arrays(case: Case, viewing: Viewing, arrays: Mapping[str, np.ndarray]) -> Prepared:
    brain = np.asarray(arrays["brain"]).view(bool)
    truth = arrays.get("truth")
    geometries = {
        plane: plan_fit(brain.shape, plane, rule=viewing.fit, brain=brain, size=SLICE_SIZE) for plane in viewing.planes
    }
    give_pages_back(arrays["brain"])
    return Prepared(
        case=case,
        spacing_mm=tuple(float(value) for value in arrays["spacing_mm"]),
        geometries=geometries,
        images={plane: arrays[f"images_{plane.value}"] for plane in viewing.planes},
        coverage={plane: arrays[f"coverage_{plane.value}"] for plane in viewing.planes if truth is not None},
        channels=arrays.get("channels"),
        box=tuple((int(start), int(stop)) for start, stop in arrays["box"]),
        brain=brain,
        truth=None if truth is None else np.asarray(truth).view(bool),
    )


def cache_folder(out: Path) -> Path:
    """Return where a run keeps its prepared cases unless told otherwise."""
    return out / "cache"
