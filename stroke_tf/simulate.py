"""Door: write a cohort of phantoms, so that everything runs without data."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the parser of `stroke-tf simulate`."""
    made = argparse.ArgumentParser(
        prog="stroke-tf simulate",
        description="Write a cohort of phantoms: drawn heads with infarcts and with what looks like infarcts, in the "
        "folders and under the names of ISLES 2015 SISS or ISLES 2022. Every file says that it is synthetic. A run "
        "that was stopped is completed by the same command.",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of the cohort; new, empty, or one to complete")
    made.add_argument("--cases", type=int, default=28, help="how many cases (default: 28, as SISS has)")
    made.add_argument("--layout", choices=("siss2015", "isles2022"), default="siss2015", help="default: siss2015")
    made.add_argument(
        "--shape", type=int, nargs=3, default=(230, 230, 154), metavar=("X", "Y", "Z"), help="voxels (230 230 154)"
    )
    made.add_argument(
        "--spacing", type=float, nargs="+", default=(1.0,), metavar="MM", help="voxel size: one number or three (1)"
    )
    made.add_argument("--seed", type=int, default=2015, help="the same seed gives the same voxels (default: 2015)")
    made.add_argument(
        "--min-lesion-ml",
        type=float,
        default=0.0,
        metavar="ML",
        help="least lesion volume of a case (default: 0; above it, the volumes no longer follow SISS)",
    )
    made.add_argument("--jobs", type=int, default=1, help="processes, each of about 1 GB at the default shape (1)")
    made.add_argument("--force", action="store_true", help="replace phantoms of other settings in the folder")
    return made


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the cohort and say where it is."""
    given = parser().parse_args(arguments)
    from stroke_tf.workflows.simulate import simulate

    folders = simulate(
        given.out,
        cases=given.cases,
        shape=given.shape,
        spacing_mm=given.spacing,
        seed=given.seed,
        layout=given.layout,
        min_lesion_ml=given.min_lesion_ml,
        jobs=given.jobs,
        force=given.force,
    )
    print(f"wrote {len(folders)} SYNTHETIC cases below {given.out}")
    say_next("index", given.out, "--out", given.out / "manifest.csv")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
