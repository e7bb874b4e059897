"""The cases of a results folder on its page: where their scans lie, which of them are shown, and every mask of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.errors import InputFileError, StrokeTfError
from stroke_tf.manifest.case import Case, natural_order
from stroke_tf.metrics.confusion import count
from stroke_tf.progress import Progress
from stroke_tf.reports.page import Text
from stroke_tf.reports.viewer import Viewer, ViewerCase
from stroke_tf.volumes.nifti import Scan, read_mask, read_scan
from stroke_tf.workflows.cohort import open_cases
from stroke_tf.workflows.packed_case import CaseToPack, images_of, on_grid_of, packed_case
from stroke_tf.workflows.report_files import fold_folder

MOST_CASES = 28
"""More cases are not carried by a page: a choice of them is, from the worst to the best."""
ROOM = 19_000_000
"""Characters for all cases of a page; the rest of its 25 MB is the viewer, tables, charts, and some to spare."""
_DRAWN_DWI = "DWI, drawn"


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


MaskOf = Callable[[str, Mapping[str, Any]], Path | None]
"""(id of a row, a measured case) -> where the mask lies."""


@dataclass(frozen=True)
class _Shown:
    """What a page shows of every case; the words are those of viewer_blocks."""

    rows: Mapping[str, Mapping[str, Any]]
    main: str
    drawn: Sequence[str]
    synthetic: bool
    mask_of: MaskOf


def viewer_blocks(
    folder: Path,
    results: Mapping[str, Any],
    scans: Scans,
    *,
    main: str,
    drawn: Sequence[str],
    mask_of: MaskOf | None = None,
) -> list[Text | Viewer]:
    """Return the viewer with the test cases of a row, or a line that says why there is none.

    Args:
        main: id of the row whose cases are shown, and whose errors are shown first.
        drawn: ids of the rows in the pictures.
        mask_of: by default masks lie below the folder, where a reproduction writes them.
    Raises: InputFileError if the user named scans and none of them is of a test case.
    """
    rows = {row["id"]: row for row in results["rows"]}
    shown = _Shown(rows, main, drawn, bool(results["synthetic"]), mask_of or partial(_mask_in, folder))
    wanted = worst_to_best(rows[main]["cases"], by="dice")
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
            made.append(_viewer_case(folder, case, known[name], shown, ROOM // len(wanted)))
        except StrokeTfError as fault:
            missing.append(f"{name} ({fault})")
        progress.step(note=f"case {name}")
    blocks: list[Text | Viewer] = []
    if made:
        left = len(rows[main]["cases"]) - len(wanted)
        choice = f" {left} further cases are in the table only." if left else ""
        note = f"Measures are taken on the case's own grid; the voxels shown here may be larger.{choice}"
        blocks.append(Viewer(made, main, note))
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


def worst_to_best(cases: Sequence[Mapping[str, Any]], *, by: str) -> list[Mapping[str, Any]]:
    """Return every case, or as many as a page carries, spread evenly from the least of a measure to the most."""
    if len(cases) > MOST_CASES:
        ranked = sorted(cases, key=lambda case: -1.0 if case.get(by) is None else case[by])
        places = np.linspace(0, len(ranked) - 1, MOST_CASES).round().astype(int)
        cases = [ranked[place] for place in places]
    return sorted(cases, key=lambda case: natural_order(str(case["case"])))


def _viewer_case(folder: Path, case: Mapping[str, Any], known: Case, shown: _Shown, room: int) -> ViewerCase:
    """Read one measured case and pack it."""
    fold = fold_folder(folder, case)
    name = str(case["case"])
    reference = read_scan(known.images[known.reference])
    images = images_of(known, reference)
    generated = fold / "generated" / f"{name}_generated-dwi.nii.gz"
    if generated.exists():
        images[_DRAWN_DWI] = on_grid_of(reference, read_scan(generated))
    spread = fold / "fusion" / f"{name}_disagreement.nii.gz"
    truth = _truth(fold, name, known)
    masks = {row: mask for row in shown.rows if (mask := _mask(shown, row, case, truth))}
    dice = case.get("dice")
    return packed_case(
        CaseToPack(
            name=name,
            reference=reference,
            images=images,
            truth=truth,
            masks=masks,
            titles={row: content["title"] for row, content in shown.rows.items()},
            main=shown.main,
            drawn=shown.drawn,
            score="no Dice" if dice is None else f"Dice {100 * dice:.1f} %",
            synthetic=shown.synthetic,
            disagreement=read_scan(spread).data if spread.exists() else None,
            dices={row: _of_case(shown.rows[row], name).get("dice") for row in masks},
        ),
        room=room,
    )


def _truth(fold: Path, name: str, known: Case) -> Scan | None:
    """Read the truth, as it was when the run judged by it where it kept it."""
    kept = fold / "probabilities" / "truth" / f"{name}_mask.nii.gz"
    path = kept if kept.exists() else known.lesion
    return None if path is None else read_mask(path, allow_empty=True)


def _mask_in(folder: Path, row: str, case: Mapping[str, Any]) -> Path:
    return fold_folder(folder, case) / "masks" / row / f"{case['case']}_mask.nii.gz"


def _mask(shown: _Shown, row: str, case: Mapping[str, Any], truth: Scan | None) -> Scan | None:
    """Read a mask; None where there is none.

    Raises: InputFileError if mask and truth no longer give the counts that were measured.
    """
    path = shown.mask_of(row, case)
    if path is None or not path.exists():
        return None
    mask = read_mask(path, allow_empty=True)
    measured = _of_case(shown.rows[row], str(case["case"]))
    if truth is not None and "tp" in measured:
        now = count(mask.data, truth.data)
        if (now.tp, now.fp, now.fn) != (measured["tp"], measured["fp"], measured["fn"]):
            raise InputFileError(f"{path} or {truth.path} was changed after it was measured. Measure it again")
    return mask


def _of_case(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((case for case in row["cases"] if str(case["case"]) == name), {})
