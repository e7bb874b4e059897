"""One case as the networks of a prediction see it: what is missing, what should be, and what is said of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import MissingSequence
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.files import sha256_of_file
from stroke_tf.manifest.case import Case
from stroke_tf.volumes.channels import Aligned, CaseVolumes, align_case, channel_names, normalised
from stroke_tf.volumes.grid import require_same_grid
from stroke_tf.volumes.intensity import brain_mask
from stroke_tf.volumes.nifti import Place, Scan, read_mask
from stroke_tf.volumes.simple_brain import simple_brain
from stroke_tf.volumes.skull_sign import LIMITS, skull_share
from stroke_tf.workflows.prepare import Prepared, Viewing, prepare_volumes

SIMPLE = "simple"
CASE_WORD = "{case}"
STAND_INS = {"DWI": ("FLAIR", "T2"), "FLAIR": ("T2", "DWI"), "T2": (), "T1": (), "ADC": ()}
"""What takes the place of a sequence that a case lacks, the first that it has. docs/predict.md says what that costs:
for T2, whose fluid is bright as in no other, it costs more than zeros. T1 and ADC alone show infarcts dark."""


@dataclass(frozen=True)
class Seeing:
    """How a prediction looks at scans that are not what its networks were trained on.

    Args:
        missing: what happens where a case lacks a sequence.
        brain_mask: empty: scans are skull-stripped, or taken as if; simple: the built-in mask; else a mask file, in
            whose path {case} stands for the case.
    """

    missing: MissingSequence = MissingSequence.ERROR
    brain_mask: str = ""

    def settings(self) -> dict[str, Any]:
        """Return what of it decides a mask, as JSON."""
        return {"missing_sequence": self.missing.value, "brain_mask": self.brain_mask}


AS_GIVEN = Seeing()
"""Nothing stands in for anything."""


@dataclass(frozen=True)
class Seen:
    """A case ready for the networks, and what is worth telling of it.

    Args:
        place: the image on whose grid the mask will lie; its voxels are no longer held.
        inputs: path and SHA-256 of every file that was read.
        sequences: of each channel's name, the sequence that fills it; zeros for none.
        brain: how the brain was found, and the measure of a skull.
        warnings: what a reader of the mask should know, a sentence each.
        marks: the same in a few words, for the header of the mask.
    """

    prepared: Prepared
    place: Place
    inputs: Mapping[str, Mapping[str, str]]
    sequences: Mapping[str, str]
    brain: Mapping[str, Any]
    resampled: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    marks: tuple[str, ...] = field(default=())


def inputs_of(case: Case, viewing: Viewing, seeing: Seeing) -> dict[str, Path]:
    """Return the files that looking at a case reads, by what they are."""
    wanted = dict.fromkeys([case.reference, *viewing.sequences])
    files = {name: case.images[name] for name in wanted if name in case.images}
    given = _given_mask(case, seeing)
    return files | ({"brain mask": given} if given else {})


def digests_of(files: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of each file.

    Raises: ManifestError for a file that is not there.
    """
    told = {}
    for name, path in files.items():
        try:
            told[name] = {"path": str(path), "sha256": sha256_of_file(path)}
        except OSError as fault:
            raise ManifestError(f"{path}: cannot be read ({fault.strerror or fault}), for {name}.") from fault
    return told


def see(case: Case, viewing: Viewing, seeing: Seeing) -> Seen:
    """Read a case, look for what is unusual, and cut it into slices.

    Raises: ManifestError for a sequence the case lacks, unless another may stand in; what align_case raises.
    """
    inputs = digests_of(inputs_of(case, viewing, seeing))
    filled = filled_by(case, viewing.sequences, seeing.missing)
    aligned = align_case(
        case.case_id,
        case.images,
        needed=[name for name in filled.values() if name],
        reference=case.reference,
        lesion=None,
        resample=case.resample,
        max_voxels=viewing.max_voxels,
    )
    departing = aligned.departing()
    skull = _skull_found(aligned)
    brain = _brain(case, aligned, departing, seeing, viewing)
    names = channel_names(case.case_id, viewing.sequences, repeat_one=viewing.repeat_one)
    channels = normalised(aligned, [filled[name] for name in names], brain)
    warnings, marks = _told(filled, skull, seeing, aligned)
    own, resampled = aligned.reference, aligned.resampled
    # The images themselves are no longer needed; together with the slices they would be the peak of memory.
    del aligned, departing
    return Seen(
        prepared=prepare_volumes(case, CaseVolumes(case.case_id, channels, brain, None, own), viewing),
        place=Place(own.path, own.grid, own.header),
        inputs=inputs,
        sequences={name: stand_in or "zeros" for name, stand_in in filled.items()},
        brain={"mask": _brain_word(seeing), "volume_ml": _ml(brain, own), **skull},
        resampled=resampled,
        warnings=warnings,
        marks=marks,
    )


