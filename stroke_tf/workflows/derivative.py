"""The files that make a folder of predictions a BIDS derivative: what it is, what made it, what it was made of."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stroke_tf import __version__
from stroke_tf.errors import OutputError
from stroke_tf.files import write_json, write_text
from stroke_tf.manifest.bids import DESCRIPTION, OURS, description_of
from stroke_tf.workflows.case_record import CHANGED
from stroke_tf.workflows.outputs import FAILED, TABLE

_VERSION = "1.10.0"
_RAW = "raw"
"""What links from the derivative call the dataset it was made of."""
_README = """Lesion masks predicted by stroke_tf. For research and teaching only; not for diagnosis, and not for
decisions about patients.

*_mask.nii.gz is 1 where the networks see a lesion; the JSON beside it tells what is in it, which networks and
settings made it, and of which files. predictions.csv has a line for every case, failed.csv (if there is one) the cases
that could not be predicted. A mask with _desc-x, _desc-y or _desc-z comes from the sagittal, coronal or axial
network alone.
"""


def describe_derivative(folder: Path, root: Path) -> None:
    """Write dataset_description.json, README and .bidsignore, where they are not there yet.

    Args:
        root: of the dataset that the predictions are made of.
    Raises: OutputError if the folder is a BIDS dataset that was made by something else.
    """
    there = description_of(folder)
    if there and not any(each.get("Name") == OURS for each in there.get("GeneratedBy", []) if isinstance(each, dict)):
        raise OutputError(
            f"{folder / DESCRIPTION}: this folder is another BIDS dataset. Choose a folder of its own for the "
            f"masks, such as {root / 'derivatives' / OURS}."
        )
    if there:
        return
    write_json(
        folder / DESCRIPTION,
        {
            "Name": "Predicted lesion masks",
            "BIDSVersion": _VERSION,
            "DatasetType": "derivative",
            "License": description_of(root).get("License", "the licence of the source dataset"),
            "GeneratedBy": [
                {
                    "Name": OURS,
                    "Version": __version__,
                    "Description": "2-D networks for one or more planes, fused (stroke-tf predict)",
                }
            ],
            "SourceDatasets": [{"URL": _link(root, folder)}],
            "DatasetLinks": {_RAW: _link(root, folder)},
        },
    )
    write_text(folder / "README", _README)
    write_text(folder / ".bidsignore", f"{TABLE}\n{FAILED}\n*{CHANGED}\n")


def sidecar(inputs: Mapping[str, Mapping[str, str]], root: Path, reference: Path) -> dict[str, Any]:
    """Return what BIDS wants to be told beside a mask: its type, its space, its sources.

    By BIDS's rule of inheritance this also holds for the masks of single planes, whose names only add a desc.

    Args:
        inputs: path and SHA-256 of each file that was read. reference: the one on whose grid the mask lies.
    """
    paths = [Path(told["path"]) for told in inputs.values()]
    return {
        "Type": "Lesion",
        "Manual": False,
        "SpatialReference": _uri(reference, root),
        "Sources": [_uri(path, root) for path in dict.fromkeys(paths)],
        "Description": "1 where the networks see a lesion, on the grid of the spatial reference.",
    }


def probability_sidecar(inputs: Mapping[str, Mapping[str, str]], root: Path, reference: Path) -> dict[str, Any]:
    """Return what BIDS wants to be told beside a plane's probabilities; they inherit nothing, having a file each."""
    told = sidecar(inputs, root, reference) | {"Description": "Probability of lesion, as one network sees it."}
    return {name: value for name, value in told.items() if name not in ("Type", "Manual")}  # which are said of masks


def _uri(path: Path, root: Path) -> str:
    """Return the name of a source as BIDS writes it; a file outside the dataset by its place on this disk."""
    try:
        return f"bids:{_RAW}:{path.resolve().relative_to(root.resolve()).as_posix()}"
    except ValueError:
        return path.resolve().as_uri()


def _link(root: Path, folder: Path) -> str:
    """Return the way from the derivative to its source, which stays right when both are moved together."""
    return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()
