"""Saved networks: there and back, and every way in which they can be wrong."""

import json
import os

import numpy as np
import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import OutputError, SettingError, WeightsError
from stroke_tf.files import sha256_of_file
from stroke_tf.models.build import network_of, predict_function
from stroke_tf.models.files import NETWORK_FILE, WEIGHTS_FILE, load_model, save_model

DESCRIPTION = {"plane": "x", "sequences": ["FLAIR", "DWI", "T2"], "threshold": 0.5}


@pytest.fixture
def saved(tmp_path, small_model):
    """Return the folder of a saved 3-D network, the quickest to build and save."""
    model = small_model(Architecture.UNET_3D, patch=(8, 8, 8), base_filters=4)
    save_model(model, tmp_path / "run", DESCRIPTION)
    return tmp_path / "run"


def rewrite(folder, **changed):
    path = folder / NETWORK_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize("architecture", [Architecture.UNET_2D, Architecture.UNET_2D_DEEP, Architecture.UNET_3D])
def test_a_saved_network_comes_back_whole(tmp_path, small_model, architecture):
    model = small_model(architecture, patch=(8, 8, 8), base_filters=4, batchnorm_momentum=0.8)
    for variable in model.weights:
        variable.assign(variable + 0.01)
    save_model(model, tmp_path, DESCRIPTION)
    again, description = load_model(tmp_path, expect={"architecture": architecture, "plane": "x"})
    assert description == DESCRIPTION and network_of(again) == network_of(model)
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    images = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:]))
    np.testing.assert_array_equal(predict_function(model)(images), predict_function(again)(images))


def test_the_folder_holds_two_files_and_the_json_knows_the_weights(saved):
    assert sorted(path.name for path in saved.iterdir()) == [WEIGHTS_FILE, NETWORK_FILE]
    content = json.loads((saved / NETWORK_FILE).read_text())
    assert content["weights_sha256"] == sha256_of_file(saved / WEIGHTS_FILE)
    assert content["network"]["scaling"] == "none"


def test_a_network_may_compute_in_another_precision_than_it_was_trained_in(saved):
    model, _ = load_model(saved, precision=Precision.MIXED_BFLOAT16)
    assert model.get_layer("unet3d").get_layer("down0a_conv").compute_dtype == "bfloat16"
    assert predict_function(model)(np.zeros((1, 8, 8, 8, 3))).dtype == np.float32


def test_saving_again_replaces_both_files(saved, small_model):
    model = small_model(Architecture.UNET_3D, patch=(8, 8, 8), base_filters=4, seed=99)
    save_model(model, saved, {"plane": "y"})
    again, description = load_model(saved)
    assert description == {"plane": "y"}
    np.testing.assert_array_equal(again.weights[0], model.weights[0])


def test_a_save_that_fails_leaves_the_old_pair(saved, small_model, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    model = small_model(Architecture.UNET_3D, patch=(8, 8, 8), base_filters=4, seed=99)

    def full(path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save_weights", lambda self, path: full(path))
    with pytest.raises(OutputError, match="disk is full"):
        save_model(model, saved, {})
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve room on a disk")
def test_a_full_disk_is_met_before_hdf5_begins_to_write(saved, small_model, monkeypatch):
    """HDF5 that cannot close its file brings the process down; on a full disk it must not even open one."""
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    model = small_model(Architecture.UNET_3D, patch=(8, 8, 8), base_filters=4, seed=99)
    asked = []

    def full(_, begin, size):
        asked.append((begin, size))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(type(model), "save_weights", lambda self, path: pytest.fail("HDF5 was begun"))
    with pytest.raises(OutputError, match=r"model.weights.h5: the disk is full; nothing was overwritten"):
        save_model(model, saved, {})
    assert asked[0][0] == 0
    assert asked[0][1] > len(before[WEIGHTS_FILE])
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_a_network_of_others_is_not_saved(tmp_path):
    import keras

    stranger = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(SettingError, match="not built by"):
        save_model(stranger, tmp_path, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"architecture": Architecture.UNET_2D}, "architecture 'unet3d', but 'unet2d'"),
        ({"plane": "y"}, "plane 'x', but 'y'"),
        ({"sequences": ("DWI", "FLAIR", "T2")}, "sequences"),
        ({"side": "left"}, "side None, but 'left'"),
    ],
)
def test_weights_of_another_network_are_refused(saved, expect, message):
    with pytest.raises(WeightsError, match=message):
        load_model(saved, expect=expect)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, NETWORK_FILE])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(WeightsError, match=f"{name}: not there"):
        load_model(saved)


def test_damaged_weights_are_found_by_their_checksum(saved):
    path = saved / WEIGHTS_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.weights\.h5: damaged"):
        load_model(saved)


def test_weights_that_are_no_hdf5_are_refused_even_with_their_checksum(saved):
    (saved / WEIGHTS_FILE).write_bytes(b"not an HDF5 file")
    rewrite(saved, weights_sha256=sha256_of_file(saved / WEIGHTS_FILE))
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_model(saved)


def test_weights_of_other_shapes_are_refused(saved):
    network = json.loads((saved / NETWORK_FILE).read_text())["network"]
    rewrite(saved, network={**network, "base_filters": 8})
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_model(saved)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pickle": "gASV"}, "keys must be"),
        ({"format": 2}, "format 2"),
        ({"network": {"architecture": "unet3d"}}, "keys do not fit"),
        ({"network": []}, "must be objects"),
    ],
)
def test_a_description_that_is_not_ours_is_refused(saved, changed, message):
    rewrite(saved, **changed)
    with pytest.raises(WeightsError, match=message):
        load_model(saved)


@pytest.mark.parametrize("key, value", [("architecture", "unet4d"), ("scaling", "photo"), ("patch", None)])
def test_a_value_that_cannot_be_used_is_refused(saved, key, value):
    network = json.loads((saved / NETWORK_FILE).read_text())["network"]
    rewrite(saved, network={**network, key: value})
    with pytest.raises(WeightsError, match="cannot be used"):
        load_model(saved)


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\xff"])
def test_a_file_that_is_no_json_object_is_refused(saved, text):
    (saved / NETWORK_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(WeightsError, match=NETWORK_FILE):
        load_model(saved)
