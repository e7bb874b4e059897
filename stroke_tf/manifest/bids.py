"""BIDS: which folder is such a dataset, and how what is derived from it is named.

https://bids-specification.readthedocs.io tells the rules; files are found by their names (layouts.py).
"""

import json
import re
from pathlib import Path
from typing import Any

from stroke_tf.errors import SettingError

DESCRIPTION = "dataset_description.json"
OURS = "stroke_tf"
_CASE = re.compile(r"(?P<subject>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?")
_ANATOMICAL = ("T1", "T2", "FLAIR")


def description_of(folder: Path) -> dict[str, Any]:
    """Return what a folder's dataset_description.json says; nothing where there is none that can be read."""
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_bids_dataset(folder: Path) -> bool:
    """Tell whether a folder is the root of a BIDS dataset: described as one, with its subjects directly below."""
    return "BIDSVersion" in description_of(folder) and any(path.is_dir() for path in folder.glob("sub-*"))


def predicted_by_us(folder: Path) -> bool:
    """Tell whether a folder is a derivative that holds predictions, which are nobody's truth."""
    made_by = description_of(folder).get("GeneratedBy")
    return isinstance(made_by, list) and any(isinstance(each, dict) and each.get("Name") == OURS for each in made_by)


def is_bids_name(case_id: str) -> bool:
    """Tell whether a case is called sub-x, or sub-x_ses-y."""
    return _CASE.fullmatch(case_id) is not None


def derived_file(case_id: str, reference: str, suffix: str, *, desc: str = "", ending: str = ".nii.gz") -> Path:
    """Return where a derivative keeps a file about the lesion of a case, relative to its root.

    Args:
        case_id: sub-x or sub-x_ses-y.
        reference: the sequence on whose grid the file lies, which decides between anat and dwi.
        suffix: mask, or probseg.
        desc: tells files of one suffix apart, such as the plane they come from.
    Raises: SettingError for a case that is not named as BIDS names them.
    Example:
        >>> derived_file("sub-1_ses-2", "FLAIR", "mask").as_posix()
        'sub-1/ses-2/anat/sub-1_ses-2_space-orig_label-lesion_mask.nii.gz'
    """
    named = _CASE.fullmatch(case_id)
    if named is None:
        raise SettingError(
            f"case {case_id}: a BIDS derivative needs cases that are called sub-<label>, or sub-<label>_ses-<label>. "
            "Use --naming plain."
        )
    folder = Path(*(part for part in named.groups() if part), "anat" if reference in _ANATOMICAL else "dwi")
    told = f"_desc-{desc}" if desc else ""
    return folder / f"{case_id}_space-orig_label-lesion{told}_{suffix}{ending}"
