"""Door: vote the planes' probability volumes into one mask."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf fuse`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf fuse",
        description="Vote the planes of one case into one mask: a voxel is lesion where more than half of the volumes "
        "say so. The volumes are probabilities or masks on one grid; the mask lies on the same grid, with its affine "
        "and orientation.",
    )
    options.add_argument("volumes", type=Path, nargs="+", metavar="VOLUME", help="<case>_prob-x.nii.gz and so on")
    options.add_argument("--out", type=Path, required=True, metavar="MASK", help="the mask to write, .nii or .nii.gz")
    options.add_argument(
        "--rule", choices=[each.value for each in FusionRule], default="majority", help="default: %(default)s"
    )
    options.add_argument(
        "--threshold", type=float, default=0.5, help="probability from which a plane says lesion (default %(default)s)"
    )
    options.add_argument(
        "--tie", choices=[each.value for each in TieRule], default="background", help="what an even vote means"
    )
    options.add_argument("--max-voxels", type=int, default=512**3, help="refuse volumes that claim more")
    options.add_argument("--force", action="store_true", help="replace the mask if it exists")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Vote, and tell how much lesion each plane and the vote hold."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.fuse import fuse_files

    fused = fuse_files(
        asked.volumes,
        asked.out,
        rule=FusionRule(asked.rule),
        threshold=asked.threshold,
        tie=TieRule(asked.tie),
        max_voxels=asked.max_voxels,
        force=asked.force,
    )
    for path, volume_ml in fused.voters_ml.items():
        print(f"{path}: {volume_ml:.2f} ml of lesion")
    print(f"wrote {fused.path}: {fused.volume_ml:.2f} ml of lesion")
    say_next("evaluate", "--truth", "MANIFEST", "--masks", fused.path.parent, "--out", "evaluation")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
