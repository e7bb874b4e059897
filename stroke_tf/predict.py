"""Door: turn scans into masks on the scans' own grid."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stroke_tf.choices import Cluster, Device, Engine, MissingSequence, Naming, Precision, TieRule
from stroke_tf.cli import cluster_options, device_options, door, say_next

if TYPE_CHECKING:
    from stroke_tf.manifest.given import Given

_MRI = ("flair", "dwi", "t1", "t2", "adc")
_CT = ("ct", "ctp", "cbf", "cbv", "mtt", "tmax")
_MOST_NAMED = 12
"""More cases are not named one by one in the command that comes next."""


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf predict`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf predict",
        description="Predict lesions with one trained plane, or with three that vote. Masks (and with --probabilities "
        "the planes' probability volumes) lie on each case's own grid, with its affine and orientation; beside each "
        "mask a JSON tells what is in it. For research and teaching only.",
    )
    options.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        help="run folders of train, or one of reproduce-isles2018",
    )
    options.add_argument("--out", type=Path, required=True, help="folder for <case>_mask.nii.gz, or for the derivative")

    cases = options.add_argument_group("cases", "--data, or a file for each sequence of one case")
    cases.add_argument(
        "--data",
        type=Path,
        help="folder of cases or one case's folder, BIDS dataset, manifest CSV, or a text list (.txt) of folders",
    )
    cases.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    cases.add_argument("--case", nargs="+", action="extend", default=[], help="ids; all cases without it")
    for name in (*_MRI, *_CT):
        told = "series of the bolus" if name == "ctp" else "image"
        cases.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"the {name.upper()} {told} of one case")
    cases.add_argument("--name", default="", help="what the case of these files is called")
    cases.add_argument("--reference", default="", type=str.upper, help="sequence on whose grid the mask shall lie")
    cases.add_argument(
        "--resample", action="store_true", help="sequences on other grids may be resampled (BIDS: they are)"
    )

    seeing = options.add_argument_group("scans that are not as the networks know them", "see docs/predict.md")
    seeing.add_argument(
        "--missing-sequence",
        choices=[each.value for each in MissingSequence],
        default="error",
        help="what a missing sequence is replaced by; error: the case fails",
    )
    seeing.add_argument(
        "--brain-mask",
        default="",
        metavar="simple|FILE",
        help="for scans that are not skull-stripped: the simple built-in mask, or a file ({case} stands for the case)",
    )

    results = options.add_argument_group("results")
    results.add_argument("--plane-masks", action="store_true", help="also write <case>_mask-<plane>.nii.gz")
    results.add_argument(
        "--probabilities", action="store_true", help="also write <case>_prob-<plane>.nii.gz, and the planes' masks"
    )
    results.add_argument(
        "--naming",
        choices=[each.value for each in Naming],
        default="auto",
        help="of the files; auto: a BIDS derivative for a BIDS dataset",
    )
    results.add_argument(
        "--continue",
        dest="resume",
        action="store_true",
        help="go on: keep what is there, intact, of the same scans and settings",
    )
    results.add_argument("--force", action="store_true", help="replace masks that exist")

    computing = options.add_argument_group("networks")
    computing.add_argument(
        "--fusion",
        default="",
        metavar="RULE",
        help="a rule of stroke-tf fuse, fastsurfer, or a JSON of compare-fusion; default: the majority vote",
    )
    computing.add_argument(
        "--tie", choices=[each.value for each in TieRule], default="background", help="what an even vote means"
    )
    computing.add_argument(
        "--engine",
        choices=[each.value for each in Engine],
        default="auto",
        help="what computes the networks; auto takes openvino on a processor if it is installed, keras otherwise",
    )
    device_options(computing)
    cluster_options(computing)
    computing.add_argument("--max-voxels", type=int, default=512**3, help="refuse images that claim more")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Predict, print a line a case, and fail if a case failed."""
    asked = parser().parse_args(arguments)
    from stroke_tf.cluster.options import require_cluster_options
    from stroke_tf.workflows.outputs import FAILED, TABLE, Outputs
    from stroke_tf.workflows.predict import Asked, cases_seen_in_training, predict_cases
    from stroke_tf.workflows.predict_perfusion import of_perfusion, predict_perfusion_cases
    from stroke_tf.workflows.seeing import Seeing

    wishes = Asked(
        runs=tuple(asked.runs),
        outputs=Outputs(asked.out, TieRule(asked.tie), asked.plane_masks, asked.probabilities, asked.force),
        engine=Engine(asked.engine),
        device=Device(asked.device),
        precision=Precision(asked.precision),
        fusion=asked.fusion,
        seeing=Seeing(MissingSequence(asked.missing_sequence), asked.brain_mask),
        reference=asked.reference,
        resample=asked.resample,
        naming=Naming(asked.naming),
        max_voxels=asked.max_voxels,
        resume=asked.resume,
        threads=asked.threads,
    )
    cluster = Cluster(asked.cluster)
    require_cluster_options(cluster, asked.address)
    given = _given(asked)
    if cluster is Cluster.RAY:
        from stroke_tf.cluster.predict import predict_on_ray

        written = predict_on_ray(given, wishes, address=asked.address, case_ids=asked.case)
    else:
        predict = predict_perfusion_cases if of_perfusion(asked.runs) else predict_cases
        written = predict(given, wishes, case_ids=asked.case)
    for each in written:
        if not each.fault and not each.kept:
            print(f"{each.case_id}: {each.volume_ml:.2f} ml of lesion, {each.seconds:.1f} s, {each.mask}")
        for warning in each.warnings if not each.kept else ():
            print(f"  warning: {warning}")
    failed = [each for each in written if each.fault]
    for each in failed:
        fault = each.fault.removeprefix(f"case {each.case_id}: ")
        print(f"error: case {each.case_id} failed: {fault}", file=sys.stderr)
    if len(failed) < len(written):
        print(f"table of all cases: {asked.out / TABLE}")
    if failed:
        print(f"{len(failed)} of {len(written)} cases failed; they are listed in {asked.out / FAILED}", file=sys.stderr)
        return 2
    if not given.with_truth:
        say_next("report", asked.out)
    else:
        root = [] if asked.data_root is None else ["--data-root", asked.data_root]
        seen = set(cases_seen_in_training(asked.runs, given.cases))
        unseen = [each.case_id for each in written if not each.fault and each.case_id not in seen]
        # A Dice of cases that trained the networks flatters.
        these = ["--case", *unseen] if seen and 0 < len(unseen) <= _MOST_NAMED else []
        say_next("evaluate", "--truth", asked.data, *root, "--masks", asked.out, *these, "--out", "evaluation")
    return 0


def _given(asked: argparse.Namespace) -> "Given":
    """Return the cases: those of --data, or the one of the files."""
    from stroke_tf.errors import SettingError
    from stroke_tf.manifest.given import given_as_files, given_by

    files = {name.upper(): getattr(asked, name) for name in (*_MRI, *_CT) if getattr(asked, name) is not None}
    if bool(files) == (asked.data is not None):
        received = ", ".join(f"--{name.lower()}" for name in files)
        raise SettingError(
            "Name the cases by --data, or the files of one case by --flair, --dwi, --t1, --t2 … "
            f"Received: {f'--data and {received}' if files else 'neither'}"
        )
    if files:
        return given_as_files(files, name=asked.name, reference=asked.reference, resample=asked.resample)
    return given_by(asked.data, data_root=asked.data_root)


if __name__ == "__main__":
    raise SystemExit(main())
