"""A CT-perfusion case: what networks see, what they should find, and which files are opened for which."""

import dataclasses

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import FitRule, PerfusionInput
from stroke_tf.errors import GeometryError, ManifestError
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.phantoms import write_perfusion_cohort
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.prepare_perfusion import PerfusionViewing, inputs_of, learn_case, see_case

VIEWING = PerfusionViewing(size=16, frames=8, frame_seconds=4.0, fit=FitRule.BRAIN)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("perfusion")
    write_perfusion_cohort(folder, cases=1, size=32, slices=(3, 3), frames=(40, 40), seed=3, min_lesion_ml=5.0)
    return folder


@pytest.fixture
def case(cohort):
    return find_cases(cohort)[0]


@pytest.fixture(scope="module")
def learnt(cohort):
    return learn_case(find_cases(cohort)[0], VIEWING, None)


def without(case, *names: str):
    return dataclasses.replace(case, images={name: path for name, path in case.images.items() if name not in names})


def test_a_case_becomes_slices_of_frames_baseline_ct_and_maps(learnt):
    count = len(learnt.seen.geometry.indices)
    assert learnt.seen.images.shape == (count, 16, 16, 8 + 6)
    assert learnt.target.dwi.shape == learnt.target.coverage.shape == learnt.seen.brain_share.shape == (count, 16, 16)
    assert learnt.brain.shape == learnt.truth.shape == learnt.target.dwi_volume.shape == (32, 32, 3)
    assert learnt.target.coverage.any()


def test_outside_the_brain_every_channel_is_0(learnt):
    outside = learnt.seen.brain_share == 0
    assert outside.any()
    assert not learnt.seen.images[outside].any()
    assert not learnt.target.dwi[outside].any()


def test_the_bolus_shows_in_the_frames(learnt):
    curve = learnt.seen.images[..., :8][learnt.seen.brain_share == 255].mean(axis=0)
    assert abs(curve[0]) < 0.1
    assert 0.4 < curve.max() < 1.1


def test_each_network_looks_at_its_own_inputs(learnt):
    whole, unguided, maps, dwi = (inputs_of(learnt.seen, learnt.target.dwi, looks_at) for looks_at in PerfusionInput)
    assert whole is unguided is learnt.seen.images
    assert np.array_equal(maps, whole[..., -4:])
    assert np.array_equal(dwi[..., 0], learnt.target.dwi)


def test_prediction_sees_the_same_without_dwi_and_lesion(case, learnt):
    seen = see_case(dataclasses.replace(without(case, "DWI"), lesion=None), VIEWING, None)
    assert np.array_equal(seen.images, learnt.seen.images)
    with pytest.raises(ManifestError, match="no DWI, and this network looks at nothing else"):
        inputs_of(seen, None, PerfusionInput.DWI)


def test_what_is_seen_opens_neither_dwi_nor_lesion(case, tmp_path):
    nowhere = tmp_path / "nowhere.nii"
    broken = dataclasses.replace(case, images={**case.images, "DWI": nowhere}, lesion=nowhere)
    assert see_case(broken, VIEWING, ArrayCache(tmp_path / "cache")).images.any()


@pytest.mark.parametrize(("name", "said"), [("DWI", "no DWI, which training needs"), ("CTP", "no CTP image")])
def test_a_case_without_an_image_cannot_be_trained_on(case, name, said):
    with pytest.raises(ManifestError, match=rf"case case_1: {said}"):
        learn_case(without(case, name), VIEWING, None)


def test_a_case_without_lesion_mask_cannot_be_trained_on(case):
    with pytest.raises(ManifestError, match=r"no lesion mask, which training needs \(prediction does not\)"):
        learn_case(dataclasses.replace(case, lesion=None), VIEWING, None)


@pytest.mark.parametrize("name", ["TMAX", "CTP"])
def test_images_on_different_grids_are_refused_by_their_names(case, name, tmp_path):
    image = nibabel.load(case.images[name])
    affine = image.affine.copy()
    affine[:3, 3] += 4
    moved = tmp_path / "moved.nii"
    nibabel.save(type(image)(np.asarray(image.dataobj), affine, image.header), moved)
    with pytest.raises(GeometryError, match=r"moved.nii .* lie on different grids"):
        see_case(dataclasses.replace(case, images={**case.images, name: moved}), VIEWING, None)


def test_the_cache_gives_the_same_arrays_and_knows_the_settings(case, learnt, tmp_path):
    cache = ArrayCache(tmp_path)
    for _ in range(2):
        again = learn_case(case, VIEWING, cache)
        assert np.array_equal(again.seen.images, learnt.seen.images)
        assert np.array_equal(again.target.dwi_volume, learnt.target.dwi_volume)
    assert len(list(tmp_path.iterdir())) == 2
    other = learn_case(case, dataclasses.replace(VIEWING, frames=10), cache)
    assert other.seen.images.shape[-1] == 16
