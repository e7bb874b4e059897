"""segmentation-models, kept quiet and in one file."""

import itertools
import os
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models import unet2d
from stroke_tf.models.backbones import BACKBONES
from stroke_tf.models.batchnorm import FusedBatchNormalization
from stroke_tf.models.build import build_model, encoder_layers, set_encoder_trainable


@pytest.mark.parametrize("before", [None, "keras"])
def test_importing_segmentation_models_is_silent_and_leaves_the_environment(monkeypatch, capfd, before):
    monkeypatch.delenv("SM_FRAMEWORK", raising=False)
    if before:
        monkeypatch.setenv("SM_FRAMEWORK", before)
    for name in [name for name in sys.modules if name.partition(".")[0] == "segmentation_models"]:
        monkeypatch.delitem(sys.modules, name)
    module = unet2d._segmentation_models.__wrapped__()
    assert module.framework() == "tf.keras"
    assert os.environ.get("SM_FRAMEWORK") == before
    assert capfd.readouterr() == ("", "")


def test_one_file_imports_segmentation_models(repository):
    files = [
        path for path in (repository / "stroke_tf").rglob("*.py") if "import segmentation_models" in path.read_text()
    ]
    assert [path.relative_to(repository) for path in files] == [Path("stroke_tf/models/unet2d.py")]


def test_skips_leave_the_encoder_at_each_halving(res_unet):
    unet = res_unet.get_layer("unet")
    sides = [unet.get_layer(name).output.shape[1] for name in BACKBONES["resnet50"].skips]
    assert sides == [8, 16, 32, 64]
    assert [unet2d.decoder_stage(unet, stage).shape[1] for stage in range(5)] == [8, 16, 32, 64, 128]


def test_the_network_ends_in_logits(res_unet):
    unet = res_unet.get_layer("unet")
    assert unet.layers[-1].activation is keras.activations.linear
    assert unet.output_shape == (None, 128, 128, 2)


def test_a_layer_of_neither_table_is_an_error():
    inputs = keras.Input((8, 8, 3))
    strange = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="attention")(inputs))
    strange.encoder = frozenset()
    with pytest.raises(SettingError, match=r"neither.*attention"):
        unet2d.encoder_layers_of(strange)
    strange.encoder = frozenset({"attention"})
    assert [layer.name for layer in unet2d.encoder_layers_of(strange)] == ["attention"]


def test_the_table_of_backbones_is_what_the_library_lists():
    library = unet2d._segmentation_models().backbones.backbones_factory.Backbones
    assert set(BACKBONES) == set(library.models_names())
    with pytest.raises(SettingError, match=r"Use one of resnet18.*efficientnetb7. Received: 'vgg'"):
        unet2d.unet2d(Architecture.UNET_2D, "vgg", size=32, batchnorm_momentum=0.9)
    with pytest.raises(SettingError, match="at least 96 for inceptionv3"):
        unet2d.unet2d(Architecture.UNET_2D, "inceptionv3", size=64, batchnorm_momentum=0.9)


def weights_of(layers) -> dict[str, bytes]:
    return {variable.path: variable.numpy().tobytes() for layer in layers for variable in layer.weights}


def train_one_step(model: keras.Model) -> None:
    images = tf.random.stateless_normal((2, *model.inputs[0].shape[1:]), (1, 2))
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = tf.reduce_mean(tf.square(outputs[..., 1] - tf.cast(images[..., 0] > 0, tf.float32)))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, model.trainable_variables, strict=True))


def require_two_halves(architecture: Architecture, backbone: str, size: int) -> None:
    """Do nothing if the network is an encoder that can be frozen, and a decoder that learns then."""
    model = build_model(
        architecture, seed=3, precision=Precision.MIXED_BFLOAT16, backbone=backbone, size=size, batchnorm_momentum=0.8
    )
    assert model.output_shape == (None, size, size, 2)
    norms = [each for each in model.get_layer("unet").layers if isinstance(each, keras.layers.BatchNormalization)]
    assert {(type(norm), norm.momentum) for norm in norms} == {(FusedBatchNormalization, 0.8)}
    encoder = encoder_layers(model)
    decoder = [layer for layer in model.get_layer("unet").layers if layer.weights and layer not in encoder]
    assert len(encoder) > 12 and len(decoder) > 12
    set_encoder_trainable(model, False)
    before, decoder_before = weights_of(encoder), weights_of(decoder)
    train_one_step(model)
    assert weights_of(encoder) == before
    after = weights_of(decoder)
    # Most layers: a frozen encoder of random weights may hand up signals so faint (mobilenet, senet154) that
    # what stands on its deepest levels alone does not move in one step. What has to learn is told exactly below.
    learning = {name.rpartition("/")[0] for name in after if after[name] != decoder_before[name]}
    assert len(learning) > 0.5 * len({name.rpartition("/")[0] for name in after})
    trained = {variable.path for variable in model.trainable_variables}
    assert trained == {weight.path for layer in decoder for weight in layer.trainable_weights}
    set_encoder_trainable(model, True)
    train_one_step(model)
    after = weights_of(encoder)
    assert any(after[name] != before[name] for name in before)


@pytest.mark.parametrize(
    ("architecture", "backbone"),
    [
        (Architecture.LINKNET, "vgg16"),
        (Architecture.FPN, "efficientnetb0"),
        (Architecture.ATTENTION_UNET, "seresnet18"),
        (Architecture.UNET_2D, "mobilenetv2"),
    ],
)
def test_any_decoder_takes_any_encoder_and_the_two_are_told_apart(architecture, backbone):
    require_two_halves(architecture, backbone, 32)


# The sizes of a family (resnet18 to resnet152) name their levels alike: one of them tries the other decoders.
FAMILIES = {name.rstrip("0123456789"): name for name in reversed(BACKBONES)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "backbone"),
    [
        *((Architecture.UNET_2D, backbone) for backbone in BACKBONES),
        *itertools.product([Architecture.LINKNET, Architecture.FPN, Architecture.ATTENTION_UNET], FAMILIES.values()),
    ],
)
def test_every_decoder_takes_every_encoder(architecture, backbone):
    require_two_halves(architecture, backbone, max(64, BACKBONES[backbone].smallest))
    keras.backend.clear_session()


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        (Architecture.LINKNET, 28_783_531),
        (Architecture.FPN, 26_912_971),
        (Architecture.ATTENTION_UNET, 34_503_662),
    ],
)
def test_the_variants_on_the_papers_encoder_have_their_size(architecture, parameters, res_unet):
    model = unet2d.unet2d(architecture, "resnet50", size=128, batchnorm_momentum=0.9)
    assert (model.input_shape, model.output_shape) == ((None, 128, 128, 3), (None, 128, 128, 2))
    assert model.count_params() == parameters
    names = {layer.name for layer in unet2d.encoder_layers_of(model)}
    assert names == {layer.name for layer in encoder_layers(res_unet)}
