"""A trained 2-D network's weights, brought into the form in which inference costs least. NumPy and h5py only.

Training needs batch normalisation and up-sampling as layers; inference does not. The algebra here is exact: only the
order in which floats are rounded changes.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from stroke_tf.errors import WeightsError

_EPSILON_ENCODER, _EPSILON_DECODER = 2e-5, 1e-3
"""Of batch normalisation, as segmentation-models sets them; they stand in no weight file."""


class TrainedLayers:
    """The weights of a network by the name of their layer, read when asked for; each is asked for once.

    Raises: WeightsError for a file that is not one of Keras's weight files, or lacks a layer.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        try:
            self._file = h5py.File(self._path)
            self._groups = dict(_weighted_layers(self._file))
        except (OSError, KeyError) as fault:
            raise WeightsError(
                f"{self._path}: not a weight file of Keras ({fault}). Copy the run folder again."
            ) from fault

    def __enter__(self) -> "TrainedLayers":
        return self

    def __exit__(self, *fault: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._groups

    @property
    def left(self) -> set[str]:
        """Return the names of the layers that nobody has asked for."""
        return set(self._groups)

    def take(self, name: str) -> list[np.ndarray]:
        """Return the arrays of a layer in Keras's order."""
        try:
            group = self._groups.pop(name)
        except KeyError:
            raise WeightsError(
                f"{self._path}: the weights do not fit the network: no layer {name}. Train again, or copy the whole "
                "run folder again."
            ) from None
        return [group[str(number)][()] for number in range(len(group))]


def scale_and_offset(layers: TrainedLayers, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a and b of the a * x + b that a batch normalisation is once its statistics are fixed.

    Returns: two arrays (channel,), float32.
    """
    *gamma, beta, mean, variance = (each.astype(np.float64) for each in layers.take(name))
    epsilon = _EPSILON_DECODER if name.startswith("decoder") else _EPSILON_ENCODER
    scale = (gamma[0] if gamma else 1.0) / np.sqrt(variance + epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def transposed_kernel(kernel: np.ndarray) -> np.ndarray:
    """Fold "double the image by nearest neighbours, then convolve by 3x3" into one transposed convolution.

    Imagine the doubled image: every pixel stands there four times, so the nine weights of the kernel always meet only
    2x2 different pixels, and which weights meet the same pixel depends only on whether row and column are even. A
    4x4 kernel with stride 2 holds the sums for all four cases, and needs 4 products a pixel where 9 were needed.

    Args:
        kernel: (3, 3, in, out), as Keras has it.
    Returns: (4, 4, in, out), for stride 2 and padding 1 on every side.
    """
    # Output pixel 2 i - 1 + t gets from low pixel i those rows r of the kernel for which (2 i - 2 + t + r) // 2 == i.
    met = [[r for r in range(3) if t + r in (2, 3)] for t in range(4)]
    grown = np.empty((4, 4, *kernel.shape[2:]), kernel.dtype)
    for t, rows in enumerate(met):
        for u, columns in enumerate(met):
            grown[t, u] = sum(kernel[r, s] for r in rows for s in columns)
    return grown


def blocked_kernel(kernel: np.ndarray) -> np.ndarray:
    """Fold a 7x7 convolution with stride 2 into a 4x4 convolution with stride 1 over blocks of 2x2 pixels.

    An image of three channels leaves most of a processor's vector lanes empty; a block of 2x2 pixels has twelve. The
    49 weights become 64, of which 15 are 0, and the layer was seen to take less than half of the time.

    Args:
        kernel: (7, 7, in, out), for padding 3 on every side.
    Returns: (4, 4, 4 * in, out), for padding 2 before and 1 behind; block channel (2 * row + column) * in + channel,
        which is OpenVINO's SpaceToDepth with "blocks_first".
    """
    side, _, channels, filters = kernel.shape
    # Row 2 i - 3 + r of the image is row (r + 1) % 2 of block i - 2 + (r + 1) // 2.
    padded = np.zeros((side + 1, side + 1, channels, filters), kernel.dtype)
    padded[1:, 1:] = kernel
    taps = (side + 1) // 2
    blocks = padded.reshape(taps, 2, taps, 2, channels, filters).transpose(0, 2, 1, 3, 4, 5)
    return blocks.reshape(taps, taps, 4 * channels, filters)


def _weighted_layers(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    """Find the groups named vars, each of which bears the name of its layer."""
    stack = [file["layers"]]
    while stack:
        for name, group in stack.pop().items():
            if name == "vars" and len(group) and "name" in group.attrs:
                yield str(group.attrs["name"]), group
            elif name != "vars" and isinstance(group, h5py.Group):
                stack.append(group)
