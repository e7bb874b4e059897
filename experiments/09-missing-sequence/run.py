"""What it costs to predict without a sequence that the networks were trained on, on fresh SYNTHETIC phantoms.

The question and the expectation stand in README.md beside this file. Three trained planes vote on the same cases with
every sequence there, and with each one missing and replaced in every way there is. Usage, with runs of `train`:

    python experiments/09-missing-sequence/run.py --runs runs/x runs/y runs/z --out results/missing-sequence
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.choices import Device, Engine, Precision, TieRule
from stroke_tf.files import write_json, write_text
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.metrics.summary import bootstrap_interval
from stroke_tf.phantoms import write_cohort
from stroke_tf.progress import Progress
from stroke_tf.training.record import read_run_card
from stroke_tf.volumes.channels import CaseVolumes, align_case, normalised
from stroke_tf.workflows.predictors import look_at_runs, open_predictors, voted_mask
from stroke_tf.workflows.prepare import prepare_volumes

SHAPE, MIN_LESION_ML = (230, 230, 154), 3.0
"""As the phantoms on which the networks of `make bench` are trained."""
SEED, CASES = 9001, 6
ALL = "all there"
_HERE = Path(__file__).resolve().parent


def main() -> None:
    """Measure what is not measured yet, and write OUT/results.json and OUT/table.md."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=Path, nargs="+", required=True, help="run folders, one of each plane")
    options.add_argument("--out", type=Path, required=True, help="folder of phantoms and results")
    options.add_argument("--seed", type=int, default=SEED, help="of the phantoms; another than the networks' own")
    options.add_argument("--cases", type=int, default=CASES, help="how many phantoms")
    asked = options.parse_args()
    cohort = asked.out / "synthetic-phantoms"
    write_cohort(cohort, cases=asked.cases, shape=SHAPE, seed=asked.seed, min_lesion_ml=MIN_LESION_ML)
    opening = look_at_runs(asked.runs, engine=Engine.AUTO, device=Device.CPU, precision=Precision.AUTO)
    viewing, predictors = opening.viewing(), open_predictors(opening)
    told = {
        "synthetic": True,
        "seed": asked.seed,
        "runs": {run.name: read_run_card(run)["recipe"]["name"] for run in asked.runs},
        "sequences": list(viewing.sequences),
        "computed_by": str(opening),
    }
    stored = asked.out / "results.json"
    rows: dict[str, dict[str, float]] = json.loads(stored.read_text())["dice"] if stored.exists() else {}
    ways = ways_without(viewing.sequences)
    progress = Progress("predicting", len(ways) * asked.cases)
    for case in find_cases(cohort):
        for name, filled in ways.items():
            if case.case_id not in rows.setdefault(name, {}):
                rows[name][case.case_id] = _dice(case, filled, viewing, predictors)
                write_json(stored, {**told, "dice": rows})
            progress.step(note=f"case {case.case_id}, {name}")
    progress.end()
    write_text(asked.out / "table.md", table(rows))
    print(table(rows))


def ways_without(sequences: tuple[str, ...]) -> dict[str, tuple[str | None, ...]]:
    """Return what fills each channel, by the name of the row: zeros, or another of the sequences."""
    ways: dict[str, tuple[str | None, ...]] = {ALL: sequences}
    for missing in sequences:
        for other in (None, *(name for name in sequences if name != missing)):
            ways[f"{missing} missing, {other or 'zeros'}"] = tuple(
                other if name == missing else name for name in sequences
            )
    return ways


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return the table in Markdown, the paired difference to the first row with its interval beside each."""
    lines = ["| SYNTHETIC phantoms | Dice, % | points lost [95 %] | worst case |", "| :-- | --: | --: | --: |"]
    for name, found in rows.items():
        values = 100 * np.array(list(found.values()))
        lost = 100 * np.array([rows[ALL][case] - value for case, value in found.items()])
        interval = bootstrap_interval(lost, seed=1) if name != ALL else None
        cell = "" if interval is None else f"{lost.mean():.1f} [{interval[0]:.1f}, {interval[1]:.1f}]"
        lines.append(f"| {name} | {values.mean():.1f} ± {values.std(ddof=1):.1f} | {cell} | {values.min():.1f} |")
    return "\n".join(lines) + "\n"


def _dice(case: Case, filled: tuple[str | None, ...], viewing: Any, predictors: Any) -> float:
    needed = [name for name in filled if name]
    # The grid is the same for all phantoms of a case; its reference is not read where it is missing.
    aligned = align_case(
        case.case_id, case.images, needed=needed, reference=needed[0], lesion=case.lesion, resample=False
    )
    brain = aligned.departing()
    volumes = CaseVolumes(case.case_id, normalised(aligned, filled, brain), brain, None, aligned.reference)
    prepared = prepare_volumes(case, volumes, viewing)
    mask = voted_mask(predictors, prepared, tie=TieRule.BACKGROUND, done=lambda name: None)
    return float(dice(count(mask, aligned.lesion)))


if __name__ == "__main__":
    main()
