"""DICOM series: which lie in a folder, and how one becomes a NIfTI file. dicom2nifti does it (extra `dicom`)."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from stroke_tf.errors import GeometryError, InputFileError, SettingError
from stroke_tf.files import require_absent, written_whole
from stroke_tf.progress import Progress

_TAGS = ["SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ProtocolName", "Modality", "PatientID"]


@dataclass(frozen=True)
class Series:
    """One series of images as the scanner wrote it.

    Args:
        number: as the scanner counted it; 0 where it did not.
        description: what the operator called it; the protocol's name where it has none.
        patient: an identifier, for telling patients apart; it is written nowhere.
    """

    uid: str
    number: int
    description: str
    patient: str
    files: tuple[Path, ...]

    def __str__(self) -> str:
        return f"series {self.number} ({self.description or 'without a description'}, {len(self.files)} images)"


def find_series(folder: Path) -> list[Series]:
    """List the series of images of a folder and all below it, in the scanner's order; other files are passed over.

    Raises: SettingError without the extra; InputFileError if there is no folder, or no image in it.
    """
    pydicom = dicom_library("pydicom")
    if not folder.is_dir():
        raise InputFileError(f"{folder}: no such folder. Give the folder that holds the DICOM files.")
    found: dict[str, tuple[list[Path], object]] = {}
    files = _files_below(folder)
    progress = Progress("reading headers", len(files))
    for path in files:
        header = _header(pydicom, path)
        if header is not None:
            found.setdefault(str(header.SeriesInstanceUID), ([], header))[0].append(path)
        progress.step()
    if not found:
        raise InputFileError(f"{folder}: no DICOM image in it. Give the folder that holds the DICOM files.")
    series = [_series(uid, files, header) for uid, (files, header) in found.items()]
    return sorted(series, key=lambda each: (each.number, each.description, each.uid))


def convert_series(series: Series, path: Path, *, force: bool) -> None:
    """Write a series as a NIfTI file, on the grid that its headers tell.

    Args:
        path: ends in .nii.gz.
    Raises: OutputError if the file exists and force is False; InputFileError for images that are no volume: a
        slice that is missing, slices that do not lie in parallel, several volumes.
    """
    pydicom, dicom2nifti = dicom_library("pydicom"), dicom_library("dicom2nifti")
    faults = dicom2nifti.exceptions
    require_absent(path, force=force)
    images = [pydicom.dcmread(file) for file in series.files]
    # What it logs on the way, the error tells in one line.
    log = logging.getLogger("dicom2nifti")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with written_whole(path) as temporary:
            # Not turned: the mask then lies on the scanner's own rows and columns.
            dicom2nifti.convert_dicom.dicom_array_to_nifti(images, str(temporary), reorient_nifti=False)
            _require_volume(temporary, series)
    except (
        faults.ConversionError,
        faults.ConversionValidationError,
        AttributeError,
        KeyError,
        ValueError,
        IndexError,
    ) as fault:
        raise InputFileError(
            f"{series.files[0].parent}: {series} is no volume that can be converted ({fault or type(fault).__name__}). "
            "Export the whole series again, or convert it with another tool such as dcm2niix."
        ) from fault
    finally:
        log.setLevel(level)


def dicom_library(name: str) -> ModuleType:
    import importlib

    try:
        module = importlib.import_module(name)
        if name == "dicom2nifti":
            importlib.import_module("dicom2nifti.convert_dicom")
            importlib.import_module("dicom2nifti.exceptions")
    except ImportError as fault:
        raise SettingError(
            f"DICOM needs {name}, which is not installed ({fault}). Install it with: pip install 'stroke_tf[dicom]', "
            "or in a clone: pip install -e '.[dicom]'"
        ) from None
    return module


def _files_below(folder: Path) -> list[Path]:
    files = []
    for place, below, names in os.walk(folder):
        below.sort()
        files += [Path(place, name) for name in sorted(names)]
    return files


def _header(pydicom: ModuleType, path: Path) -> object | None:
    """Return the header of an image; None for what is none: text, a DICOMDIR, a report, a segmentation."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_TAGS, "Rows"])
    except (pydicom.errors.InvalidDicomError, OSError, EOFError):
        return None
    is_image = "Rows" in header and "SeriesInstanceUID" in header and header.get("Modality") != "SEG"
    return header if is_image else None


def _series(uid: str, files: Sequence[Path], header: object) -> Series:
    description = str(getattr(header, "SeriesDescription", "") or getattr(header, "ProtocolName", "") or "")
    number = getattr(header, "SeriesNumber", None)
    patient = str(getattr(header, "PatientID", "") or "")
    return Series(uid, int(number) if number is not None else 0, description, patient, tuple(files))


def _require_volume(path: Path, series: Series) -> None:
    import nibabel

    shape = nibabel.load(path).shape
    if len(shape) != 3:
        raise GeometryError(
            f"{series}: {shape[-1]} volumes in one series, where one is needed. For DWI name the series of the trace "
            "(or b1000) image."
        )
