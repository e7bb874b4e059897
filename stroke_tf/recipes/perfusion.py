"""The form of a recipe on CT perfusion: frozen dataclasses, checked when they are made."""

from dataclasses import dataclass, field

from stroke_tf.choices import Architecture, FitRule, PerfusionInput
from stroke_tf.errors import SettingError
from stroke_tf.recipes.recipe import Phase

MAPS = ("CBF", "CBV", "MTT", "TMAX")
_SEQUENCES = {
    PerfusionInput.WHOLE: ("CTP", "CT", *MAPS),
    PerfusionInput.UNGUIDED: ("CTP", "CT", *MAPS),
    PerfusionInput.MAPS: MAPS,
    PerfusionInput.DWI: ("DWI",),
}


@dataclass(frozen=True)
class PixelRegionLoss:
    """region * generalised Dice + pixel * weighted cross-entropy, and image * (squares + edges * gradients).

    The last part compares the generated DWI with the real one, and is there for the whole model only; lesion_weight is
    that of the cross-entropy and of the squares. See training/pixel_region_loss.py.
    """

    region: float = 1.0
    pixel: float = 1.0
    lesion_weight: float = 3.0
    image: float = 0.5
    edges: float = 0.2


@dataclass(frozen=True)
class Moving:
    """How training slices are moved; see batches/perfusion.py for what each value does."""

    flip_sides: bool = True
    rotation_degrees: float = 10.0
    shift_share: float = 0.05


@dataclass(frozen=True)
class PerfusionRecipe:
    """Everything that decides what one network of the CT-perfusion journey learns.

    Args:
        looks_at: which inputs, and so which network: all three parts, or the segmentor alone.
        training: its phases, all from random weights.
        size: side of the square axial slices in pixels.
        frames, frame_seconds: the series is resampled to so many frames of so many seconds, which begin shortly
            before the bolus arrives.
        base_filters: of generator and segmentor at the whole resolution.
        steps_per_epoch, lesion_share, validation_share, patience, threshold: as in recipe.Recipe.
    """

    name: str
    looks_at: PerfusionInput
    training: tuple[Phase, ...]
    fit: FitRule = FitRule.BRAIN
    size: int = 128
    frames: int = 24
    frame_seconds: float = 1.5
    batch_size: int = 16
    steps_per_epoch: int = 100
    lesion_share: float = 0.6
    validation_share: float = 0.2
    patience: int = 15
    loss: PixelRegionLoss = field(default_factory=PixelRegionLoss)
    moving: Moving = field(default_factory=Moving)
    batchnorm_momentum: float = 0.9
    base_filters: int = 16
    threshold: float = 0.5

    def __post_init__(self) -> None:
        for name in ("size", "frames", "batch_size", "steps_per_epoch", "base_filters"):
            if getattr(self, name) < 1:
                raise SettingError(f"Recipe {self.name}: {name} must be 1 or more. Received: {getattr(self, name)}")
        if not self.frame_seconds > 0:
            raise SettingError(f"Recipe {self.name}: a frame lasts some time. Received: {self.frame_seconds} s")
        if not 0 < self.threshold < 1:
            raise SettingError(f"Recipe {self.name}: the threshold lies between 0 and 1. Received: {self.threshold}")

    @property
    def architecture(self) -> Architecture:
        """Return the network that looks at these inputs."""
        return Architecture.GENERATIVE_CTP if "CTP" in self.sequences else Architecture.SEGMENTOR_2D

    @property
    def sequences(self) -> tuple[str, ...]:
        """Return the images that a case must have, besides CT, on whose grid everything lies."""
        return _SEQUENCES[self.looks_at]

    @property
    def channels(self) -> int:
        """Return how many channels a slice has; the series counts with its frames."""
        # The series is one sequence, and becomes its frames and what it shows before the bolus.
        series = self.frames if "CTP" in self.sequences else 0
        return len(self.sequences) + series

    @property
    def neighbours(self) -> int:
        """Return 0: slices are 5 mm apart, and each is looked at alone."""
        return 0

    def phases(self, *, pretrained: bool) -> tuple[Phase, ...]:
        """Return the schedule; there is nothing pretrained in this journey."""
        if pretrained:
            raise SettingError(f"Recipe {self.name}: its networks begin at random weights. Use --weights none.")
        return self.training


@dataclass(frozen=True)
class PerfusionCohort:
    """The CT-perfusion phantoms that stand in where no data is at hand.

    Args:
        size: pixels along both sides of an axial slice. spacing_mm: of a pixel; None lets a slice measure 235 mm.
        slices, frames: least and most of a case.
    """

    cases: int
    size: int
    spacing_mm: float | None
    slices: tuple[int, int]
    frames: tuple[int, int]
    min_lesion_ml: float


@dataclass(frozen=True)
class Isles2018:
    """One preset of the whole journey: the four networks, the phantoms that stand in, the expected time of a fold."""

    name: str
    whole: PerfusionRecipe
    unguided: PerfusionRecipe
    maps: PerfusionRecipe
    dwi: PerfusionRecipe
    cohort: PerfusionCohort
    folds: int
    minutes_on_two_cores: float
