"""Phantoms: heads with infarcts drawn from numbers, written as if they were scans and marked as synthetic."""

from stroke_tf.phantoms.case import Phantom, draw_case
from stroke_tf.phantoms.cohort_folder import SYNTHETIC_MARK
from stroke_tf.phantoms.perfusion_case import PerfusionPhantom, draw_perfusion_case
from stroke_tf.phantoms.perfusion_cohort import write_perfusion_cohort
from stroke_tf.phantoms.plan import LesionPlan, draw_lesion_plan
from stroke_tf.phantoms.tissues import Tissues, draw_tissues
from stroke_tf.phantoms.write import seed_of_case, write_cohort

__all__ = [
    "SYNTHETIC_MARK",
    "LesionPlan",
    "PerfusionPhantom",
    "Phantom",
    "Tissues",
    "draw_case",
    "draw_lesion_plan",
    "draw_perfusion_case",
    "draw_tissues",
    "seed_of_case",
    "write_cohort",
    "write_perfusion_cohort",
]
