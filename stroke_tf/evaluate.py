"""The door `stroke-tf evaluate`: compare masks with the truth, under a named protocol."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Protocol
from stroke_tf.cli import door, say_next

_MAX_VOXELS = 512**3
_SEED = 2015
_SHOWN = ("dice", "precision", "recall", "assd_mm", "hd95_pooled_mm", "absolute_volume_difference_ml", "lesion_f1")


def parser() -> argparse.ArgumentParser:
    """Return the options of this door."""
    options = argparse.ArgumentParser(
        prog="stroke-tf evaluate",
        description="Compare masks with the truth, case by case and in 3-D: overlap, three kinds of accuracy, surface "
        "distances, volume and lesion counts. The protocol decides what empty masks and failed cases mean, and every "
        "report names its conventions. Several rows are compared by the paired Wilcoxon test. Writes per_case.csv, "
        "summary.csv, summary.md and summary.json. The exit code is not 0 if a case has no prediction.",
    )
    options.add_argument(
        "--truth", type=Path, required=True, help="manifest, folder of cases, or folder of masks named after cases"
    )
    options.add_argument("--masks", type=Path, metavar="FOLDER", help="holds <case>.nii.gz or <case>_mask.nii.gz")
    options.add_argument(
        "--rows",
        type=_row,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=FOLDER",
        help="further rows to compare; a path with {case} in it names files of any other pattern",
    )
    options.add_argument(
        "--protocol",
        choices=[each.value for each in Protocol],
        default=Protocol.ISLES2022.value,
        help="whose rules decide empty masks and failed cases (default %(default)s)",
    )
    options.add_argument("--out", type=Path, default=Path("evaluation"), help="results folder (default %(default)s)")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument(
        "--case", nargs="+", action="extend", default=[], metavar="ID", help="evaluate only these cases"
    )
    options.add_argument("--fold", type=int, help="evaluate only the cases of this fold of the manifest")
    options.add_argument(
        "--subset",
        choices=("train", "validation", "test"),
        default="",
        help="evaluate only this part of the manifest's 70/20/10 split",
    )
    options.add_argument(
        "--baseline",
        action="store_true",
        help="also measure a threshold on FLAIR x DWI, whole and its largest component, fitted on the manifest's cases "
        "that are not evaluated",
    )
    options.add_argument("--seed", type=int, default=_SEED, help="of the bootstrap (default %(default)s)")
    options.add_argument(
        "--max-voxels", type=int, default=_MAX_VOXELS, help="refuse larger images (default %(default)s)"
    )
    options.add_argument("--force", action="store_true", help="replace results that exist")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, print the main figures, and fail if a case had no prediction."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.evaluate import FILES, evaluate, named_rows

    done = evaluate(
        asked.truth,
        named_rows(asked.masks, asked.rows),
        out=asked.out,
        protocol=Protocol(asked.protocol),
        seed=asked.seed,
        data_root=asked.data_root,
        case_ids=asked.case,
        fold=asked.fold,
        subset=asked.subset,
        baseline=asked.baseline,
        max_voxels=asked.max_voxels,
        force=asked.force,
    )
    for name, summaries in done.summaries.items():
        print(f"{name}, {done.protocol.value}, {done.cases} cases:")
        for measure in _SHOWN:
            print(f"  {measure:<30}{_figure(summaries[measure])}")
    for name in FILES:
        print(f"wrote {asked.out / name}")
    for name, cases in done.missing.items():
        print(f"error: row {name} has no mask for {len(cases)} cases: {', '.join(cases)}", file=sys.stderr)
    if done.missing:
        return 2
    say_next("report", asked.out)
    return 0


def _row(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise argparse.ArgumentTypeError(f"use NAME=FOLDER. Received: {text!r}")
    return name, place


def _figure(summary) -> str:
    if summary.mean is None:
        return f"none: {summary.left_out} left out"
    text = f"{summary.mean:.4f}"
    if summary.sd is not None:
        text += f" ± {summary.sd:.4f} [{summary.low:.4f}, {summary.high:.4f}]"
    return text + (f"  ({summary.left_out} left out)" if summary.left_out else "")


if __name__ == "__main__":
    raise SystemExit(main())
