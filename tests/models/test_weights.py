"""Pretrained weights: the way from a server into the cache, and from a file into every layer of the encoder."""

import http.server
import subprocess
import sys
import threading
from hashlib import md5

import h5py
import numpy as np
import pytest

from stroke_tf.errors import WeightsError
from stroke_tf.models.weights import IMAGENET, Pretrained, cache_folder, imagenet_weights, load_encoder, save_encoder

CONTENT = bytes(range(256)) * 5000


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path != "/weights.h5":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.promised))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """Return a web server of this machine that offers /weights.h5 and keeps a list of requests."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.content, server.promised, server.requests = CONTENT, len(CONTENT), []
    server.url = f"http://127.0.0.1:{server.server_port}/weights.h5"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def entry(url: str, content: bytes = CONTENT) -> Pretrained:
    return Pretrained("encoder.h5", md5(content).hexdigest(), url)


def test_weights_are_downloaded_once(server, tmp_path):
    for _ in range(2):
        path = imagenet_weights("any", folder=tmp_path / "new", known=entry(server.url))
        assert path == tmp_path / "new" / "encoder.h5" and path.read_bytes() == CONTENT
    assert server.requests == ["/weights.h5"]
    assert [file.name for file in path.parent.iterdir()] == ["encoder.h5"]


def test_a_mirror_must_deliver_the_published_file(server, tmp_path):
    path = imagenet_weights("any", folder=tmp_path, url=server.url, known=entry("http://127.0.0.1:1/elsewhere"))
    assert path.read_bytes() == CONTENT


def test_damaged_weights_are_fetched_again(server, tmp_path):
    (tmp_path / "encoder.h5").write_bytes(CONTENT[:-1] + b"x")
    assert imagenet_weights("any", folder=tmp_path, known=entry(server.url)).read_bytes() == CONTENT


@pytest.mark.parametrize("before", [None, b"older"])
def test_a_wrong_checksum_leaves_everything_as_it_was(server, tmp_path, before):
    if before:
        (tmp_path / "encoder.h5").write_bytes(before)
    server.content = b"y" * len(CONTENT)
    with pytest.raises(WeightsError, match=r"another MD5.*thrown away"):
        imagenet_weights("any", folder=tmp_path, known=entry(server.url))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([before] if before else [])


def test_a_truncated_download_leaves_nothing_behind(server, tmp_path):
    server.content = CONTENT[:1000]
    with pytest.raises(WeightsError, match=f"1000 of {len(CONTENT)} bytes"):
        imagenet_weights("any", folder=tmp_path, known=entry(server.url))
    assert list(tmp_path.iterdir()) == []


def test_an_absent_file_on_the_server_is_named(server, tmp_path):
    with pytest.raises(WeightsError, match=r"download failed: Not Found.*/gone\.h5"):
        imagenet_weights("any", folder=tmp_path, known=entry(server.url.replace("weights", "gone")))
    assert list(tmp_path.iterdir()) == []


def test_without_network_the_message_says_what_to_put_where(tmp_path):
    published = IMAGENET["resnet50"]
    refused = "http://127.0.0.1:9/resnet50.h5"
    with pytest.raises(WeightsError) as fault:
        imagenet_weights("resnet50", folder=tmp_path, url=refused)
    for part in (refused, published.file, published.md5, str(tmp_path), "--weights none"):
        assert part in str(fault.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content, fault", [(None, "not there"), (b"broken", "damaged")])
def test_where_downloading_is_not_allowed_no_request_is_made(server, tmp_path, content, fault):
    if content:
        (tmp_path / "encoder.h5").write_bytes(content)
    with pytest.raises(WeightsError, match=f"{fault}.*not allowed"):
        imagenet_weights("any", folder=tmp_path, known=entry(server.url), download=False)
    assert server.requests == []


def test_only_the_web_is_a_source(tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    with pytest.raises(WeightsError, match="only http and https"):
        imagenet_weights("any", folder=tmp_path, known=entry((tmp_path / "secret").as_uri()))


def test_a_backbone_without_published_weights_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match=r"backbone vgg16.*--weights none, or one of resnet18.*densenet121"):
        imagenet_weights("vgg16", folder=tmp_path)


def test_jobs_that_ask_at_once_all_get_the_whole_file(server, tmp_path):
    program = (
        "import sys; from pathlib import Path; from stroke_tf.models.weights import *\n"
        "known = Pretrained('encoder.h5', sys.argv[3], sys.argv[2])\n"
        "print(len(imagenet_weights('any', folder=Path(sys.argv[1]), known=known).read_bytes()))"
    )
    arguments = [str(tmp_path), server.url, md5(CONTENT).hexdigest()]
    command = [sys.executable, "-c", program, *arguments]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [job.communicate()[0].strip() for job in jobs] == [str(len(CONTENT))] * 3
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.h5"]


def test_the_cache_lies_in_the_home_of_the_user(tmp_path):
    assert cache_folder(tmp_path) == tmp_path / ".cache" / "stroke_tf"


def test_the_table_is_the_one_of_classification_models():
    from stroke_tf.models.unet2d import _segmentation_models

    _segmentation_models()
    from classification_models.weights import WEIGHTS_COLLECTION

    published = {
        row["model"]: Pretrained(row["name"], row["md5"], row["url"])
        for row in WEIGHTS_COLLECTION
        if row["dataset"] == "imagenet" and not row["include_top"] and row["model"] in IMAGENET
    }
    assert published == {name: entry for name, entry in IMAGENET.items() if name != "densenet121"}


def test_the_dense_entry_is_the_one_of_keras():
    import inspect

    from keras.src.applications import densenet

    entry = IMAGENET["densenet121"]
    assert entry.url == densenet.DENSENET121_WEIGHT_PATH_NO_TOP
    assert entry.md5 in inspect.getsource(densenet) and entry.url.endswith(f"/{entry.file}")


# From a file into the layers


def write_as_keras_2(path, layers, *, change=None):
    """Write weights in the layout in which Keras 2 saved them: a group for each layer, names in attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for layer in layers:
            group = file.create_group(layer.name)
            variables = [*layer.trainable_weights, *layer.non_trainable_weights]
            names = [f"{layer.name}/{variable.name}:0" for variable in variables]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, variables, strict=True):
                group[name] = variable.numpy()
        if change:
            change(file)
    return path


