"""Phantoms: heads with infarcts drawn from numbers, written as if they were scans and marked as synthetic."""

from stroke_tf.phantoms.case import Phantom, draw_case
from stroke_tf.phantoms.plan import LesionPlan, draw_lesion_plan
from stroke_tf.phantoms.tissues import Tissues, draw_tissues
from stroke_tf.phantoms.write import SYNTHETIC_MARK, seed_of_case, write_cohort

__all__ = [
    "SYNTHETIC_MARK",
    "LesionPlan",
    "Phantom",
    "Tissues",
    "draw_case",
    "draw_lesion_plan",
    "draw_tissues",
    "seed_of_case",
    "write_cohort",
]
