"""Pretrained encoder weights: name, source and checksum in one table, and the way from a file into the layers."""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from stroke_tf.errors import WeightsError
from stroke_tf.files import written_whole
from stroke_tf.models.network import InputScaling
from stroke_tf.progress import Progress

if TYPE_CHECKING:
    import h5py
    import keras

_RESNETS = "https://github.com/qubvel/classification_models/releases/download/0.0.1"
_DENSENETS = "https://storage.googleapis.com/tensorflow/keras-applications/densenet"
_TIMEOUT_S = 20.0
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Pretrained:
    """One published file of encoder weights, the MD5 that its publisher gives, and how it saw its photographs."""

    file: str
    md5: str
    url: str
    scaling: InputScaling = InputScaling.IMAGENET


def _resnet(file: str, checksum: str) -> Pretrained:
    return Pretrained(file, checksum, f"{_RESNETS}/{file}")


def _densenet(file: str, checksum: str) -> Pretrained:
    return Pretrained(file, checksum, f"{_DENSENETS}/{file}", InputScaling.IMAGENET_NORMALISED)


IMAGENET = {
    "resnet18": _resnet("resnet18_imagenet_1000_no_top.h5", "318e3ac0cd98d51e917526c9f62f0b50"),
    "resnet34": _resnet("resnet34_imagenet_1000_no_top.h5", "8caaa0ad39d927cb8ba5385bf945d582"),
    "resnet50": _resnet("resnet50_imagenet_1000_no_top.h5", "db3b217156506944570ac220086f09b6"),
    "densenet121": _densenet(
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "30ee3e1110167f948a6b9946edeeb738"
    ),
}
"""Backbone to its ImageNet weights without the classifier, as segmentation-models itself would fetch them.

Source: the ResNets, the table in classification_models/weights.py, version 1.0.0, which segmentation-models depends
on; DenseNet, keras/src/applications/densenet.py, and keras_applications before it.
"""


def photographs_of(backbone: str) -> InputScaling:
    """Return how a pretrained encoder wants its input: as it saw the photographs that it learnt from.

    Raises: WeightsError for a backbone without published weights here, whose wish is not known.
    """
    return _known(backbone).scaling


def cache_folder(home: Path | None = None) -> Path:
    """Return the folder where downloaded weights are kept when the user names none."""
    return (home or Path.home()) / ".cache" / "stroke_tf"


def imagenet_weights(
    backbone: str,
    *,
    folder: Path | None = None,
    url: str | None = None,
    download: bool = True,
    known: Pretrained | None = None,
) -> Path:
    """Return the file of a backbone's ImageNet weights, downloaded once and checked at each use.

    A file that is there and intact is used without a word to the network; a damaged one is fetched again. Many jobs
    may ask at once: each downloads under a name of its own, and what arrives under the final name is whole.

    Args:
        backbone: a key of IMAGENET.
        folder: where the file is kept; None is the cache in the user's home.
        url: a mirror; the checksum stays the published one.
        download: False where the network must not be touched.
        known: another entry than the table's, for files that are not published.
    Raises: WeightsError, at once, naming URL, file, checksum and folder.
    """
    entry = known or _known(backbone)
    path = Path(folder or cache_folder()) / entry.file
    source = url or entry.url
    fault = "it is not there" if not path.is_file() else ""
    if not fault and _md5_of_file(path) == entry.md5:
        return path
    fault = fault or "it is damaged: its MD5 is another"
    if not download:
        raise _unreachable(path, source, entry, f"{fault}, and downloading was not allowed")
    _download(path, source, entry)
    return path


def _known(backbone: str) -> Pretrained:
    try:
        return IMAGENET[backbone]
    except KeyError:
        raise WeightsError(
            f"No pretrained weights are known here for the backbone {backbone}, nor how it wants its input. Use "
            f"--weights none, or one of {', '.join(IMAGENET)}."
        ) from None


def load_encoder(layers: Sequence["keras.layers.Layer"], path: Path) -> list[str]:
    """Fill every encoder layer from a file of pretrained weights, layers and weights being found by name.

    Order plays no part: Keras's own loader goes by position, and a swap of two layers of one shape would pass
    unseen. Layers of the file that the encoder lacks (a classifier) are passed over. Only plain arrays of the
    expected shape are read, so links to other files and arrays of absurd size never are.

    Args:
        layers: build.encoder_layers(model).
        path: an HDF5 file as Keras 2 saved weights (`…_no_top.h5`).
    Returns: the names of the layers filled, which are all of them.
    Raises: WeightsError if the file cannot be read, or leaves a single weight of the encoder unset; no layer is
        changed then.
    """
    import h5py

    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            found = {layer.name: _weights_of_layer(file, layer, path) for layer in layers}
    except OSError as fault:
        raise WeightsError(
            f"{path}: not a readable HDF5 file ({fault}). Download it again, or use --weights none."
        ) from fault
    for layer in layers:
        for variable, value in zip(layer.weights, found[layer.name], strict=True):
            variable.assign(value)
    return list(found)


