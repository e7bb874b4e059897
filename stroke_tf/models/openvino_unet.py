"""The trained 2-D network in OpenVINO: the same algebra, folded, on Intel's and AMD's processors and on Arm.

Keras builds the network layer by layer in models/unet2d.py; here it is written down once more, in the order of the
paper's figure, because a graph for inference alone costs less: no batch normalisation, no concatenation, 12 % fewer
products (models/folding.py). tests/models/test_openvino_unet.py holds the two to the same answers.
"""

from collections.abc import Callable

import cv2
import ml_dtypes
import numpy as np

from stroke_tf.choices import Precision
from stroke_tf.errors import SettingError, WeightsError
from stroke_tf.models.backbones import BACKBONES, DECODER_LEVELS
from stroke_tf.models.device import usable_threads
from stroke_tf.models.folding import TrainedLayers, blocked_kernel, scale_and_offset, transposed_kernel
from stroke_tf.models.network import DRAWN_BY_OPENVINO, SCALE_AND_OFFSET, Network, SavedNetwork
from stroke_tf.models.quiet_openvino import import_openvino

openvino = import_openvino()
ops = openvino.opset13

_SLICES_AT_ONCE = 4
"""Of one request: four slices fill a core's caches well, and few are computed for nothing when the last are one."""
_MOST_STREAMS = 8
"""Requests at once, each on cores of its own; each holds the features of its slices, about 0.1 GB."""
_TYPES = {Precision.FLOAT32: openvino.Type.f32, Precision.MIXED_BFLOAT16: openvino.Type.bf16}
_AUXILIARY_HEADS = {"half_head", "quarter_head", "eighth_head"}


