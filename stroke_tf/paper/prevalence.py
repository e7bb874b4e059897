"""How large a share of the voxels can be lesion: what the organisers publish decides it."""

from dataclasses import dataclass
from enum import Enum

VOLUME_ML = 230 * 230 * 154 / 1000
"""A SISS volume at 1 mm, air included."""
BRAIN_ML = 1300.0
"""A brain; the organisers publish no volume, so this is the textbook figure and it is ours."""
COHORT = 56
MEAN_LESION_ML = 17.59
LARGEST_LESION_ML = 346.064


class Area(str, Enum):
    """The voxels over which an accuracy was counted: all, those of the brain, or a box around lesion and prediction."""

    VOLUME = "volume"
    BRAIN = "brain"
    BOX = "box"


@dataclass(frozen=True)
class LesionShare:
    """The lesion's share of an area's voxels: the mean of the cohort and the most that any test cases can have."""

    mean: float
    most: float


def lesion_share(area: Area, cases: int) -> LesionShare:
    """Return the lesion's share of an area, over `cases` cases taken together.

    The mean of 56 cases is 17.59 ml, so all of them hold 985 ml, and no seven of them can hold more than that:
    at most 141 ml each, though a single case may have 346 ml.

    Args:
        area: the voxels that are counted; a box can be as tight as one likes, so its share has no limit below 1.
        cases: how many cases are pooled; 1 gives the limit of a single case.
    Source: the pages of ISLES 2015 (56 Lübeck cases: mean and range of the lesion volume).
    """
    if area is Area.BOX:
        return LesionShare(mean=float("nan"), most=1.0)
    size = VOLUME_ML if area is Area.VOLUME else BRAIN_ML
    most_ml = min(LARGEST_LESION_ML, COHORT * MEAN_LESION_ML / cases)
    return LesionShare(mean=MEAN_LESION_ML / size, most=most_ml / size)
