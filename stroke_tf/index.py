"""The door `stroke-tf index`: find the cases under a folder and write a manifest."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import data_options, door, say_next

_MAX_VOXELS = 512**3
_SEED = 2015


def parser() -> argparse.ArgumentParser:
    """Return the options of this door."""
    options = argparse.ArgumentParser(
        prog="stroke-tf index",
        description="Find the cases under a folder (ISLES 2015 SISS in both its arrangements, ISLES 2018 CT "
        "perfusion, ISLES 2022 BIDS, or phantoms), read and check every file, and write a manifest: one row a case "
        "with paths relative to the folder, SHA-256, shape, spacing, orientation, lesion volume, four folds and a "
        "70/20/10 split by patient.",
    )
    options.add_argument("root", type=Path, metavar="ROOT", help="the folder that holds the cases")
    options.add_argument("--out", type=Path, required=True, metavar="CSV", help="the manifest to write")
    options.add_argument(
        "--seed", type=int, default=_SEED, help="of the splits; %(default)s gives the published splits of SISS"
    )
    options.add_argument(
        "--max-voxels", type=int, default=_MAX_VOXELS, help="refuse larger images (default %(default)s)"
    )
    options.add_argument("--allow-empty", action="store_true", help="accept masks without lesion: the patient has none")
    options.add_argument("--skip-bad", action="store_true", help="leave out cases that cannot be used, and list them")
    options.add_argument("--force", action="store_true", help="replace the manifest if it exists")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the door."""
    options = parser().parse_args(arguments)
    from stroke_tf.workflows.index import bad_lines, index, summary_lines

    seen = index(
        options.root,
        options.out,
        seed=options.seed,
        max_voxels=options.max_voxels,
        allow_empty=options.allow_empty,
        skip_bad=options.skip_bad,
        force=options.force,
    )
    print("\n".join(summary_lines(seen.cases)))
    if seen.bad:
        print(f"left out, {len(seen.bad)} cases:", file=sys.stderr)
        print("\n".join(f"  {line}" for line in bad_lines(seen.bad)), file=sys.stderr)
    print(f"wrote {options.out}")
    # Paths in a manifest are relative to the root, which is the manifest's own folder unless told otherwise.
    beside = options.out.resolve().parent == options.root.resolve()
    say_next("doctor", seen.cases[0].case_id, *data_options(options.out, None if beside else options.root))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
