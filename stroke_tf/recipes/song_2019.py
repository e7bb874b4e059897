"""Generative model-based ischemic stroke lesion segmentation, Song 2019 (arXiv 1906.02392), on ISLES 2018.

The paper gives: an extractor that turns CT-perfusion data into feature images, a generator that turns them and the
perfusion parameters (CBF, CBV, MTT, Tmax) into a DWI, a segmentor that finds the lesion on the generated DWI; a
pixel-region loss of generalised Dice and weighted cross-entropy; all trained end to end from scratch; Dice 62.40 % in
cross-validation. It leaves out every layer, the generator's image loss, all weights of the losses, optimizer, rates,
epochs, augmentation, preprocessing and the number of folds; what we chose, and why, is in docs/assumptions.md.

Command:  make reproduce-isles2018 [PRESET=smoke|quick|paper] [DATA=…] [FOLD=0..4|all]
Presets:  PAPER  the full schedule, for the 94 cases of ISLES 2018 and a T4-class GPU.
          QUICK  the same three parts, narrower and on smaller slices, on a phantom cohort, for a laptop.
          SMOKE  every stage in a few steps, to see that all of it runs; its figures mean nothing.
QUICK's length and the image loss were set while fold 0 of the phantoms was looked at; its other folds were not.
"""

from dataclasses import replace

from stroke_tf.choices import PerfusionInput
from stroke_tf.recipes.perfusion import Isles2018, PerfusionCohort, PerfusionRecipe
from stroke_tf.recipes.recipe import Phase


def _four(whole: PerfusionRecipe) -> dict[str, PerfusionRecipe]:
    """Return the whole model and the networks that it is compared with: only what they look at differs."""
    return {each.value: replace(whole, name=f"song-2019-{each.value}", looks_at=each) for each in PerfusionInput}


WHOLE = PerfusionRecipe(
    name="song-2019",
    looks_at=PerfusionInput.WHOLE,
    training=(Phase("from random weights", epochs=80, learning_rate=1e-3, encoder_trainable=True),),
    base_filters=32,
)
PAPER = Isles2018(
    name="paper",
    **_four(WHOLE),
    cohort=PerfusionCohort(cases=94, size=256, spacing_mm=None, slices=(2, 22), frames=(40, 60), min_lesion_ml=0.0),
    folds=5,
    minutes_on_two_cores=700,
)


def _shortened(recipe: PerfusionRecipe, *, epochs: int, steps: int, batch: int, **changed) -> PerfusionRecipe:
    phases = tuple(replace(phase, epochs=epochs) for phase in recipe.training)
    return replace(recipe, training=phases, steps_per_epoch=steps, batch_size=batch, patience=100, **changed)


QUICK = Isles2018(
    name="quick",
    **_four(_shortened(WHOLE, epochs=8, steps=70, batch=8, size=96, base_filters=16)),
    cohort=PerfusionCohort(cases=40, size=128, spacing_mm=None, slices=(6, 12), frames=(40, 60), min_lesion_ml=3.0),
    folds=5,
    minutes_on_two_cores=4,
)
SMOKE = Isles2018(
    name="smoke",
    **_four(_shortened(WHOLE, epochs=1, steps=2, batch=2, size=32, frames=8, frame_seconds=4.0, base_filters=4)),
    cohort=PerfusionCohort(cases=6, size=48, spacing_mm=None, slices=(2, 4), frames=(40, 44), min_lesion_ml=3.0),
    folds=5,
    minutes_on_two_cores=0.2,
)
ISLES2018 = {preset.name: preset for preset in (SMOKE, QUICK, PAPER)}
