"""The page of predictions: what was found in each case, and how far the planes agree; without a truth, no score."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf.errors import InputFileError, StrokeTfError
from stroke_tf.manifest.case import Case, natural_order
from stroke_tf.planes import Plane
from stroke_tf.progress import Progress
from stroke_tf.reports.page import Cell, Facts, Page, Section, Table, Text
from stroke_tf.reports.viewer import Viewer, ViewerCase
from stroke_tf.volumes.nifti import read_mask, read_scan
from stroke_tf.workflows.packed_case import CaseToPack, images_of, on_grid_of, packed_case
from stroke_tf.workflows.report_measures import marked, number_cell, run_facts
from stroke_tf.workflows.viewer_cases import ROOM, Scans, worst_to_best

FORMAT = "stroke_tf prediction"
"""What the record of a predicted case begins its format with."""
_MOST_WARNINGS = 10
_FOUND = "found"
_BRAIN = "brain mask"


def prediction_records(folder: Path) -> list[dict[str, Any]]:
    """Read the records of the finished cases of a folder of predictions, plain or BIDS, in natural order."""
    found = []
    # Not every folder below: somebody may name his home.
    for path in sorted([*folder.glob("*.json"), *folder.glob("sub-*/**/*.json")]):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and str(content.get("format", "")).startswith(FORMAT) and "lesion_ml" in content:
            found.append(content)
    return sorted(found, key=lambda record: natural_order(str(record["case"])))


def predictions_page(folder: Path, records: list[dict[str, Any]], scans: Scans) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf predict wrote.
        records: of its cases, at least one.
    """
    phantoms = sum(bool(record.get("synthetic")) for record in records)
    synthetic = phantoms > 0
    mark = marked(synthetic)
    volumes = sorted(record["lesion_ml"] for record in records)
    warned = [record for record in records if record.get("warnings")]
    number = len(records)
    who = _who(number, phantoms)
    without = sum(volume == 0 for volume in volumes)
    headline = (
        f"Lesions in {number - without} of {who}; {_span(volumes)} ml a case, {len(warned)} with "
        "warnings. Nothing is scored here: stroke-tf evaluate does that where the truth is known."
    )
    first = records[0]
    return Page(
        title=f"Predictions in {folder.resolve().name}",
        headline=headline,
        synthetic=synthetic,
        mixed=0 < phantoms < number,
        data=who,
        facts={"Computed by": str(first["computed_by"])} if first.get("computed_by") else {},
        sections=[
            Section("answer", "What was found", [*_warnings(warned), _table(folder, records, mark)]),
            Section("cases", "Cases", _viewer(folder, records, scans)),
            Section("settings", "How", _settings(first)),
        ],
    )


def _who(number: int, phantoms: int) -> str:
    if 0 < phantoms < number:
        return f"{number} cases, {phantoms} of them {'a SYNTHETIC phantom' if phantoms == 1 else 'SYNTHETIC phantoms'}"
    return f"{number} {'SYNTHETIC phantom' if phantoms else 'case'}{'' if number == 1 else 's'}"


def _span(volumes: Sequence[float]) -> str:
    least, most = f"{volumes[0]:.1f}", f"{volumes[-1]:.1f}"
    return least if least == most else f"{least} to {most}"


def _warnings(records: list[dict[str, Any]]) -> list[Text]:
    told = [f"Case {record['case']}: {_joined(record['warnings'])}." for record in records]
    if len(told) > _MOST_WARNINGS:
        left = len(told) - _MOST_WARNINGS
        told = [*told[:_MOST_WARNINGS], f"{left} further cases have warnings; they stand in the table and its CSV."]
    return [Text(words, warning=True) for words in told]


def _joined(warnings: Sequence[object]) -> str:
    return "; ".join(str(each).rstrip(".") for each in warnings)


