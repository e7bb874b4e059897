"""Hybrid ResNet50-UNet, Aboudi, Drissi and Kraiem 2022 (IJCSNS 22(11), doi 10.22937/IJCSNS.2022.22.11.67), Table II.

The paper gives: axial slices resized whole to 128x128x3, flips and rotation by up to 180 degrees, a ResNet50 encoder
from ImageNet that stays frozen, a U-Net decoder, softmax; SGD at 0.00001 with momentum "9", batches of 32, 100 epochs,
binary cross-entropy plotted and categorical cross-entropy named; 70 % of 28 cases to train, 20 % to validate, 10 % to
test; pictures of the network on FLAIR, on DWI and on T1. It leaves out which three channels the "x3" are, whether
70/20/10 divides cases or slices, which epoch's weights are tested, and how the printed numbers are averaged; what we
chose, and why, is in docs/assumptions.md.

The two losses. Of a softmax over two classes, and labels that add up to 1 (soft ones too: coverage c of lesion, 1 - c
of background), binary cross-entropy as Keras computes it, the mean over both outputs, is
-1/2 [c log p + (1-c) log(1-p) + (1-c) log(1-p) + c log p], which is the categorical -[c log p + (1-c) log(1-p)]: the
same number and the same gradient. The two rows can differ by rounding alone, which training then amplifies; the rows as
printed show by how much, and the schedule that learns is not paid for twice. They would be two losses with independent
sigmoids (which the paper does not have), and differ by a factor 2, hence by a doubled rate, if the binary one were
summed over the outputs.

The rate. With momentum 0.9 a step moves ten times the rate; 100 epochs of 88 steps at 0.00001 add up to a rate of
0.088, which the second row passes in its first steps. So each model is trained "as printed" and, where that learns too
little (`least_fall`, `least_dice`), once more at a rate that learns: SGD with the same momentum, a short warm-up to
LEARNING_RATE, then half a cosine (a constant 0.1 or 0.5 leaves batch normalisation's moving averages behind: after 80
steps on phantoms the training loss had fallen and the validation Dice was 0). Nothing else is changed, except that an
encoder without pretrained weights is trained too, since a frozen random one has nothing to offer. A
short preset cannot run 8,800 steps; its row "compressed" spreads the same sum of rates over the steps it has.

Command:  make reproduce-aboudi2022 [PRESET=smoke|quick|paper]
Presets:  PAPER  100 epochs of all six models, for 28 cases and a T4-class GPU.
          QUICK  few epochs on 28 phantoms of 77 slices, for a laptop: see the README for the time and the figures.
          SMOKE  every stage in a few steps, to see that all of it runs; its figures mean nothing.
"""

from dataclasses import dataclass, replace

from stroke_tf.choices import Architecture, FitRule, LossKind, Optimizer, RateShape
from stroke_tf.recipes.recipe import Augmenting, Cohort, Loss, Phase, Recipe

PRINTED_EPOCHS, PRINTED_STEPS, PRINTED_RATE = 100, 88, 1e-5
"""88 steps of 32 show 2,816 slices: 70 % of the "approximately 4000 images", each about once an epoch."""
LEARNING_RATE = 0.2


@dataclass(frozen=True)
class Model:
    """One network of the paper: what it sees, and what it minimises."""

    id: str
    title: str
    sequences: tuple[str, ...]
    loss: LossKind


@dataclass(frozen=True)
class Aboudi2022:
    """One preset of the whole.

    Args:
        printed: the schedule as printed, or its beginning.
        compressed: the whole printed schedule's sum of rates in the steps of `printed`; None where nothing is cut.
        learning: the same with a rate that learns.
        models: each is trained by `printed`, and by `learning` where that learns too little.
        compressed_model: id of the model that is trained by `compressed`.
        least_fall, least_dice: a schedule has learnt if the training loss fell by this share from the first epoch to
            the last, and the validation Dice reached this.
    """

    name: str
    printed: Recipe
    compressed: Recipe | None
    learning: Recipe
    models: tuple[Model, ...]
    cohort: Cohort
    minutes_on_two_cores: float
    compressed_model: str = "three"
    least_fall: float = 0.05
    least_dice: float = 0.05


