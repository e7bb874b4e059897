"""TensorBoard logs of a run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

_LOGGED = ("loss", "validation_dice", "learning_rate")


def scalar_writer(folder: Path) -> Callable[[Mapping[str, Any]], None]:
    """Return a function that logs one row of the history, each number at its epoch."""
    writer = tf.summary.create_file_writer(str(folder))

    def write(row: Mapping[str, Any]) -> None:
        with writer.as_default(step=row["epoch"]):
            for name in _LOGGED:
                tf.summary.scalar(name, row[name])
        writer.flush()

    return write
