"""A trained network's weights in the form in which inference costs least."""

import h5py
import numpy as np
import pytest

from stroke_tf.errors import WeightsError
from stroke_tf.models.folding import TrainedLayers, blocked_kernel, scale_and_offset, transposed_kernel


def convolved(image: np.ndarray, kernel: np.ndarray, *, stride: int, before: int, behind: int) -> np.ndarray:
    """Convolve (row, column, in) by (side, side, in, out), one output pixel after the other."""
    padded = np.pad(image, ((before, behind), (before, behind), (0, 0)))
    side = kernel.shape[0]
    rows = range(0, padded.shape[0] - side + 1, stride)
    return np.array(
        [[np.einsum("rsi,rsio->o", padded[r : r + side, c : c + side], kernel) for c in rows] for r in rows]
    )


def test_doubling_and_convolving_is_one_transposed_convolution():
    draw = np.random.default_rng(1)
    image, kernel = draw.normal(size=(5, 5, 2)), draw.normal(size=(3, 3, 2, 3))
    wanted = convolved(image.repeat(2, axis=0).repeat(2, axis=1), kernel, stride=1, before=1, behind=1)
    grown = transposed_kernel(kernel)
    assert grown.shape == (4, 4, 2, 3)
    # A transposed convolution lays the kernel, times the pixel, over the output around that pixel.
    found = np.zeros((12, 12, 3))
    for row in range(5):
        for column in range(5):
            found[2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += np.einsum(
                "i,tuio->tuo", image[row, column], grown
            )
    np.testing.assert_allclose(found[1:-1, 1:-1], wanted, atol=1e-12)


def test_a_first_convolution_over_blocks_is_the_one_over_pixels():
    draw = np.random.default_rng(2)
    image, kernel = draw.normal(size=(12, 12, 3)), draw.normal(size=(7, 7, 3, 2))
    wanted = convolved(image, kernel, stride=2, before=3, behind=3)[:6, :6]
    # Channel (2 * row + column) * 3 + channel of a block, as OpenVINO orders "blocks_first".
    blocks = image.reshape(6, 2, 6, 2, 3).transpose(0, 2, 1, 3, 4).reshape(6, 6, 12)
    found = convolved(blocks, blocked_kernel(kernel), stride=1, before=2, behind=1)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.fixture
def weight_file(tmp_path):
    """A file as Keras writes it: a group for each layer, whose name is an attribute."""
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        for place, name, arrays in (
            ("layers/functional/layers/batch_normalization", "bn0", [[2.0], [1.0], [3.0], [4.0 - 2e-5]]),
            ("layers/functional/layers/batch_normalization_1", "bn_data", [[1.0], [3.0], [4.0 - 2e-5]]),
            ("layers/functional/layers/batch_normalization_2", "decoder_stage0a_bn", [[2.0], [1.0], [3.0], [3.999]]),
            ("layers/conv2d", "conv0", [[[[[5.0]]]]]),
        ):
            group = file.create_group(f"{place}/vars")
            group.attrs["name"] = name
            for number, array in enumerate(arrays):
                group.create_dataset(str(number), data=np.array(array, np.float32))
        file.create_group("layers/activation/vars")
    return path


@pytest.mark.parametrize(("name", "scale"), [("bn0", 1.0), ("bn_data", 0.5), ("decoder_stage0a_bn", 1.0)])
def test_a_batch_normalisation_is_a_scale_and_an_offset(weight_file, name, scale):
    # (x - 3) / 2 * gamma + 1; the encoder and the decoder have different epsilons, and bn_data has no gamma.
    with TrainedLayers(weight_file) as layers:
        found = scale_and_offset(layers, name)
    np.testing.assert_allclose(found, [[scale], [1 - 3 * scale]], rtol=1e-6)


def test_layers_are_found_by_name_wherever_they_lie_and_each_is_taken_once(weight_file):
    with TrainedLayers(weight_file) as layers:
        assert layers.left == {"bn0", "bn_data", "decoder_stage0a_bn", "conv0"}
        assert layers.take("conv0")[0].shape == (1, 1, 1, 1)
        assert "conv0" not in layers
        with pytest.raises(WeightsError, match="no layer conv0"):
            layers.take("conv0")


def test_a_file_that_is_no_weight_file_is_named(tmp_path):
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"not HDF5")
    with pytest.raises(WeightsError, match=r"model\.weights\.h5: not a weight file"):
        TrainedLayers(path)
    with h5py.File(path, "w"):
        pass
    with pytest.raises(WeightsError, match="not a weight file"):
        TrainedLayers(path)
