"""Look at one case and say what it is, and what is wrong with it: the workflow behind `stroke-tf doctor`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from stroke_tf.arrays import Mask
from stroke_tf.choices import FitRule, TieRule
from stroke_tf.errors import ManifestError, SettingError, StrokeTfError
from stroke_tf.files import require_absent, write_json
from stroke_tf.manifest.case import SERIES, Case, Layout
from stroke_tf.manifest.split import FOLDS
from stroke_tf.volumes.channels import load_case
from stroke_tf.volumes.grid import Grid, require_same_grid, same_grid
from stroke_tf.volumes.head_ct import brain_of_ct
from stroke_tf.volumes.intensity import background_of, brain_mask, require_varied
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS, Scan, read_mask, read_scan
from stroke_tf.volumes.series import read_series
from stroke_tf.workflows.ceiling import VOTE, ceiling
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.round_trip import prove_round_trip

_PERCENTILES = (1, 25, 50, 75, 99)
_STRIPPED_SHARE = 0.3
"""A skull-stripped image has one and the same value in more than this share of its voxels: the air is exact."""
_BRAIN_ML = (400.0, 2200.0)
"""What a brain can measure; a head with its skull and skin measures more."""
_MASK_NAME = re.compile(r"(^|[^a-z0-9])(lesion|mask|msk|ot|seg|label)([^a-z0-9]|$)", re.IGNORECASE)


@dataclass
class Examination:
    """All that was found out about one case."""

    case_id: str
    layout: str
    reference: str
    sequences: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By sequence: path, grid, intensities."""
    series: dict[str, Any] = field(default_factory=dict)
    """Of a case of CT perfusion: frames and time step of the bolus."""
    grids: dict[str, str] = field(default_factory=dict)
    """By file that is not the reference: how its grid relates to the reference's."""
    brain: dict[str, Any] = field(default_factory=dict)
    lesion: dict[str, Any] = field(default_factory=dict)
    round_trip: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is unusual but no fault."""
    faults: list[str] = field(default_factory=list)
    """What must be mended, each with its file."""


def cases_asked_for(
    words: Sequence[str], *, data: Path | None, data_root: Path | None, lesion: Path | None
) -> tuple[Case, ...]:
    """Turn the user's words into cases: ids of a manifest or folder, one folder, or files.

    Raises: ManifestError, InputFileError where there is nothing to find; SettingError for words that do not fit.
    """
    if data is not None:
        return chosen_cases(open_cases(data, data_root=data_root).cases, words)
    paths = [Path(word) for word in words]
    if len(paths) == 1 and not _is_image_name(paths[0]):
        return open_cases(paths[0], data_root=data_root).cases
    if not all(_is_image_name(path) for path in paths):
        raise SettingError(
            f"Give one case's folder, its .nii files, or case ids with --data. Received: {', '.join(words)}"
        )
    return (_case_of_files(paths, lesion),)


def fills_four_folds(data: Path, data_root: Path | None) -> bool:
    """Tell whether a manifest or folder holds enough cases with truth for training: one for each fold."""
    return sum(case.lesion is not None for case in open_cases(data, data_root=data_root).cases) >= FOLDS


def examine(case: Case, *, max_voxels: int = DEFAULT_MAX_VOXELS, allow_empty: bool = False) -> Examination:
    """Read all files of a case, one after the other, and gather what each shows and what is wrong.

    A file that cannot be read is a fault by itself and does not keep the others from being looked at.
    """
    found = Examination(case.case_id, case.layout.value, case.reference)
    scans: dict[str, Scan] = {}
    for name, path in case.images.items():
        if name == SERIES:
            continue
        if scan := _noted(found, lambda path=path: read_scan(path, max_voxels=max_voxels)):
            scans[name] = scan
    for name in case.layout.expected:
        if name not in case.images:
            found.notes.append(f"case {case.case_id}: no {name} image; {case.layout.value} has one in each case")
    reference = scans.get(case.reference)
    if reference is None:
        if case.reference not in case.images:
            found.faults.append(f"case {case.case_id}: no {case.reference} image, on whose grid the case lies")
        _describe_images(found, scans, None)
        return found
    if SERIES in case.images:
        _noted(found, lambda: _series(found, case.images[SERIES], reference, max_voxels))
    brain = _noted(found, lambda: _brain_mask(case, scans, reference))
    _describe_images(found, scans, brain)
    _compare_grids(found, case, scans, reference)
    if brain is None:
        return found
    found.brain = _brain(brain, reference, found)
    if case.lesion is not None:
        mask = _noted(found, lambda: read_mask(case.lesion, max_voxels=max_voxels, allow_empty=allow_empty))
        if mask is not None:
            # Of CT perfusion the DWI shows the lesion bright; on the plain CT it is dark, if it is seen at all.
            shown = "DWI" if _is_ct(case) else case.reference
            _lesion(found, mask, reference, brain)
            if found.lesion.get("parts") and shown in scans:
                _look_in_the_mirror(found, mask, shown, scans[shown], brain)
    if not found.faults:
        _noted(found, lambda: _load(case, max_voxels, allow_empty))
    _round_trip(found, reference.grid)
    return found


def write_report(path: Path, examinations: Sequence[Examination], *, force: bool) -> None:
    """Write what was found as JSON.

    Raises: OutputError if the file exists and force is False.
    """
    require_absent(path, force=force)
    write_json(path, {"cases": [vars(found) for found in examinations]})


def report_lines(found: Examination) -> list[str]:
    """Say what was found, in words."""
    lines = [f"case {found.case_id} (layout {found.layout}, reference {found.reference})"]
    for name, seen in found.sequences.items():
        low, *_, high = seen["percentiles"].values()
        lines.append(f"  {name:<6} {seen['path']}")
        lines.append(f"         {seen['grid']}, {seen['codes']}")
        lines.append(
            f"         values {seen['min']:g} to {seen['max']:g}; in the brain 1 % {low:g}, median "
            f"{seen['percentiles']['50']:g}, 99 % {high:g}; {seen['negative_share']:.2%} negative"
        )
    if found.series:
        lines.append(f"  {SERIES:<6} {found.series['words']}")
    lines += [f"  grid   {name}: {relation}" for name, relation in found.grids.items()]
    if found.brain:
        lines.append(f"  brain  {found.brain['words']}")
    if found.lesion:
        lines.append(f"  lesion {found.lesion['words']}")
    if found.round_trip:
        lines.append(f"  trip   {found.round_trip['words']}")
    lines += [f"  note   {note}" for note in found.notes]
    return lines


def _is_image_name(path: Path) -> bool:
    return path.name.endswith((".nii", ".nii.gz"))


def _case_of_files(paths: Sequence[Path], lesion: Path | None) -> Case:
    masks = [lesion] if lesion else [path for path in paths if _MASK_NAME.search(_stem(path))]
    if len(masks) > 1:
        raise SettingError(f"One lesion mask is examined at a time. Received: {', '.join(map(str, masks))}")
    images: dict[str, Path] = {}
    for path in paths:
        if path in masks:
            continue
        if _stem(path) in images:
            raise ManifestError(f"{path} and {images[_stem(path)]} have one name. Rename one of them.")
        images[_stem(path)] = path
    if not images:
        raise ManifestError(f"{', '.join(map(str, paths))}: no image among the files. Name a scan beside the mask.")
    return Case(paths[0].resolve().parent.name, Layout.PLAIN, images, masks[0] if masks else None, next(iter(images)))


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _noted(found: Examination, step: Callable[[], Any]) -> Any:
    """Take a step; if it finds a fault of the user's files, write it down and return None."""
    try:
        return step()
    except StrokeTfError as fault:
        if str(fault) not in found.faults:
            found.faults.append(str(fault))
        return None


