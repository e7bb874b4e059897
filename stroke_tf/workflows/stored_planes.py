"""The planes' probabilities of a fold on disk, with all that is needed to fuse and judge them without any network.

Below the fold's folder: `probabilities/<plane>/<case>_prob.nii.gz`, beside each the JSON that tells its network,
`probabilities/truth` and `probabilities/brain` with masks, and `probabilities/cases.json`, which tells who validates
and who is tested. Probabilities are stored in steps of 2**-15, rounded down, as 16-bit integers: a fifth of the room of
float32, and a vote at 0.5 is the same to the voxel.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.choices import Protocol, TieRule
from stroke_tf.errors import InputFileError
from stroke_tf.files import write_json
from stroke_tf.fusion.origin import Origin, origin_file, planes_of, read_origin, write_origin
from stroke_tf.fusion.rules import SMALLEST
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.nifti import Place, Scan, read_mask, read_scan, stored_exactly, write_volume

_ROSTER = "cases.json"


@dataclass(frozen=True)
class Roster:
    """Who is in a fold, and how it is judged.

    Args:
        validation, test: ids of cases, disjoint.
        planes: names of the planes that are stored.
        data: what tables call the cases.
        synthetic: phantoms, not patients.
    """

    validation: tuple[str, ...]
    test: tuple[str, ...]
    planes: tuple[str, ...]
    data: str
    synthetic: bool
    protocol: Protocol
    tie: TieRule
    seed: int


@dataclass(frozen=True)
class StoredPlanes:
    """What one fold stored.

    Args:
        fold: its folder.
    """

    fold: Path

    def has(self, plane: str, case_id: str, weights_sha256: str) -> bool:
        """Tell whether a case's probabilities are there, made by the network with these weights."""
        volume = self.volume_file(plane, case_id)
        # The origin is written last: where it is, the volume is whole.
        if not (volume.exists() and origin_file(volume).exists()):
            return False
        return read_origin(volume).weights_sha256 == weights_sha256

    def keep(self, case_id: str, probabilities: Probabilities, origin: Origin, like: Place) -> Probabilities:
        """Write probabilities with their origin, in place of older ones.

        Returns: what will be read again, from which masks have to be made if both are to agree to the voxel.
        """
        volume = self.volume_file(origin.plane, case_id)
        origin_file(volume).unlink(missing_ok=True)
        write_volume(volume, probabilities, like, dtype=np.uint16, step=SMALLEST, force=True)
        write_origin(volume, origin)
        return stored_exactly(probabilities, SMALLEST)

    def keep_known(self, case_id: str, truth: Mask, brain: Mask, like: Place) -> None:
        """Write what the results are judged by."""
        for name, mask in (("truth", truth), ("brain", brain)):
            write_volume(self._mask_file(name, case_id), mask, like, dtype=np.uint8, force=True)

    def keep_roster(self, roster: Roster) -> None:
        """Write who is in the fold; only then it can be compared."""
        write_json(self._roster_file, asdict(roster))

    def roster(self) -> Roster:
        """Read who is in the fold.

        Raises: InputFileError if it is not there or damaged.
        """
        try:
            content = json.loads(self._roster_file.read_text(encoding="utf-8"))
            lists = {name: tuple(content[name]) for name in ("validation", "test", "planes")}
            words = {"protocol": Protocol(content["protocol"]), "tie": TieRule(content["tie"])}
            return Roster(**content | lists | words)
        except FileNotFoundError:
            raise InputFileError(
                f"{self._roster_file}: not there, so this fold keeps no probabilities of its planes. Run "
                "stroke-tf reproduce-table1 again with the same --out; it fills in what is missing."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise InputFileError(
                f"{self._roster_file}: damaged ({fault}). Run stroke-tf reproduce-table1 again."
            ) from fault

    def networks(self, planes: Sequence[str], case_ids: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of each plane's weights, the same for all cases.

        Raises: InputFileError if volumes of one plane came from different networks, or do not tell.
        """
        found: dict[str, str] = {}
        for case_id in case_ids:
            origins = [self._origin(plane, case_id) for plane in planes]
            for plane, digest in planes_of(origins).items():
                if found.setdefault(plane, digest) != digest:
                    raise InputFileError(
                        f"{self.volume_file(plane, case_id)}: made by another network than the volumes of other cases. "
                        "Run stroke-tf reproduce-table1 again."
                    )
        return found

    def volumes(self, planes: Sequence[str], case_id: str) -> dict[str, Scan]:
        """Read the probabilities of a case, by plane.

        Raises: GeometryError if their grids differ.
        """
        scans = {plane: read_scan(self.volume_file(plane, case_id)) for plane in planes}
        require_same_grid({str(scan.path): scan.grid for scan in scans.values()})
        return scans

    def truth(self, case_id: str) -> Scan:
        """Read the true mask of a case."""
        return read_mask(self._mask_file("truth", case_id), allow_empty=True)

    def brain(self, case_id: str) -> Mask:
        """Read the brain of a case."""
        return read_mask(self._mask_file("brain", case_id)).data

    def has_known(self, case_id: str) -> bool:
        """Tell whether truth and brain of a case are there."""
        return all(self._mask_file(name, case_id).exists() for name in ("truth", "brain"))

    def volume_file(self, plane: str, case_id: str) -> Path:
        """Return where the probabilities of a plane lie."""
        return self.fold / "probabilities" / plane / f"{case_id}_prob.nii.gz"

    def _mask_file(self, name: str, case_id: str) -> Path:
        return self.fold / "probabilities" / name / f"{case_id}_mask.nii.gz"

    @property
    def _roster_file(self) -> Path:
        return self.fold / "probabilities" / _ROSTER

    def _origin(self, plane: str, case_id: str) -> Origin:
        volume = self.volume_file(plane, case_id)
        origin = read_origin(volume)
        if origin is None or origin.plane != plane:
            raise InputFileError(
                f"{origin_file(volume)}: does not tell of a network for plane {plane}. Run stroke-tf reproduce-table1 "
                "again with the same --out."
            )
        return origin


def voxel_volume_ml(scans: Mapping[str, Scan]) -> float:
    """Return the volume of a voxel of a case's volumes."""
    return next(iter(scans.values())).grid.voxel_volume_ml