def filled_by(case: Case, sequences: tuple[str, ...], missing: MissingSequence) -> dict[str, str | None]:
    """Return what fills the channel of each sequence: itself, the one that stands in, or None for zeros.

    Raises: ManifestError if a sequence is missing and nothing may stand in, or if all are missing.
    """
    there = [name for name in dict.fromkeys(sequences) if name in case.images]
    if len(there) == len(dict.fromkeys(sequences)):
        return {name: name for name in sequences}
    lacking = [name for name in dict.fromkeys(sequences) if name not in there]
    has = ", ".join(map(str, case.images.values()))
    if missing is MissingSequence.ERROR or not there:
        repeatable = all(any(other in case.images for other in STAND_INS.get(name, ())) for name in lacking)
        choices = "repeat, or zeros" if repeatable else "zeros"
        mend = (
            f"Add the file, name another run, or let something stand in for it: --missing-sequence {choices}."
            if there
            else "Name a run that was trained on what there is."
        )
        raise ManifestError(f"case {case.case_id}: no {' and no '.join(lacking)} image; it has {has}. {mend}")
    filled: dict[str, str | None] = {name: name for name in there}
    for name in lacking:
        stand_ins = [other for other in STAND_INS.get(name, ()) if other in case.images]
        if missing is MissingSequence.REPEAT and not stand_ins:
            raise ManifestError(
                f"case {case.case_id}: no {name} image, and nothing that looks like one; it has {has}. Add the file, "
                "or use --missing-sequence zeros."
            )
        filled[name] = stand_ins[0] if missing is MissingSequence.REPEAT else None
    return {name: filled[name] for name in sequences}


def _skull_found(aligned: Aligned) -> dict[str, Any]:
    """Measure the skull on the image that tells it best; None where no image can."""
    judge = next((name for name in LIMITS if name in aligned.volumes), None)
    if judge is None:
        return {"skull_stripped": None, "skull_share": None, "skull_seen_on": None, "skull_limit": None}
    volume = aligned.volumes[judge]
    share = skull_share(volume, brain_mask([volume]), aligned.reference.grid.spacing_mm)
    return {
        "skull_stripped": share < LIMITS[judge],
        "skull_share": round(share, 4),
        "skull_seen_on": judge,
        "skull_limit": LIMITS[judge],
    }


def _brain(case: Case, aligned: Aligned, departing: Mask, seeing: Seeing, viewing: Viewing) -> Mask:
    given = _given_mask(case, seeing)
    if given is not None:
        scan = read_mask(given, max_voxels=viewing.max_voxels)
        require_same_grid({str(aligned.reference.path): aligned.reference.grid, str(given): scan.grid})
        return scan.data
    if seeing.brain_mask != SIMPLE:
        return departing
    judge = next((name for name in LIMITS if name in aligned.volumes), None)
    if judge is None:
        raise SettingError(
            f"case {case.case_id}: --brain-mask simple needs FLAIR, T2 or T1 among the sequences that are read; it has "
            f"{', '.join(aligned.volumes)}. Make a mask with a tool such as HD-BET and pass it: --brain-mask FILE."
        )
    volume, path = aligned.volumes[judge], str(aligned.paths[judge])
    return simple_brain(volume, departing, aligned.reference.grid.spacing_mm, name=path)


def _given_mask(case: Case, seeing: Seeing) -> Path | None:
    if seeing.brain_mask in ("", SIMPLE):
        return None
    return Path(seeing.brain_mask.replace(CASE_WORD, case.case_id))


def _brain_word(seeing: Seeing) -> str:
    if not seeing.brain_mask:
        return "as given"
    return SIMPLE if seeing.brain_mask == SIMPLE else "file"


def _told(
    filled: Mapping[str, str | None], skull: Mapping[str, Any], seeing: Seeing, aligned: Aligned
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the warnings, and the words for the header."""
    warnings, marks = [], []
    for name, other in filled.items():
        if other != name:
            word = f"{name}={other or 'zeros'}"
            marks.append(word)
            warnings.append(
                f"{name} is missing; {'its channel is empty' if other is None else f'{other} stands in for it'}. The "
                "networks never saw that; docs/predict.md says what it costs."
            )
    if seeing.brain_mask == SIMPLE:
        marks.append("brain simple")
        warnings.append("the brain was found by the built-in simple mask; look at it before the lesion is believed")
    elif not seeing.brain_mask and skull["skull_stripped"] is False:
        marks.append("not skull-stripped")
        warnings.append(
            f"not skull-stripped: {100 * skull['skull_share']:.0f} % of rays into the {skull['skull_seen_on']} meet "
            f"scalp, then bone, then brain (from {100 * skull['skull_limit']:.0f} % on it counts). The networks know "
            "brains only. Strip it with a tool such as HD-BET or SynthStrip, pass a mask with --brain-mask FILE, or "
            "use --brain-mask simple."
        )
    if aligned.resampled:
        warnings.append(f"{', '.join(aligned.resampled)} lay on another grid and was resampled")
    return tuple(warnings), tuple(marks)


def _ml(mask: Mask, reference: Scan) -> float:
    return round(float(np.count_nonzero(mask)) * reference.grid.voxel_volume_ml, 1)
