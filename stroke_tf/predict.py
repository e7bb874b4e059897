"""Door: turn scans into masks on the scans' own grid."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Device, Engine, Precision, TieRule
from stroke_tf.cli import device_options, door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf predict`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf predict",
        description="Predict lesions with one trained plane, or with three that vote. Masks (and with --probabilities "
        "the planes' probability volumes) lie on each case's own grid, with its affine and orientation.",
    )
    options.add_argument(
        "--runs", type=Path, nargs="+", required=True, help="run folders of train, or one of reproduce-isles2018"
    )
    options.add_argument("--data", type=Path, required=True, help="manifest CSV, folder of cases, or one case's folder")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument("--case", nargs="+", default=[], help="ids; all cases without it")
    options.add_argument("--out", type=Path, required=True, help="folder for <case>_mask.nii.gz")
    options.add_argument("--plane-masks", action="store_true", help="also write <case>_mask-<plane>.nii.gz")
    options.add_argument(
        "--probabilities", action="store_true", help="also write <case>_prob-<plane>.nii.gz, and the planes' masks"
    )
    options.add_argument(
        "--fusion",
        default="",
        metavar="RULE",
        help="a rule of stroke-tf fuse, fastsurfer, or a JSON of compare-fusion; default: the majority vote",
    )
    options.add_argument(
        "--tie", choices=[each.value for each in TieRule], default="background", help="what an even vote means"
    )
    options.add_argument(
        "--engine",
        choices=[each.value for each in Engine],
        default="auto",
        help="what computes the networks; auto takes openvino on a processor if it is installed, keras otherwise",
    )
    device_options(options)
    options.add_argument("--max-voxels", type=int, default=512**3, help="refuse images that claim more")
    options.add_argument("--force", action="store_true", help="replace masks that exist")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Predict, print a line a case, and fail if a case failed."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.predict import Outputs, predict_cases
    from stroke_tf.workflows.predict_perfusion import of_perfusion, predict_perfusion_cases

    outputs = Outputs(asked.out, TieRule(asked.tie), asked.plane_masks, asked.probabilities, asked.force)
    common = {
        "case_ids": asked.case,
        "data_root": asked.data_root,
        "device": Device(asked.device),
        "precision": Precision(asked.precision),
        "max_voxels": asked.max_voxels,
    }
    if of_perfusion(asked.runs):
        written = predict_perfusion_cases(asked.runs[0], asked.data, outputs, **common)
    else:
        written = predict_cases(
            asked.runs, asked.data, outputs, engine=Engine(asked.engine), fusion=asked.fusion, **common
        )
    for each in written:
        if not each.fault:
            print(f"{each.case_id}: {each.volume_ml:.2f} ml of lesion, {each.seconds:.1f} s, {each.mask}")
    failed = [each for each in written if each.fault]
    for each in failed:
        print(f"error: case {each.case_id} failed: {each.fault}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(written)} cases failed", file=sys.stderr)
        return 2
    root = [] if asked.data_root is None else ["--data-root", asked.data_root]
    say_next("evaluate", "--truth", asked.data, *root, "--masks", asked.out, "--out", "evaluation")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
