"""What the encoder starts from, said as it is."""

import hashlib
from dataclasses import replace

import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import WeightsError
from stroke_tf.models.build import network_of
from stroke_tf.recipes.multiplane_2025 import SMOKE
from stroke_tf.workflows.networks import RANDOM, EncoderWeights, build_trainable, find_weights

# Nobody listens on port 9 of this machine.
NOWHERE = "http://127.0.0.1:9/weights.h5"
TINY = replace(SMOKE.volumetric, base_filters=2, size=8)


def found(word: str, folder) -> EncoderWeights:
    return find_weights(word, backbone="resnet50", folder=folder, url=NOWHERE)


def test_none_means_random_weights(tmp_path):
    assert found("none", tmp_path) == RANDOM
    assert not RANDOM.pretrained


def test_imagenet_that_cannot_be_had_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match=str(tmp_path)):
        found("imagenet", tmp_path)


def test_auto_without_imagenet_is_random_and_says_why(tmp_path):
    weights = found("auto", tmp_path)
    assert (weights.name, weights.path, weights.pretrained) == ("none", None, False)
    assert weights.note.startswith("ImageNet weights could not be had: ")
    assert NOWHERE in weights.note


def test_a_file_is_known_by_its_name_and_digest(tmp_path):
    (tmp_path / "own.h5").write_bytes(b"weights")
    weights = found(str(tmp_path / "own.h5"), tmp_path)
    assert (weights.name, weights.pretrained, weights.note) == ("own.h5", True, "")
    assert weights.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match=r"--weights .*own\.h5: no such file"):
        found(str(tmp_path / "own.h5"), tmp_path)


def test_the_network_is_the_recipes():
    network = network_of(build_trainable(TINY, RANDOM, precision=Precision.FLOAT32, seed=1).model)
    assert (network.architecture, network.patch, network.base_filters) == (Architecture.UNET_3D, (8, 8, 8), 2)


def test_random_weights_depend_on_the_seed():
    def bits(seed: int) -> list[bytes]:
        model = build_trainable(TINY, RANDOM, precision=Precision.FLOAT32, seed=seed).model
        return [variable.numpy().tobytes() for variable in model.variables]

    assert bits(1) == bits(1)
    assert bits(1) != bits(2)