def _table(folder: Path, records: list[dict[str, Any]], mark: str) -> Table:
    lines = []
    for record in records:
        lesions = record.get("lesions") or []
        pairs = [pair["dice"] for pair in record.get("planes_compared") or [] if pair.get("dice") is not None]
        lines.append(
            [
                Cell(str(record["case"])),
                number_cell(record["lesion_ml"], "{:.2f}"),
                number_cell(record.get("left_ml"), "{:.2f}"),
                number_cell(record.get("right_ml"), "{:.2f}"),
                number_cell(len(lesions), "{}"),
                number_cell(lesions[0].get("volume_ml") if lesions else None, "{:.2f}"),
                number_cell(record.get("largest_diameter_mm"), "{:.0f}"),
                number_cell(100 * min(pairs) if pairs else None, "{:.1f}"),
                Cell(str(len(record.get("warnings") or [])), len(record.get("warnings") or [])),
            ]
        )
    header = ["Case", "Lesion, ml", "Left, ml", "Right, ml", "Lesions", "Largest, ml", "Largest diameter, mm"]
    header += ["Least Dice between planes, %", "Warnings"]
    table = folder / "predictions.csv"
    note = (
        "Left and right are the patient's. Planes that find the same have a Dice of 100 between them; where they "
        "differ, look."
    )
    return Table(
        "every-case",
        f"{mark}Every case",
        header,
        lines,
        "l" + "r" * (len(header) - 1),
        table.read_text(encoding="utf-8") if table.exists() else "",
        (note,),
    )


def _viewer(folder: Path, records: list[dict[str, Any]], scans: Scans) -> list[Text | Viewer]:
    """Return the viewer, with the scans that were predicted from where they still lie, or those that the user named."""
    wanted = worst_to_best(records, by="lesion_ml")
    named = scans.cases() if scans.data is not None else {}
    if scans.data is not None and not any(str(record["case"]) in named for record in wanted):
        raise InputFileError(f"{scans.data}: none of the predicted cases is there. Name the scans that were predicted.")
    made, missing = [], []
    progress = Progress("packing cases", len(wanted))
    for record in wanted:
        name = str(record["case"])
        try:
            made.append(_case(folder, record, named.get(name), room=ROOM // len(wanted)))
        except StrokeTfError as fault:
            missing.append(f"{name} ({fault})")
        progress.step(note=f"case {name}")
    blocks: list[Text | Viewer] = []
    if made:
        left = len(records) - len(wanted)
        choice = f" {left} further cases are in the table only." if left else ""
        note = f"Volumes are measured on the case's own grid; the voxels shown here may be larger.{choice}"
        blocks.append(Viewer(made, _FOUND, note))
    if missing:
        blocks.append(Text(f"Not shown: case {'; case '.join(missing)}.", warning=True))
    return blocks


def _case(folder: Path, record: Mapping[str, Any], known: Case | None, *, room: int) -> ViewerCase:
    """Read one case; its truth too, where the scans that the user named have one."""
    mask_path = folder / record["mask"]
    found = read_mask(mask_path, allow_empty=True)
    truth = None
    if known is not None:
        reference = read_scan(known.images[known.reference])
        images = images_of(known, reference)
        truth = read_mask(known.lesion, allow_empty=True) if known.lesion else None
    else:
        files = {name: Path(told["path"]) for name, told in record.get("inputs", {}).items() if name != _BRAIN}
        if not files:
            raise InputFileError(f"its record names no scan; name the scans with stroke-tf report {folder} --data")
        first = record.get("reference") if record.get("reference") in files else next(iter(files))
        reference = read_scan(files[first])
        images = {first: reference.data}
        images |= {name: on_grid_of(reference, read_scan(path)) for name, path in files.items() if name != first}
    planes = {plane.value: _beside(mask_path, plane.value) for plane in Plane}
    masks = {
        _FOUND: found,
        **{name: read_mask(path, allow_empty=True) for name, path in planes.items() if path.exists()},
    }
    titles = {_FOUND: "What was found"}
    titles |= {plane.value: f"{plane.value.upper()} ({plane.anatomical})" for plane in Plane}
    case = CaseToPack(
        name=str(record["case"]),
        reference=reference,
        images=images,
        truth=truth,
        masks=masks,
        titles=titles,
        main=_FOUND,
        drawn=list(masks),
        score=f"{record['lesion_ml']:.1f} ml",
        synthetic=bool(record.get("synthetic")),
    )
    return packed_case(case, room=room)


def _beside(mask: Path, plane: str) -> Path:
    """Return where a plane's own mask lies, plainly named or as a BIDS derivative names it."""
    if "_desc-" not in mask.name and mask.name.startswith("sub-"):
        return mask.with_name(mask.name.replace("_mask.nii", f"_desc-{plane}_mask.nii"))
    return mask.with_name(mask.name.replace("_mask.nii", f"_mask-{plane}.nii"))


def _settings(record: Mapping[str, Any]) -> list[Facts]:
    return [run_facts("Networks and settings", record.get("settings") or {}, unfolded=True)]
