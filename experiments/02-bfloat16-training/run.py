"""Train one plane in float32 and in mixed_bfloat16 with three seeds each, and compare their Dice on test phantoms.

The question and the expectation stand in README.md beside this file. Usage: run.py OUT; finished runs are not repeated.
"""

import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from stroke_tf.choices import Device, Precision
from stroke_tf.files import write_json
from stroke_tf.fusion import lesion_where
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.device import choose_device
from stroke_tf.models.files import restore_weights
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import QUICK
from stroke_tf.training.determinism import same_seed_same_bits
from stroke_tf.training.record import read_run_card
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.cohort import phantom_cases, split_of_fold, with_all_digests
from stroke_tf.workflows.networks import RANDOM, build_trainable
from stroke_tf.workflows.planar import predict_plane, train_plane, viewing_of
from stroke_tf.workflows.prepare import cache_folder, prepare_all
from stroke_tf.workflows.run import Job, RunOptions

RECIPE = replace(
    QUICK.planar,
    name="bfloat16-training",
    phases_random=tuple(replace(phase, epochs=3) for phase in QUICK.planar.phases_random),
    steps_per_epoch=50,
    batch_size=16,
)
PLANE = Plane.Y
COHORT_SEED = 2511
"""Of the phantoms and of who validates: all runs learn from and are tested on the same cases."""
SEEDS = (1, 2, 3)
PRECISIONS = (Precision.FLOAT32, Precision.MIXED_BFLOAT16)


def main(out: Path) -> None:
    """Do what is still to do, and write OUT/results.json after every run."""
    same_seed_same_bits()
    cohort = phantom_cases(out / "synthetic-phantoms", QUICK.cohort, seed=COHORT_SEED)
    cases = with_all_digests(cohort.cases)
    split = split_of_fold(cases, 0, validation_share=RECIPE.validation_share, seed=COHORT_SEED)
    everyone = (*split.train, *split.validation, *split.test)
    cache = ArrayCache(cache_folder(out))
    prepared = {each.case.case_id: each for each in prepare_all(everyone, viewing_of(RECIPE, [PLANE]), cache)}
    runs: list[dict[str, Any]] = []
    for seed in SEEDS:
        for precision in PRECISIONS:
            chosen = choose_device(Device.CPU, precision)
            trainable = build_trainable(RECIPE, RANDOM, precision=chosen.precision, seed=seed)
            job = Job(RECIPE, PLANE, split.train, split.validation, RANDOM, seed, cohort.synthetic)
            folder = out / f"{precision.value}-seed{seed}"
            train_plane(job, trainable, prepared, chosen, folder, RunOptions(resume=True))
            restore_weights(trainable.model, folder)
            dices = {}
            for case in split.test:
                seen = prepared[case.case_id]
                probabilities = predict_plane(seen, PLANE, trainable.predict)
                dices[case.case_id] = dice(count(lesion_where(probabilities, threshold=RECIPE.threshold), seen.truth))
            runs.append({"seed": seed, "precision": precision.value, **_told_by(folder), "test_dice": dices})
            write_json(out / "results.json", {"data": cohort.name, "runs": runs, **compared(runs)})
            keras.backend.clear_session()


def compared(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean test Dice of each run, and the difference between the precisions of each seed that has both."""
    means = {(run["precision"], run["seed"]): statistics.fmean(run["test_dice"].values()) for run in runs}
    exact, rounded = (precision.value for precision in PRECISIONS)
    seeds = [seed for seed in SEEDS if {(exact, seed), (rounded, seed)} <= set(means)]
    differences = {str(seed): means[rounded, seed] - means[exact, seed] for seed in seeds}
    return {
        "mean_test_dice": {f"{precision}, seed {seed}": value for (precision, seed), value in means.items()},
        "bfloat16_minus_float32": differences,
        "mean_difference": statistics.fmean(differences.values()) if differences else None,
    }


def _told_by(folder: Path) -> dict[str, Any]:
    card = read_run_card(folder)
    wanted = ("best_validation_dice", "best_epoch", "training_seconds", "device", "commit")
    history = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
    return {name: card[name] for name in wanted} | {"history": history}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {Path(sys.argv[0]).name} OUT")
    main(Path(sys.argv[1]))
