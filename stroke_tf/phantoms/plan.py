"""What a case is to contain, drawn before any voxel: how many infarcts, how large, where, of which kind.

The distributions are those that the organisers of ISLES 2015 SISS report for their 56 cases.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from stroke_tf.errors import SettingError
from stroke_tf.seeds import child_seed

MOST_LESIONS = 14
SMALLEST_ML, LARGEST_ML = 0.001, 346.064
_COUNT_RATIO = 0.602
"""P(n + 1 lesions) / P(n lesions): a geometric law cut at 14, whose mean is 2.49."""
_MEDIAN_ML, _LOG_SPREAD = 4.45, 1.855
"""A log-normal law; cut at the smallest and the largest volume its mean is 17.6 ml."""
_BOTH_SIDES = 0.0895
"""Of the cases with two lesions or more; it makes 3 of 56 of all."""
_CORTICAL_BY_ML = ((1.0, 0.31), (8.0, 0.44), (25.0, 0.62), (np.inf, 1.0))
"""A lesion below the volume is cortical with the chance: 36 of 85 over all, more among the large ones, for which the
depth has no room."""


class Kind(str, Enum):
    """The two shapes of an infarct."""

    CORTICAL = "cortical"
    """A wedge whose base lies on the cortex."""
    SUBCORTICAL = "subcortical"
    """A small round one in the depth."""


class Lobe(str, Enum):
    """Where an infarct lies."""

    FRONTAL = "frontal"
    TEMPORAL = "temporal"
    PARIETAL = "parietal"
    OCCIPITAL = "occipital"
    MIDBRAIN = "midbrain"
    CEREBELLUM = "cerebellum"


_LOBES = {
    Lobe.FRONTAL: 11,
    Lobe.TEMPORAL: 24,
    Lobe.PARIETAL: 42,
    Lobe.OCCIPITAL: 17,
    Lobe.MIDBRAIN: 2,
    Lobe.CEREBELLUM: 6,
}
_MOST_ML_IN = {Lobe.MIDBRAIN: 3.0, Lobe.CEREBELLUM: 25.0, Lobe.OCCIPITAL: 60.0}


@dataclass(frozen=True)
class PlannedLesion:
    """One infarct: volume in an adult's head, side (-1 left, 1 right), kind and lobe."""

    volume_ml: float
    side: int
    kind: Kind
    lobe: Lobe


@dataclass(frozen=True)
class LesionPlan:
    """All infarcts of one case, the largest first."""

    lesions: tuple[PlannedLesion, ...]

    @property
    def count(self) -> int:
        """Return the number of infarcts."""
        return len(self.lesions)

    @property
    def total_ml(self) -> float:
        """Return the volume of all infarcts together."""
        return sum(lesion.volume_ml for lesion in self.lesions)


def draw_lesion_plan(*, seed: int, min_lesion_ml: float = 0.0) -> LesionPlan:
    """Draw what a case contains.

    Args:
        min_lesion_ml: the least total volume of a case; above 0 the cohort is no longer distributed like SISS.
    Returns: the plan, the largest infarct first.
    Raises: SettingError if min_lesion_ml is not below the largest volume.
    Source: the organisers' pages of ISLES 2015 SISS for counts, volumes, kinds, lobes, sides; the laws are ours.
    Example:
        >>> draw_lesion_plan(seed=3) == draw_lesion_plan(seed=3)
        True
    """
    if not 0 <= min_lesion_ml < 100:
        raise SettingError(f"The least lesion volume lies between 0 and 100 ml. Received: {min_lesion_ml:g}")
    rng = np.random.default_rng(child_seed(seed, "lesion plan"))
    total_ml = _total_ml(rng, max(min_lesion_ml, SMALLEST_ML))
    chances = _COUNT_RATIO ** np.arange(MOST_LESIONS)
    count = 1 + int(rng.choice(MOST_LESIONS, p=chances / chances.sum()))
    count = min(count, max(1, int(total_ml / SMALLEST_ML)))
    shares = np.sort(rng.lognormal(0.0, 1.3, size=count))[::-1]
    volumes_ml = np.maximum(total_ml * shares / shares.sum(), SMALLEST_ML)
    volumes_ml *= total_ml / volumes_ml.sum()
    side = int(rng.choice((-1, 1)))
    sides = np.full(count, side)
    if count > 1 and rng.random() < _BOTH_SIDES:
        sides[rng.integers(1, count) :] = -side
    return LesionPlan(tuple(_lesion(float(v), int(s), rng) for v, s in zip(volumes_ml, sides, strict=True)))


def _total_ml(rng: np.random.Generator, least_ml: float) -> float:
    while True:
        volume_ml = float(_MEDIAN_ML * np.exp(_LOG_SPREAD * rng.standard_normal()))
        if least_ml <= volume_ml <= LARGEST_ML:
            return volume_ml


def _lesion(volume_ml: float, side: int, rng: np.random.Generator) -> PlannedLesion:
    chance = next(share for below_ml, share in _CORTICAL_BY_ML if volume_ml < below_ml)
    kind = Kind.CORTICAL if rng.random() < chance else Kind.SUBCORTICAL
    lobes = [lobe for lobe in _LOBES if volume_ml <= _MOST_ML_IN.get(lobe, np.inf)]
    weights = np.array([_LOBES[lobe] for lobe in lobes], dtype=float)
    lobe = lobes[int(rng.choice(len(lobes), p=weights / weights.sum()))]
    return PlannedLesion(volume_ml, side, Kind.SUBCORTICAL if lobe is Lobe.MIDBRAIN else kind, lobe)
