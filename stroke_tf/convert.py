"""Door: turn DICOM series into NIfTI files that can be predicted."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next

_SEQUENCES = ("flair", "dwi", "t1", "t2", "adc")


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf convert`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf convert",
        description="Convert the DICOM series of one patient into FLAIR.nii.gz, DWI.nii.gz and so on, by dicom2nifti "
        "(extra: pip install 'stroke_tf[dicom]'). Series are known by what the scanner called them; where that is not "
        "plain, say which is which. Nothing that tells who the patient is is written.",
    )
    options.add_argument("dicom", type=Path, help="folder with the DICOM files, at any depth")
    options.add_argument("--out", type=Path, required=True, help="the case's folder; its name is the case's name")
    for name in _SEQUENCES:
        options.add_argument(f"--{name}", metavar="SERIES", help=f"the {name.upper()}: a number, or words of its name")
    options.add_argument("--force", action="store_true", help="replace files that exist")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, and print what each file came from."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.convert import convert

    wanted = {name.upper(): getattr(asked, name) for name in _SEQUENCES if getattr(asked, name) is not None}
    done = convert(asked.dicom, asked.out, wanted=wanted, force=asked.force)
    for name, path in done.files.items():
        print(f"{name}: {path}, from {done.series[name]}")
    say_next("predict", "--runs", "RUN", "--data", asked.out, "--resample", "--out", "masks")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
