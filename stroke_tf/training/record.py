"""The run card: what was run, on what, with what, and what came out, in one JSON file that can be checked."""

import csv
import io
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stroke_tf import __version__
from stroke_tf.errors import TrainingError
from stroke_tf.files import sha256_of_file, write_json, write_text

RUN_CARD = "run_card.json"
HISTORY = "history.csv"
_PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "segmentation-models",
    "numpy",
    "scipy",
    "nibabel",
    "scikit-image",
    "albumentations",
    "opencv-python-headless",
)


def peak_memory_mb() -> float:
    """Return the largest resident size of this process so far, in MB of 10**6 bytes."""
    try:
        # Linux counts what the starting process held into a child's ru_maxrss; VmHWM is this program's own.
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return round(int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6, 1)
    except (OSError, StopIteration):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes of 1024 bytes, macOS in bytes.
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)


def commit() -> str | None:
    """Return the commit of the source tree this package runs from, with "+changes" where it was edited since.

    None where the package was installed without its history.
    """
    here = Path(__file__).parent
    try:
        git = ["git", "-C", str(here)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
        # Only this package's own files count: a checkout of something else around it says nothing about us.
        state = subprocess.run(
            [*git, "status", "--porcelain", "--", str(here.parent)], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+changes" if state.stdout.strip() else "")


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package, and of the packages that decide results."""
    # Late, because prediction reads run cards, and this module alone takes as long to import as NumPy's core.
    import importlib.metadata

    found = {"python": platform.python_version(), "stroke_tf": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_run_card(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the card of a finished run, with versions, commit, memory and the SHA-256 of each file of the run."""
    card = {
        **content,
        "commit": commit(),
        "versions": versions(),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "peak_memory_mb": peak_memory_mb(),
        "files": {name: sha256_of_file(folder / name) for name in ("network.json", "model.weights.h5", HISTORY)},
    }
    write_json(folder / RUN_CARD, card)


def read_run_card(folder: Path) -> dict[str, Any]:
    """Read the card of a run.

    Raises: TrainingError if there is none, which means that the run did not finish, or if it is not JSON.
    """
    path = folder / RUN_CARD
    if not path.exists():
        raise TrainingError(f"{path}: no run card, so the run is not finished. Go on with train --resume.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise TrainingError(f"{path}: not readable as JSON ({fault}). Train again with --force.") from fault


def write_history(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the history, one row an epoch, as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(folder / HISTORY, text.getvalue())


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Read the history of a run, one mapping an epoch, numbers as numbers.

    Raises: TrainingError if there is none, or a row is cut short.
    """
    path = folder / HISTORY
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return [{name: text if name == "phase" else _number(text) for name, text in row.items()} for row in rows]
    except (OSError, AttributeError, ValueError) as fault:
        raise TrainingError(f"{path}: not readable as a history ({fault}). Train again with --force.") from fault


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)


def faults_of_run(folder: Path, known: Mapping[str, str] | None = None) -> list[str]:
    """List what in a run folder no longer agrees with its card; empty when all is well.

    Args:
        known: SHA-256 of files that the caller has just read, by name; they are not read again.
    Raises: TrainingError if there is no readable card.
    """
    card = read_run_card(folder)
    faults = []
    for name, digest in card.get("files", {}).items():
        path = folder / name
        if not path.exists():
            faults.append(f"{path}: missing")
        elif ((known or {}).get(name) or sha256_of_file(path)) != digest:
            faults.append(f"{path}: its SHA-256 is not the one in the run card; the file was changed after the run")
    missing = {"recipe", "seed", "plane", "split", "data_sha256", "weights", "device", "wall_seconds"} - set(card)
    faults += [f"{folder / RUN_CARD}: no entry '{name}'" for name in sorted(missing)]
    return faults
