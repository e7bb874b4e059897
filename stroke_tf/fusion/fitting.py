"""The numbers of a fusion, chosen on validation cases: weights of the planes, threshold, clean-up.

Each is the one with the highest mean Dice over the validation cases among a few that are tried, so that the same cases
give the same numbers on every machine. Nothing here ever sees a test case: the functions take the cases to fit on, and
refuse one that is among those to be tested.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, require_same_shape
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import ManifestError
from stroke_tf.fusion.clean_up import components, holes_filled
from stroke_tf.fusion.fitted import FittedFusion
from stroke_tf.fusion.rules import WEIGHTED, fuse, fused_probability, lesion_where

THRESHOLDS = tuple(number / 20 for number in range(1, 20))
"""0.05, 0.10, …, 0.95: a few validation cases do not decide between finer ones."""
SIZES_ML = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_WEIGHT_STEPS = 10
"""Weights of logits are tried in tenths that sum to 1: 66 combinations of three planes."""
_EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class KnownCase:
    """A case whose truth is known, and what each plane said of it, cut to where a plane said anything.

    Args:
        volumes: probabilities of each plane by its name, shape (x, y, z) of the cut.
        truth: the same shape, bool.
        missed: how many voxels of lesion lie outside the cut, where no rule can find any.
        left_out: how many voxels lie outside the cut at all.
    """

    case_id: str
    volumes: Mapping[str, Probabilities]
    truth: Mask
    missed: int
    voxel_volume_ml: float
    left_out: int = 0


def known_case(case_id: str, volumes: Mapping[str, Probabilities], truth: Mask, *, voxel_volume_ml: float) -> KnownCase:
    """Keep of a case what fitting needs: the box of all voxels that some rule at some threshold may call lesion.

    Outside the box all planes are below the lowest threshold that is tried, where every rule says background.
    """
    reached = np.zeros(truth.shape, dtype=bool)
    for plane, volume in volumes.items():
        require_same_shape(truth, volume, ("truth", f"plane {plane}"))
        reached |= volume >= THRESHOLDS[0]
    box = tuple(_ends(reached, axis) for axis in range(truth.ndim))
    kept = {plane: np.ascontiguousarray(volumes[plane][box]) for plane in sorted(volumes)}
    inside = np.ascontiguousarray(truth[box])
    missed = int(np.count_nonzero(truth)) - int(np.count_nonzero(inside))
    return KnownCase(case_id, kept, inside, missed, voxel_volume_ml, truth.size - inside.size)


def fit_fusion(
    rule: FusionRule,
    cases: Sequence[KnownCase],
    *,
    tested: Collection[str],
    networks: Mapping[str, str],
    tie: TieRule,
    weights: Mapping[str, float] | None = None,
    threshold: bool = True,
    clean_up: bool = True,
) -> FittedFusion:
    """Choose the numbers of one rule on validation cases.

    Args:
        cases: validation cases; a case that trained the networks would flatter the planes that learnt it by heart.
        tested: the ids of the cases that the fusion will be judged on; none of them may be among the cases.
        networks: SHA-256 of the weights of each plane's network, which the result is bound to.
        weights: of each plane, where they are given and not fitted.
        threshold: choose it; else it is 0.5.
        clean_up: choose it; else nothing is tidied.
    Raises: ManifestError if a test case is among the cases, or there is none.
    """
    require_validation([case.case_id for case in cases], tested)
    fitted_weights = rule in WEIGHTED and weights is None
    if fitted_weights:
        weights = fit_weights(rule, cases, any_threshold=threshold)
    ordered = None if weights is None else [weights[plane] for plane in sorted(weights)]
    level = fit_threshold(rule, cases, tie=tie, weights=ordered) if threshold else 0.5
    min_component_ml, fill_holes = 0.0, False
    if clean_up:
        masks = (_fused(rule, case, level, tie, ordered) for case in cases)
        min_component_ml, fill_holes = fit_clean_up(zip(masks, cases, strict=True))
    return FittedFusion(
        rule=rule,
        weights=weights,
        threshold=level,
        min_component_ml=min_component_ml,
        fill_holes=fill_holes,
        tie=tie,
        fitted_on=tuple(case.case_id for case in cases) if fitted_weights or threshold or clean_up else (),
        networks=dict(networks),
    )


def require_validation(case_ids: Sequence[str], tested: Collection[str]) -> None:
    """Do nothing if there are cases to fit on, and none of them is tested.

    Raises: ManifestError.
    """
    if not case_ids:
        raise ManifestError("A fusion is fitted on validation cases. Received: none.")
    if leaked := sorted(set(case_ids) & set(tested)):
        raise ManifestError(
            f"A fusion is fitted on validation cases only. Case {', '.join(leaked)} is among the cases to be tested; "
            "leave it out of the one or of the other."
        )


def fit_weights(rule: FusionRule, cases: Sequence[KnownCase], *, any_threshold: bool) -> dict[str, float]:
    """Choose a weight for each plane.

    WEIGHTED_MAJORITY: log(d / (1 - d)) of the plane's mean Dice d at 0.5, 0 for a Dice below one half; in proportion
    to it votes of independent judges are weighed best. WEIGHTED_LOGITS: of all weights in tenths that sum to 1, those
    with the highest mean Dice, at 0.5 or at whichever threshold suits them best.

    Source: Nitzan, Paroush, International Economic Review 23 (1982) 289, for the votes; the search is our choice.
    """
    planes = sorted(cases[0].volumes)
    if rule is FusionRule.WEIGHTED_MAJORITY:
        return plane_weights({plane: plane_dice(plane, cases) for plane in planes})
    levels = THRESHOLDS if any_threshold else (0.5,)
    tried = [weights for weights in product(range(_WEIGHT_STEPS + 1), repeat=len(planes)) if sum(weights) == 10]
    # Of equally good weights the most even ones, which is what max() meets first in this order.
    tried.sort(key=lambda weights: sum(weight**2 for weight in weights))
    reached = np.zeros((len(tried), len(levels)))
    for case in cases:
        voxels = _voxels(case)
        for row, weights in enumerate(tried):
            fused = fused_probability(rule, voxels.volumes.values(), weights)
            reached[row] += [_dice_of(fused >= level, voxels) for level in levels]
    best = tried[_first_of_the_best(reached.max(axis=1))]
    return {plane: weight / _WEIGHT_STEPS for plane, weight in zip(planes, best, strict=True)}


def plane_weights(dices: Mapping[str, float]) -> dict[str, float]:
    """Turn the mean Dice of each plane into weights that sum to 1: log(d / (1 - d)), nothing below one half.

    Where no plane is above one half all weigh the same.

    Example:
        >>> plane_weights({"x": 0.9, "y": 0.9, "z": 0.5})
        {'x': 0.5, 'y': 0.5, 'z': 0.0}
    """
    kept = {plane: min(max(dice, 0.5), 1 - 1e-6) for plane, dice in dices.items()}
    odds = {plane: float(np.log(dice / (1 - dice))) for plane, dice in kept.items()}
    total = sum(odds.values())
    return {plane: value / total if total else 1 / len(odds) for plane, value in odds.items()}


def plane_dice(plane: str, cases: Sequence[KnownCase], *, threshold: float = 0.5) -> float:
    """Return the mean Dice of one plane alone."""
    return float(np.mean([_dice_of(lesion_where(case.volumes[plane], threshold=threshold), case) for case in cases]))


def fit_threshold(
    rule: FusionRule, cases: Sequence[KnownCase], *, tie: TieRule, weights: Sequence[float] | None = None
) -> float:
    """Choose the threshold with the highest mean Dice among THRESHOLDS; of equally good ones the nearest to 0.5.

    Args:
        weights: of the planes in the order of their names.
    """
    levels = sorted(THRESHOLDS, key=lambda level: abs(level - 0.5))
    total = np.zeros(len(levels))
    for case in cases:
        # STAPLE looks at neighbourhoods (its box); every other rule at one voxel at a time, and few voxels matter.
        voxels = case if rule is FusionRule.STAPLE else _voxels(case)
        total += [_dice_of(_fused(rule, voxels, level, tie, weights), voxels) for level in levels]
    return levels[_first_of_the_best(total)]


def fit_clean_up(masks: Iterable[tuple[Mask, KnownCase]]) -> tuple[float, bool]:
    """Choose which components are dropped, and whether holes are filled; of equally good ways the one that does least.

    Returns: the smallest component that is kept in ml, from SIZES_ML, and whether holes are filled.
    """
    total, ways = np.zeros(2 * len(SIZES_ML)), list(product((False, True), SIZES_ML))
    for mask, case in masks:
        total += [dice for filled in (mask, holes_filled(mask)) for dice in _dice_by_size(filled, case)]
    fill_holes, size_ml = ways[_first_of_the_best(total)]
    return size_ml, fill_holes


def _fused(rule: FusionRule, case: KnownCase, level: float, tie: TieRule, weights: Sequence[float] | None) -> Mask:
    return fuse(rule, case.volumes.values(), threshold=level, tie=tie, weights=weights)


def _dice_by_size(mask: Mask, case: KnownCase) -> Iterator[float]:
    """Yield the Dice that is left when components below each of SIZES_ML are dropped, from one look at the mask."""
    labels, sizes = components(mask)
    right = np.bincount(labels[case.truth], minlength=len(sizes))
    true = int(np.count_nonzero(case.truth)) + case.missed
    for size_ml in SIZES_ML:
        kept = sizes * case.voxel_volume_ml >= size_ml
        kept[0] = False
        yield _dice(int(right[kept].sum()), int(sizes[kept].sum()), true)


def _voxels(case: KnownCase) -> KnownCase:
    """Return the case as a list of those voxels that a rule may call lesion at all; the rest is background by any."""
    reached = np.logical_or.reduce([volume >= THRESHOLDS[0] for volume in case.volumes.values()])
    volumes = {plane: volume[reached] for plane, volume in case.volumes.items()}
    truth = case.truth[reached]
    missed = case.missed + int(np.count_nonzero(case.truth)) - int(np.count_nonzero(truth))
    return KnownCase(case.case_id, volumes, truth, missed, case.voxel_volume_ml)


def _dice_of(mask: Mask, case: KnownCase) -> float:
    right = int(np.count_nonzero(mask & case.truth))
    return _dice(right, int(np.count_nonzero(mask)), int(np.count_nonzero(case.truth)) + case.missed)


def _dice(right: int, predicted: int, true: int) -> float:
    """Return 2 TP / (predicted + true); two empty masks score 1, so that finding nothing in a healthy case is right."""
    return 2 * right / (predicted + true) if predicted + true else 1.0


def _first_of_the_best(scores: np.ndarray) -> int:
    """Return the first place of the highest score; scores that differ in their last bits are equal."""
    return int(np.flatnonzero(scores >= scores.max() - _EQUAL)[0])


def _ends(reached: Mask, axis: int) -> slice:
    seen = np.flatnonzero(reached.any(axis=tuple(other for other in range(reached.ndim) if other != axis)))
    return slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0)