def openvino_function(
    saved: SavedNetwork, precision: Precision, *, threads: int | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a saved network as inference sees it: images (b, s, s, c) to lesion probabilities (b, s, s), float32.

    A slice's answer does not depend on the slices beside it, to the last bit: requests have one size, and the last is
    filled up.

    Args:
        saved: a network drawn here whose weights are intact; of a deeply supervised one the main output is taken.
        precision: FLOAT32 or MIXED_BFLOAT16.
        threads: that compute; None is all that this process may use.
    Raises: SettingError for another network or precision; WeightsError if the weights are not those of the network.
    """
    if not saved.network.drawn_by_openvino:
        raise SettingError(f"{saved.folder}: OpenVINO runs {DRAWN_BY_OPENVINO}. Predict others with --engine keras.")
    if precision not in _TYPES:
        raise SettingError(f"OpenVINO computes in float32 or mixed_bfloat16 here. Received: {precision.value}")
    # Requests, not threads, share the cores: no request then waits for the slowest thread of each layer.
    threads = threads or usable_threads()
    streams = min(threads, _MOST_STREAMS)
    settings = {
        "INFERENCE_PRECISION_HINT": _TYPES[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
    }
    compiled = openvino.Core().compile_model(network_graph(saved, precision), "CPU", settings)
    requests = openvino.AsyncInferQueue(compiled, streams)
    size, channels = saved.network.size, saved.network.channels

    def predict(images: np.ndarray) -> np.ndarray:
        answer = np.empty((len(images), size, size), np.float32)

        def keep(request: openvino.InferRequest, first: int) -> None:
            some = answer[first : first + _SLICES_AT_ONCE]
            some[...] = request.get_output_tensor(0).data[: len(some)]

        requests.set_callback(keep)
        for first in range(0, len(images), _SLICES_AT_ONCE):
            some = np.zeros((_SLICES_AT_ONCE, size, size, channels), np.float32)
            some[: len(images) - first] = images[first : first + _SLICES_AT_ONCE]
            requests.start_async({0: some}, first)
        requests.wait_all()
        return answer

    return predict


def network_graph(saved: SavedNetwork, precision: Precision) -> openvino.Model:
    """Write the network down from images (4, s, s, c) to probabilities (4, s, s).

    The first and the last convolution keep float32 weights whatever the precision: they are small, and rounding what
    they see, or the odds themselves, changes more voxels than rounding everything between. In between the weights are
    kept in the precision in which they are used, which is half of the memory.
    """
    network, kind = saved.network, _TYPES[precision]
    images = ops.parameter([_SLICES_AT_ONCE, network.size, network.size, network.channels], np.float32)
    with TrainedLayers(saved.weights) as layers:
        exact, draw = _Drawing(layers, openvino.Type.f32), _Drawing(layers, kind)
        first = exact.first_convolution(_scaled(exact, images, network), "conv0", "bn0")
        features = _decoder(draw, *_encoder(draw, ops.convert(first, kind), network))
        # Of two classes the softmax is the logistic function of their difference, which is one convolution.
        kernel, bias = layers.take("final_conv")
        last = kernel[..., 1:] - kernel[..., :1]
        odds = exact.convolution(ops.convert(features, openvino.Type.f32), last, bias[1:] - bias[:1])
        if strangers := layers.left - _AUXILIARY_HEADS:
            raise WeightsError(
                f"{saved.weights}: the weights do not fit the network: {network.backbone} has no "
                f"{', '.join(sorted(strangers)[:5])}. Train again, or copy the whole run folder again."
            )
    lesion = ops.squeeze(ops.sigmoid(odds), ops.constant([1]))
    return openvino.Model([lesion], [images], "res_unet")


def _scaled(draw: "_Drawing", images: openvino.Node, network: Network) -> openvino.Node:
    """Scale the z-scores and normalise them, in one step, and put the channels first."""
    first, then = SCALE_AND_OFFSET[network.scaling], scale_and_offset(draw.layers, "bn_data")
    scale, offset = first[0] * then[0], first[1] * then[0] + then[1]
    return draw.affine(ops.transpose(images, ops.constant([0, 3, 1, 2])), scale, offset)


def _encoder(draw: "_Drawing", x: openvino.Node, network: Network) -> tuple[openvino.Node, list[openvino.Node]]:
    """Draw a residual network of the second kind: normalise and rectify first, then convolve, then add."""
    found = {"relu0": x}
    x = draw.halved(x)
    stage = 1
    while f"stage{stage}_unit1_bn1" in draw.layers:
        unit = 1
        while f"stage{stage}_unit{unit}_bn1" in draw.layers:
            name = f"stage{stage}_unit{unit}_"
            stride = 2 if unit == 1 and stage > 1 else 1
            ready = draw.rectified_affine(x, name + "bn1")
            if unit == 1:
                found[name + "relu1"] = ready
                x = draw.convolution(ready, draw.layers.take(name + "sc")[0], stride=stride)
            x = ops.add(_residual(draw, ready, name, stride), x)
            unit += 1
        stage += 1
    skips = [found[name] for name in BACKBONES[network.backbone].skips]
    return draw.rectified_affine(x, "bn1"), skips


def _residual(draw: "_Drawing", x, name: str, stride: int):
    """Draw what a unit adds: 3x3, 3x3 in the small networks, 1x1, 3x3, 1x1 in the large ones."""
    last = name + "conv2"
    if name + "conv3" in draw.layers:
        x = draw.normalised_convolution(x, name + "conv1", name + "bn2")
        x = draw.normalised_convolution(x, name + "conv2", name + "bn3", stride=stride, padding=1)
        last = name + "conv3"
    else:
        x = draw.normalised_convolution(x, name + "conv1", name + "bn2", stride=stride, padding=1)
    return draw.convolution(x, draw.layers.take(last)[0])


def _decoder(draw: "_Drawing", x, skips: list):
    for level in range(DECODER_LEVELS):
        name = f"decoder_stage{level}"
        skip = skips[level] if level < len(skips) else None
        x = draw.doubled_and_joined(x, skip, name + "a_conv", name + "a_bn")
        x = draw.normalised_convolution(x, name + "b_conv", name + "b_bn", padding=1)
    return x


class _Drawing:
    """The few shapes that the network is made of, as OpenVINO nodes, channels first."""

    def __init__(self, layers: TrainedLayers, kind: openvino.Type) -> None:
        self.layers, self.kind = layers, kind

    def convolution(self, x, kernel: np.ndarray, offset: np.ndarray | None = None, *, stride: int = 1):
        """Convolve by (side, side, in, out), padded so that stride alone decides the size."""
        sides = [kernel.shape[0] // 2] * 2
        y = ops.convolution(x, self._kernel(kernel), [stride] * 2, sides, sides, [1, 1])
        return y if offset is None else ops.add(y, self._of_channels(offset))

    def normalised_convolution(self, x, conv: str, bn: str, *, stride: int = 1, padding: int = 0):
        """Convolve, normalise and rectify: a convolution with the scale in its kernel."""
        scale, offset = scale_and_offset(self.layers, bn)
        (kernel,) = self.layers.take(conv)
        if kernel.shape[0] // 2 != padding:
            raise WeightsError(f"Layer {conv} has a kernel of {kernel.shape[:2]}: the weights do not fit the network.")
        return ops.relu(self.convolution(x, kernel * scale, offset, stride=stride))

    def first_convolution(self, x, conv: str, bn: str):
        """Convolve by 7x7 with stride 2, normalise and rectify."""
        scale, offset = scale_and_offset(self.layers, bn)
        kernel = blocked_kernel(self.layers.take(conv)[0] * scale)
        blocks = ops.space_to_depth(x, "blocks_first", 2)
        y = ops.convolution(blocks, self._kernel(kernel), [1, 1], [2, 2], [1, 1], [1, 1])
        return ops.relu(ops.add(y, self._of_channels(offset)))

    def doubled_and_joined(self, x, skip, conv: str, bn: str):
        """Double the image, put the skip beside it, convolve by 3x3, normalise, rectify."""
        scale, offset = scale_and_offset(self.layers, bn)
        kernel = self.layers.take(conv)[0] * scale
        # A convolution of two images side by side is the sum of two convolutions.
        here = list(x.shape)[1]
        grown = self._kernel(transposed_kernel(kernel[:, :, :here]), turned=False)
        y = ops.convolution_backprop_data(x, grown, [2, 2], pads_begin=[1, 1], pads_end=[1, 1], dilations=[1, 1])
        if skip is not None:
            y = ops.add(y, self.convolution(skip, kernel[:, :, here:]))
        return ops.relu(ops.add(y, self._of_channels(offset)))

    def rectified_affine(self, x, bn: str):
        """Normalise and rectify where there is no convolution before it to fold into."""
        return ops.relu(self.affine(x, *scale_and_offset(self.layers, bn)))

    def affine(self, x, scale: np.ndarray, offset: np.ndarray):
        """Scale and shift each channel."""
        return ops.add(ops.multiply(x, self._of_channels(scale)), self._of_channels(offset))

    def halved(self, x):
        """Take the largest of 3x3 at every second pixel; what lies beyond the border never wins after a relu."""
        return ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)

    def _of_channels(self, values: np.ndarray) -> openvino.Node:
        tensor, content = self._empty([1, len(values), 1, 1])
        content[0, :, 0, 0] = self._rounded(values)
        return openvino.op.Constant(tensor, shared_memory=True)

    def _kernel(self, kernel: np.ndarray, *, turned: bool = True) -> openvino.Node:
        """Turn Keras's kernel (row, column, in, out) into a constant (out, in, row, column).

        Transposed convolutions want (in, out, row, column): turned is False for them.
        """
        rows, columns, given, made = kernel.shape
        tensor, content = self._empty([made, given, rows, columns] if turned else [given, made, rows, columns])
        # Rounded before it is turned, so that half of the bytes have to move; and turned by OpenCV, which takes a
        # tenth of NumPy's time for it.
        rounded = self._rounded(kernel)
        for row, column in np.ndindex(rows, columns):
            tap = np.ascontiguousarray(rounded[row, column])
            content[:, :, row, column] = cv2.transpose(tap) if turned else tap
        return openvino.op.Constant(tensor, shared_memory=True)

    def _empty(self, shape: list[int]) -> tuple[openvino.Tensor, np.ndarray]:
        """Return a tensor and its memory as NumPy sees it; NumPy has no bfloat16, so those are 16 bits."""
        tensor = openvino.Tensor(self.kind, shape)
        return tensor, tensor.data.view(np.uint16) if self.kind == openvino.Type.bf16 else tensor.data

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        if self.kind == openvino.Type.bf16:
            return values.astype(ml_dtypes.bfloat16).view(np.uint16)
        return np.asarray(values, np.float32)
