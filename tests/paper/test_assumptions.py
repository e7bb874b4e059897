"""What we chose is written down once, and what is written down is what the recipes do."""

from pathlib import Path

import pytest

from stroke_tf.paper.assumptions import ASSUMPTIONS, assumptions_markdown
from stroke_tf.recipes.aboudi_2022 import LEARNING_RATE, PAPER, QUICK
from stroke_tf.recipes.multiplane_2025 import PLANAR, VOLUMETRIC

OURS = {each.id: each.ours for each in ASSUMPTIONS}


def test_the_page_of_assumptions_is_made_from_the_code(repository: Path):
    page = (repository / "docs" / "assumptions.md").read_text(encoding="utf-8")
    assert page == assumptions_markdown(), "write it again: python -m stroke_tf.paper.assumptions > docs/assumptions.md"


def test_ids_are_unique_and_nothing_is_left_empty():
    assert len(OURS) == len(ASSUMPTIONS)
    assert all(each.missing and each.ours and each.why for each in ASSUMPTIONS)


FROZEN, FINE = PLANAR.phases_pretrained


def test_what_is_told_of_the_phantoms_maps_is_what_computes_them():
    from stroke_tf.choices import Deconvolution
    from stroke_tf.perfusion.deconvolution import THRESHOLDS

    assert f"index of {THRESHOLDS[Deconvolution.OSCILLATION_LIMITED]:g}" in OURS["song-phantom-maps"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sequences", ", ".join(PLANAR.sequences)),
        ("validation", f"{PLANAR.validation_share:g} held out"),
        ("loss-weights", f"alpha = {PLANAR.loss.alpha:g}, beta = {PLANAR.loss.beta:g}"),
        ("class-weights", f"lesion {PLANAR.loss.lesion_weight:g}"),
        ("sampling", f"{PLANAR.lesion_share:g}"),
        ("epochs", f"{FROZEN.epochs} with the encoder frozen and {FINE.epochs} of fine-tuning"),
        ("epochs", f"{PLANAR.phases_random[0].epochs} from random weights; of {PLANAR.steps_per_epoch} steps"),
        ("epochs", f"patience {PLANAR.patience}"),
        ("batch", f"{PLANAR.batch_size} slices"),
        ("learning-rates", f"{FROZEN.learning_rate:g} with the encoder frozen"),
        ("learning-rates", f"{FINE.learning_rate:.4f} in fine-tuning"),
        ("augmentation", f"{PLANAR.augmenting.rotation_degrees:g} degrees"),
        ("batchnorm-momentum", f"{PLANAR.batchnorm_momentum:g}"),
        ("fit", PLANAR.fit.value),
        ("threshold", f"{PLANAR.threshold:g}"),
        ("tie", PLANAR.tie.value),
        ("3d-unet", f"{VOLUMETRIC.size}x{VOLUMETRIC.size}x{VOLUMETRIC.size}, batch {VOLUMETRIC.batch_size}"),
        ("3d-unet", f"{VOLUMETRIC.steps_per_epoch} steps"),
        ("3d-unet", f"{VOLUMETRIC.base_filters} filters"),
        ("aboudi-sampling", f"{PAPER.printed.steps_per_epoch} steps of {PAPER.printed.batch_size}"),
        ("aboudi-plane", f"fit: {PAPER.printed.fit.value}"),
        ("aboudi-rate", f"fell by {100 * PAPER.least_fall:g} %"),
        ("aboudi-rate", f"reached {100 * PAPER.least_dice:g} %"),
        ("aboudi-rate", f"to {LEARNING_RATE:g}, then half a cosine"),
        ("aboudi-phantoms", f"{QUICK.cohort.cases} of {'x'.join(map(str, QUICK.cohort.shape))} voxels"),
    ],
)
def test_an_assumption_tells_what_the_recipe_does(name: str, told: str):
    assert told in OURS[name]