@pytest.fixture
def layers():
    """Return two small layers that stand for an encoder, with zero weights."""
    import keras

    convolution, norm = (
        keras.layers.Conv2D(4, 3, use_bias=False, name="conv0"),
        keras.layers.BatchNormalization(name="bn0"),
    )
    convolution.build((None, 8, 8, 3))
    norm.build((None, 6, 6, 4))
    for layer in (convolution, norm):
        layer.set_weights([np.full(variable.shape, 7.0) for variable in layer.weights])
    return [convolution, norm]


def test_every_layer_of_the_real_encoder_is_filled(tmp_path, res_unet):
    import keras

    from stroke_tf.choices import Architecture, Precision
    from stroke_tf.models.build import InputScaling, build_model, encoder_layers, network_of
    from stroke_tf.models.unet2d import _segmentation_models

    _segmentation_models()
    from classification_models.models.resnet import ResNet50

    modules = {"backend": keras.backend, "layers": keras.layers, "models": keras.models, "utils": keras.utils}
    theirs = ResNet50(input_shape=(64, 64, 3), include_top=False, **modules)
    random = np.random.default_rng(3)
    for variable in theirs.weights:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    path = write_as_keras_2(tmp_path / "no_top.h5", [layer for layer in theirs.layers if layer.weights])
    theirs.load_weights(path)  # the file is one that classification_models' own loader reads

    model = build_model(Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32, weights=path)
    assert network_of(model).scaling is InputScaling.IMAGENET
    ours = encoder_layers(model)
    assert {layer.name for layer in ours} == {layer.name for layer in theirs.layers if layer.weights}
    for layer in ours:
        for mine, value in zip(layer.weights, theirs.get_layer(layer.name).weights, strict=True):
            assert mine.name == value.name
            np.testing.assert_array_equal(mine, value)
    decoder = [model.get_layer("unet").get_layer("final_conv"), res_unet.get_layer("unet").get_layer("final_conv")]
    np.testing.assert_array_equal(decoder[0].kernel, decoder[1].kernel)


