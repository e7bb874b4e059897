"""Which networks Table 1 needs; the whole of it runs in tests/test_reproduce_table1.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from stroke_tf.choices import Architecture, Device, Precision, Protocol
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.manifest.case import Case, Layout
from stroke_tf.recipes.multiplane_2025 import PAPER, PLANAR, VARIANTS, variants_of
from stroke_tf.workflows.networks import RANDOM, EncoderWeights
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.results import TITLES
from stroke_tf.workflows.table1_rows import Table1Request, require_sequences, trained_rows, variant_rows

IMAGENET = EncoderWeights("imagenet", Path("weights.h5"), "0" * 64)


def by_row(weights: EncoderWeights) -> dict:
    return {each.row: each for each in trained_rows(PAPER, weights)}


def test_every_row_of_the_table_is_trained_or_measured():
    assert {*by_row(IMAGENET), *VARIANTS, "vote", "threshold", "threshold-largest", "ceiling"} == set(TITLES)


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


def request(**changed) -> Table1Request:
    settings = {
        "preset": "paper",
        "data": None,
        "data_root": None,
        "folds": (0,),
        "weights": "none",
        "weights_folder": None,
        "out": Path("out"),
        "seed": 1,
        "device": Device.CPU,
        "precision": Precision.FLOAT32,
        "protocol": Protocol.ISLES2015,
        "variants": VARIANTS,
    }
    return Table1Request(**{**settings, **changed})


def test_a_variant_differs_from_row_y_in_one_thing():
    for name, recipe in variants_of(PLANAR).items():
        assert replace(recipe, name=PLANAR.name) != PLANAR, name
        assert recipe.phases_random == PLANAR.phases_random and recipe.loss == PLANAR.loss
        changed = [each for each in vars(PLANAR) if getattr(recipe, each) != getattr(PLANAR, each)]
        assert len(changed) == 2 and "name" in changed, (name, changed)


def test_each_variant_has_a_folder_of_its_own_and_the_weights_of_its_encoder():
    rows = variant_rows(request(), RANDOM)
    assert [each.row for each in rows] == list(VARIANTS)
    folders = [each.folder for each in (*trained_rows(PAPER, IMAGENET), *rows)]
    assert len(set(folders)) == len(folders) >= 12
    assert {each.plane.value for each in rows} == {"y"}
    channels = {each.row: each.recipe.channels for each in rows}
    assert (channels["dense-unet"], channels["four-sequences"], channels["2.5-d"]) == (3, 4, 9)


def test_a_weight_file_of_the_papers_encoder_is_none_for_another():
    rows = {each.row: each for each in variant_rows(request(weights="mine/resnet.h5"), IMAGENET)}
    assert rows["attention"].weights is IMAGENET
    assert rows["dense-unet"].weights.name == "none"
    assert rows["dense-unet"].weights.note == "the encoder densenet121 cannot take resnet.h5"


def test_only_the_variants_asked_for_are_trained_and_others_are_refused():
    assert variant_rows(request(variants=()), RANDOM) == []
    (only,) = variant_rows(request(variants=("2.5-d",)), RANDOM)
    assert (only.row, only.recipe.neighbours) == ("2.5-d", 1)
    with pytest.raises(SettingError, match=r"all, or some of dense-unet.*Received: u-net"):
        request(variants=("fpn", "u-net"))


def test_a_sequence_that_a_variant_needs_is_missed_at_once():
    case = Case("07", Layout.PLAIN, {name: Path(f"{name}.nii") for name in ("FLAIR", "DWI", "T2")})
    require_sequences(variant_rows(request(variants=("fpn",)), RANDOM), [case])
    with pytest.raises(ManifestError, match="case 07: no T1, which the row four-sequences needs"):
        require_sequences(variant_rows(request(), RANDOM), [case])


def test_neighbours_need_no_other_cache_but_where_one_sequence_stands_alone():
    assert viewing_of(variants_of(PLANAR)["2.5-d"]) == viewing_of(PLANAR)
    alone = replace(PLANAR, sequences=("DWI",))
    assert viewing_of(alone).repeat_one
    assert not viewing_of(replace(alone, neighbours=1)).repeat_one
