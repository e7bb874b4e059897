"""CT perfusion: from the bolus in a series of volumes to maps of flow, volume, transit, Tmax, and rules on them."""

from stroke_tf.perfusion.arterial_input import ArterialInput, find_arterial_input
from stroke_tf.perfusion.deconvolution import Maps, perfusion_maps
from stroke_tf.perfusion.enhancement import baseline_frames, concentration, smoothed
from stroke_tf.perfusion.rules import core_by_flow, hypoperfused, relative_flow

__all__ = [
    "ArterialInput",
    "Maps",
    "baseline_frames",
    "concentration",
    "core_by_flow",
    "find_arterial_input",
    "hypoperfused",
    "perfusion_maps",
    "relative_flow",
    "smoothed",
]
