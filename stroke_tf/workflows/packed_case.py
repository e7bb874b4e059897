"""One case as a page carries it: its images and masks on one grid, in voxels as small as there is room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.manifest.case import SERIES, Case
from stroke_tf.reports.mosaic import mosaic_png
from stroke_tf.reports.viewer import MAX_MASKS, Overlay, ViewerCase
from stroke_tf.volumes.grid import require_same_grid, resample, same_grid
from stroke_tf.volumes.nifti import Scan, read_scan
from stroke_tf.volumes.viewable import Window, packed_nifti, window_on

_COARSER = 1.25
_SMALLEST_SIDE = 32
_KEY = "Green found, orange false alarm, pink missed; blue outlines the truth. "
_KEY_WITHOUT_TRUTH = "Green is what was found; no truth is known. "
_SIDES = "The patient's right is on the left."


@dataclass(frozen=True, eq=False)
class CaseToPack:
    """What is known of a case.

    Args:
        images: by sequence, on the grid of the reference; the first is shown first.
        truth: None where it is not known.
        masks: by id, on the same grid; at most as many as fit are carried, in order.
        titles: of the masks, by id.
        main: id of the mask that is shown first.
        drawn: ids of the masks in the picture.
        score: a few words beside the case's name.
        synthetic: a phantom.
        disagreement: of the planes, 0 to 1; None where it is not known.
        dices: of the masks, where they have one.
    """

    name: str
    reference: Scan
    images: Mapping[str, Volume]
    truth: Scan | None
    masks: Mapping[str, Scan]
    titles: Mapping[str, str]
    main: str
    drawn: Sequence[str]
    score: str
    synthetic: bool
    disagreement: Volume | None = None
    dices: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def known(self) -> list[Scan]:
        """Return the masks, the truth among them."""
        return [*self.masks.values(), *([self.truth] if self.truth else [])]

    @property
    def overlays(self) -> list[Overlay]:
        """Return a place among the bits for the truth and each mask."""
        ids = list(self.masks)[: MAX_MASKS - 1]
        places = [Overlay(name, self.titles[name], bit, self.dices.get(name)) for bit, name in enumerate(ids, start=1)]
        return [*([Overlay("truth", "Truth", 0)] if self.truth else []), *places]


def packed_case(case: CaseToPack, *, room: int) -> ViewerCase:
    """Crop a case to the head and what was marked, and pack it.

    Args:
        room: characters of the page; voxels are made larger until the case takes no more.
    Raises: GeometryError if a mask lies on another grid than the images.
    """
    require_same_grid({str(scan.path): scan.grid for scan in (case.reference, *case.known)})
    keep = case.reference.data != case.reference.data.flat[0]
    for mask in case.known:
        keep = keep | mask.data
    least_mm = 0.0
    while True:
        window = window_on(case.reference.grid, keep, least_mm=least_mm)
        smallest = max(window.grid.shape) <= _SMALLEST_SIDE
        # One image tells about what all take, in a fraction of the time.
        size = _about(case, window)
        if size <= room or smallest:
            made = _in_window(case, window)
            size = made.size
            if size <= room or smallest:
                return made
        least_mm = max(least_mm, min(window.grid.spacing_mm)) * max(_COARSER, (size / room) ** (1 / 3))


def images_of(known: Case, reference: Scan) -> dict[str, Volume]:
    """Read the images of a case on the grid of its reference, but for the series of a bolus.

    Returns: by sequence, that of the reference first; of CT perfusion the DWI first, where there is one, because a
        plain CT shows little of a lesion.
    """
    images = {known.reference: reference.data}
    for sequence, path in known.images.items():
        if sequence not in (known.reference, SERIES):
            images[sequence] = on_grid_of(reference, read_scan(path))
    return {"DWI": images["DWI"], **images} if "CT" in images and "DWI" in images else images


def on_grid_of(reference: Scan, scan: Scan) -> Volume:
    """Return the voxels of a scan on the grid of another, to be looked at."""
    if same_grid(scan.grid, reference.grid):
        return scan.data
    return resample(scan.data, scan.grid, reference.grid, order=1)


def _about(case: CaseToPack, window: Window) -> float:
    image = next(iter(case.images.values()))
    return len(packed_nifti(window.image(image), window.grid)) * len(case.images) * 4 / 3


def _in_window(case: CaseToPack, window: Window) -> ViewerCase:
    packed = {name: window.image(volume) for name, volume in case.images.items()}
    bits = _bits(case, window)
    spread = None if case.disagreement is None else window.map(case.disagreement)
    centre = _centre(case, bits)
    sides = " x ".join(f"{side:.3g}" for side in window.grid.spacing_mm) + " mm"
    key = f"{_KEY if case.truth else _KEY_WITHOUT_TRUTH}{_SIDES}"
    first = next(iter(packed))
    return ViewerCase(
        name=case.name,
        images={name: packed_nifti(grey, window.grid) for name, grey in packed.items()},
        masks=packed_nifti(bits, window.grid),
        overlays=case.overlays,
        disagreement=None if spread is None else packed_nifti(spread, window.grid),
        centre_mm=_in_mm(window, centre),
        picture=mosaic_png(
            packed[first],
            window.mask(case.truth.data) if case.truth else None,
            {case.titles[name]: window.mask(case.masks[name].data) for name in case.drawn if name in case.masks},
            disagreement=spread,
            centre=centre,
            spacing_mm=window.grid.spacing_mm,
            name=first,
        ),
        synthetic=case.synthetic,
        told=f"{case.titles[case.main]}: {case.score}. {key} Shown in voxels of {sides}.",
        score=case.score,
        voxels=sides,
    )


def _bits(case: CaseToPack, window: Window) -> np.ndarray:
    bits = np.zeros(window.grid.shape, np.uint16)
    for overlay in case.overlays:
        mask: Mask = case.truth.data if overlay.id == "truth" and case.truth else case.masks[overlay.id].data
        bits[window.mask(mask)] |= np.uint16(1 << overlay.bit)
    return bits


def _centre(case: CaseToPack, bits: np.ndarray) -> tuple[int, int, int]:
    """Return a voxel of the lesion, in the axial slice with most of it; of the main mask where there is no truth."""
    for wanted in ("truth", case.main):
        for overlay in case.overlays:
            where = bits & (1 << overlay.bit) != 0
            if overlay.id == wanted and where.any():
                # One slice after the other, and not each for itself: of two lesions they would meet between.
                z = int(where.sum(axis=(0, 1)).argmax())
                y = int(where[:, :, z].sum(axis=0).argmax())
                x = int(np.median(np.flatnonzero(where[:, y, z])))
                return x, y, z
    x, y, z = (side // 2 for side in bits.shape)
    return x, y, z


def _in_mm(window: Window, centre: Sequence[int]) -> tuple[float, float, float]:
    x, y, z, _ = window.grid.affine @ [*centre, 1.0]
    return float(x), float(y), float(z)
