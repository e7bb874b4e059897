"""Door: look at one case before any network does."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import data_options, door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf doctor`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf doctor",
        description="Report a case's grids, orientations, intensities, brain and lesion, say in words on which side "
        "the lesion lies, and prove with a numbered marker, in all 48 orientations and on all planes, that nothing is "
        "mirrored or shifted on the way to slices and back. The exit code is 2 if something must be mended.",
    )
    options.add_argument(
        "case", nargs="+", metavar="CASE", help="a case's folder, its .nii files, or with --data the ids of cases"
    )
    options.add_argument("--data", type=Path, help="manifest CSV or folder of cases in which to look the ids up")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument("--lesion", type=Path, help="which of the files is the lesion mask, if its name does not tell")
    options.add_argument("--json", type=Path, metavar="OUT", help="write all that was found as JSON")
    options.add_argument("--allow-empty", action="store_true", help="a mask without lesion is meant so")
    options.add_argument("--max-voxels", type=int, default=512**3, help="refuse images that claim more")
    options.add_argument("--force", action="store_true", help="replace the JSON if it exists")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Examine, report, and fail if a case has a fault."""
    asked = parser().parse_args(arguments)
    from stroke_tf.files import require_absent
    from stroke_tf.workflows.doctor import cases_asked_for, examine, fills_four_folds, report_lines, write_report

    if asked.json is not None:
        require_absent(asked.json, force=asked.force)
    examinations = []
    for case in cases_asked_for(asked.case, data=asked.data, data_root=asked.data_root, lesion=asked.lesion):
        found = examine(case, max_voxels=asked.max_voxels, allow_empty=asked.allow_empty)
        print("\n".join(report_lines(found)), flush=True)
        examinations.append(found)
    if asked.json is not None:
        write_report(asked.json, examinations, force=asked.force)
        print(f"wrote {asked.json}")
    faults = [f"case {found.case_id}: {fault}" for found in examinations for fault in found.faults]
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    if faults:
        print(f"{len(faults)} to be mended, in {len(examinations)} examined", file=sys.stderr)
        return 2
    print(f"all is well with {', '.join(found.case_id for found in examinations)}")
    teaches = asked.data is not None and fills_four_folds(asked.data, asked.data_root)
    say_next(*_next(asked, teaches=teaches, perfusion=examinations[0].layout == "isles2018"))
    return 0


def _next(asked: argparse.Namespace, *, teaches: bool, perfusion: bool) -> list[object]:
    """A cohort with masks can teach a network; anything else waits for one that was taught."""
    if asked.data is None:
        first = Path(asked.case[0])
        data = data_options(first if first.is_dir() else first.parent, None)
        return ["predict", "--runs", "RUN", *data, "--out", "predictions"]
    data = data_options(asked.data, asked.data_root)
    if not teaches:
        return ["predict", "--runs", "RUN", *data, "--case", *asked.case, "--out", "predictions"]
    if perfusion:
        return ["reproduce-isles2018", *data, "--preset", "quick"]
    return ["train", "--axis", "y", *data, "--out", "runs/y"]


if __name__ == "__main__":
    raise SystemExit(main())
