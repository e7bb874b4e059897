"""Flips and rotation of a slice and its label as one warp: an albumentations transform of our own.

albumentations' HorizontalFlip, VerticalFlip and Rotate in a Compose do the same in three passes and four times the
time, most of it bookkeeping (experiments/benchmarks/input_pipeline.py); the tests hold ours against theirs.
"""

from typing import Any

import cv2
import numpy as np

from stroke_tf.batches.quiet_albumentations import import_albumentations

albumentations = import_albumentations()

_CHANNELS_AT_ONCE = 4
"""With so many, OpenCV warps every channel to the last bit as it warps one alone."""


class FlipAndRotate(albumentations.DualTransform):
    """Turn rows and columns round, each in half of the draws, then rotate by a uniform angle about the centre.

    Like any albumentations transform it is called with `image=` and `mask=`, draws from the generator that
    `set_random_state` gave it, and tells what it drew in `get_applied_params`.

    Args:
        flip: whether rows and columns may be turned round.
        rotation_degrees: the angle lies between minus and plus this; 0 leaves rotation out.
    """

    def __init__(self, flip: bool, rotation_degrees: float) -> None:
        super().__init__(p=1)
        self.flip, self.rotation_degrees = flip, rotation_degrees

    def get_params(self) -> dict[str, Any]:
        """Draw what will happen to one slice.

        All three numbers are drawn whether they are used or not, so that switching flips off leaves the angles.
        """
        rows, columns = self.random_generator.random(2) < 0.5
        angle = self.random_generator.uniform(-1, 1) * self.rotation_degrees
        return {"flip_rows": bool(self.flip and rows), "flip_columns": bool(self.flip and columns), "angle": angle}

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Return the warp of the drawn flips and angle for the slice's size."""
        shape = params["shape"][:2]
        return {"matrix": warp_matrix(shape, params["flip_rows"], params["flip_columns"], params["angle"])}

    def apply(self, img: np.ndarray, matrix: np.ndarray | None, **params: Any) -> np.ndarray:
        """Warp an image or a label; linear, with 0 where nothing comes from."""
        if matrix is None:
            return img
        if img.ndim == 2 or img.shape[2] <= _CHANNELS_AT_ONCE:
            return _warped(img, matrix)
        parts = [img[..., first : first + _CHANNELS_AT_ONCE] for first in range(0, img.shape[2], _CHANNELS_AT_ONCE)]
        return np.concatenate([_warped(np.ascontiguousarray(part), matrix) for part in parts], axis=2)

    def apply_to_mask(self, mask: np.ndarray, matrix: np.ndarray | None, **params: Any) -> np.ndarray:
        """Warp the label as the image is warped, and not by nearest neighbour: it is a coverage."""
        return self.apply(mask, matrix)


def _warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    rows, columns, *channels = image.shape
    if channels == [2]:
        # OpenCV 5 rounds places to 1/32 of a pixel for two channels and for more than four, and for no other number.
        return np.stack([_warped(np.ascontiguousarray(image[..., place]), matrix) for place in range(2)], axis=2)
    # Spelt out, because OpenCV's defaults are the same today and nobody says that they stay.
    warped = cv2.warpAffine(
        image, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return warped.reshape(image.shape)


def warp_matrix(shape: tuple[int, int], flip_rows: bool, flip_columns: bool, angle: float) -> np.ndarray | None:
    """Return the one affine map that flips first and then rotates about the centre.

    Args:
        shape: rows, columns.
        angle: degrees, counter-clockwise as one looks at the slice.
    Returns: (2, 3) float64 from (column, row) before to (column, row) after, as OpenCV wants it; None where nothing
        moves. A map without rotation takes whole pixels to whole pixels, and OpenCV copies them exactly.
    """
    if not (flip_rows or flip_columns or angle):
        return None
    rows, columns = shape
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, 1)
    for axis, turned, size in ((0, flip_columns, columns), (1, flip_rows, rows)):
        if turned:
            # Before the rotation, place p of this axis is at size - 1 - p.
            matrix[:, 2] += matrix[:, axis] * (size - 1)
            matrix[:, axis] *= -1
    return matrix
