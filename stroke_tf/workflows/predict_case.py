"""One case, from what the networks see of it to its mask and the record beside it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.fusion import fuse, lesion_where, majority
from stroke_tf.fusion.clean_up import clean_up
from stroke_tf.fusion.origin import write_origin
from stroke_tf.fusion.rules import in_order
from stroke_tf.manifest.case import Case
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.volumes.nifti import Place, write_volume
from stroke_tf.workflows.case_record import begin_record, finish_record, lesion_facts
from stroke_tf.workflows.cohort import is_synthetic
from stroke_tf.workflows.derivative import probability_sidecar, sidecar
from stroke_tf.workflows.fuse import Fusing
from stroke_tf.workflows.outputs import Outputs, Written
from stroke_tf.workflows.predictors import Predictor, voted_mask
from stroke_tf.workflows.seeing import Seen

FEW_ALIKE = 0.5
"""Planes whose masks have a smaller Dice with each other than this are told of in a warning."""
_SHOWN = 78
"""Characters that the description in a NIfTI header holds."""


@dataclass(frozen=True)
class Telling:
    """What is written about every case of a prediction, beside what is found in it.

    Args:
        settings: what decides a mask: networks, fusion, brain mask …; a finished case of the same is not done again.
        computed_by: engine, device and precision, which decide the last digits only.
        bids_root: of the dataset the cases are of, where the outputs are a BIDS derivative.
        seen_in_training: ids of cases that trained the networks.
    """

    settings: Mapping[str, Any]
    computed_by: str
    bids_root: Path | None = None
    seen_in_training: tuple[str, ...] = ()


@dataclass
class _Planes:
    """The masks of the planes that are complete, kept until they are compared."""

    masks: dict[str, Mask] = field(default_factory=dict)

    def keep(self, name: str, mask: Mask) -> None:
        self.masks[name] = mask

    def compared(self, voxel_volume_ml: float) -> list[dict[str, Any]]:
        """Return of each pair how much it differs: the volume in one of both only, and their Dice."""
        pairs = []
        for first, second in combinations(sorted(self.masks), 2):
            counted = count(self.masks[first], self.masks[second])
            alike = dice(counted)
            pairs.append(
                {
                    "planes": [first, second],
                    "dice": round(1.0 if alike is None else float(alike), 4),
                    "differ_ml": round((counted.fp + counted.fn) * voxel_volume_ml, 4),
                }
            )
        return pairs


def predict_case(
    case: Case,
    seen: Seen,
    predictors: Sequence[Predictor],
    outputs: Outputs,
    telling: Telling,
    *,
    began: float,
    done: Callable[[str], None] = lambda name: None,
) -> Written:
    """Predict a case that was read, and write its volumes and its record.

    Args:
        seen: what the networks see of it (seeing.see).
        began: time.monotonic() when the case was taken up.
        done: told the name of each predictor that has finished.
    Raises: OutputError if a file cannot be written, or exists and may not be replaced.
    """
    files = outputs.of_case(case, [each.name for each in predictors])
    record = outputs.record(case)
    begin_record(record, case.case_id, telling.settings)
    planes = _Planes()
    mask = _mask_of_case(seen, files, predictors, outputs, telling, planes, done)
    grid = seen.place.grid
    write_volume(files["mask"], mask, seen.place, dtype=np.uint8, force=outputs.force, description=_description(seen))
    facts = lesion_facts(mask, seen.prepared.brain, grid)
    compared = planes.compared(grid.voxel_volume_ml) if len(predictors) > 1 else []
    warnings = [*seen.warnings, *told_of_mask(case, mask, compared, telling)]
    content = {
        "case": case.case_id,
        "synthetic": is_synthetic([case]),
        "mask": files["mask"].relative_to(outputs.folder).as_posix(),
        **facts,
        "planes_compared": compared,
        "brain": seen.brain,
        "sequences": seen.sequences,
        "resampled": list(seen.resampled),
        "reference": case.reference,
        "spacing_mm": [round(side, 5) for side in grid.spacing_mm],
        "warnings": warnings,
        "seconds": round(time.monotonic() - began, 2),
        "inputs": seen.inputs,
        "settings": telling.settings,
        "computed_by": telling.computed_by,
    }
    if telling.bids_root is not None:
        content = {**sidecar(seen.inputs, telling.bids_root, seen.place.path), **content}
    finish_record(record, content, list(files.values()))
    return Written(case.case_id, files["mask"], facts["lesion_ml"], time.monotonic() - began, warnings=tuple(warnings))


def _mask_of_case(
    seen: Seen,
    files: Mapping[str, Path],
    predictors: Sequence[Predictor],
    outputs: Outputs,
    telling: Telling,
    planes: _Planes,
    done: Callable[[str], None],
) -> Mask:
    prepared, like = seen.prepared, seen.place
    root = telling.bids_root
    beside = {} if root is None else probability_sidecar(seen.inputs, root, like.path)
    if not outputs.of_each_plane and outputs.fusing is None:
        return voted_mask(predictors, prepared, tie=outputs.tie, done=done, complete=planes.keep)

    def volumes() -> Iterator[Probabilities | Mask]:
        # One plane's probabilities at a time: they are the largest arrays.
        for each in predictors:
            volume = each.probabilities(prepared)
            mask = lesion_where(volume, threshold=each.threshold)
            if outputs.probabilities:
                write_volume(files[f"prob-{each.name}"], volume, like, dtype=np.float32, force=outputs.force)
                if each.origin is not None:
                    write_origin(files[f"prob-{each.name}"], each.origin, beside)
            if len(predictors) > 1:
                planes.keep(each.name, mask)
                if outputs.of_each_plane:
                    write_volume(files[f"mask-{each.name}"], mask, like, dtype=np.uint8, force=outputs.force)
            done(each.name)
            # A vote by the networks' own thresholds needs their masks only.
            yield mask if outputs.fusing is None else volume

    if outputs.fusing is None:
        return majority(list(volumes()), tie=outputs.tie)
    return _fused(outputs.fusing, volumes(), [each.name for each in predictors], like)


def _fused(fusing: Fusing, volumes: Iterable[Probabilities], names: Sequence[str], like: Place) -> Mask:
    weights = in_order(fusing.weights, names) if isinstance(fusing.weights, Mapping) else None
    fused = fuse(fusing.rule, volumes, threshold=fusing.threshold, tie=fusing.tie, weights=weights)
    return clean_up(
        fused,
        voxel_volume_ml=like.grid.voxel_volume_ml,
        min_component_ml=fusing.min_component_ml,
        fill_holes=fusing.fill_holes,
    )


def told_of_mask(case: Case, mask: Mask, compared: Sequence[Mapping[str, Any]], telling: Telling) -> list[str]:
    """Return what a reader should know of a mask, a sentence each.

    Args:
        compared: pairs of planes, as in the record.
    """
    warnings = []
    if case.case_id in telling.seen_in_training:
        warnings.append("this case trained the networks, or has the name of one that did")
    if not mask.any():
        warnings.append("no lesion was found")
    least = min(compared, key=lambda pair: pair["dice"], default=None)
    if least is not None and least["dice"] < FEW_ALIKE:
        warnings.append(f"planes {' and '.join(least['planes'])} hardly agree (Dice {least['dice']:.2f})")
    return warnings


def _description(seen: Seen) -> str | None:
    """Return what the header says of a mask that is not made in the usual way; None leaves the header alone."""
    return ("stroke_tf; " + "; ".join(seen.marks))[:_SHOWN] if seen.marks else None
