"""Door: write a cohort of phantoms, so that everything runs without data."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next
from stroke_tf.errors import SettingError


def parser() -> argparse.ArgumentParser:
    """Return the parser of `stroke-tf simulate`."""
    made = argparse.ArgumentParser(
        prog="stroke-tf simulate",
        description="Write a cohort of phantoms: drawn heads with infarcts and with what looks like infarcts, in the "
        "folders and under the names of ISLES 2015 SISS, ISLES 2022, or ISLES 2018 (CT perfusion: a closed artery, the "
        "series of the bolus, and maps computed from it). Every file says that it is synthetic. A run "
        "that was stopped is completed by the same command.",
    )
    made.add_argument("--out", type=Path, required=True, help="folder of the cohort; new, empty, or one to complete")
    made.add_argument("--cases", type=int, default=28, help="how many cases (default: 28, as SISS has)")
    made.add_argument(
        "--layout", choices=("siss2015", "isles2022", "isles2018"), default="siss2015", help="default: siss2015"
    )
    made.add_argument(
        "--shape",
        type=int,
        nargs=3,
        metavar=("X", "Y", "Z"),
        help="voxels of an MRI (230 230 154); --size and --slices take its place for isles2018",
    )
    made.add_argument("--size", type=int, metavar="N", help="isles2018: pixels of a slice along x and y (256)")
    made.add_argument(
        "--slices",
        type=int,
        nargs=2,
        metavar=("FEWEST", "MOST"),
        help="isles2018: slices of 5 mm, drawn for each case (2 22)",
    )
    made.add_argument(
        "--frames",
        type=int,
        nargs=2,
        metavar=("FEWEST", "MOST"),
        help="isles2018: frames of the series, one a second, drawn for each case (40 60)",
    )
    made.add_argument(
        "--spacing",
        type=float,
        nargs="+",
        metavar="MM",
        help="voxel size: one number or three (1); isles2018: of a pixel, one number (235 / size)",
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
    from stroke_tf.workflows.simulate import simulate, simulate_perfusion

    shared = {
        "cases": given.cases,
        "seed": given.seed,
        "min_lesion_ml": given.min_lesion_ml,
        "jobs": given.jobs,
        "force": given.force,
    }
    if given.layout == "isles2018":
        _refuse(given, ("shape",))
        folders = simulate_perfusion(
            given.out, size=given.size, spacing_mm=given.spacing, slices=given.slices, frames=given.frames, **shared
        )
    else:
        _refuse(given, ("size", "slices", "frames"))
        folders = simulate(given.out, shape=given.shape, spacing_mm=given.spacing, layout=given.layout, **shared)
    print(f"wrote {len(folders)} SYNTHETIC cases below {given.out}")
    say_next("index", given.out, "--out", given.out / "manifest.csv")
    return 0


def _refuse(given: argparse.Namespace, names: Sequence[str]) -> None:
    """Do nothing if none of these options, which mean nothing for the layout, was given."""
    for name in names:
        if getattr(given, name) is not None:
            raise SettingError(f"--{name} means nothing for --layout {given.layout}. Leave it out, or see --help.")


if __name__ == "__main__":
    raise SystemExit(main())
