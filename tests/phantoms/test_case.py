"""Phantoms at 4 mm, which hold a whole head in 58x58x40 voxels: voxels agree with the plan, contrasts with physics."""

import numpy as np
import pytest
from skimage.measure import label

from stroke_tf.errors import SettingError
from stroke_tf.phantoms.anatomy import draw_head
from stroke_tf.phantoms.case import draw_case
from stroke_tf.phantoms.contrast import draw_sequence
from stroke_tf.phantoms.lesions import DISTRACTORS, draw_pathology
from stroke_tf.phantoms.plan import draw_lesion_plan

SMALL = {"shape": (58, 58, 40), "spacing_mm": (4.0, 4.0, 4.0)}
VOXEL_ML = 0.064
CASES = [draw_case(seed=seed, min_lesion_ml=2, **SMALL) for seed in range(8)]
HEAD = draw_head(seed=3, **SMALL)


def healthy(name, seed=1):
    pathology = draw_pathology(HEAD, draw_lesion_plan(seed=1), seed=1)
    nothing = dict.fromkeys(DISTRACTORS, ())
    pathology = type(pathology)(infarcts=(), mask=np.zeros_like(pathology.mask), distractors=nothing)
    return draw_sequence(name, HEAD, pathology, seed=seed)


def tissue_medians(name):
    # One voxel inside a tissue and away from its borders; slices are thick, so only pure places tell the contrast.
    picture = healthy(name)
    pure = {
        "wm": HEAD.brain & (HEAD.gm < 0.05) & (HEAD.csf < 0.05),
        "gm": HEAD.brain & (HEAD.gm > 0.75),
        "csf": HEAD.brain & (HEAD.csf > 0.95) & (HEAD.outer_mm > 3),
    }
    return {tissue: float(np.median(picture[where])) for tissue, where in pure.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.plan.count} lesions")
def test_voxels_hold_the_planned_volume(case):
    planned = sum(max(1, round(lesion.volume_ml / VOXEL_ML)) for lesion in case.plan.lesions)
    assert case.lesion.sum() == planned


def test_components_are_about_as_many_as_lesions():
    for case in CASES:
        _, found = label(case.lesion, return_num=True, connectivity=3)
        assert 1 <= found <= 3 * case.plan.count + 3


def test_lesions_lie_on_the_planned_side():
    for case in (case for case in CASES if len({lesion.side for lesion in case.plan.lesions}) == 1):
        x = np.argwhere(case.lesion)[:, 0].mean() - 28.5
        assert np.sign(x) == case.plan.lesions[0].side


def test_an_infarct_is_brighter_than_its_surroundings_on_flair_and_dwi_together():
    for case in CASES:
        healthy_brain = case.brain & ~case.lesion
        for mask in case.distractors.values():
            healthy_brain &= ~mask
        for name in ("FLAIR", "DWI"):
            picture = case.sequences[name]
            assert np.median(picture[case.lesion]) > np.median(picture[healthy_brain]) * 1.1


def test_distractors_lie_outside_the_lesion_and_all_kinds_occur():
    seen = set()
    for case in CASES:
        assert set(case.distractors) == set(DISTRACTORS)
        seen |= {name for name, mask in case.distractors.items() if mask.any()}
        for name in ("acute_dwi_only", "old_infarct", "white_matter"):
            assert not (case.distractors[name] & case.lesion).any()
    assert seen == set(DISTRACTORS)


def test_acute_patches_show_on_dwi_and_not_on_flair():
    ratios = {"DWI": [], "FLAIR": []}
    for case in CASES:
        patch = (
            case.distractors["acute_dwi_only"] & ~case.distractors["white_matter"] & ~case.distractors["old_infarct"]
        )
        if patch.sum() < 10:
            continue
        for name, found in ratios.items():
            found.append(np.median(case.sequences[name][patch]) / np.median(case.sequences[name][case.brain]))
    assert min(len(found) for found in ratios.values()) >= 3
    assert np.median(ratios["DWI"]) > 1.5
    assert np.median(ratios["FLAIR"]) < 1.3


def test_old_infarcts_show_on_flair_and_not_on_dwi():
    ratios = {"DWI": [], "FLAIR": []}
    for case in CASES:
        patch = case.distractors["old_infarct"] & ~case.distractors["dwi_artefact"]
        if patch.sum() < 10:
            continue
        for name, found in ratios.items():
            found.append(np.median(case.sequences[name][patch]) / np.median(case.sequences[name][case.brain]))
    assert min(len(found) for found in ratios.values()) >= 3
    assert np.median(ratios["FLAIR"]) > 1.4
    assert np.median(ratios["DWI"]) < 1.25


def test_tissue_contrast_is_right_for_each_sequence():
    t1, t2, flair, dwi = (tissue_medians(name) for name in ("T1", "T2", "FLAIR", "DWI"))
    assert t1["wm"] > t1["gm"] > t1["csf"]
    assert t2["csf"] > t2["gm"] > t2["wm"]
    assert flair["gm"] > flair["wm"] > flair["csf"]
    assert dwi["gm"] >= dwi["wm"] > dwi["csf"]


def test_adc_is_a_map_in_physical_units():
    adc = tissue_medians("ADC")
    assert 600 < adc["wm"] < 950
    assert adc["csf"] > 1.8 * adc["wm"]


def test_the_head_is_skull_stripped_and_whole():
    for case in CASES:
        for picture in case.sequences.values():
            assert picture.dtype == np.float32
            assert (picture[~case.brain] == 0).all()
            assert (picture[case.brain] > 0).all()
        assert 1.0 < case.brain.sum() * VOXEL_ML / 1000 < 1.9
        assert not any(face.any() for axis in range(3) for face in np.moveaxis(case.brain, axis, 0)[[0, -1]])


def test_left_and_right_differ():
    for case in CASES[:3]:
        mirrored = case.brain[::-1]
        assert (mirrored != case.brain).sum() > 0.01 * case.brain.sum()


def test_patients_differ_in_scale():
    medians = [np.median(case.sequences["FLAIR"][case.brain]) for case in CASES]
    assert max(medians) > 1.5 * min(medians)


def test_the_same_seed_gives_the_same_bits():
    again = draw_case(seed=2, min_lesion_ml=2, **SMALL)
    for name, picture in CASES[2].sequences.items():
        np.testing.assert_array_equal(again.sequences[name], picture)
    np.testing.assert_array_equal(again.lesion, CASES[2].lesion)
    assert (CASES[2].lesion != CASES[3].lesion).any()


def test_a_small_field_of_view_gets_a_small_head():
    case = draw_case(seed=1, shape=(32, 40, 28), spacing_mm=(1.0, 1.0, 1.0), min_lesion_ml=5)
    assert case.brain.any() and case.lesion.any()
    assert 0.1 < case.description["head_scale"] < 0.25


@pytest.mark.parametrize("shape", [(15, 58, 40), (58, 58)])
def test_a_shape_without_room_is_refused(shape):
    with pytest.raises(SettingError, match="at least 16 voxels"):
        draw_case(seed=1, shape=shape)


@pytest.mark.parametrize("spacing_mm", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, float("nan"))])
def test_a_spacing_that_is_no_spacing_is_refused(spacing_mm):
    with pytest.raises(SettingError, match=r"0\.2 to 10 mm"):
        draw_case(seed=1, spacing_mm=spacing_mm)


def test_an_unknown_sequence_is_refused():
    with pytest.raises(SettingError, match="Received: 'PD'"):
        draw_case(seed=1, sequences=("PD",), **SMALL)
