"""Which networks Table 1 needs; the whole of it runs in tests/test_reproduce_table1.py."""

from pathlib import Path

from stroke_tf.choices import Architecture
from stroke_tf.recipes.multiplane_2025 import PAPER
from stroke_tf.workflows.networks import RANDOM, EncoderWeights
from stroke_tf.workflows.results import TITLES
from stroke_tf.workflows.table1 import trained_rows

IMAGENET = EncoderWeights("imagenet", Path("weights.h5"), "0" * 64)


def by_row(weights: EncoderWeights) -> dict:
    return {each.row: each for each in trained_rows(PAPER, weights)}


def test_every_row_of_the_table_is_trained_or_measured():
    assert {*by_row(IMAGENET), "vote", "threshold", "threshold-largest", "ceiling"} == set(TITLES)


def test_only_the_three_planes_have_pretrained_encoders():
    names = {row: each.weights.name for row, each in by_row(IMAGENET).items()}
    planes = {"x": "imagenet", "y": "imagenet", "z": "imagenet"}
    assert names == {**planes, "absent": "none", "dsn": "none", "3d-unet": "none"}


def test_with_pretrained_weights_every_row_is_a_network_of_its_own():
    folders = [each.folder for each in trained_rows(PAPER, IMAGENET)]
    assert len(set(folders)) == 6


def test_without_pretrained_weights_the_row_absent_is_row_y():
    rows = by_row(RANDOM)
    assert rows["absent"].folder == rows["y"].folder
    assert len({each.folder for each in rows.values()}) == 5


def test_the_baseline_is_the_3d_network_and_dsn_the_deeply_supervised_one():
    rows = by_row(IMAGENET)
    assert (rows["3d-unet"].recipe.architecture, rows["3d-unet"].plane) == (Architecture.UNET_3D, None)
    assert rows["dsn"].recipe.architecture is Architecture.UNET_2D_DEEP