def save_encoder(layers: Sequence["keras.layers.Layer"], path: Path) -> None:
    """Write the weights of an encoder to a file that load_encoder takes: what --weights FILE needs.

    Args:
        layers: build.encoder_layers(model).
        path: an HDF5 file, laid out as Keras 2 saved weights, which is how ImageNet's are published.
    Raises: OutputError if the file cannot be written.
    """
    import h5py

    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            named = {f"{layer.name}/{variable.name}:0": variable.numpy() for variable in layer.weights}
            group.attrs["weight_names"] = [name.encode() for name in named]
            for name, value in named.items():
                group[name] = value


def _weights_of_layer(file: "h5py.File", layer: "keras.layers.Layer", path: Path) -> list[np.ndarray]:
    root = _member(file, "model_weights", path) or file
    group = _member(root, layer.name, path)
    if group is None and "_" in layer.name:
        # DenseNet's conv1_conv was called conv1/conv when names could still have a slash: a group in a group.
        outer, inner = layer.name.split("_", 1)
        outer = _member(root, outer, path)
        group = None if outer is None else _member(outer, inner, path)
    if group is None:
        raise WeightsError(
            f"{path}: no weights for the encoder's layer {layer.name!r}. It is a file of another network; "
            "use the one that --weights imagenet names, or --weights none."
        )
    stored = _arrays_by_name(group, path)
    return [_checked(stored.get(variable.name), layer.name, variable, path) for variable in layer.weights]


def _checked(array: "h5py.Dataset | None", layer: str, variable: "keras.Variable", path: Path) -> np.ndarray:
    if array is None:
        raise WeightsError(f"{path}: the layer {layer!r} lacks its {variable.name}. Download the file again.")
    if tuple(array.shape) != tuple(variable.shape) or array.dtype.kind != "f":
        raise WeightsError(
            f"{path}: {layer}/{variable.name} must have shape {tuple(variable.shape)}. Received: {array.shape}, "
            f"{array.dtype}. Pretrained encoders need 3 channels and the backbone they were made for."
        )
    value = np.asarray(array, np.float32)
    if not np.isfinite(value).all():
        raise WeightsError(f"{path}: {layer}/{variable.name} holds NaN or infinity. Download the file again.")
    return value


def _arrays_by_name(group: "h5py.Group", path: Path) -> dict[str, "h5py.Dataset"]:
    """Return a layer's arrays by the weight's own name: of `conv0/kernel:0` or `conv0/conv0/kernel_1`, kernel."""
    import h5py

    arrays = {}
    for name in group:
        member = _member(group, name, path)
        if isinstance(member, h5py.Group):
            arrays.update(_arrays_by_name(member, path))
        elif isinstance(member, h5py.Dataset):
            arrays[re.sub(r"(_\d+)?(:0)?$", "", name)] = member
    return arrays


def _member(group: "h5py.Group", name: str, path: Path):
    """Return a member that lies in this very file, or None; links and arrays kept elsewhere are refused.

    An HDF5 file may point to any other file that the user can read; a file of weights has no reason to.
    """
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        return None
    member = group[name] if isinstance(link, h5py.HardLink) else None
    elsewhere = isinstance(member, h5py.Dataset) and (member.external or member.is_virtual)
    if member is None or elsewhere:
        raise WeightsError(
            f"{path}: {group.name}/{name} points out of the file, which weights never do. Do not use it."
        )
    return member


def _download(path: Path, source: str, entry: Pretrained) -> None:
    with written_whole(path) as temporary:
        try:
            _fetch(source, temporary, title=f"downloading {entry.file}")
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as fault:
            reason = getattr(fault, "reason", None) or fault
            raise _unreachable(path, source, entry, f"the download failed: {reason}") from fault
        received = _md5_of_file(temporary)
        if received != entry.md5:
            raise _unreachable(path, source, entry, f"what came has another MD5, {received}, and was thrown away")


def _fetch(source: str, target: Path, *, title: str) -> None:
    if not source.startswith(("https://", "http://")):
        raise ValueError(f"only http and https are fetched, not {source!r}")
    with urllib.request.urlopen(source, timeout=_TIMEOUT_S) as answer, open(target, "wb") as stream:
        expected = int(answer.headers.get("Content-Length") or 0)
        received = _copy(answer, stream, Progress(title, max(1, -(-expected // _BLOCK))))
    if expected and received != expected:
        raise ConnectionError(f"the connection ended after {received} of {expected} bytes")


def _copy(answer: BinaryIO, stream: BinaryIO, progress: Progress) -> int:
    received = 0
    while block := answer.read(_BLOCK):
        received += stream.write(block)
        progress.step(note="MiB")
    return received


def _unreachable(path: Path, source: str, entry: Pretrained, fault: str) -> WeightsError:
    return WeightsError(
        f"{path}: {fault}. Fetch {source} on a machine with network, and put it as {entry.file} (MD5 {entry.md5}) into "
        f"the folder {path.parent}, or use --weights none."
    )


def _md5_of_file(path: Path) -> str:
    # MD5 because it is what the publisher gives; it finds damage, and the SHA-256 in the run card identifies the file.
    digest = md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
