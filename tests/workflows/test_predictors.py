"""Three planes vote, and no slice is predicted whose answer cannot matter."""

import dataclasses

import numpy as np
import pytest

from stroke_tf.choices import Architecture, Engine, FitRule, Precision, TieRule
from stroke_tf.fusion import majority
from stroke_tf.inference.run import filled_slices
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.models.build import build_network, predict_function
from stroke_tf.models.engines import start_network
from stroke_tf.models.files import save_model
from stroke_tf.models.network import Network, read_network
from stroke_tf.phantoms import write_cohort
from stroke_tf.planes import Plane
from stroke_tf.workflows.predictors import Predictor, voted_mask
from stroke_tf.workflows.prepare import Viewing, prepare


@pytest.fixture(scope="module", params=[FitRule.BRAIN, FitRule.PLAIN])
def case(request, tmp_path_factory):
    """A phantom as the networks see it."""
    folder = tmp_path_factory.mktemp("phantom")
    write_cohort(folder, cases=1, shape=(58, 54, 40), spacing_mm=(4.0, 4.0, 4.0), seed=11)
    (found,) = find_cases(folder)
    viewing = Viewing(("FLAIR", "DWI", "T2"), request.param, patches=False)
    return prepare(dataclasses.replace(found, lesion=None), viewing, cache=None)


class Counting:
    """A predict function that counts the slices it is asked for."""

    def __init__(self, predict) -> None:
        self._predict, self.slices = predict, 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.slices += len(images)
        return self._predict(images)


def bright_in(channel: int):
    """Find what is bright in one channel: another for each plane, so that the planes differ somewhere."""
    return lambda images: 1.0 / (1.0 + np.exp(-(images[..., channel].astype(np.float32) - 1.5)))


def predictors_of(predicts) -> list[Predictor]:
    return [Predictor(plane.value, plane, 0.5, predict, 0) for plane, predict in zip(Plane, predicts, strict=True)]


def lazy_and_full(case, predictors) -> tuple[np.ndarray, np.ndarray]:
    done: list[str] = []
    lazy = voted_mask(predictors, case, tie=TieRule.BACKGROUND, done=done.append)
    assert sorted(done) == sorted(each.name for each in predictors)
    return lazy, majority([each.mask(case) for each in predictors], tie=TieRule.BACKGROUND)


def test_the_lazy_vote_is_the_vote(case):
    predicts = [Counting(bright_in(channel)) for channel in range(3)]
    lazy = voted_mask(predictors_of(predicts), case, tie=TieRule.BACKGROUND, done=lambda name: None)
    asked = sum(each.slices for each in predicts)
    full = majority([each.mask(case) for each in predictors_of(predicts)], tie=TieRule.BACKGROUND)
    assert np.array_equal(lazy, full)
    assert 0 < lazy.sum() < lazy.size / 2
    assert asked <= sum(each.slices for each in predicts) - asked


def test_where_two_agree_the_third_is_not_asked(case):
    predicts = [Counting(lambda images: np.zeros(images.shape[:3], np.float32)) for _ in range(3)]
    assert not voted_mask(predictors_of(predicts), case, tie=TieRule.BACKGROUND, done=lambda name: None).any()
    asked = {plane: predict.slices for plane, predict in zip(Plane, predicts, strict=True)}
    work = {plane: int(filled_slices(case.images[plane]).sum()) for plane in Plane}
    dearest = max(work, key=work.__getitem__)
    assert asked[dearest] == 0
    assert all(asked[plane] >= work[plane] > 0 for plane in Plane if plane is not dearest)


def test_only_slices_that_hold_a_difference_are_asked_of_the_third(case):
    first, second, third = sorted(Plane, key=lambda plane: int(filled_slices(case.images[plane]).sum()))
    predicts = {plane: Counting(lambda images: np.zeros(images.shape[:3], np.float32)) for plane in Plane}
    # One slice of the second plane is all lesion: it crosses every slice of the third that it meets.
    wanted = len(case.geometries[second].indices) // 2
    seen = []

    def one_slice(images):
        answer = np.zeros(images.shape[:3], np.float32)
        for number, image in enumerate(images):
            answer[number] = float(np.array_equal(image, case.images[second][wanted]))
        seen.append(answer.max())
        return answer

    predicts[second] = Counting(one_slice)
    lazy, full = lazy_and_full(case, predictors_of([predicts[plane] for plane in Plane]))
    assert max(seen) == 1.0
    assert np.array_equal(lazy, full)
    assert first is not third and predicts[third].slices > 0


def test_two_planes_or_four_voters_are_all_asked(case):
    predicts = [Counting(bright_in(channel)) for channel in range(3)]
    two = predictors_of(predicts)[:2]
    lazy, full = lazy_and_full(case, two)
    assert np.array_equal(lazy, full)
    assert all(each.slices > 0 for each in predicts[:2])


def test_the_lazy_vote_is_the_vote_where_networks_see_neighbours(case):
    """A slice that is empty itself may be lesion, because its neighbour is not: it is predicted too."""
    predicts = [Counting(bright_in(channel)) for channel in (5, 7, 3)]
    predictors = [dataclasses.replace(each, neighbours=1) for each in predictors_of(predicts)]
    plane = predictors[0].plane
    alone, seen = filled_slices(case.images[plane]), filled_slices(predictors[0].images(case))
    assert seen.sum() >= alone.sum() and seen[alone].all()
    lazy, full = lazy_and_full(case, predictors)
    assert np.array_equal(lazy, full) and full.any()
    assert all(each.slices > 0 for each in predicts)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Three networks with random weights whose odds are shifted until each marks about a third of what it sees."""
    saved = []
    for seed in (1, 2, 3):
        model = build_network(Network(Architecture.UNET_2D, "resnet18"), seed=seed, precision=Precision.FLOAT32)
        noise = np.random.default_rng(seed).normal(size=(2, 128, 128, 3)).astype(np.float32)
        odds = float(np.quantile(predict_function(model)(noise), 0.66))
        (bias,) = [variable for variable in model.variables if variable.shape == (2,)]
        bias.assign(bias.numpy() + np.log(odds / (1 - odds)) * np.array([1, 0]))
        folder = tmp_path_factory.mktemp("network")
        save_model(model, folder, {})
        saved.append(read_network(folder))
    return saved


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.MIXED_BFLOAT16])
@pytest.mark.parametrize("engine", [Engine.KERAS, Engine.OPENVINO])
def test_the_lazy_vote_of_real_networks_is_the_same_bit_for_bit(case, networks, engine, precision):
    predictors = predictors_of([start_network(saved, engine, precision) for saved in networks])
    lazy, full = lazy_and_full(case, predictors)
    assert 0.01 < full.mean() < 0.99
    assert np.array_equal(lazy, full)
