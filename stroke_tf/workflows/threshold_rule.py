"""The rule that networks must beat, on the cases of a run: one threshold on FLAIR x DWI, fitted to training cases."""

from collections.abc import Iterator, Sequence

from stroke_tf.arrays import Mask, Volume
from stroke_tf.manifest.case import Case
from stroke_tf.metrics.baseline import (
    apply_threshold,
    fit_threshold,
    fit_threshold_of_largest,
    flair_dwi_product,
    largest_component,
)
from stroke_tf.progress import Progress
from stroke_tf.volumes.nifti import read_scan
from stroke_tf.workflows.prepare import Prepared


def threshold_rule_fits(cases: Sequence[Case]) -> bool:
    """Tell whether every case has FLAIR and DWI, on one grid."""
    return all({"FLAIR", "DWI"} <= set(case.images) and not case.resample for case in cases)


def fitted_threshold(cases: Sequence[Prepared]) -> float:
    """Return the threshold with the highest mean Dice over training cases, and show the time left."""
    return fit_threshold(_products_with_truth(cases, Progress("fitting the threshold rule", len(cases))))


def fitted_threshold_of_largest(cases: Sequence[Prepared]) -> float:
    """Return the threshold whose largest component has the highest mean Dice, and show the time left."""
    progress = Progress("fitting the threshold rule with its largest component", len(cases))
    return fit_threshold_of_largest(_products_with_truth(cases, progress))


def thresholded(case: Prepared, threshold: float) -> Mask:
    """Return what the rule finds in a case, shape (x, y, z), bool."""
    return apply_threshold(product_of(case), threshold)


def largest_thresholded(case: Prepared, threshold: float) -> Mask:
    """Return the largest component of what the rule finds in a case, shape (x, y, z), bool."""
    return largest_component(thresholded(case, threshold))


def _products_with_truth(cases: Sequence[Prepared], progress: Progress) -> Iterator[tuple[Volume, Mask]]:
    for case in cases:
        yield product_of(case), case.truth
        progress.step()


def product_of(case: Prepared) -> Volume:
    """Return FLAIR x DWI of a case, see flair_dwi_product."""
    flair, dwi = (read_scan(case.case.images[name]).data for name in ("FLAIR", "DWI"))
    return flair_dwi_product(flair, dwi, case.brain)
