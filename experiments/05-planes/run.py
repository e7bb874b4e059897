"""Train one network a plane with equal steps, and let the three vote; question and expectation stand in README.md."""

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arms import BASE, Arm, Cohorts, Experiment, Rows, case_row, main, read_masks

from stroke_tf.fusion import majority
from stroke_tf.metrics.confusion import count
from stroke_tf.planes import Plane

VOTE = "vote of x, y, z"


def vote(folders: Mapping[str, Path], cohorts: Cohorts) -> Rows:
    """Fuse the masks that the three networks of one seed left."""
    masks = [read_masks(folder) for folder in folders.values()]
    rows = []
    for case in cohorts.test:
        fused = majority([each[case.case_id] for each in masks], tie=BASE.tie)
        rows.append(case_row(case.case_id, count(fused, cohorts.prepared[case.case_id].truth)))
    return {VOTE: rows}


EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="Which plane?",
    arms=tuple(Arm(f"{plane.value} ({plane.anatomical})", BASE, plane) for plane in Plane),
    rows=(VOTE,),
    comparisons=(
        (VOTE, "y (coronal)"),
        (VOTE, "x (sagittal)"),
        (VOTE, "z (axial)"),
        ("y (coronal)", "x (sagittal)"),
        ("y (coronal)", "z (axial)"),
    ),
    combine=vote,
    minutes=9,
)

if __name__ == "__main__":
    main(EXPERIMENT)
