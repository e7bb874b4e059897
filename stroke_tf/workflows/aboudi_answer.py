"""Which reading gives 99.55 % precision next to 64.14 % Dice? Answered from counts, ours and the audit's."""

from collections.abc import Mapping, Sequence
from typing import Any

from stroke_tf.paper.audit import RowAudit
from stroke_tf.paper.bounds import lesion_of_mixed_classes
from stroke_tf.paper.measured_readings import LEAST_DICE, LEAST_GAP, LEAST_PRECISION, like_the_print
from stroke_tf.paper.prevalence import Area, lesion_share
from stroke_tf.paper.readings import Averaging
from stroke_tf.reports.tables import percent


def answer(
    rows: Sequence[Mapping[str, Any]], audited: RowAudit, *, references: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Answer in sentences, each with the numbers that it rests on.

    Args:
        rows: one a model, with `readings` and `accuracies` as aboudi_results.py makes them.
        audited: the printed row under every reading.
        references: rows that need no network, by id.
    """
    return [
        _by_arithmetic(audited),
        _micro(audited, rows),
        *_pooled(audited, rows),
        *_by_measurement(rows),
        _mixed(audited),
        *_accuracy(audited, references),
    ]


def _by_arithmetic(audited: RowAudit) -> str:
    impossible = [reading.value for reading, verdict in audited.averagings.items() if not verdict.possible]
    left = len(audited.averagings) - len(impossible)
    return (
        f"Arithmetic on the printed numbers leaves {left} of {len(audited.averagings)} readings; it rules out "
        f"{_listed(impossible) or 'none'}."
    )


def _micro(audited: RowAudit, rows: Sequence[Mapping[str, Any]]) -> str:
    equal = all(
        len({round(value, 12) for value in row["readings"][Averaging.MICRO.value].values()}) == 1 for row in rows
    )
    ours = "so it is in all of our rows" if equal else "our rows differ, which is a fault of ours"
    return (
        "With both classes' counts added (micro average) Dice, precision, recall and accuracy are one number, "
        f"{ours}; the printed {audited.row.dice.text}, {audited.row.accuracy.text} and {audited.row.precision.text} "
        "are three, so that reading alone cannot be it."
    )


def _pooled(audited: RowAudit, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    needed = audited.averagings[Averaging.POOLED].numbers
    found = [row["readings"][Averaging.POOLED.value] for row in rows]
    marked = [each for each in found if each["precision"] is not None]
    if not marked:
        return [f"If all three are the lesion's: {needed}. None of our networks marks a voxel."]
    best = max(marked, key=lambda each: each["precision"])
    one_in = 1 / (1 - audited.row.precision)
    return [
        f"If all three are the lesion's: {needed}, with one false voxel in {one_in:.0f} marked. Of ours the most "
        f"precise has precision {percent(best['precision'], 2)} and recall {percent(best['recall'], 2)}."
    ]


def _by_measurement(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    learnt = [row for row in rows if (row["readings"][Averaging.POOLED.value]["dice"] or 0) >= LEAST_DICE]
    if not learnt:
        return ["None of our networks reaches a Dice of 5 %, so their counts do not say which reading it is."]
    texts = []
    for reading in Averaging:
        alike = [row for row in learnt if reading.value in like_the_print(row["readings"])]
        if alike:
            pairs = ", ".join(
                f"{percent(row['readings'][reading.value]['precision'], 2)} beside "
                f"{percent(row['readings'][reading.value]['dice'], 2)}"
                for row in alike
            )
            texts.append(f'"{reading.value}" in {len(alike)} of {len(learnt)} (precision beside Dice: {pairs})')
    found = "; ".join(texts) if texts else "under no reading"
    return [
        f"Measured on our networks that find something, a precision of {percent(LEAST_PRECISION, 0)} % or more with a "
        f"Dice {percent(LEAST_GAP, 0)} points or more below it appears: {found}."
    ]


def _mixed(audited: RowAudit) -> str:
    row = audited.row
    precision, recall, share = lesion_of_mixed_classes(float(row.dice), float(row.accuracy), float(row.precision))
    brain, volume = lesion_share(Area.BRAIN, 3), lesion_share(Area.VOLUME, 3)
    return (
        "Read as Dice of the lesion, precision of the background and accuracy of all voxels, the three printed numbers "
        f"are one table of counts with nothing odd in it: lesion precision {percent(precision)}, recall "
        f"{percent(recall)}, lesion share {percent(share, 2)} (ISLES 2015: {percent(volume.mean, 2)} of the volume "
        f"and {percent(brain.mean, 2)} of the brain in the mean, {percent(volume.most, 2)} of the volume at most)."
    )


def _accuracy(audited: RowAudit, references: Mapping[str, Mapping[str, Any]]) -> list[str]:
    nothing = references.get("nothing")
    if nothing is None:
        return []
    voxel = nothing["accuracies"]["voxel"]
    beside = "above" if voxel >= audited.row.accuracy else "below"
    background = nothing["readings"][Averaging.BACKGROUND.value]["precision"]
    return [
        f"Marking nothing at all has, on these test cases, a voxel accuracy of {percent(voxel, 2)} ({beside} the "
        f"printed {audited.row.accuracy.text}) and a background precision of {percent(background, 2)}: numbers of that "
        "size say how small lesions are, not how well they are found."
    ]


def _listed(names: Sequence[str]) -> str:
    return "; ".join(f'"{name}"' for name in names)
