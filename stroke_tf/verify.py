"""Door: check a run folder against its run card."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import data_options, door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf verify`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf verify",
        description="Check that a run folder still holds what its run card says: weights, network and history by "
        "SHA-256, and with --data the very files it was trained on.",
    )
    options.add_argument("run", type=Path, help="run folder of stroke-tf train")
    options.add_argument("--data", type=Path, help="manifest CSV or folder the run was trained on")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """List the faults, or say that there are none."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.verify import faults_of, summary_of

    faults = faults_of(asked.run, data=asked.data, data_root=asked.data_root)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if faults:
        return 2
    print(summary_of(asked.run))
    data = data_options(asked.data or "FOLDER", asked.data_root)
    say_next("predict", "--runs", asked.run, *data, "--out", "predictions")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
