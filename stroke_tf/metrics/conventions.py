"""What a measure means where its formula leaves room: each convention is a value with a sentence.

Five well-known libraries give three answers (0, 1, not a number) for the Dice of two empty masks. Ours are chosen
here, and every report prints the sentences of those that it used.
"""

from enum import Enum


class Convention(str, Enum):
    """A choice among few that knows the sentence to print beside the numbers it decided."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> "Convention":
        made = str.__new__(cls, word)
        made._value_ = word
        made.sentence = sentence
        return made


class BothEmpty(Convention):
    """Dice, IoU and lesion-wise F1 where neither mask holds a lesion."""

    ONE = ("one", "Two empty masks agree: Dice, IoU and lesion-wise F1 are 1 (ISLES 2022; MedPy from 0.5).")
    ZERO = ("zero", "Two empty masks overlap in nothing: Dice, IoU and lesion-wise F1 are 0 (MedPy up to 0.4).")
    UNDEFINED = (
        "undefined",
        "Dice, IoU and lesion-wise F1 of two empty masks are undefined, left out and counted (nnU-Net; MONAI).",
    )


class NoDenominator(Convention):
    """A ratio such as precision whose denominator is 0, because no voxel is of the kind it counts."""

    UNDEFINED = (
        "undefined",
        "Precision of an empty prediction, recall of an empty truth and specificity of a full truth are undefined, "
        "left out and counted.",
    )
    ZERO = (
        "zero",
        "Precision of an empty prediction, recall of an empty truth and specificity of a full truth are 0 (MedPy).",
    )


class FailedCase(Convention):
    """What becomes of a case in which not one lesion voxel was found."""

    DISTANCES_LEFT_OUT = (
        "distances-left-out",
        "A case with Dice 0 has failed: it takes the last rank, and its ASSD, HD and HD95 are left out and counted "
        "(ISLES 2015).",
    )
    COUNTED = ("counted", "A case with Dice 0 is a case like the others; there are no failed cases (ISLES 2022).")


class EmptySurface(Convention):
    """Surface distances where a mask has no surface."""

    UNDEFINED = (
        "undefined",
        "ASSD, HD and HD95 are undefined where a mask is empty, left out and counted (MedPy: error; MONAI: infinity).",
    )


class SurfaceVoxel(Convention):
    """Which voxels of a mask are its surface."""

    FACE = (
        "face",
        "A surface voxel is a mask voxel with a face toward a voxel outside the mask or toward the image's border "
        "(MedPy: the mask without its erosion by the 6-neighbourhood); distances run between voxel centres, in mm.",
    )


class SurfaceMean(Convention):
    """How the two directed mean surface distances become one."""

    MEAN_OF_DIRECTIONS = (
        "mean-of-directions",
        "ASSD is the mean of two means: prediction's surface to truth's and back (MedPy up to 0.4, current when "
        "ISLES 2015 was held).",
    )
    POOLED = ("pooled", "ASSD is the mean over the surface voxels of both masks together (MedPy from 0.5).")


class Hd95(Convention):
    """Two measures that share a name; both are always given, in columns of their own."""

    POOLED = ("pooled", "hd95_pooled_mm: the 95th percentile of the distances of both directions together (MedPy).")
    LARGER = ("larger", "hd95_larger_mm: the larger of the two directions' 95th percentiles (MONAI).")


class Accuracy(Convention):
    """Three measures that share a name; all are always given, in columns of their own."""

    VOXEL = ("voxel", "accuracy_voxel: the share of the whole volume's voxels, air included, that are right.")
    BALANCED = ("balanced", "accuracy_balanced: the mean of sensitivity and specificity over the whole volume.")
    BRAIN = ("brain", "accuracy_brain: the share of the brain's voxels that are right.")


class Neighbours(Convention):
    """Which lesion voxels belong to one lesion."""

    CORNERS_26 = ("26", "Lesion voxels that share a face, an edge or a corner are one lesion (26-connected).")


class LesionMatch(Convention):
    """When a lesion counts as found."""

    TOUCH = (
        "touch",
        "A true lesion is found if one predicted voxel touches it; a predicted lesion that touches no true voxel is "
        "a false positive (ISLES 2022; ISLES 2024 wants IoU of 0.5 instead).",
    )


class LesionCount(Convention):
    """The sign of the lesion count difference."""

    ABSOLUTE = ("absolute", "lesion_count_difference is absolute: |predicted lesions - true lesions|.")


class VolumeDifference(Convention):
    """The sign of the volume difference."""

    PREDICTED_MINUS_TRUE = (
        "predicted-minus-true",
        "volume_difference_ml is predicted minus true volume; absolute_volume_difference_ml is without the sign.",
    )


class Averaging(Convention):
    """Over what a cohort's figure is taken."""

    PER_CASE = (
        "per-case",
        "Mean, SD, median and interval are over cases, each case weighing the same; SD divides by n - 1.",
    )
    POOLED = ("pooled", "Pooled: the voxels of all cases are counted together, so large lesions weigh more.")


class Interval(Convention):
    """How uncertain a figure is."""

    PERCENTILE_BOOTSTRAP = (
        "percentile-bootstrap",
        "95 % intervals: cases are drawn again with replacement 10,000 times from the seed, percentiles 2.5 and 97.5.",
    )


class Paired(Convention):
    """How two rows are compared."""

    WILCOXON = (
        "wilcoxon",
        "Rows are compared by the two-sided Wilcoxon signed-rank test over the cases that both measure, equal pairs "
        "dropped; p is not corrected for the number of tests, and is withheld below 6 unequal pairs.",
    )
