"""stroke_tf: multi-plane stroke-lesion segmentation that can be checked, claim by claim."""

__version__ = "0.1.0"
