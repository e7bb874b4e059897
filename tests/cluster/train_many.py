"""Run by a test: two planes and two seeds of a tiny network, on a Ray cluster or, to compare, in this process.

Usage: train_many.py DATA OUT ADDRESS|here
"""

import sys
from dataclasses import replace
from pathlib import Path

from stroke_tf.models.tensorflow_start import start_tensorflow

THREADS = 1


def plan(data: Path, out: Path):
    """Return three jobs: one for each node, and one that waits."""
    from stroke_tf.choices import Device, Precision
    from stroke_tf.models.device import choose_device
    from stroke_tf.planes import Plane
    from stroke_tf.recipes.multiplane_2025 import SMOKE
    from stroke_tf.workflows.cohort import open_cases, with_all_digests
    from stroke_tf.workflows.networks import RANDOM
    from stroke_tf.workflows.planar import viewing_of
    from stroke_tf.workflows.run import Job
    from stroke_tf.workflows.table1_jobs import teach_alone
    from stroke_tf.workflows.training_jobs import Plan, TrainingJob

    phase = replace(SMOKE.planar.phases_random[0], epochs=6)
    recipe = replace(
        SMOKE.planar, backbone="resnet18", phases_random=(phase,), steps_per_epoch=3, batch_size=2, patience=100
    )
    cases = with_all_digests(open_cases(data).cases)
    chosen = choose_device(Device.CPU, Precision.FLOAT32, threads=THREADS)
    jobs = [
        TrainingJob(
            name=f"seed-{seed}/{plane.value}",
            job=Job(recipe, plane, cases[:2], cases[2:3], RANDOM, seed, synthetic=True),
            folder=out / f"seed-{seed}" / plane.value,
            cache=out / "cache",
            viewing=viewing_of(recipe),
            teach=teach_alone,
            work=1.0,
        )
        for seed, plane in ((1, Plane.X), (1, Plane.Z), (2, Plane.X))
    ]
    return Plan([jobs], chosen, out)


def main(data: str, out: str, address: str) -> None:
    start_tensorflow()
    from stroke_tf.cluster.train import train_on_ray
    from stroke_tf.workflows.training_jobs import run_training_job

    todo = plan(Path(data), Path(out))
    if address == "here":
        for each in todo.waves[0]:
            run_training_job(each, todo.chosen, threads=THREADS)
    else:
        train_on_ray(todo, address=address, threads=THREADS, say=lambda text: print(text, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
