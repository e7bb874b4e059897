"""Vary decision threshold, loss weights, sampling share and inputs; question and expectation stand in README.md."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from arms import BASE, Arm, Experiment, Rows, Trained, case_row, main, probabilities

from stroke_tf.fusion import lesion_where
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.recipes.recipe import Loss, Recipe

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
RECIPES: dict[str, Recipe] = {
    "base": BASE,
    "lesion share 0.2": replace(BASE, lesion_share=0.2),
    "lesion share 1.0": replace(BASE, lesion_share=1.0),
    "lesion weight 1": replace(BASE, loss=Loss(lesion_weight=1.0)),
    "lesion weight 10": replace(BASE, loss=Loss(lesion_weight=10.0)),
    "cross-entropy alone": replace(BASE, loss=Loss(alpha=1.0, beta=0.0)),
    "Dice loss alone": replace(BASE, loss=Loss(alpha=0.0, beta=1.0)),
    "2.5-D": replace(BASE, neighbours=1),
}


def with_own_threshold(name: str) -> str:
    """Return what the row of an arm is called whose threshold was chosen on its validation cases."""
    return f"{name}, threshold chosen"


def judge_at_two_thresholds(trained: Trained) -> tuple[Rows, dict[str, Any]]:
    """Choose the threshold with the best mean Dice of the validation cases, and test at 0.5 and at that one."""
    scores = np.zeros(len(THRESHOLDS))
    for case in trained.cohorts.validation:
        truth, found = trained.cohorts.prepared[case.case_id].truth, probabilities(trained, case.case_id)
        scores += [dice(count(lesion_where(found, threshold=each), truth)) for each in THRESHOLDS]
    chosen = THRESHOLDS[int(scores.argmax())]
    rows: Rows = {}
    for case in trained.cohorts.test:
        truth, found = trained.cohorts.prepared[case.case_id].truth, probabilities(trained, case.case_id)
        pairs = ((trained.arm.name, BASE.threshold), (with_own_threshold(trained.arm.name), chosen))
        for name, threshold in pairs:
            mask = lesion_where(found, threshold=threshold)
            rows.setdefault(name, []).append(case_row(case.case_id, count(mask, truth)))
    return rows, {"threshold_chosen_on_validation": chosen}


EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="Which threshold, loss weights, sampling share and inputs?",
    arms=tuple(Arm(name, recipe) for name, recipe in RECIPES.items()),
    rows=tuple(with_own_threshold(name) for name in RECIPES),
    comparisons=(
        (with_own_threshold("base"), "base"),
        *((name, "base") for name in RECIPES if name != "base"),
        *((with_own_threshold(name), with_own_threshold("base")) for name in RECIPES if name != "base"),
    ),
    judge=judge_at_two_thresholds,
    minutes=25,
)

if __name__ == "__main__":
    main(EXPERIMENT)
