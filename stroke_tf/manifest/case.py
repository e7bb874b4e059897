"""One patient's scan session: its files, the grid that is its own, and its place in the splits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

SEQUENCES = ("T1", "T2", "DWI", "FLAIR", "ADC")
SERIES = "CTP"
PERFUSION = ("CT", SERIES, "CBF", "CBV", "MTT", "TMAX")
"""Images of CT perfusion: the plain CT, the 4-D series of the bolus, and the maps computed from it."""


class Layout(str, Enum):
    """How the files of a cohort are named and arranged."""

    SISS2015 = "siss2015"
    """ISLES 2015 SISS: `1/VSD.Brain.XX.O.MR_T2.70616/VSD.Brain.XX.O.MR_T2.70616.nii`; all sequences on one grid."""
    ISLES2022 = "isles2022"
    """BIDS: `rawdata/sub-*/ses-*/*_dwi.nii.gz`; FLAIR lies on another grid than DWI and mask."""

    ISLES2018 = "isles2018"
    """CT perfusion: `case_1/SMIR.Brain.XX.O.CT_CBF.345563/SMIR.Brain.XX.O.CT_CBF.345563.nii`; all images on one grid.
    The DWI (`MR_DWI`) is there for training only."""

    PLAIN = "plain"
    """One's own scans: a folder a case, `patient07/FLAIR.nii.gz`, `T1`, `T2`, `DWI`, `ADC`, and `lesion` or `mask`."""

    @property
    def reference(self) -> str:
        """Return the sequence on whose grid the mask lies, where the case has it."""
        return {"isles2022": "DWI", "isles2018": "CT"}.get(self.value, "FLAIR")

    @property
    def resample(self) -> bool:
        """Return whether the layout itself says that the sequences lie on different grids."""
        return self is Layout.ISLES2022

    @property
    def expected(self) -> tuple[str, ...]:
        """Return the sequences without which a case of this layout is incomplete."""
        return {
            "siss2015": ("T1", "T2", "DWI", "FLAIR"),
            "isles2022": ("DWI", "FLAIR"),
            "isles2018": PERFUSION,  # without DWI a case cannot be trained on, but it can be predicted
            "plain": (),
        }[self.value]


@dataclass(frozen=True)
class Case:
    """One row of a manifest.

    Paths are absolute. What is known only after the files were read (SHA-256, shape, spacing, orientation, lesion
    volume) is empty before; fold and subset are empty for a case that has no mask to be measured against.
    """

    case_id: str
    layout: Layout
    images: Mapping[str, Path]
    lesion: Path | None = None
    reference: str = "FLAIR"
    resample: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)
    """By sequence name, and "lesion" for the mask."""
    shape: tuple[int, int, int] | None = None
    """Of the reference sequence in RAS+ order, as are the spacings."""
    spacing_mm: tuple[float, float, float] | None = None
    orientation: str = ""
    """Of the reference file as it is stored, such as LAS."""
    lesion_volume_ml: float | None = None
    fold: int | None = None
    subset: str = ""
    """train, validation or test of the 70/20/10 split."""

    @property
    def patient(self) -> str:
        """Return the patient's name; the sessions of one BIDS subject share it."""
        return patient_of(self.case_id)


def patient_of(case_id: str) -> str:
    """Return the patient to whom a case belongs: the BIDS subject, or the case itself.

    Example:
        >>> patient_of("sub-strokecase0009_ses-0001")
        'sub-strokecase0009'
        >>> patient_of("17")
        '17'
    """
    subject = re.match(r"(sub-[A-Za-z0-9]+)(_|$)", case_id)
    return subject.group(1) if subject else case_id


def natural_order(case_id: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts case 2 before case 10.

    Example:
        >>> sorted(["10", "2", "sub-3"], key=natural_order)
        ['2', '10', 'sub-3']
    """
    parts = (part for part in re.split(r"(\d+)", case_id) if part)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts)
