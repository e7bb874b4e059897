"""The network written down for OpenVINO gives the answers of the network that Keras built."""

import dataclasses

import keras
import numpy as np
import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import SettingError, WeightsError
from stroke_tf.models.build import build_network, predict_function
from stroke_tf.models.files import load_model, save_model
from stroke_tf.models.network import InputScaling, Network, SavedNetwork, read_network
from stroke_tf.models.openvino_unet import openvino_function

SMALL = Network(Architecture.UNET_2D, backbone="resnet18", size=64)
NETWORKS = {
    "two convolutions a unit": SMALL,
    "three convolutions a unit": dataclasses.replace(SMALL, backbone="resnet50"),
    "scaled as photographs": dataclasses.replace(SMALL, scaling=InputScaling.IMAGENET),
    "deeply supervised": dataclasses.replace(SMALL, architecture=Architecture.UNET_2D_DEEP),
}


def lived_in(model: keras.Model) -> keras.Model:
    """Give every batch normalisation parameters of its own and the statistics of some slices, as training does."""
    draw = np.random.default_rng(5)
    layers = [each for each in model.get_layer("unet").layers if isinstance(each, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.momentum = 0.0
        layer.beta.assign(draw.uniform(-0.3, 0.3, layer.beta.shape))
        if layer.scale:
            layer.gamma.assign(draw.uniform(0.5, 1.5, layer.gamma.shape))
    model(slices(16), training=True)
    return model


def slices(count: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(count, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module", params=NETWORKS)
def both(request, tmp_path_factory) -> tuple[keras.Model, SavedNetwork]:
    """A network in Keras, and the folder it was saved in."""
    folder = tmp_path_factory.mktemp("run")
    model = lived_in(build_network(NETWORKS[request.param], seed=3, precision=Precision.FLOAT32))
    save_model(model, folder, {})
    return model, read_network(folder)


def test_float32_answers_are_keras_answers(both):
    model, saved = both
    images = slices(6)
    found = openvino_function(saved, Precision.FLOAT32)(images)
    wanted = predict_function(model)(images)
    # Random weights spread the answers over the whole of (0, 1), so that agreement means something.
    assert wanted.std() > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_bfloat16_errs_no_more_than_keras_does_in_bfloat16(both):
    model, saved = both
    images = slices(8)
    exact = predict_function(model)(images)
    keras_error = predict_function(load_model(saved.folder, precision=Precision.MIXED_BFLOAT16)[0])(images) - exact
    found = openvino_function(saved, Precision.MIXED_BFLOAT16)(images)
    assert found.dtype == np.float32
    # Not 0: then nothing would have been rounded, and the comparison would say nothing.
    assert 0 < np.abs(found - exact).mean() < 1.2 * np.abs(keras_error).mean()


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> SavedNetwork:
    folder = tmp_path_factory.mktemp("small")
    save_model(lived_in(build_network(SMALL, seed=4, precision=Precision.FLOAT32)), folder, {})
    return read_network(folder)


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.MIXED_BFLOAT16])
def test_a_slices_answer_does_not_depend_on_its_neighbours(saved, precision):
    predict = openvino_function(saved, precision)
    images = slices(11)
    together = predict(images)
    assert together.shape == (11, 64, 64)
    for some in ([0], [10], [3, 9, 1], list(range(4, 11))):
        assert np.array_equal(predict(images[some]), together[some])


def test_weights_of_another_network_are_refused(saved):
    other = dataclasses.replace(saved, network=dataclasses.replace(SMALL, architecture=Architecture.UNET_3D))
    with pytest.raises(SettingError, match="OpenVINO runs the 2-D U-Nets"):
        openvino_function(other, Precision.FLOAT32)
    with pytest.raises(SettingError, match="float32 or mixed_bfloat16"):
        openvino_function(saved, Precision.MIXED_FLOAT16)


def test_a_weight_file_with_a_layer_too_few_or_too_many_is_refused(saved, tmp_path):
    import h5py

    for number, change in enumerate((lambda group: group.attrs.modify("name", "strange"), lambda group: group.clear())):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "model.weights.h5").write_bytes(saved.weights.read_bytes())
        with h5py.File(folder / "model.weights.h5", "r+") as file:
            groups = []
            file.visititems(lambda _, each: groups.append(each) if each.attrs.get("name") == "conv0" else None)  # noqa: B023
            change(groups[0])
        with pytest.raises(WeightsError, match="do not fit the network: no layer conv0"):
            openvino_function(dataclasses.replace(saved, folder=folder), Precision.FLOAT32)
    model = build_network(SMALL, seed=4, precision=Precision.FLOAT32)
    extra = keras.Model(model.input, keras.layers.Conv2D(1, 1, name="surplus")(model.output))
    (tmp_path / "more").mkdir()
    extra.save_weights(tmp_path / "more" / "model.weights.h5")
    with pytest.raises(WeightsError, match="resnet18 has no surplus"):
        openvino_function(dataclasses.replace(saved, folder=tmp_path / "more"), Precision.FLOAT32)
