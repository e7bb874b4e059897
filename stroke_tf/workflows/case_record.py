"""What was found in a case and what it was made of, in a JSON beside its mask; by it a finished case is known again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from stroke_tf import __version__
from stroke_tf.arrays import Mask
from stroke_tf.files import sha256_of_file, write_json
from stroke_tf.metrics.lesion_sizes import DEFINITIONS, burden_of
from stroke_tf.volumes.grid import Grid
from stroke_tf.volumes.midplane import midplane

FORMAT = "stroke_tf prediction 1"
NOTICE = "For research and teaching only; not for diagnosis, and not for decisions about patients."
BEGUN, DONE = "begun", "done"
CHANGED = ".changed"
"""Put behind the name of a volume that someone has changed, when its case is predicted again."""

COLUMNS = (
    *("case", "mask", "lesion_ml", "left_ml", "right_ml", "lesions", "largest_lesion_ml", "largest_diameter_mm"),
    *("planes_least_alike", "their_dice", "they_differ_ml", "brain_mask", "skull_stripped", "stand_ins", "synthetic"),
    *("warnings", "seconds"),
)
"""Of the table of all cases."""


class State(Enum):
    """What of a case is there already."""

    ABSENT = "nothing"
    UNFINISHED = "begun, or made of inputs that have changed since, or with a file missing or damaged"
    INTACT = "whole, of these inputs, by these networks and settings"
    OTHER_SETTINGS = "made by other networks or settings"
    FOREIGN = "files without a record that tells where they are from"


def begin_record(path: Path, case_id: str, settings: Mapping[str, Any]) -> None:
    """Say that the files of a case are ours from now on, though they are not there yet."""
    write_json(path, {"format": FORMAT, "case": case_id, "state": BEGUN, "settings": settings})


def withdraw_record(path: Path, volumes: Sequence[Path]) -> None:
    """Take back that a case was begun, if nothing of it was written."""
    content = read_record(path)
    if content is not None and content.get("state") == BEGUN and not any(volume.exists() for volume in volumes):
        path.unlink(missing_ok=True)


def finish_record(path: Path, content: Mapping[str, Any], volumes: Sequence[Path]) -> dict[str, Any]:
    """Write the record of a finished case, with the SHA-256 of its volumes; returns it as it was written."""
    digests = {volume.name: sha256_of_file(volume) for volume in volumes}
    told = {"format": FORMAT, "state": DONE, "notice": NOTICE, "stroke_tf": __version__, **content, "outputs": digests}
    write_json(path, told)
    return told


def read_record(path: Path) -> dict[str, Any] | None:
    """Return a record; None if there is none, or if the file is something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("format") == FORMAT else None


def state_of(record: Path, volumes: Sequence[Path], settings: Mapping[str, Any]) -> State:
    """Tell what is there of a case, without reading its volumes or inputs: DONE counts as intact here."""
    content = read_record(record)
    if content is None:
        return State.FOREIGN if any(path.exists() for path in (record, *volumes)) else State.ABSENT
    if content.get("settings") != json.loads(json.dumps(settings)):
        return State.OTHER_SETTINGS
    return State.INTACT if content.get("state") == DONE else State.UNFINISHED


def damaged(record: Mapping[str, Any], volumes: Sequence[Path]) -> list[Path]:
    """Return the volumes of a finished case that are there, but are not what was written."""
    outputs = record.get("outputs", {})
    return [path for path in volumes if path.exists() and outputs.get(path.name) != sha256_of_file(path)]


def of_these_inputs(record: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether a record was made of files with these SHA-256; where they lie does not matter."""
    then = {name: told.get("sha256") for name, told in record.get("inputs", {}).items()}
    return then == {name: told["sha256"] for name, told in inputs.items()}


def lesion_facts(mask: Mask, brain: Mask, grid: Grid) -> dict[str, Any]:
    """Return what a mask holds, as JSON: volumes in ml, by side, and its lesions, the largest first.

    Args:
        brain: decides where the middle of the head is; the same shape.
    """
    middle = midplane(brain)
    burden = burden_of(mask, grid, middle)
    return {
        "lesion_ml": _round(burden.volume_ml),
        "left_ml": _round(burden.left_ml),
        "right_ml": _round(burden.right_ml),
        "lesion_count": burden.count,
        "lesions": [
            {name: _round(value) if isinstance(value, float) else value for name, value in asdict(each).items()}
            for each in burden.lesions
        ],
        "largest_diameter_mm": _round(max((each.diameter_mm for each in burden.lesions), default=0.0)),
        "middle_plane": {name: _round(value) for name, value in asdict(middle).items()},
        "definitions": DEFINITIONS,
    }


def row_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of the table that stands for a finished case."""
    lesions, brain, compared = record["lesions"], record.get("brain", {}), record.get("planes_compared", [])
    least = min(compared, key=lambda pair: pair["dice"], default=None)
    stripped = {True: "yes", False: "no"}.get(brain.get("skull_stripped"), "not known")
    stand_ins = " ".join(f"{name}={by}" for name, by in record.get("sequences", {}).items() if name != by)
    cells = (
        *(record["case"], record["mask"], record["lesion_ml"], record["left_ml"], record["right_ml"]),
        *(record["lesion_count"], lesions[0]["volume_ml"] if lesions else 0.0, record["largest_diameter_mm"]),
        *((" ".join(least["planes"]), least["dice"], least["differ_ml"]) if least else ("", "", "")),
        *(brain.get("mask", ""), stripped, stand_ins, "yes" if record.get("synthetic") else "no"),
        *(" | ".join(record.get("warnings", [])), record["seconds"]),
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _round(value: float) -> float:
    return round(float(value), 4)
