"""A lesion mask as a DICOM segmentation (SEG), which a viewer of the hospital shows on the series it was found in.

highdicom writes it (extra `dicom`). It belongs to a patient's study and so carries what the study's images say of the
patient; it is the one file of this package that does.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel import orientations
from nibabel.affines import apply_affine

from stroke_tf.arrays import Mask
from stroke_tf.errors import GeometryError, InputFileError
from stroke_tf.files import require_absent, written_whole
from stroke_tf.volumes.dicom import Series, dicom_library
from stroke_tf.volumes.grid import Grid

LABEL = "ischemic lesion"
NOTICE = "for research only, not for diagnosis"
_SERIES_NUMBER = 9000
"""Above what scanners count to, so that the segmentation stands below the images in a viewer's list."""
_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
)
"""What DICOM lets be empty but not be absent, and tools that take names out of images leave out all the same."""
_TOLERANCE_VOXELS = 0.05
"""How far a corner may lie from the series' own: headers are rounded, and a NIfTI affine has seven digits."""
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI counts millimetres to the right, front and top; DICOM to the left, back and top."""


def is_on_grid_of(series: Series, grid: Grid) -> bool:
    """Tell whether the voxels of a grid are those of a series, their axes turned or not."""
    geometry = _geometry(_images(series))
    return geometry is not None and _turned(np.zeros(grid.shape, bool), grid, geometry) is not None


def write_segmentation(mask: Mask, grid: Grid, series: Series, path: Path, *, force: bool) -> None:
    """Write a mask as a DICOM segmentation of a series, with one segment.

    Args:
        mask: (x, y, z) of bool, RAS+, on the grid.
        series: the images that the mask was found in; each of its slices refers to one of them.
    Raises: OutputError if the file exists and force is False; GeometryError if the mask's voxels are not those of the
        series.
    """
    require_absent(path, force=force)
    images = _images(series)
    geometry = _geometry(images)
    turned = None if geometry is None else _turned(mask, grid, geometry)
    if turned is None:
        raise GeometryError(f"{series}: the mask lies on another grid ({grid}). Name the series it was predicted on.")
    try:
        segmentation = _segmentation(images, geometry.with_array(turned.astype(np.uint8)))
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise InputFileError(f"{series.files[0].parent}: {series} cannot have a segmentation ({fault}).") from fault
    with written_whole(path) as temporary:
        segmentation.save_as(temporary)


def _images(series: Series) -> list[Any]:
    pydicom = dicom_library("pydicom")
    images = [pydicom.dcmread(file) for file in series.files]
    for image in images:
        for name in _MAY_BE_EMPTY:
            if name not in image:
                setattr(image, name, None)
    return images


def _geometry(images: Sequence[Any]) -> Any | None:
    """Return where the voxels of a series lie; None where its slices are no regular stack."""
    try:
        return dicom_library("highdicom").get_volume_from_series(images).get_geometry()
    except (ValueError, RuntimeError, AttributeError):
        return None


def _turned(mask: Mask, grid: Grid, geometry: Any) -> Mask | None:
    """Return a mask with its axes as a series has them: (slice, row, column); None where that takes more."""
    to_series = np.linalg.inv(geometry.affine) @ _RAS_TO_LPS @ grid.affine
    turning = orientations.io_orientation(to_series)
    turned = orientations.apply_orientation(mask, turning)
    if turned.shape != tuple(geometry.spatial_shape):
        return None
    moved = to_series @ orientations.inv_ornt_aff(turning, mask.shape)
    corners = np.array([*product(*((0, side - 1) for side in turned.shape))])
    far = np.abs(apply_affine(moved, corners) - corners).max()
    return turned if far < _TOLERANCE_VOXELS else None


def _segmentation(images: Sequence[Any], volume: Any) -> Any:
    hd = dicom_library("highdicom")
    from pydicom.sr.codedict import codes

    from stroke_tf import __version__

    algorithm = hd.AlgorithmIdentificationSequence(
        name="stroke_tf", version=__version__, family=codes.DCM.ArtificialIntelligence
    )
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=LABEL,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=hd.UID(),
        tracking_id=LABEL,
    )
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=hd.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="stroke_tf",
        manufacturer_model_name="stroke_tf",
        software_versions=__version__,
        device_serial_number="none",
        content_description=NOTICE,
        series_description=f"{LABEL} ({NOTICE})",
        # Slices without lesion too, so that an empty mask is a segmentation like any other.
        omit_empty_frames=False,
    )
