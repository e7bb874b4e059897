"""Train on slices cropped to the brain and on whole ones; question and expectation stand in README.md."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arms import BASE, Arm, Cohorts, Experiment, Rows, main, threshold_rule

from stroke_tf.choices import FitRule
from stroke_tf.planes import Plane
from stroke_tf.recipes.recipe import Cohort

PLANE = Plane.Y
NAMES = {FitRule.BRAIN: "cropped to the brain", FitRule.PLAIN: "whole slice"}


def rows_without_network(cohorts: Cohorts) -> Rows:
    """Measure the rule to beat, and what each way of fitting costs: the truth, cut and undone, against itself."""
    from stroke_tf.workflows.ceiling import ceiling

    rows = threshold_rule(cohorts)
    for rule, name in NAMES.items():
        for case in cohorts.test:
            seen = cohorts.prepared[case.case_id]
            dice = ceiling(seen.truth, seen.brain, rule=rule, size=BASE.size)[PLANE.value]
            row = {"case": case.case_id, "dice": dice, "precision": None, "recall": None}
            rows.setdefault(f"ceiling, {name}", []).append(row)
    return rows


EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="What does cropping to the brain gain over plain resizing?",
    arms=tuple(Arm(name, replace(BASE, fit=rule), PLANE) for rule, name in NAMES.items()),
    rows=tuple(f"ceiling, {name}" for name in NAMES.values()),
    comparisons=(
        ("cropped to the brain", "whole slice"),
        ("ceiling, cropped to the brain", "ceiling, whole slice"),
    ),
    # At 1 mm, as SISS: a whole slice of 230x154 loses voxels when it becomes 128x128, which coarser phantoms would not.
    cohort=Cohort(cases=28, shape=(230, 230, 154), spacing_mm=(1.0, 1.0, 1.0), min_lesion_ml=3.0),
    without_network=rows_without_network,
    minutes=14,
)

if __name__ == "__main__":
    main(EXPERIMENT)
