"""Door: fuse the planes' probability volumes into one mask."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf fuse`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf fuse",
        description="Fuse the planes of one case into one mask, by a rule or by a fusion that was fitted on validation "
        "cases. The volumes are probabilities or masks on one grid; the mask lies on the same grid, with its affine "
        "and orientation. No network runs. docs/fusion.md tells the rules and when to use which.",
    )
    options.add_argument("volumes", type=Path, nargs="+", metavar="VOLUME", help="<case>_prob-x.nii.gz and so on")
    options.add_argument("--out", type=Path, required=True, metavar="MASK", help="the mask to write, .nii or .nii.gz")
    options.add_argument(
        "--rule",
        choices=[each.value for each in FusionRule],
        help="majority (default): a voxel is lesion where more than half of the volumes say so",
    )
    options.add_argument(
        "--weights",
        help="of the weighted rules: 0.2,0.4,0.4 in the order of the volumes, or x=0.2,y=0.4,z=0.4, or fastsurfer",
    )
    options.add_argument("--planes", help="x,y,z: the volumes' planes in order, where no JSON beside them tells")
    options.add_argument(
        "--threshold", type=float, help="probability from which a plane (or the fused volume) says lesion: 0.5"
    )
    options.add_argument("--tie", choices=[each.value for each in TieRule], help="what an even vote means: background")
    options.add_argument("--min-component-ml", type=float, metavar="ML", help="drop components smaller than this")
    options.add_argument("--fill-holes", action="store_true", help="fill holes of the mask")
    options.add_argument(
        "--fitted",
        type=Path,
        metavar="JSON",
        help="a fusion written by compare-fusion, with rule and numbers; refused for volumes of other networks",
    )
    options.add_argument(
        "--disagreement", type=Path, metavar="MAP", help="also write how far the planes' probabilities lie apart"
    )
    options.add_argument("--max-voxels", type=int, default=512**3, help="refuse volumes that claim more")
    options.add_argument("--force", action="store_true", help="replace the mask if it exists")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Vote, and tell how much lesion each plane and the vote hold."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.fuse import Fusing, fuse_files, planes_from, weights_from

    given = {
        "rule": FusionRule(asked.rule) if asked.rule else None,
        "weights": weights_from(asked.weights) if asked.weights else None,
        "threshold": asked.threshold,
        "tie": TieRule(asked.tie) if asked.tie else None,
        "min_component_ml": asked.min_component_ml,
        "fill_holes": asked.fill_holes or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    fused = fuse_files(
        asked.volumes,
        asked.out,
        # A fitted fusion has all numbers of its own; one given beside it is refused and not overruled in silence.
        fusing=Fusing(**given) if given or not asked.fitted else None,
        fitted=asked.fitted,
        planes=planes_from(asked.planes) if asked.planes else (),
        disagreement_map=asked.disagreement,
        max_voxels=asked.max_voxels,
        force=asked.force,
    )
    for path, volume_ml in fused.voters_ml.items():
        print(f"{path}: {volume_ml:.2f} ml of lesion")
    print(f"wrote {fused.path}: {fused.volume_ml:.2f} ml of lesion")
    if fused.disagreement:
        print(f"wrote {fused.disagreement}: 0 where all planes say the same, 1 where two are sure of the opposite")
    say_next("evaluate", "--truth", "MANIFEST", *_rows(fused.path, asked.volumes[0]), "--out", "evaluation-fused")
    return 0


def _rows(mask: Path, volume: Path) -> list[object]:
    """Return the options by which `evaluate` finds the mask, whatever it is called beside its case."""
    case = re.sub(r"_(prob|mask)(-\w+)?\.nii(\.gz)?$", "", volume.name)
    if case == volume.name or not mask.name.startswith(case):
        return ["--masks", mask.parent]
    return ["--rows", f"fused={mask.parent / mask.name.replace(case, '{case}', 1)}", "--case", case]


if __name__ == "__main__":
    raise SystemExit(main())
