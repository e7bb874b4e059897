"""The same counts under each convention: how far one prediction's numbers move by how they are computed."""

from dataclasses import dataclass

from stroke_tf.paper.bounds import implied_dice


@dataclass(frozen=True)
class Overlap:
    """Dice, precision and recall; None where a division by zero stands."""

    dice: float | None
    precision: float | None
    recall: float | None

    @property
    def implied_dice(self) -> float | None:
        """Return 2PR/(P+R)."""
        if self.precision is None or self.recall is None:
            return None
        return implied_dice(self.precision, self.recall)


@dataclass(frozen=True)
class Table:
    """One table of counts over voxels, the lesion being the positive class."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def lesion(self) -> Overlap:
        """Return the usual reading: the lesion is what is sought."""
        return _overlap(self.tp, self.fp, self.fn)

    @property
    def background(self) -> Overlap:
        """Return the reading in which background is the positive class."""
        return _overlap(self.tn, self.fn, self.fp)

    @property
    def macro(self) -> Overlap:
        """Return the mean of both classes."""
        one, other = self.lesion, self.background
        return Overlap(
            _mean(one.dice, other.dice), _mean(one.precision, other.precision), _mean(one.recall, other.recall)
        )

    @property
    def micro(self) -> Overlap:
        """Return both classes' counts added, where Dice, precision and recall are all the voxel accuracy."""
        right, wrong = self.tp + self.tn, self.fp + self.fn
        return _overlap(right, wrong, wrong)

    @property
    def accuracy_voxel(self) -> float | None:
        """Return (TP + TN)/all."""
        return _ratio(self.tp + self.tn, self.voxels)

    @property
    def accuracy_balanced(self) -> float | None:
        """Return (recall + specificity)/2."""
        return self.macro.recall

    @property
    def accuracy_misprint(self) -> float | None:
        """Return (TP + FP)/all, the formula that Aboudi et al. print."""
        return _ratio(self.tp + self.fp, self.voxels)

    @property
    def lesion_share(self) -> float | None:
        """Return (TP + FN)/all."""
        return _ratio(self.tp + self.fn, self.voxels)

    @property
    def voxels(self) -> int:
        """Return how many voxels were counted."""
        return self.tp + self.fp + self.fn + self.tn


def _overlap(tp: float, fp: float, fn: float) -> Overlap:
    return Overlap(_ratio(2 * tp, 2 * tp + fp + fn), _ratio(tp, tp + fp), _ratio(tp, tp + fn))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _mean(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2
