"""The form of a recipe: frozen dataclasses, checked when they are made."""

from dataclasses import dataclass, field

from stroke_tf.choices import Architecture, FitRule, LossKind, Optimizer, RateShape, TieRule
from stroke_tf.errors import SettingError

_MOST_NEIGHBOURS = 3
"""On each side. More is another method: a stack of seven slices of 1 mm is as thick as most lesions are wide."""


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
        sequences: different names, at least one. One is repeated to three channels; other numbers than three are mixed
            into three by a learnt 1x1 convolution where the network is 2-D.
        neighbours: how many slices on each side of a 2-D image belong to it as further channels (2.5-D); 0 to 3.
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
    neighbours: int = 0
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
        if not 1 <= len(set(self.sequences)) == len(self.sequences):
            raise SettingError(
                f"Name different sequences, at least one. Received: {', '.join(self.sequences) or 'none'}"
            )
        if not 0 <= self.neighbours <= _MOST_NEIGHBOURS:
            raise SettingError(
                f"An image has 0 to {_MOST_NEIGHBOURS} neighbours on each side. Received: {self.neighbours}"
            )
        if self.neighbours and self.architecture is Architecture.UNET_3D:
            raise SettingError("The 3-D U-Net sees the neighbours of a slice anyway. Leave --neighbours away.")
        if self.batch_size < 1 or self.steps_per_epoch < 1:
            raise SettingError(
                f"Batch size and steps must be at least 1. Received: {self.batch_size}, {self.steps_per_epoch}"
            )
        if not 0 < self.threshold < 1:
            raise SettingError(f"The threshold lies between 0 and 1. Received: {self.threshold}")

    @property
    def channels(self) -> int:
        """Return how many channels an image has."""
        repeated = len(self.sequences) == 1 and not self.neighbours
        return 3 if repeated else len(self.sequences) * (2 * self.neighbours + 1)

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
