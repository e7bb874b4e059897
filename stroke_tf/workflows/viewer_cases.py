"""The cases of a results folder as a page shows them: their scans, as fine as there is room for, and every mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.errors import InputFileError, StrokeTfError
from stroke_tf.manifest.case import SERIES, Case, natural_order
from stroke_tf.progress import Progress
from stroke_tf.reports.mosaic import mosaic_png
from stroke_tf.reports.page import Text
from stroke_tf.reports.viewer import MAX_MASKS, Overlay, Viewer, ViewerCase
from stroke_tf.volumes.grid import require_same_grid, resample, same_grid
from stroke_tf.volumes.nifti import Scan, read_mask, read_scan
from stroke_tf.volumes.viewable import Window, packed_nifti, window_on
from stroke_tf.workflows.cohort import open_cases
from stroke_tf.workflows.report_files import fold_folder

MOST_CASES = 28
"""More cases are not carried by a page: a choice of them is, from the worst to the best."""
_ROOM = 19_000_000
"""Characters for all cases of a page; the rest of its 25 MB is the viewer, tables, charts, and some to spare."""
_COARSER = 1.25
_DRAWN_DWI = "DWI, drawn"
_KEY = "Green found, orange false alarm, pink missed; blue outlines the truth. The patient's right is on the left."


@dataclass(frozen=True)
class Scans:
    """Where the scans of a results folder are looked for.

    Args:
        folder: of the results; phantoms lie in it.
        data: manifest or folder that the user named, or None.
    """

    folder: Path
    data: Path | None = None
    data_root: Path | None = None

    def cases(self) -> dict[str, Case]:
        """Return the cases by id; empty where there are none and none were named.

        Raises: ManifestError, InputFileError for data that were named and are not there.
        """
        if self.data is not None:
            return {case.case_id: case for case in open_cases(self.data, data_root=self.data_root).cases}
        phantoms = self.folder / "synthetic-phantoms"
        if not phantoms.is_dir():
            return {}
        try:
            return {case.case_id: case for case in open_cases(phantoms).cases}
        except StrokeTfError:
            return {}  # half a cohort, left by somebody who wanted the room


def viewer_blocks(
    folder: Path, results: Mapping[str, Any], scans: Scans, *, main: str, drawn: Sequence[str]
) -> list[Text | Viewer]:
    """Return the viewer with the test cases of a row, or a line that says why there is none.

    Args:
        main: id of the row whose cases are shown, and whose errors are shown first.
        drawn: ids of the rows in the pictures.
    Raises: InputFileError if the user named scans and none of them is of a test case.
    """
    rows = {row["id"]: row for row in results["rows"]}
    wanted = _chosen(rows[main]["cases"])
    known = scans.cases()
    if scans.data is not None and not any(str(case["case"]) in known for case in wanted):
        raise InputFileError(
            f"{scans.data}: none of the test cases is there ({', '.join(str(case['case']) for case in wanted[:6])} …). "
            "Name the folder or manifest that the run was made on."
        )
    made, missing = [], []
    progress = Progress("packing cases", len(wanted))
    for case in wanted:
        name = str(case["case"])
        try:
            if name not in known:
                raise InputFileError("its scans are not there")
            made.append(_viewer_case(folder, case, known[name], rows, main, drawn, _ROOM // len(wanted)))
        except StrokeTfError as fault:
            missing.append(f"{name} ({fault})")
        progress.step(note=f"case {name}")
    blocks: list[Text | Viewer] = []
    if made:
        left = len(rows[main]["cases"]) - len(wanted)
        choice = f" {left} further cases are in the table only." if left else ""
        note = f"Measures are taken on the case's own grid; the voxels shown here may be larger.{choice}"
        blocks.append(Viewer(made, main, bool(results["synthetic"]), note))
    if not known:
        blocks.append(
            Text(
                "No viewer and no pictures: the scans of the cases are not in the results folder. Name them with "
                "stroke-tf report --data, and the page will show them.",
                warning=True,
            )
        )
    elif missing:
        blocks.append(Text(f"Not shown: case {'; case '.join(missing)}.", warning=True))
    return blocks


def _chosen(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return every case, or as many as a page carries, spread evenly from the worst to the best."""
    if len(cases) > MOST_CASES:
        ranked = sorted(cases, key=lambda case: -1.0 if case.get("dice") is None else case["dice"])
        places = np.linspace(0, len(ranked) - 1, MOST_CASES).round().astype(int)
        cases = [ranked[place] for place in places]
    return sorted(cases, key=lambda case: natural_order(str(case["case"])))


