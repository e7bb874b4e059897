"""The files of a results folder that a page is made of: JSON, and the runs below it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stroke_tf.errors import InputFileError
from stroke_tf.manifest.case import natural_order
from stroke_tf.training.record import RUN_CARD


def read_json(path: Path, needed: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON object.

    Raises: InputFileError, naming the file and the piece that is missing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputFileError(f"{path}: cannot be read as JSON ({fault}). Run what wrote it again.") from None
    missing = [name for name in needed if not isinstance(content, dict) or name not in content]
    if missing:
        raise InputFileError(f"{path}: no {', '.join(missing)} inside. Run what wrote it again.")
    return content


def require_rows(rows: Any, path: Path) -> None:
    """Do nothing if every row has an id, a title, a summary with a Dice, and cases with a name.

    Raises: InputFileError, naming the row and the piece that is missing.
    """
    for number, row in enumerate(rows if isinstance(rows, list) else [None], start=1):
        name = row.get("id", number) if isinstance(row, dict) else number
        missing = [key for key in ("id", "title", "summary", "cases") if not isinstance(row, dict) or key not in row]
        if not missing and "dice" not in row["summary"]:
            missing = ["dice in its summary"]
        if not missing and not all(isinstance(case, dict) and "case" in case for case in row["cases"]):
            missing = ["case in one of its cases"]
        if missing:
            raise InputFileError(f"{path}, row {name}: no {', '.join(missing)}. Run what wrote it again.")


def fold_folder(folder: Path, case: Mapping[str, Any]) -> Path:
    """Return the folder with the masks of a case: that of its fold, or the results folder where there is one split."""
    fold = folder / str(case.get("fold", ""))
    return fold if case.get("fold") and (fold / "masks").is_dir() else folder


def run_folders(folder: Path) -> list[Path]:
    """List the finished runs below a results folder, in natural order."""
    cards = [*folder.glob(f"runs/*/{RUN_CARD}"), *folder.glob(f"fold-*/runs/*/{RUN_CARD}")]
    return sorted((card.parent for card in cards), key=lambda run: natural_order(str(run.relative_to(folder))))


def run_title(folder: Path, run: Path) -> str:
    """Return what the page calls a run: its folder, with the fold where there is one."""
    parts = run.relative_to(folder).parts
    return f"{parts[-1]} · {parts[0]}" if parts[0].startswith("fold-") else parts[-1]
