"""What a page carries of its cases: NIfTI of images and masks, packed for a viewer in the browser, and a picture each.

A mask is one bit of a 16-bit volume, so that the truth, every plane, the vote and whatever else a case has travel
together in a few kilobytes, and the page composes from them what is found, false and missed.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

MAX_MASKS = 16


@dataclass(frozen=True)
class Overlay:
    """A mask of a case.

    Args:
        id: of the row it came from; "truth" for the truth.
        title: as the list shows it.
        bit: 0 to 15, its place in the volume of masks.
        dice: as a fraction; None where there is none.
    """

    id: str
    title: str
    bit: int
    dice: float | None = None


@dataclass(frozen=True)
class ViewerCase:
    """One case.

    Args:
        name: of the case, and of what is known of it, such as "fold-0".
        images: by sequence, gzipped NIfTI of uint8, all on one grid; empty where the scans are gone.
        masks: gzipped NIfTI of uint16 on that grid; see Overlay.
        disagreement: gzipped NIfTI of uint8 on that grid, 255 where planes say the opposite; None if not known.
        centre_mm: where to look first.
        picture: PNG, for print and for browsers without WebGL.
        synthetic: a phantom, which the pictures say.
        told: one line below the picture.
        score: a few words beside the name in the list of cases.
        voxels: the sides of the voxels that are shown, in words.
    """

    name: str
    images: Mapping[str, bytes]
    masks: bytes
    overlays: Sequence[Overlay]
    disagreement: bytes | None
    centre_mm: tuple[float, float, float]
    picture: bytes
    synthetic: bool
    told: str = ""
    score: str = ""
    voxels: str = ""

    @property
    def size(self) -> int:
        """Return how many characters of the page it takes."""
        blobs = [*self.images.values(), self.masks, self.disagreement or b"", self.picture]
        return sum((len(blob) + 2) // 3 * 4 for blob in blobs)

    @property
    def picture_address(self) -> str:
        """Return the picture as an address that holds the whole file."""
        return f"data:image/png;base64,{base64.b64encode(self.picture).decode()}"


@dataclass(frozen=True)
class Viewer:
    """The cases of a page, and the way to look at them.

    Args:
        first_overlay: id of the row whose errors are shown first.
        note: what a reader must know, such as the voxel size that is shown.
    """

    kind: ClassVar[str] = "viewer"
    cases: Sequence[ViewerCase]
    first_overlay: str
    note: str = ""

    def blobs(self) -> dict[str, str]:
        """Return what the browser unpacks when a case is opened, by the id of its element, in base64."""
        found = {}
        for number, case in enumerate(self.cases):
            for place, blob in enumerate(case.images.values()):
                found[f"case-{number}-image-{place}"] = blob
            found[f"case-{number}-masks"] = case.masks
            if case.disagreement is not None:
                found[f"case-{number}-disagreement"] = case.disagreement
        return {name: base64.b64encode(blob).decode() for name, blob in found.items()}

    def contents(self) -> dict[str, Any]:
        """Return what the script needs to know, for JSON."""
        return {
            "first": self.first_overlay,
            "cases": [
                {
                    "name": case.name,
                    "images": [
                        {"name": name, "blob": f"case-{number}-image-{place}"} for place, name in enumerate(case.images)
                    ],
                    "masks": f"case-{number}-masks",
                    "disagreement": None if case.disagreement is None else f"case-{number}-disagreement",
                    "overlays": [
                        {"id": each.id, "title": each.title, "bit": each.bit, "dice": each.dice}
                        for each in case.overlays
                    ],
                    "centre": list(case.centre_mm),
                    "voxels": case.voxels,
                    "synthetic": case.synthetic,
                }
                for number, case in enumerate(self.cases)
            ],
        }
