"""Which network a volume of probabilities came from: told in a small JSON beside the volume."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stroke_tf.errors import InputFileError, SettingError
from stroke_tf.files import write_json

FORMAT = 1


@dataclass(frozen=True)
class Origin:
    """What made a volume of probabilities.

    Args:
        plane: x, y, z, or 3d.
        weights_sha256: of the network's weight file; it tells one network from every other.
        threshold: the probability from which the network's recipe calls a voxel lesion.
        recipe: its name.
    """

    plane: str
    weights_sha256: str
    threshold: float
    recipe: str


def origin_file(volume: Path) -> Path:
    """Return where the origin of a volume is told: 1_prob-x.json for 1_prob-x.nii.gz."""
    return volume.with_name(volume.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def write_origin(volume: Path, origin: Origin, beside: Mapping[str, Any] | None = None) -> None:
    """Write the origin beside its volume, in place of an older one.

    Args:
        beside: what else is told in the same file, under other names: BIDS has one sidecar for a volume.
    """
    write_json(origin_file(volume), {**(beside or {}), "format": FORMAT, **asdict(origin)})


def read_origin(volume: Path) -> Origin | None:
    """Read the origin of a volume; None if nothing lies beside it.

    Raises: InputFileError if what lies there does not tell it.
    """
    path = origin_file(volume)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another format")
        plane, digest, recipe = (str(content[name]) for name in ("plane", "weights_sha256", "recipe"))
        return Origin(plane, digest, float(content["threshold"]), recipe)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise InputFileError(
            f"{path}: does not tell which network made {volume.name} ({fault}). Predict again with --probabilities, or "
            "remove the file and name the planes with --planes."
        ) from fault


def planes_of(origins: Iterable[Origin]) -> dict[str, str]:
    """Return the SHA-256 of each plane's weights.

    Raises: SettingError if two volumes are of one plane.
    """
    found: dict[str, str] = {}
    for origin in origins:
        if origin.plane in found:
            raise SettingError(f"Each plane votes once. Received: two volumes of plane {origin.plane}")
        found[origin.plane] = origin.weights_sha256
    return found


def require_same_networks(found: Mapping[str, str], fitted: Mapping[str, str], fitted_file: str) -> None:
    """Do nothing if volumes came from the networks that a fusion was fitted for.

    Args:
        found: SHA-256 of the weights of each plane.
        fitted: the same, of the fusion.
    Raises: SettingError naming the planes that are missing, too many, or of another network.
    """
    if set(found) != set(fitted):
        raise SettingError(
            f"{fitted_file}: fitted for the planes {', '.join(sorted(fitted))}. Received: {', '.join(sorted(found))}. "
            "Give the volumes of exactly those planes."
        )
    other = [plane for plane in fitted if found[plane] != fitted[plane]]
    if other:
        told = ", ".join(f"{plane} {found[plane][:12]}… instead of {fitted[plane][:12]}…" for plane in other)
        raise SettingError(
            f"{fitted_file}: fitted for other networks (SHA-256 of the weights of plane {told}). Weights and "
            "thresholds of one network say nothing about another: fit anew, or predict with those it was fitted for."
        )