def _is_ct(case: Case) -> bool:
    return case.layout is Layout.ISLES2018


def _brain_mask(case: Case, scans: Mapping[str, Scan], reference: Scan) -> Mask:
    if _is_ct(case):
        return brain_of_ct(reference.data, reference.grid.spacing_mm, name=str(reference.path))
    return brain_mask([scan.data for scan in scans.values() if same_grid(scan.grid, reference.grid)])


def _series(found: Examination, path: Path, reference: Scan, max_voxels: int) -> None:
    series = read_series(path, max_voxels=max_voxels)
    require_same_grid({str(reference.path): reference.grid, str(path): series.grid})
    frames = series.data.shape[3]
    found.series = {
        "path": str(path),
        "grid": str(series.grid),
        "frames": frames,
        "seconds": series.seconds,
        "words": f"{path}: {frames} frames, {series.seconds:g} s apart, on the grid of {found.reference}",
    }


def _describe_images(found: Examination, scans: Mapping[str, Scan], brain: Mask | None) -> None:
    for name, scan in scans.items():
        _noted(found, lambda scan=scan: require_varied(scan.data, str(scan.path)))
        inside = brain if brain is not None and brain.shape == scan.data.shape else None
        if inside is None:
            inside = brain_mask([scan.data])
        values = scan.data[inside]
        percentiles = np.percentile(values, _PERCENTILES)
        background, wavering = background_of(scan.data)
        found.sequences[name] = {
            "path": str(scan.path),
            "grid": str(scan.grid),
            "shape": list(scan.grid.shape),
            "spacing_mm": list(scan.grid.spacing_mm),
            "orientation": scan.grid.orientation,
            "tilt_degrees": _tilt_degrees(scan.grid),
            "codes": _codes(scan),
            "min": float(scan.data.min()),
            "max": float(scan.data.max()),
            "percentiles": {str(at): float(value) for at, value in zip(_PERCENTILES, percentiles, strict=True)},
            "negative_share": float(np.count_nonzero(scan.data < 0)) / scan.data.size,
            "background": background,
            "background_wavering": wavering,
            "background_share": float(np.count_nonzero(scan.data == background)) / scan.data.size,
        }


