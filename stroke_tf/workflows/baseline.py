"""Rules without any network beside the masks that are evaluated, fitted on the cases that are not."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Volume
from stroke_tf.choices import FitRule
from stroke_tf.errors import SettingError
from stroke_tf.manifest.case import Case
from stroke_tf.metrics.baseline import apply_threshold, fit_threshold, fit_threshold_of_largest, largest_component
from stroke_tf.progress import Progress
from stroke_tf.volumes.nifti import read_place, write_volume
from stroke_tf.workflows.masks import Truth
from stroke_tf.workflows.prepare import Viewing, prepare
from stroke_tf.workflows.threshold_rule import product_of, threshold_rule_fits

ROWS = ("threshold", "threshold-largest")


def baseline_masks(
    all_truths: Sequence[Truth], evaluated: Sequence[Truth], out: Path, *, force: bool
) -> dict[str, str]:
    """Fit the threshold on FLAIR x DWI, whole and largest component, and write its masks of the evaluated cases.

    Args:
        all_truths: every case with truth; those that are not evaluated are fitted on.
        out: `<row>/<case>_mask.nii.gz` lie below it.
    Returns: the folder of each row.
    Raises: SettingError if no case is left to fit on, or a case lacks FLAIR or DWI on one grid.
    """
    tested = {each.case_id for each in evaluated}
    training = [each.case for each in all_truths if each.case_id not in tested]
    cases = [*training, *(each.case for each in evaluated)]
    if None in cases or not threshold_rule_fits(cases):
        raise SettingError("--baseline needs FLAIR and DWI of every case, on one grid. Leave it away for these cases.")
    if not training:
        raise SettingError(
            "--baseline is fitted on cases that are not evaluated, and none is left. Evaluate some, with --fold, "
            "--subset or --case."
        )
    fits = {"threshold": fit_threshold, "threshold-largest": fit_threshold_of_largest}
    thresholds = {row: fit(_products(training, f"fitting {row}")) for row, fit in fits.items()}
    progress = Progress("applying the threshold rule", len(evaluated))
    for each in evaluated:
        product = product_of(prepare(each.case, _viewing(each.case), cache=None))
        like = read_place(each.case.images[each.case.reference])
        found = {row: apply_threshold(product, threshold) for row, threshold in thresholds.items()}
        found["threshold-largest"] = largest_component(found["threshold-largest"])
        for row, mask in found.items():
            path = out / row / f"{each.case_id}_mask.nii.gz"
            write_volume(path, mask, like, dtype=np.uint8, force=force)
        progress.step()
    return {row: str(out / row) for row in ROWS}


def _products(cases: Sequence[Case], title: str) -> Iterator[tuple[Volume, Mask]]:
    """Yield one case after the other, so that memory does not grow with the cohort."""
    progress = Progress(title, len(cases))
    for case in cases:
        prepared = prepare(case, _viewing(case), cache=None, need_truth=True)
        yield product_of(prepared), prepared.truth
        progress.step(note=f"case {case.case_id}")


def _viewing(case: Case) -> Viewing:
    """Look at a case for its brain alone, by the same sequences as evaluation does where all are there."""
    complete = {"FLAIR", "DWI", "T2"} <= set(case.images)
    return Viewing(("FLAIR", "DWI", "T2") if complete else ("FLAIR",), FitRule.BRAIN, (), patches=False)