def test_the_dense_encoder_is_that_of_keras_and_is_filled_from_its_file(tmp_path):
    """In the published file two names still have a slash, which the layers of today may not have."""
    import keras

    from stroke_tf.choices import Architecture, Precision
    from stroke_tf.models.build import build_model, encoder_layers, network_of
    from stroke_tf.models.network import InputScaling

    keras.utils.set_random_seed(4)
    theirs = keras.applications.DenseNet121(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = write_as_keras_2(tmp_path / "notop.h5", [layer for layer in theirs.layers if layer.weights])
    with h5py.File(path, "r+") as file:
        for part in ("conv", "bn"):
            file.move(f"conv1_{part}", f"conv1/{part}")
    model = build_model(
        Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32, backbone="densenet121", size=32, weights=path
    )
    ours = encoder_layers(model)
    assert [layer.name for layer in ours] == [layer.name for layer in theirs.layers if layer.weights]
    # As Keras prepares photographs for it: five units of z-score to each side are 0 and 255.
    assert network_of(model).scaling is InputScaling.IMAGENET_NORMALISED
    scores = np.random.default_rng(1).uniform(-5, 5, (2, 32, 32, 3)).astype(np.float32)
    photographs = keras.applications.densenet.preprocess_input((scores + 5) * 25.5)
    unet = model.get_layer("unet")
    scaled = model.get_layer("input_scaling")(scores)
    np.testing.assert_allclose(scaled, photographs, atol=1e-5)
    features = keras.Model(unet.input, unet.get_layer("relu").output)(scaled)
    np.testing.assert_allclose(features, theirs(photographs, training=False), rtol=1e-3, atol=1e-4)


def test_layers_are_found_by_name_whatever_their_order(tmp_path, layers):
    path = write_as_keras_2(tmp_path / "encoder.h5", layers[::-1])
    wanted = [variable.numpy() for layer in layers for variable in layer.weights]
    for layer in layers:
        layer.set_weights([np.zeros(variable.shape) for variable in layer.weights])
    assert load_encoder(layers, path) == ["conv0", "bn0"]
    for variable, value in zip([v for layer in layers for v in layer.weights], wanted, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_weights_inside_a_whole_saved_model_are_found(tmp_path, layers):
    inner = write_as_keras_2(tmp_path / "inner.h5", layers)
    with h5py.File(tmp_path / "whole.h5", "w") as file, h5py.File(inner) as weights:
        weights.copy(weights, file, "model_weights")
    assert load_encoder(layers, tmp_path / "whole.h5") == ["conv0", "bn0"]


def _other_shape(file):
    del file["conv0/conv0/kernel:0"]
    file["conv0/conv0/kernel:0"] = np.ones((3, 3, 1, 4))


def _not_finite(file):
    file["bn0/bn0/beta:0"][0] = np.nan


def _external_link(file):
    del file["bn0"]
    file["bn0"] = h5py.ExternalLink("elsewhere.h5", "/bn0")


def _soft_link(file):
    del file["bn0/bn0/gamma:0"]
    file["bn0/bn0/gamma:0"] = h5py.SoftLink("/bn0/bn0/beta:0")


def _external_storage(file):
    del file["bn0/bn0/gamma:0"]
    file["bn0/bn0"].create_dataset("gamma:0", (4,), "f4", external=[("elsewhere.bin", 0, 16)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.__delitem__("bn0"), "no weights for the encoder's layer 'bn0'"),
        (lambda file: file.__delitem__("bn0/bn0/gamma:0"), "'bn0' lacks its gamma"),
        (_other_shape, r"conv0/kernel must have shape \(3, 3, 3, 4\).*\(3, 3, 1, 4\)"),
        (_not_finite, "bn0/beta holds NaN"),
        (_external_link, "bn0 points out of the file"),
        (_soft_link, "gamma:0 points out of the file"),
        (_external_storage, "gamma:0 points out of the file"),
    ],
)
def test_a_file_that_does_not_fill_the_encoder_changes_nothing(tmp_path, layers, change, message):
    path = write_as_keras_2(tmp_path / "encoder.h5", layers, change=change)
    for layer in layers:
        layer.set_weights([np.zeros(variable.shape) for variable in layer.weights])
    with pytest.raises(WeightsError, match=message):
        load_encoder(layers, path)
    assert not any(np.any(variable.numpy()) for layer in layers for variable in layer.weights)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b""])
def test_a_file_that_is_no_hdf5_is_an_error(tmp_path, layers, content):
    path = tmp_path / "encoder.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        load_encoder(layers, path)


def test_an_encoder_that_was_saved_is_loaded_again(tmp_path):
    import keras

    def encoder(seed: int) -> list:
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Conv2D(2, 3, name="conv0"), keras.layers.BatchNormalization(name="bn0")]
        layers[0].build((None, 8, 8, 3))
        layers[1].build((None, 8, 8, 2))
        return layers

    saved, loaded = encoder(1), encoder(2)
    save_encoder(saved, tmp_path / "encoder.h5")
    assert load_encoder(loaded, tmp_path / "encoder.h5") == ["conv0", "bn0"]
    for ours, theirs in zip(saved, loaded, strict=True):
        for first, second in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_array_equal(first.numpy(), second.numpy())
