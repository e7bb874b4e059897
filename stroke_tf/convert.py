"""Door: turn DICOM series into NIfTI files that can be predicted, and a mask into a DICOM segmentation."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next
from stroke_tf.errors import SettingError

_SEQUENCES = ("flair", "dwi", "t1", "t2", "adc")


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf convert`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf convert",
        description="Convert the DICOM series of one patient into FLAIR.nii.gz, DWI.nii.gz and so on, by dicom2nifti "
        "(extra: pip install 'stroke_tf[dicom]'). Series are known by what the scanner called them; where that is not "
        "plain, say which is which. Nothing that tells who the patient is is written. With --mask the way back: a mask "
        "becomes a DICOM segmentation (SEG, by highdicom) of the series it lies on, and tells who the patient is, as "
        "the series does.",
    )
    options.add_argument("dicom", type=Path, help="folder with the DICOM files, at any depth")
    options.add_argument(
        "--out", type=Path, required=True, help="the case's folder, whose name is the case's; with --mask a .dcm file"
    )
    for name in _SEQUENCES:
        options.add_argument(f"--{name}", metavar="SERIES", help=f"the {name.upper()}: a number, or words of its name")
    options.add_argument("--mask", type=Path, help="a mask that predict wrote, to become a segmentation")
    options.add_argument(
        "--series", help="with --mask: the series it belongs to, a number or words of its name, where several fit"
    )
    options.add_argument("--force", action="store_true", help="replace files that exist")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, and print what each file came from."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.convert import convert, convert_back

    wanted = {name.upper(): getattr(asked, name) for name in _SEQUENCES if getattr(asked, name) is not None}
    if asked.mask is not None:
        if wanted:
            raise SettingError(f"--mask goes with --series, not with --{next(iter(wanted)).lower()}.")
        series = convert_back(asked.dicom, asked.mask, asked.out, wanted=asked.series, force=asked.force)
        print(f"{asked.out}: a segmentation of {series}; it tells who the patient is, as the series does")
        say_next("report", asked.mask.parent)
        return 0
    if asked.series is not None:
        raise SettingError("--series goes with --mask. Name the series of a sequence with --flair, --dwi …")
    done = convert(asked.dicom, asked.out, wanted=wanted, force=asked.force)
    for name, path in done.files.items():
        print(f"{name}: {path}, from {done.series[name]}")
    say_next("predict", "--runs", "RUN", "--data", asked.out, "--resample", "--out", "masks")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
