"""The factory: shapes, sizes, precision, and what frozen means."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models.build import (
    InputScaling,
    Network,
    build_network,
    encoder_layers,
    network_of,
    predict_function,
    set_encoder_trainable,
)

DEEP, VOLUMETRIC = Architecture.UNET_2D_DEEP, Architecture.UNET_3D


def weights_of(layers) -> dict[str, bytes]:
    return {variable.path: variable.numpy().tobytes() for layer in layers for variable in layer.weights}


def decoder_layers(model) -> list:
    encoder = set(encoder_layers(model))
    return [layer for layer in model.get_layer("unet").layers if layer.weights and layer not in encoder]


def train_one_step(model, *, seed: int = 11, compiled: bool = False) -> None:
    """Take one step on noise; compiled as training does it, or eagerly, which small networks finish sooner."""
    images = tf.random.stateless_normal((2, *model.inputs[0].shape[1:]), (seed, 0))
    truth = tf.cast(tf.random.stateless_uniform(images.shape[:-1], (seed, 1)) > 0.7, tf.float32)
    optimizer = keras.optimizers.SGD(0.1)

    def step():
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            loss = tf.add_n([tf.reduce_mean(tf.square(each[..., 1] - truth)) for each in outputs])
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    (tf.function(step) if compiled else step)()


def test_the_network_of_the_paper_has_its_size(res_unet):
    assert res_unet.input_shape == (None, 128, 128, 3)
    assert res_unet.output_shape == (None, 128, 128, 2)
    assert res_unet.count_params() == 32_561_259
    assert len(encoder_layers(res_unet)) == 104


def test_the_encoder_is_all_but_decoder_and_head(res_unet):
    names = {layer.name for layer in encoder_layers(res_unet)}
    assert {"bn_data", "conv0", "bn0", "stage1_unit1_sc", "stage4_unit3_conv3", "bn1"} <= names
    rest = [layer.name for layer in decoder_layers(res_unet)]
    assert rest[-1] == "final_conv" and all(name.startswith("decoder_stage") for name in rest[:-1]) and len(rest) == 21


def test_every_batch_normalisation_has_the_momentum_asked_for(small_model):
    layers = small_model(batchnorm_momentum=0.8).get_layer("unet").layers
    found = [layer.momentum for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(found) > 20 and set(found) == {0.8}


def test_probabilities_sum_to_one_and_are_float32(small_model):
    model = small_model(precision=Precision.MIXED_BFLOAT16)
    outputs = model(np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32))
    assert outputs.dtype == tf.float32
    np.testing.assert_allclose(tf.reduce_sum(outputs, axis=-1), np.ones((2, 32, 32)), atol=1e-6)


def test_deep_supervision_puts_the_main_output_first(small_model):
    model = small_model(DEEP, size=64, precision=Precision.MIXED_BFLOAT16)
    assert model.output_names == ["main", "half", "quarter", "eighth"]
    assert [tuple(output.shape) for output in model.outputs] == [(None, 64, 64, 2)] * 4
    assert {output.dtype for output in model.outputs} == {"float32"}
    images = np.ones((1, 64, 64, 3), np.float32)
    assert predict_function(model)(images).shape == (1, 64, 64)


def test_deep_supervision_reaches_every_head(small_model):
    model = small_model(DEEP)
    heads = [model.get_layer(f"{name}_head") for name in ("half", "quarter", "eighth")]
    before = weights_of(heads)
    train_one_step(model)
    after = weights_of(heads)
    assert all(before[name] != after[name] for name in before)


def test_the_3d_network_maps_patches_to_patches(small_model):
    model = small_model(VOLUMETRIC, patch=(16, 8, 24), base_filters=8)
    assert model.output_shape == (None, 16, 8, 24, 2)
    assert model.count_params() == 365_978
    lesion = predict_function(model)(np.zeros((1, 16, 8, 24, 3)))
    assert lesion.shape == (1, 16, 8, 24) and lesion.dtype == np.float32


def test_the_policy_reaches_every_layer_and_is_put_back(small_model):
    before = keras.config.dtype_policy()
    model = small_model(precision=Precision.MIXED_BFLOAT16)
    assert {layer.compute_dtype for layer in model.get_layer("unet").layers} == {"bfloat16"}
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert keras.config.dtype_policy() == before
    with pytest.raises(SettingError):
        small_model(size=33, precision=Precision.MIXED_BFLOAT16)
    assert keras.config.dtype_policy() == before


def test_one_seed_gives_one_network_and_another_seed_another(small_model):
    first, again, other = (weights_of(small_model(seed=seed).get_layer("unet").layers) for seed in (5, 5, 6))
    assert list(first.values()) == list(again.values())
    assert list(first.values()) != list(other.values())


def test_two_equal_steps_give_equal_bits(small_model):
    found = []
    for _ in range(2):
        model = small_model(seed=5)
        train_one_step(model)
        found.append([variable.numpy().tobytes() for variable in model.weights])
    assert found[0] == found[1]


def test_a_step_changes_not_a_byte_of_a_frozen_encoder(small_model):
    model = small_model(DEEP)
    set_encoder_trainable(model, False)
    encoder, decoder = weights_of(encoder_layers(model)), weights_of(decoder_layers(model))
    train_one_step(model, compiled=True)
    assert weights_of(encoder_layers(model)) == encoder
    after = weights_of(decoder_layers(model))
    unchanged = [name for name in decoder if after[name] == decoder[name]]
    assert not unchanged


def test_a_freed_encoder_learns_again_statistics_included(small_model):
    model = small_model()
    set_encoder_trainable(model, False)
    train_one_step(model)
    set_encoder_trainable(model, True)
    before = weights_of(encoder_layers(model))
    train_one_step(model)
    after = weights_of(encoder_layers(model))
    moving = [name for name in before if "moving" in name]
    assert moving and all(before[name] != after[name] for name in before)


def test_a_frozen_encoder_ignores_the_other_slices_of_the_batch(small_model):
    model = small_model()
    unet = model.get_layer("unet")
    encoder = keras.Model(unet.input, unet.get_layer("relu1").output)
    images = np.random.default_rng(2).normal(size=(4, 32, 32, 3)).astype(np.float32)
    alone, together = (encoder(batch, training=True)[0] for batch in (images[:1], images))
    assert np.abs(alone - together).max() > 1e-3
    set_encoder_trainable(model, False)
    alone, together = (encoder(batch, training=True)[0] for batch in (images[:1], images))
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-4)


def test_prediction_is_traced_once_for_all_batch_sizes():
    traced = []

    class Halves:
        inputs = (keras.KerasTensor((None, 4, 4, 3)),)
        network = Network(Architecture.UNET_2D)

        def __call__(self, images, training):
            traced.append(training)
            return tf.fill(tf.concat([tf.shape(images)[:3], [2]], 0), 0.5)

    predict = predict_function(Halves())
    for count in (1, 3, 40):
        lesion = predict(np.zeros((count, 4, 4, 3)))
        assert lesion.shape == (count, 4, 4) and lesion.dtype == np.float32
    assert traced == [False]


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.MIXED_BFLOAT16])
def test_a_slices_answer_does_not_depend_on_its_neighbours(small_model, precision):
    predict = predict_function(small_model(precision=precision))
    images = np.random.default_rng(3).normal(size=(21, 32, 32, 3)).astype(np.float32)
    together = predict(images)
    for some in ([0], [20], [5, 19, 2], list(range(3, 21))):
        assert np.array_equal(predict(images[some]), together[some])


def test_imagenet_scaling_spans_the_range_of_photographs(small_model):
    network = Network(Architecture.UNET_2D, "resnet18", 32, scaling=InputScaling.IMAGENET)
    model = build_network(network, seed=1, precision=Precision.FLOAT32)
    scores = np.array([-5.0, 0.0, 5.0], np.float32)
    np.testing.assert_allclose(model.get_layer("input_scaling")(scores), [0.0, 127.5, 255.0])
    assert network_of(model) == network
    np.testing.assert_array_equal(small_model().get_layer("input_scaling")(scores), scores)


@pytest.mark.parametrize(
    ("architecture", "changed", "message"),
    [
        (Architecture.UNET_2D, {"size": 100}, "multiple of 32.*100"),
        (Architecture.UNET_2D, {"backbone": "vgg"}, "resnet50.*'vgg'"),
        (VOLUMETRIC, {"patch": (16, 16, 12)}, "multiple of 8.*12"),
        (VOLUMETRIC, {"weights": "encoder.h5"}, "no pretrained weights"),
        (Architecture.UNET_2D, {"precision": Precision.AUTO}, "definite precision"),
    ],
)
def test_settings_that_cannot_work_are_errors(small_model, architecture, changed, message):
    with pytest.raises(SettingError, match=message):
        small_model(architecture, **changed)


def test_only_networks_with_an_encoder_can_be_frozen(small_model):
    with pytest.raises(SettingError, match="no encoder"):
        set_encoder_trainable(small_model(VOLUMETRIC, patch=(8, 8, 8), base_filters=4), False)
    with pytest.raises(SettingError, match="not built by"):
        network_of(keras.Sequential(name="stranger"))


def test_a_network_has_the_same_names_whatever_was_built_before_it():
    """The names stand in the file of the weights, and so in its SHA-256."""
    network = Network(Architecture.UNET_2D, backbone="resnet18")
    first, second = (build_network(network, seed=1, precision=Precision.FLOAT32).get_layer("unet") for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
