"""Which array axis is which anatomical plane: decided here and nowhere else.

Volumes are RAS+: axis 0 runs from left to right, axis 1 from posterior to anterior, axis 2 from inferior to
superior. Imagine holding one axis still: what is left of the volume is a slice, whose rows and columns are the two
other axes in their order. Model X of the paper holds axis 0 still (sagittal slices), Model Y axis 1 (coronal, which
the paper calls frontal), Model Z axis 2 (axial).
"""

from enum import Enum

from stroke_tf.errors import SettingError

_ANATOMICAL = {"x": "sagittal", "y": "coronal", "z": "axial"}
_SYNONYMS = {"sagittal": "x", "coronal": "y", "frontal": "y", "axial": "z", "transverse": "z"}


class Plane(str, Enum):
    """A slicing plane of a RAS+ volume, named after the axis that stands still."""

    X = "x"
    Y = "y"
    Z = "z"

    @property
    def axis(self) -> int:
        """Return the array axis along which slices are counted: 0, 1 or 2."""
        return "xyz".index(self.value)

    @property
    def anatomical(self) -> str:
        """Return the anatomist's name: sagittal, coronal or axial."""
        return _ANATOMICAL[self.value]

    @property
    def slice_axes(self) -> tuple[int, int]:
        """Return the volume's axes that become the rows and the columns of a slice."""
        rows, columns = (axis for axis in range(3) if axis != self.axis)
        return rows, columns


def parse_plane(text: str) -> Plane:
    """Turn a user's word for a plane into a Plane.

    Args:
        text: x, y, z, or sagittal, coronal, frontal, axial, transverse; case does not matter.
    Raises: SettingError for any other word.
    Example:
        >>> parse_plane("Coronal").axis
        1
    """
    word = text.strip().lower()
    try:
        return Plane(_SYNONYMS.get(word, word))
    except ValueError:
        known = ", ".join(["x", "y", "z", *_SYNONYMS])
        raise SettingError(f"Unknown axis. Use one of {known}. Received: {text!r}") from None
