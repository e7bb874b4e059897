"""From the planes' probabilities to one mask: rules, their fitting on validation cases, and what planes disagree on."""

from stroke_tf.fusion.rules import fuse, fused_probability, lesion_where, majority

__all__ = ["fuse", "fused_probability", "lesion_where", "majority"]
