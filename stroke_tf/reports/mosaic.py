"""A picture of a case for paper, and for browsers without WebGL: three planes through the lesion, a column a row."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.planes import Plane

_FOUND, _FALSE, _MISSED, _TRUTH = (0, 158, 115), (230, 159, 0), (204, 121, 167), (86, 180, 233)
_TITLE, _GAP, _SIDE = 18, 4, 190
_LETTERS = (235, 235, 235)
_COLOURS = 96


def mosaic_png(
    image: np.ndarray,
    truth: Mask | None,
    masks: Mapping[str, Mask],
    *,
    disagreement: np.ndarray | None,
    centre: Sequence[int],
    spacing_mm: Sequence[float],
    name: str,
) -> bytes:
    """Draw the image with the outline of the truth, what each row found, missed and made up, and the disagreement.

    The patient faces the reader, as radiologists look at slices: the patient's right on the left.

    Args:
        image: uint8, RAS+.
        truth: None where there is none; masks are then drawn in one colour.
        masks: by the title of their column.
        disagreement: uint8, 255 where planes say the opposite; None if not known.
        centre: the voxel through which the three slices go.
        name: of the image, over the first column.
    Returns: a PNG with a palette.
    """
    columns = [(name, image, None, False)] + [(title, image, mask, False) for title, mask in masks.items()]
    if disagreement is not None:
        columns.append(("disagreement", disagreement, None, True))
    planes = (Plane.Z, Plane.Y, Plane.X)
    sizes = [_size(image.shape, spacing_mm, plane) for plane in planes]
    scale = _SIDE / max(wide for wide, _ in sizes)
    wide = _SIDE + _GAP
    tall = [round(height * scale) for _, height in sizes]
    canvas = np.zeros((_TITLE + sum(tall) + _GAP * 3, wide * len(columns), 3), np.uint8)
    for column, (_, picture, mask, heat) in enumerate(columns):
        top = _TITLE
        for plane, (width, _), height in zip(planes, sizes, tall, strict=True):
            tile = _tile(picture, truth, mask, plane, centre[plane.axis], heat, only_image=mask is None)
            tile = _resized(tile, round(width * scale), height)
            left = column * wide + (_SIDE - tile.shape[1]) // 2
            canvas[top : top + height, left : left + tile.shape[1]] = tile
            top += height + _GAP
    return _png(canvas, [(column * wide, title) for column, (title, *_) in enumerate(columns)])


def _tile(
    picture: np.ndarray,
    truth: Mask | None,
    mask: Mask | None,
    plane: Plane,
    index: int,
    heat: bool,
    *,
    only_image: bool,
) -> np.ndarray:
    grey = _upright(picture, plane, index)
    tile = _hot(grey) if heat else np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    lesion = None if truth is None else _upright(truth, plane, index)
    if not only_image:
        found = _upright(mask, plane, index)
        right = found if lesion is None else found & lesion
        _paint(tile, right, _FOUND)
        if lesion is not None:
            _paint(tile, found & ~lesion, _FALSE)
            _paint(tile, lesion & ~found, _MISSED)
    elif lesion is not None and not heat:
        tile[_outline(lesion)] = _TRUTH
    return tile.astype(np.uint8)


def _paint(tile: np.ndarray, where: np.ndarray, colour: tuple[int, int, int]) -> None:
    tile[where] = 0.35 * tile[where] + 0.65 * np.array(colour, np.float32)


def _outline(lesion: np.ndarray) -> np.ndarray:
    """Return the pixels just outside, so that the lesion itself stays visible."""
    grown = lesion.copy()
    grown[1:] |= lesion[:-1]
    grown[:-1] |= lesion[1:]
    grown[:, 1:] |= lesion[:, :-1]
    grown[:, :-1] |= lesion[:, 1:]
    return grown & ~lesion


def _hot(values: np.ndarray) -> np.ndarray:
    """Return black over red to yellow, by brightness alone readable for any eye."""
    share = values.astype(np.float32) / 255
    parts = [np.clip(share * 2.2, 0, 1), np.clip(share * 1.6 - 0.5, 0, 1), np.clip(share * 3 - 2.2, 0, 1)]
    return np.stack(parts, axis=-1) * 255


def _upright(volume: np.ndarray, plane: Plane, index: int) -> np.ndarray:
    # As in the figures: superior or anterior up, axis 0 or 1 running to the left.
    return np.take(volume, index, plane.axis).T[::-1, ::-1]


def _size(shape: Sequence[int], spacing_mm: Sequence[float], plane: Plane) -> tuple[float, float]:
    across, up = plane.slice_axes
    return shape[across] * float(spacing_mm[across]), shape[up] * float(spacing_mm[up])


def _resized(tile: np.ndarray, width: int, height: int) -> np.ndarray:
    rows = np.minimum((np.arange(height) + 0.5) * tile.shape[0] / height, tile.shape[0] - 1).astype(int)
    columns = np.minimum((np.arange(width) + 0.5) * tile.shape[1] / width, tile.shape[1] - 1).astype(int)
    return tile[rows][:, columns]


def _png(canvas: np.ndarray, titles: Sequence[tuple[int, str]]) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    picture: Any = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=11)
    for left, title in titles:
        pen.text((left + 2, 3), title if len(title) <= 34 else title[:33] + "…", fill=_LETTERS, font=font)
    stream = io.BytesIO()
    picture.quantize(_COLOURS).save(stream, format="PNG", optimize=True)
    return stream.getvalue()