def _viewer_case(
    folder: Path,
    case: Mapping[str, Any],
    known: Case,
    rows: Mapping[str, Mapping[str, Any]],
    main: str,
    drawn: Sequence[str],
    room: int,
) -> ViewerCase:
    """Read one case and pack it, in voxels as small as the room allows."""
    fold = fold_folder(folder, case)
    name = str(case["case"])
    reference = read_scan(known.images[known.reference])
    truth = _truth(fold, name, known)
    masks = {row: _mask(fold, row, name) for row in rows}
    masks = {row: mask for row, mask in masks.items() if mask is not None}
    volumes = {str(mask.path): mask.grid for mask in (*masks.values(), *([truth] if truth else []))}
    require_same_grid({str(reference.path): reference.grid, **volumes})
    images = _images(known, reference, fold, name)
    spread = fold / "fusion" / f"{name}_disagreement.nii.gz"
    disagreement = read_scan(spread) if spread.exists() else None
    keep = reference.data != reference.data.flat[0]
    for mask in (*masks.values(), *([truth] if truth else [])):
        keep = keep | mask.data
    dices = {row: _dice_of(rows[row], name) for row in masks}
    overlays = [Overlay("truth", "Truth", 0)] if truth else []
    for row in list(masks)[: MAX_MASKS - 1]:
        overlays.append(Overlay(row, rows[row]["title"], len(overlays) + (0 if truth else 1), dices[row]))
    least_mm = 0.0
    while True:
        window = window_on(reference.grid, keep, least_mm=least_mm)
        packed = {name: window.image(volume) for name, volume in images.items()}
        bits = _bits(window, truth, masks, overlays)
        seen = None if disagreement is None else window.map(disagreement.data)
        centre = _centre(bits, overlays, main)
        titles = {row: rows[row]["title"] for row in drawn if row in masks}
        made = ViewerCase(
            name=name,
            images={name: packed_nifti(grey, window.grid) for name, grey in packed.items()},
            masks=packed_nifti(bits, window.grid),
            overlays=overlays,
            disagreement=None if seen is None else packed_nifti(seen, window.grid),
            centre_mm=_in_mm(window, centre),
            picture=mosaic_png(
                next(iter(packed.values())),
                window.mask(truth.data) if truth else None,
                {title: window.mask(masks[row].data) for row, title in titles.items()},
                disagreement=seen,
                centre=centre,
                spacing_mm=window.grid.spacing_mm,
                name=next(iter(packed)),
            ),
            told=f"{rows[main]['title']}: {_score(dices.get(main))}. {_KEY} Shown in voxels of {_sides(window)}.",
            score=_score(dices.get(main)),
            voxels=_sides(window),
        )
        if made.size <= room:
            return made
        least_mm = max(least_mm, min(window.grid.spacing_mm)) * max(_COARSER, (made.size / room) ** (1 / 3))


def _images(known: Case, reference: Scan, fold: Path, name: str) -> dict[str, np.ndarray]:
    """Read the images of a case on the grid of its reference, that one first, but for the series of a bolus."""
    order = [known.reference, *(each for each in known.images if each not in (known.reference, SERIES))]
    images = {}
    for sequence in order:
        scan = reference if sequence == known.reference else read_scan(known.images[sequence])
        if not same_grid(scan.grid, reference.grid):
            scan = Scan(scan.path, reference.grid, scan.header, resample(scan.data, scan.grid, reference.grid, order=1))
        images[sequence] = scan.data
    generated = fold / "generated" / f"{name}_generated-dwi.nii.gz"
    if generated.exists():
        images[_DRAWN_DWI] = read_scan(generated).data
    # A plain CT shows little of a lesion; the DWI is what a reader wants to see first, where there is one.
    if "CT" in images and "DWI" in images:
        images = {"DWI": images["DWI"], **images}
    return images


def _truth(fold: Path, name: str, known: Case) -> Scan | None:
    """Read the truth, as it was when the run judged by it where it kept it."""
    kept = fold / "probabilities" / "truth" / f"{name}_mask.nii.gz"
    path = kept if kept.exists() else known.lesion
    return None if path is None else read_mask(path, allow_empty=True)


def _mask(fold: Path, row: str, name: str) -> Scan | None:
    path = fold / "masks" / row / f"{name}_mask.nii.gz"
    return read_mask(path, allow_empty=True) if path.exists() else None


def _dice_of(row: Mapping[str, Any], name: str) -> float | None:
    return next((case.get("dice") for case in row["cases"] if str(case["case"]) == name), None)


def _bits(window: Window, truth: Scan | None, masks: Mapping[str, Scan], overlays: Sequence[Overlay]) -> np.ndarray:
    bits = np.zeros(window.grid.shape, np.uint16)
    for overlay in overlays:
        mask: Mask = truth.data if overlay.id == "truth" and truth else masks[overlay.id].data
        bits[window.mask(mask)] |= np.uint16(1 << overlay.bit)
    return bits


def _centre(bits: np.ndarray, overlays: Sequence[Overlay], main: str) -> tuple[int, int, int]:
    """Return the voxel where the slices with most lesion cross; of the main row where there is no truth."""
    for wanted in ("truth", main):
        for overlay in overlays:
            where = bits & (1 << overlay.bit) != 0
            if overlay.id == wanted and where.any():
                x, y, z = (int(where.sum(axis=tuple({0, 1, 2} - {axis})).argmax()) for axis in range(3))
                return x, y, z
    x, y, z = (side // 2 for side in bits.shape)
    return x, y, z


def _in_mm(window: Window, centre: Sequence[int]) -> tuple[float, float, float]:
    x, y, z, _ = window.grid.affine @ [*centre, 1.0]
    return float(x), float(y), float(z)


def _score(dice: float | None) -> str:
    return "no Dice" if dice is None else f"Dice {100 * dice:.1f} %"


def _sides(window: Window) -> str:
    return " x ".join(f"{side:.3g}" for side in window.grid.spacing_mm) + " mm"
