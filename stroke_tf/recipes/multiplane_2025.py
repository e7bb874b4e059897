"""Multi-plane Res-UNet with majority voting, arXiv 2511.07281, Table 1.

The paper gives: 128x128x3 slices of three planes, a ResNet50 U-Net with an ImageNet encoder that is frozen first and
then fine-tuned at a lower rate, Adam, weighted cross-entropy + Dice, 21 cases to train and validate and 7 to test, a
voxel-wise majority vote. It leaves out which sequences, epochs, batch size, learning rates, loss weights and which 7
cases; what we chose, and why, is in docs/assumptions.md.

Command:  make reproduce-table1 [PRESET=smoke|quick|paper] [VARIANTS=all|dense-unet,attention,…]
Presets:  PAPER  the full schedule, for 28 cases and a T4-class GPU.
          QUICK  the same networks on a phantom cohort, for a laptop: see the README for the time and the figures.
          SMOKE  every stage in a few steps, to see that all of it runs; its figures mean nothing.
"""

from dataclasses import replace

from stroke_tf.choices import Architecture
from stroke_tf.recipes.recipe import Cohort, Phase, Recipe, Table1

PLANAR = Recipe(
    name="multiplane-2025",
    architecture=Architecture.UNET_2D,
    phases_pretrained=(
        Phase("frozen encoder", epochs=20, learning_rate=1e-3, encoder_trainable=False),
        Phase("fine-tuning", epochs=40, learning_rate=1e-4, encoder_trainable=True),
    ),
    phases_random=(Phase("from random weights", epochs=60, learning_rate=1e-3, encoder_trainable=True),),
)
DEEP = replace(PLANAR, name="multiplane-2025-dsn", architecture=Architecture.UNET_2D_DEEP)
VOLUMETRIC = replace(
    PLANAR,
    name="multiplane-2025-3d",
    architecture=Architecture.UNET_3D,
    phases_pretrained=(),
    size=64,
    batch_size=2,
    steps_per_epoch=250,
)


def variants_of(planar: Recipe) -> dict[str, Recipe]:
    """Return what Table 1 can show beside row Y, by row: the same schedule, and one thing that is another.

    The Dense-UNet stands in the paper's conclusion and attention is its first wish; the others are ours.
    """
    return {
        "dense-unet": replace(planar, name="multiplane-2025-dense-unet", backbone="densenet121"),
        "attention": replace(planar, name="multiplane-2025-attention", architecture=Architecture.ATTENTION_UNET),
        "linknet": replace(planar, name="multiplane-2025-linknet", architecture=Architecture.LINKNET),
        "fpn": replace(planar, name="multiplane-2025-fpn", architecture=Architecture.FPN),
        "four-sequences": replace(
            planar, name="multiplane-2025-four-sequences", sequences=("FLAIR", "DWI", "T2", "T1")
        ),
        "2.5-d": replace(planar, name="multiplane-2025-2.5-d", neighbours=1),
    }


VARIANTS = tuple(variants_of(PLANAR))
PAPER = Table1(
    name="paper",
    planar=PLANAR,
    deep=DEEP,
    volumetric=VOLUMETRIC,
    cohort=Cohort(cases=28, shape=(230, 230, 154), spacing_mm=(1.0, 1.0, 1.0), min_lesion_ml=0.0),
    minutes_on_two_cores=850,
)


def _shortened(
    recipe: Recipe, *, frozen: int, fine: int, random: int, steps: int, batch: int, patience: int = 100
) -> Recipe:
    """Return the recipe with fewer epochs, steps and slices a step, and nothing else changed."""
    pretrained = tuple(
        replace(phase, epochs=epochs) for phase, epochs in zip(recipe.phases_pretrained, (frozen, fine), strict=False)
    )
    scratch = tuple(replace(phase, epochs=random) for phase in recipe.phases_random)
    return replace(
        recipe,
        phases_pretrained=pretrained,
        phases_random=scratch,
        steps_per_epoch=steps,
        batch_size=batch,
        patience=patience,
    )


QUICK = Table1(
    name="quick",
    planar=_shortened(PLANAR, frozen=1, fine=3, random=4, steps=60, batch=16),
    deep=_shortened(DEEP, frozen=1, fine=3, random=4, steps=50, batch=16),
    volumetric=replace(_shortened(VOLUMETRIC, frozen=0, fine=0, random=4, steps=80, batch=2), base_filters=8),
    cohort=Cohort(cases=24, shape=(230, 230, 154), spacing_mm=(1.0, 1.0, 1.0), min_lesion_ml=3.0),
    minutes_on_two_cores=20,
)
SMOKE = Table1(
    name="smoke",
    planar=_shortened(PLANAR, frozen=1, fine=1, random=1, steps=3, batch=4),
    deep=_shortened(DEEP, frozen=1, fine=1, random=1, steps=2, batch=4),
    volumetric=replace(_shortened(VOLUMETRIC, frozen=0, fine=0, random=1, steps=2, batch=1), base_filters=4, size=32),
    cohort=Cohort(cases=8, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), min_lesion_ml=3.0),
    minutes_on_two_cores=1.5,
)
TABLE1 = {preset.name: preset for preset in (SMOKE, QUICK, PAPER)}