def _codes(scan: Scan) -> str:
    qform, sform = int(scan.header["qform_code"]), int(scan.header["sform_code"])
    if qform == 0 and sform == 0:
        return "no qform or sform: left and right are NIfTI's guess"
    return f"qform code {qform}, sform code {sform}"


def _tilt_degrees(grid: Grid) -> float:
    """Return the largest angle between an axis of the grid and the axis of the patient that it follows."""
    cosines = np.diag(grid.affine[:3, :3]) / np.array(grid.spacing_mm)
    return float(np.degrees(np.arccos(np.clip(cosines, -1, 1))).max())


def _compare_grids(found: Examination, case: Case, scans: Mapping[str, Scan], reference: Scan) -> None:
    for name, scan in scans.items():
        if scan is reference:
            continue
        if same_grid(scan.grid, reference.grid):
            found.grids[name] = f"the grid of {case.reference}"
        elif case.resample:
            covered = _covered_share(reference.grid, scan.grid)
            found.grids[name] = (
                f"a grid of its own; resampled linearly onto {case.reference}, of whose voxels it covers {covered:.1%}"
            )
        else:
            found.grids[name] = f"NOT the grid of {case.reference}"
            _noted(
                found,
                lambda scan=scan: require_same_grid({str(reference.path): reference.grid, str(scan.path): scan.grid}),
            )
    for name, scan in {case.reference: reference, **scans}.items():
        if _codes(scan).startswith("no "):
            found.notes.append(f"{name}: neither qform nor sform is set; check left and right by eye")


