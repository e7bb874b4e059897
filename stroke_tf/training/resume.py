"""The state of a run in one file, written whole or not at all.

Keras's own BackupAndRestore keeps neither the state of callbacks nor the order of the data, and restores no optimizer
slots unless the optimizer was built before (keras issue 19389). Here the state is what it is: every variable of the
model and of the optimizer, and a few plain numbers; the order of the data is a function of seed and step.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.errors import TrainingError
from stroke_tf.files import written_whole

STATE_FILE = "checkpoint.npz"


@dataclass(frozen=True)
class State:
    """A run between two steps.

    Args:
        model, optimizer: the variables in the order the model and the optimizer list them.
        facts: JSON-able: step, phase, best score, history, and the fingerprint of the run's settings.
    """

    model: list[np.ndarray]
    optimizer: list[np.ndarray]
    facts: Mapping[str, Any]


def save_state(folder: Path, state: State) -> None:
    """Write the state into the run folder, replacing the last one only when the new one is whole."""
    arrays = {f"model_{index}": value for index, value in enumerate(state.model)}
    arrays |= {f"optimizer_{index}": value for index, value in enumerate(state.optimizer)}
    facts = np.frombuffer(json.dumps(state.facts).encode(), dtype=np.uint8)
    with written_whole(folder / STATE_FILE) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, facts=facts, **arrays)


def load_state(folder: Path) -> State | None:
    """Read the state of a run, or None where no checkpoint was written yet.

    Raises: TrainingError if the file is damaged.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        # Opened here, because np.load leaves a file open when it turns out to be no archive.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes().decode())
            return State(_numbered(stored, "model"), _numbered(stored, "optimizer"), facts)
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as fault:
        raise TrainingError(f"{path}: the checkpoint is damaged ({fault}). Start again with --force.") from fault


def step_of_checkpoint(folder: Path) -> int:
    """Return the step that a run would go on with: 0 where there is no checkpoint, or none that can be read."""
    try:
        with open(folder / STATE_FILE, "rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return int(json.loads(stored["facts"].tobytes().decode())["step"])
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile):
        return 0


def assign(variables: Sequence[Any], values: Sequence[np.ndarray], what: str) -> None:
    """Put stored values back into variables.

    Raises: TrainingError if number or shapes differ, which means that the checkpoint is of another network.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    stored = [tuple(value.shape) for value in values]
    if shapes != stored:
        raise TrainingError(
            f"The checkpoint's {what} has {len(stored)} variables, this run's {len(shapes)}, or their shapes differ: "
            "it is of another network. Choose another run folder, or pass --force."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _numbered(stored: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    count = sum(name.startswith(f"{prefix}_") for name in stored)
    return [stored[f"{prefix}_{index}"] for index in range(count)]
