"""The LEAKAGE experiment: what a split by slice inflates; question and expectation stand in README.md.

Two groups of patients, A and B. A quarter of every patient's slices is held out. One network learns from the other
slices of A, one from those of B. On the held-out slices of A the first network is what a split by slice gives (LEAKAGE:
it has learnt from the neighbours of each tested slice), and the second what a split by patient gives; on those of B the
roles change. Everything here stays in this folder: the package splits by patient only.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from arms import BASE, COHORT, COHORT_SEED, Arm, Cohorts, Experiment, Rows, Trained, case_row, main, probabilities

from stroke_tf.fusion import lesion_where
from stroke_tf.metrics.confusion import count
from stroke_tf.planes import Plane
from stroke_tf.seeds import child_seed

PLANE = Plane.Y
HELD_OUT_SHARE = 0.25
GROUP_A, GROUP_B = "trained on group A", "trained on group B"
LEAKAGE, BY_PATIENT, NEITHER = "split by slice (LEAKAGE)", "split by patient", "patients of neither group"


def held_out(case_id: str, slices: int) -> np.ndarray:
    """Return which of a patient's fitted slices are tested and never trained on, bool, shape (slices,)."""
    rng = np.random.default_rng(child_seed(COHORT_SEED, "held-out slices", case_id))
    chosen = np.zeros(slices, dtype=bool)
    chosen[rng.permutation(slices)[: round(HELD_OUT_SHARE * slices)]] = True
    return chosen


def group_of(arm: Arm, cohorts: Cohorts) -> tuple:
    """Return the patients whose slices train an arm: one half of the training cases."""
    half = len(cohorts.train) // 2
    return cohorts.train[:half] if arm.name == GROUP_A else cohorts.train[half:]


def other_slices(arm: Arm, cohorts: Cohorts) -> tuple[tuple, Mapping[str, Any]]:
    """Return the patients of an arm's group with the slices that are not held out; validation cases stay whole."""
    group, prepared = group_of(arm, cohorts), dict(cohorts.prepared)
    for case in group:
        seen = prepared[case.case_id]
        kept = ~held_out(case.case_id, len(seen.images[PLANE]))
        prepared[case.case_id] = replace(
            seen, images={PLANE: seen.images[PLANE][kept]}, coverage={PLANE: seen.coverage[PLANE][kept]}
        )
    return group, prepared


def judge_held_out(trained: Trained) -> tuple[Rows, dict[str, Any]]:
    """Measure the held-out slices of every patient, all three ways by the same counts of the same voxels."""
    own = {case.case_id for case in group_of(trained.arm, trained.cohorts)}
    rows: Rows = {}
    for case in (*trained.cohorts.train, *trained.cohorts.test):
        seen = trained.cohorts.prepared[case.case_id]
        geometry = seen.geometries[PLANE]
        inside = np.zeros(seen.truth.shape, dtype=bool)
        tested = np.asarray(geometry.indices)[held_out(case.case_id, len(geometry.indices))]
        np.moveaxis(inside, PLANE.axis, 0)[tested] = True
        mask = lesion_where(probabilities(trained, case.case_id), threshold=trained.arm.recipe.threshold)
        name = LEAKAGE if case.case_id in own else BY_PATIENT if case in trained.cohorts.train else NEITHER
        rows.setdefault(name, []).append(case_row(case.case_id, count(mask, seen.truth, inside=inside)))
    return rows, {}


EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="What does a split by slice inflate (LEAKAGE)?",
    arms=(Arm(GROUP_A, BASE, PLANE), Arm(GROUP_B, BASE, PLANE)),
    rows=(LEAKAGE, BY_PATIENT, NEITHER),
    comparisons=((LEAKAGE, BY_PATIENT),),
    cohort=COHORT,
    train=20,
    seeds=(1, 2, 3),
    training_set=other_slices,
    judge=judge_held_out,
    # A threshold knows no patient, so there is nothing that a split could leak to it.
    without_network=None,
    minutes=11,
)

if __name__ == "__main__":
    main(EXPERIMENT)
