"""The form of a recipe: frozen dataclasses, checked when they are made."""

from dataclasses import dataclass, field

from stroke_tf.choices import Architecture, FitRule, LossKind, Optimizer, RateShape, TieRule
from stroke_tf.errors import SettingError


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one set of trainable layers and one peak learning rate.

    Args:
        name: what the history and the curves call it.
        epochs: how many at most; early stopping may end the last phase sooner.
        learning_rate: the peak, reached after `warm_up` of the phase's steps and then lowered along a half cosine;
            or the one rate of all steps, where the rate's shape is constant.
        encoder_trainable: False freezes the encoder, its batch-norm statistics included.
        momentum: of SGD; Adam has moments of its own.
    """

    name: str
    epochs: int
    learning_rate: float
    encoder_trainable: bool
    warm_up: float = 0.05
    optimizer: Optimizer = Optimizer.ADAM
    momentum: float = 0.9
    rate: RateShape = RateShape.WARM_UP_COSINE

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise SettingError(f"Phase '{self.name}': a learning rate is above 0. Received: {self.learning_rate}")
        if not 0 <= self.momentum < 1:
            raise SettingError(
                f"Phase '{self.name}': momentum lies in [0, 1); from 1 on, steps grow without end. "
                f"Received: {self.momentum}"
            )


@dataclass(frozen=True)
class Loss:
    """What is minimised: total = alpha * weighted cross-entropy + beta * (1 - soft Dice of the lesion class).

    Args:
        kind: HYBRID is the total above; the plain cross-entropies have no weights and pass over the other fields.
    Source: arXiv 2511.07281, section II-E; alpha, beta and the class weight are lost in print, see assumptions.
    """

    alpha: float = 1.0
    beta: float = 1.0
    lesion_weight: float = 3.0
    kind: LossKind = LossKind.HYBRID


@dataclass(frozen=True)
class Augmenting:
    """How training images are varied; see batches/augment.py for what each value does."""

    flip: bool = True
    rotation_degrees: float = 15.0
    brightness: float = 0.1
    contrast: float = 0.1


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a network of Table 1 learns.

    Args:
        sequences: three names, or one that is repeated to three channels.
        size: side of the square slices, or of the cubic patches of a 3-D network, in pixels or voxels.
        steps_per_epoch: batches between two validations.
        lesion_share: share of the slices (or patches) of a batch that hold lesion.
        validation_share: share of the training cases that is held out for early stopping.
        patience: epochs without a better validation Dice before training stops.
        threshold: lesion probability from which a voxel counts as lesion.
    """

    name: str
    architecture: Architecture
    phases_pretrained: tuple[Phase, ...]
    phases_random: tuple[Phase, ...]
    sequences: tuple[str, ...] = ("FLAIR", "DWI", "T2")
    fit: FitRule = FitRule.BRAIN
    size: int = 128
    backbone: str = "resnet50"
    batch_size: int = 32
    steps_per_epoch: int = 100
    lesion_share: float = 0.6
    validation_share: float = 0.2
    patience: int = 10
    loss: Loss = field(default_factory=Loss)
    augmenting: Augmenting = field(default_factory=Augmenting)
    batchnorm_momentum: float = 0.9
    base_filters: int = 16
    threshold: float = 0.5
    tie: TieRule = TieRule.BACKGROUND

    def __post_init__(self) -> None:
        if len(self.sequences) not in (1, 3):
            raise SettingError(f"Name three sequences, or one to be repeated. Received: {', '.join(self.sequences)}")
        if self.batch_size < 1 or self.steps_per_epoch < 1:
            raise SettingError(
                f"Batch size and steps must be at least 1. Received: {self.batch_size}, {self.steps_per_epoch}"
            )
        if not 0 < self.threshold < 1:
            raise SettingError(f"The threshold lies between 0 and 1. Received: {self.threshold}")

    def phases(self, *, pretrained: bool) -> tuple[Phase, ...]:
        """Return the schedule: an encoder is only worth freezing when it has learnt something before."""
        return self.phases_pretrained if pretrained else self.phases_random


@dataclass(frozen=True)
class Cohort:
    """The phantom cohort that stands in where no data is at hand."""

    cases: int
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    min_lesion_ml: float


@dataclass(frozen=True)
class Table1:
    """One preset of the whole of Table 1: the networks, the phantoms that stand in, the expected time of a fold."""

    name: str
    planar: Recipe
    deep: Recipe
    volumetric: Recipe
    cohort: Cohort
    minutes_on_two_cores: float