def _covered_share(target: Grid, source: Grid) -> float:
    """Return which share of the target's voxels the source has seen, on a coarse raster."""
    steps = [np.arange(0, side, max(1, side // 40)) for side in target.shape]
    places = np.stack(
        [*(axis.ravel() for axis in np.meshgrid(*steps, indexing="ij")), np.ones(np.prod([len(s) for s in steps]))]
    )
    seen = (np.linalg.inv(source.affine) @ target.affine @ places)[:3].T
    return float(((seen > -0.5) & (seen < np.array(source.shape) - 0.5)).all(axis=1).mean())


def _brain(brain: Mask, reference: Scan, found: Examination) -> dict[str, Any]:
    volume_ml = float(np.count_nonzero(brain)) * reference.grid.voxel_volume_ml
    exact = found.sequences[found.reference]["background_share"]
    stripped = exact > _STRIPPED_SHARE and volume_ml < _BRAIN_ML[1]
    words = f"{volume_ml:,.0f} ml, {brain.mean():.1%} of the volume; "
    if found.layout == Layout.ISLES2018.value:
        # A slab of a head with its skull is what CT perfusion is; neither is unusual here.
        words += "found within the skull of the CT"
        return {"volume_ml": volume_ml, "share": float(brain.mean()), "skull_stripped": False, "words": words}
    words += "skull-stripped" if stripped else "NOT skull-stripped, or not cleanly"
    if not stripped:
        found.notes.append("the networks expect skull-stripped images; strip the skull first (SynthStrip, HD-BET)")
    if volume_ml < _BRAIN_ML[0]:
        found.notes.append(
            f"{volume_ml:,.0f} ml is less than a brain; check the spacing, or whether the scan is a part"
        )
    return {"volume_ml": volume_ml, "share": float(brain.mean()), "skull_stripped": stripped, "words": words}


def _lesion(found: Examination, mask: Scan, reference: Scan, brain: Mask) -> None:
    if _noted(found, lambda: _same_grid(reference, mask)) is None:
        return
    lesion, voxels = mask.data, int(np.count_nonzero(mask.data))
    volume_ml = voxels * mask.grid.voxel_volume_ml
    found.lesion = {"path": str(mask.path), "voxels": voxels, "volume_ml": volume_ml, "grid": str(mask.grid)}
    if voxels == 0:
        found.lesion["words"] = f"{mask.path}: empty, no voxel is lesion"
        return
    parts = int(ndimage.label(lesion, structure=np.ones((3, 3, 3)))[1])
    right = _share_right(lesion, brain, reference.grid)
    outside = float(np.count_nonzero(lesion & ~brain)) / voxels
    ceilings = {rule.value: ceiling(lesion, brain, rule=rule, tie=TieRule.BACKGROUND)[VOTE] for rule in FitRule}
    found.lesion |= {"parts": parts, "share_right": right, "share_outside_brain": outside, "ceiling": ceilings}
    found.lesion["words"] = (
        f"{mask.path}: {voxels:,} voxels, {volume_ml:.2f} ml, in {parts} {'part' if parts == 1 else 'parts'}; "
        f"{_side_words(right)}; at 128x128 the best Dice is {ceilings['plain']:.3f} plain, "
        f"{ceilings['brain']:.3f} cropped to the brain"
    )
    if outside > 0.05:
        found.notes.append(f"{mask.path}: {outside:.0%} of the lesion lies outside the brain; check the mask's grid")


def _same_grid(reference: Scan, mask: Scan) -> bool:
    require_same_grid({str(reference.path): reference.grid, str(mask.path): mask.grid})
    return True


def _middle(brain: Mask) -> float:
    """Return where the brain's middle lies on the axis from left to right, in voxels."""
    inside = np.flatnonzero(brain.any(axis=(1, 2)))
    return (inside[0] + inside[-1]) / 2


def _share_right(lesion: Mask, brain: Mask, grid: Grid) -> float:
    """Return which share of the lesion lies on the patient's right, for RAS+ counts the voxels towards it."""
    along = np.count_nonzero(lesion, axis=(1, 2))
    places = np.arange(grid.shape[0])
    return float(along[places > _middle(brain)].sum() + along[places == _middle(brain)].sum() / 2) / float(along.sum())


def _side_words(right: float) -> str:
    if 0.1 < right < 0.9:
        return f"on both sides ({1 - right:.0%} on the patient's left, {right:.0%} on the right)"
    side, share = ("right", right) if right > 0.5 else ("left", 1 - right)
    return f"{share:.0%} on the patient's {side}"


def _look_in_the_mirror(found: Examination, mask: Scan, name: str, shown: Scan, brain: Mask) -> None:
    """Note a mask whose mirror image would fit the image better: the commonest fault of all is left for right."""
    shift = round(2 * _middle(brain)) - (brain.shape[0] - 1)
    mirrored = np.roll(mask.data[::-1], shift, axis=0) & ~mask.data & brain
    own = mask.data & ~np.roll(mask.data[::-1], shift, axis=0) & brain
    if not mirrored.any() or not own.any():
        return
    values = shown.data[brain]
    spread = float(values.std(dtype=np.float64)) or 1.0
    here, there = (float((shown.data[where].mean() - values.mean()) / spread) for where in (own, mirrored))
    found.lesion |= {"contrast": here, "contrast_mirrored": there}
    if there > here + 0.5:
        found.notes.append(
            f"{mask.path}: {name} is brighter in the mirror image of the lesion ({there:+.1f} SD) than in "
            f"the lesion ({here:+.1f} SD); left and right may be swapped. Look at both."
        )


def _load(case: Case, max_voxels: int, allow_empty: bool) -> Any:
    """Load the case as training and prediction do, so that whatever they would refuse is a fault here."""
    names = list(case.images)
    sequences = [name for name in ("FLAIR", "DWI", "T2") if name in names]
    return load_case(
        case.case_id,
        case.images,
        sequences=sequences if len(sequences) == 3 else [case.reference],
        reference=case.reference,
        lesion=case.lesion,
        resample=case.resample,
        max_voxels=max_voxels,
        allow_empty_lesion=allow_empty,
    )


def _round_trip(found: Examination, grid: Grid) -> None:
    trip = prove_round_trip(grid)
    found.round_trip = {
        "orientations": trip.orientations,
        "planes": 3,
        "shift_voxels": trip.shift_voxels,
        "words": f"a numbered marker came back voxel by voxel in {trip.orientations} of 48 orientations x 3 planes "
        f"(written, read, cut, restacked, written); on the case's own grid it moved by {trip.shift_voxels:.4f} voxels",
    }
    found.faults += [f"round trip: {fault}" for fault in trip.faults]