_AS_PRINTED = (
    Phase(
        "as printed",
        epochs=PRINTED_EPOCHS,
        learning_rate=PRINTED_RATE,
        encoder_trainable=False,
        optimizer=Optimizer.SGD,
        momentum=0.9,
        rate=RateShape.CONSTANT,
    ),
)
PRINTED = Recipe(
    name="aboudi-2022",
    architecture=Architecture.UNET_2D,
    phases_pretrained=_AS_PRINTED,
    phases_random=_AS_PRINTED,
    fit=FitRule.PLAIN,
    batch_size=32,
    steps_per_epoch=PRINTED_STEPS,
    lesion_share=0.0,
    patience=PRINTED_EPOCHS,
    loss=Loss(kind=LossKind.BINARY),
    augmenting=Augmenting(flip=True, rotation_degrees=180.0, brightness=0.0, contrast=0.0),
)

MODELS = (
    Model("flair", "FLAIR", ("FLAIR",), LossKind.BINARY),
    Model("dwi", "DWI", ("DWI",), LossKind.BINARY),
    Model("t1", "T1", ("T1",), LossKind.BINARY),
    Model("t2", "T2", ("T2",), LossKind.BINARY),
    Model("three", "FLAIR, DWI, T2", ("FLAIR", "DWI", "T2"), LossKind.BINARY),
    Model("three-categorical", "FLAIR, DWI, T2; categorical", ("FLAIR", "DWI", "T2"), LossKind.CATEGORICAL),
)


def _learning(recipe: Recipe, *, epochs: int, steps: int, batch: int = 32) -> Recipe:
    """Return the recipe at a rate that learns; a random encoder is trained with the rest."""
    (printed,) = recipe.phases_pretrained
    phase = replace(
        printed,
        name="at a rate that learns",
        epochs=epochs,
        learning_rate=LEARNING_RATE,
        warm_up=0.1,
        rate=RateShape.WARM_UP_COSINE,
    )
    return replace(
        recipe,
        name="aboudi-2022-learning",
        phases_pretrained=(phase,),
        phases_random=(replace(phase, encoder_trainable=True),),
        steps_per_epoch=steps,
        batch_size=batch,
    )


def _shortened(recipe: Recipe, *, epochs: int, steps: int, batch: int = 32) -> Recipe:
    """Return the recipe with fewer epochs, steps and slices a step, and nothing else changed."""
    phases = tuple(replace(phase, epochs=epochs) for phase in recipe.phases_pretrained)
    return replace(recipe, phases_pretrained=phases, phases_random=phases, steps_per_epoch=steps, batch_size=batch)


def _compressed(recipe: Recipe) -> Recipe:
    """Return a shortened recipe at the rate with which its steps add up to the printed schedule's sum of rates."""
    phases = tuple(
        replace(
            phase,
            name="printed sum of rates",
            learning_rate=PRINTED_RATE * PRINTED_EPOCHS * PRINTED_STEPS / (phase.epochs * recipe.steps_per_epoch),
        )
        for phase in recipe.phases_pretrained
    )
    return replace(recipe, name="aboudi-2022-compressed", phases_pretrained=phases, phases_random=phases)


PAPER = Aboudi2022(
    name="paper",
    printed=PRINTED,
    compressed=None,
    learning=_learning(PRINTED, epochs=PRINTED_EPOCHS, steps=PRINTED_STEPS),
    models=MODELS,
    cohort=Cohort(cases=28, shape=(230, 230, 154), spacing_mm=(1.0, 1.0, 1.0), min_lesion_ml=0.0),
    minutes_on_two_cores=1500,
)
_QUICK = _shortened(PRINTED, epochs=2, steps=10)
QUICK = Aboudi2022(
    name="quick",
    printed=_QUICK,
    compressed=_compressed(_QUICK),
    learning=_learning(_QUICK, epochs=4, steps=63, batch=16),
    models=MODELS,
    cohort=Cohort(cases=28, shape=(230, 230, 77), spacing_mm=(1.0, 1.0, 2.0), min_lesion_ml=3.0),
    minutes_on_two_cores=21,
)
_SMOKE = _shortened(PRINTED, epochs=2, steps=1, batch=4)
SMOKE = Aboudi2022(
    name="smoke",
    printed=_SMOKE,
    compressed=_compressed(_SMOKE),
    learning=_learning(_SMOKE, epochs=2, steps=1, batch=4),
    models=MODELS,
    cohort=Cohort(cases=8, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), min_lesion_ml=3.0),
    minutes_on_two_cores=2,
)
ABOUDI2022 = {preset.name: preset for preset in (SMOKE, QUICK, PAPER)}
