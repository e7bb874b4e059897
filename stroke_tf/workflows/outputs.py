"""Which files a prediction writes for a case, and what they are called: plainly, or as a BIDS derivative."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.choices import TieRule
from stroke_tf.fusion.origin import origin_file
from stroke_tf.manifest.bids import derived_file
from stroke_tf.manifest.case import Case
from stroke_tf.workflows.fuse import Fusing

TABLE, FAILED = "predictions.csv", "failed.csv"


@dataclass(frozen=True)
class Outputs:
    """What a prediction writes, where, and what an even vote means in it.

    Args:
        folder: holds every file of every case.
        plane_masks: write each plane's own mask beside the vote's; it then has to be complete.
        probabilities: write each plane's probabilities and mask, and beside the former which network made them.
        force: replace files that exist.
        fusing: how the planes become one mask; None is the majority vote, which leaves out slices that cannot matter.
        bids: name files as a BIDS derivative does.
    """

    folder: Path
    tie: TieRule
    plane_masks: bool
    probabilities: bool
    force: bool
    fusing: Fusing | None = None
    bids: bool = False

    @property
    def of_each_plane(self) -> bool:
        """Tell whether anything is written for each plane."""
        return self.plane_masks or self.probabilities

    def of_case(self, case: Case, names: Sequence[str]) -> dict[str, Path]:
        """Return the volumes that predicting a case writes, by purpose; names are those of the predictors."""
        purposes = ["mask"]
        if len(names) > 1 and self.of_each_plane:
            purposes += [f"mask-{name}" for name in names]
        if self.probabilities:
            purposes += [f"prob-{name}" for name in names]
        files = {purpose: self.volume(case, purpose) for purpose in purposes}
        if self.probabilities:
            files |= {f"origin-{name}": origin_file(files[f"prob-{name}"]) for name in names}
        return files

    def volume(self, case: Case, purpose: str) -> Path:
        """Return the file of one volume: mask, mask-<plane>, prob-<plane>, or another purpose of a plain name."""
        if not self.bids:
            return self.folder / f"{case.case_id}_{purpose}.nii.gz"
        kind, _, plane = purpose.partition("-")
        suffix = {"mask": "mask", "prob": "probseg"}[kind]
        return self.folder / derived_file(case.case_id, case.reference, suffix, desc=plane)

    def record(self, case: Case) -> Path:
        """Return the JSON that tells what was found and how; in BIDS it is the mask's sidecar."""
        return origin_file(self.volume(case, "mask"))


@dataclass(frozen=True)
class Written:
    """What was written for one case, or why nothing was.

    Args:
        kept: it was there already, intact, and was not predicted again.
    """

    case_id: str
    mask: Path | None
    volume_ml: float
    seconds: float
    fault: str = ""
    kept: bool = False
    warnings: tuple[str, ...] = ()
