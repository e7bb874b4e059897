"""How near a generated image comes to the real one: PSNR and SSIM inside the brain."""

from dataclasses import dataclass

import numpy as np

from stroke_tf.arrays import Mask, Volume, require_same_shape
from stroke_tf.errors import InputFileError, SettingError

_WINDOW = 7
"""Side of the SSIM's window in pixels, scikit-image's own."""


@dataclass(frozen=True)
class ImageQuality:
    """A generated image beside the real one.

    Args:
        psnr_db: 10 log10(range**2 / mean squared difference), over the brain's voxels.
        ssim: mean over the brain's voxels of the structural similarity, computed slice by slice.
        data_range: of the real image inside the brain, largest minus smallest value, which both measures use.
        psnr_of_blank_db: the PSNR of an image that is the real one's median throughout: what drawing nothing scores.
    """

    psnr_db: float
    ssim: float
    data_range: float
    psnr_of_blank_db: float


def image_quality(generated: Volume, real: Volume, brain: Mask) -> ImageQuality:
    """Compare two images of one patient inside the brain.

    Slices are axial and several millimetres apart, so structure is looked at within a slice. PSNR leaves out what
    lies outside the brain, where both are 0 and would flatter it; SSIM looks at whole slices and is averaged inside.

    Args:
        generated, real: (x, y, z), in one unit, 0 outside the brain.
        brain: the same shape, bool.
    Raises: GeometryError for shapes that differ; SettingError for slices smaller than the window; InputFileError if
        the real image is constant inside the brain.
    Source: Wang et al. 2004 (SSIM), by scikit-image.
    """
    from skimage.metrics import structural_similarity

    require_same_shape(generated, real, ("the generated image", "the real one"))
    require_same_shape(real, brain, ("the real image", "the brain"))
    if min(real.shape[:2]) < _WINDOW:
        raise SettingError(f"SSIM needs slices of {_WINDOW}x{_WINDOW} voxels at least. Received shape: {real.shape}")
    inside = real[brain].astype(np.float64)
    data_range = float(np.ptp(inside)) if inside.size else 0.0
    if data_range == 0:
        raise InputFileError("The real image is constant inside the brain, so nothing can be compared with it.")
    similar = np.zeros(real.shape, np.float64)
    for index in np.flatnonzero(brain.any(axis=(0, 1))):
        _, similar[..., index] = structural_similarity(
            real[..., index].astype(np.float64),
            generated[..., index].astype(np.float64),
            win_size=_WINDOW,
            data_range=data_range,
            full=True,
        )
    return ImageQuality(
        psnr_db=_psnr(generated[brain] - inside, data_range),
        ssim=float(similar[brain].mean()),
        data_range=data_range,
        psnr_of_blank_db=_psnr(np.median(inside) - inside, data_range),
    )


def _psnr(difference: np.ndarray, data_range: float) -> float:
    # Equal images would be infinitely good, which no file holds; a millionth of the range is below float16's step.
    error = max(float(np.mean(np.square(difference))), (1e-6 * data_range) ** 2)
    return float(10 * np.log10(data_range**2 / error))
