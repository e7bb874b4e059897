"""The generative model: what flows through it, what its parts weigh, and that one gradient reaches all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models.build import build_model, predict_function
from stroke_tf.models.files import load_model, save_model
from stroke_tf.models.generative_ctp import LEVELS, lesion_and_dwi

FRAMES, SIZE = 8, 16
WHOLE = {"size": SIZE, "channels": FRAMES + 6, "base_filters": 4}


def whole(**changed):
    return build_model(Architecture.GENERATIVE_CTP, seed=3, precision=Precision.FLOAT32, **{**WHOLE, **changed})


@pytest.fixture(scope="module")
def model():
    return whole()


def slices(count: int, *, channels: int = FRAMES + 6) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, SIZE, SIZE, channels)).astype(np.float32)


def test_slices_become_a_lesion_and_a_dwi(model):
    softmax, dwi = model(slices(2), training=False)
    assert softmax.shape == (2, SIZE, SIZE, 2)
    assert dwi.shape == (2, SIZE, SIZE, 1)
    assert np.allclose(softmax.numpy().sum(axis=-1), 1, atol=1e-6)


def test_every_layer_is_named_after_its_part(model):
    names = [layer.name for layer in model.get_layer("generative_ctp").layers]
    parts = ("extractor", "generator", "segmentor", "slices", "series", "plain", "maps", "dwi")
    assert [name for name in names if not name.startswith(parts)] == []


def test_the_parameters_are_those_of_the_three_parts(model):
    counts = {part: 0 for part in ("extractor", "generator", "dwi", "segmentor")}
    for layer in model.get_layer("generative_ctp").layers:
        if layer.weights:
            counts[layer.name.partition("_")[0]] += layer.count_params()
    assert counts == {"extractor": 696, "generator": 31024, "dwi": 5, "segmentor": 28894}
    assert model.count_params() == sum(counts.values())


def test_the_segmentor_alone_is_the_segmentor_of_the_whole_model(model):
    alone = build_model(
        Architecture.SEGMENTOR_2D, seed=3, precision=Precision.FLOAT32, size=SIZE, channels=1, base_filters=4
    )
    own = [tuple(weight.shape) for weight in alone.get_layer("segmentor").weights]
    theirs = [
        tuple(weight.shape)
        for layer in model.get_layer("generative_ctp").layers
        if layer.name.startswith("segmentor")
        for weight in layer.weights
    ]
    assert own == theirs


def test_the_lesion_is_found_on_the_dwi_and_on_nothing_else(model):
    inner = model.get_layer("generative_ctp")
    segmentor = keras.Model(inner.get_layer("dwi").output, inner.get_layer("segmentor_logits").output)
    logits, dwi = inner(slices(2), training=False)
    assert np.array_equal(segmentor(dwi, training=False), logits)


def test_the_gradient_of_the_lesion_alone_reaches_all_three_parts():
    model = whole()
    with tf.GradientTape() as tape:
        softmax, _ = model(slices(2), training=True)
        value = tf.reduce_mean(softmax[..., 1] ** 2)
    gradients = tape.gradient(value, model.trainable_variables)
    still = [v.path for v, g in zip(model.trainable_variables, gradients, strict=True) if not np.any(g)]
    assert still == []


@pytest.mark.parametrize(
    "channel", [0, FRAMES - 1, FRAMES, FRAMES + 1, FRAMES + 5], ids=["first", "last", "BASELINE", "CT", "TMAX"]
)
def test_every_kind_of_input_counts(model, channel):
    images = slices(1)
    changed = images.copy()
    changed[..., channel] += 3
    assert not np.array_equal(model(images, training=False)[1], model(changed, training=False)[1])


def test_lesion_and_dwi_are_those_of_the_model_for_any_number_of_slices(model):
    images = slices(18)
    lesion, dwi = lesion_and_dwi(model, images.astype(np.float16))
    softmax, image = model(images.astype(np.float16).astype(np.float32), training=False)
    assert np.allclose(lesion, softmax[..., 1], atol=1e-5)
    assert np.allclose(dwi, image[..., 0], atol=1e-5)


def test_the_dwi_is_float32_where_the_rest_is_not():
    model = build_model(Architecture.GENERATIVE_CTP, seed=3, precision=Precision.MIXED_BFLOAT16, **WHOLE)
    assert [output.dtype for output in model.outputs] == ["float32", "float32"]


def test_a_saved_model_comes_back_with_the_same_answers(model, tmp_path):
    save_model(model, tmp_path, {"plane": "z"})
    loaded, description = load_model(tmp_path, expect={"architecture": Architecture.GENERATIVE_CTP})
    assert description == {"plane": "z"}
    assert np.array_equal(predict_function(loaded)(slices(3)), predict_function(model)(slices(3)))


def test_too_few_frames_are_refused():
    with pytest.raises(
        SettingError, match=r"8 time frames at least, and BASELINE, CT, CBF, CBV, MTT, TMAX. Received: 13"
    ):
        whole(channels=13)


def test_a_size_that_does_not_halve_is_refused():
    with pytest.raises(SettingError, match=f"multiple of {2 ** (LEVELS - 1)}. Received: 20"):
        whole(size=20)


def test_pretrained_weights_and_a_frozen_encoder_are_refused(model, tmp_path):
    from stroke_tf.models.build import set_encoder_trainable

    with pytest.raises(SettingError, match=r"The generative model has no pretrained weights"):
        whole(weights=tmp_path / "imagenet.h5")
    with pytest.raises(SettingError, match=r"The generative model has no encoder"):
        set_encoder_trainable(model, False)
