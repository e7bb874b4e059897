"""The paper's method for one plane: slices of a case -> a 2-D network -> probabilities, and back to a volume."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Probabilities
from stroke_tf.batches.augment import Augmentation
from stroke_tf.batches.pipeline import SliceSource, slice_batches
from stroke_tf.fusion import lesion_where
from stroke_tf.inference.run import Predict
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.device import Chosen
from stroke_tf.neighbours import with_neighbours
from stroke_tf.planes import Plane
from stroke_tf.recipes.recipe import Recipe
from stroke_tf.seeds import child_seed
from stroke_tf.training.fit import Trainable
from stroke_tf.workflows.prepare import Prepared, Viewing
from stroke_tf.workflows.probabilities import predict_plane
from stroke_tf.workflows.run import Job, RunOptions, batch_workers, run_job


def viewing_of(recipe: Recipe, planes: Sequence[Plane] = tuple(Plane), *, patches: bool = True) -> Viewing:
    """Return how a recipe looks at a case; patches are for the 3-D network."""
    repeat_one = not (len(recipe.sequences) == 1 and recipe.neighbours)
    return Viewing(recipe.sequences, recipe.fit, tuple(planes), patches=patches, repeat_one=repeat_one)


def train_plane(
    job: Job,
    trainable: Trainable,
    cases: Mapping[str, Prepared],
    chosen: Chosen,
    folder: Path,
    options: RunOptions,
) -> Path:
    """Train the network of one plane.

    Args:
        cases: the job's prepared cases by id.
    Returns: the run folder.
    """
    recipe, plane = job.recipe, job.plane
    validation = [cases[case.case_id] for case in job.validation]

    def validate(predict: Predict) -> float:
        return mean_dice(
            validation,
            lambda case: predict_plane(case, plane, predict, neighbours=recipe.neighbours),
            recipe.threshold,
        )

    title = f"{recipe.architecture.value}, plane {plane.value} ({plane.anatomical})"
    batches_from = plane_batches(job, cases, chosen)
    return run_job(job, trainable, chosen, folder, options, batches_from=batches_from, validate=validate, title=title)


def plane_batches(job: Job, cases: Mapping[str, Prepared], chosen: Chosen) -> Callable[[int], Any]:
    """Return what makes the training batches of a plane from a step on, as `fit` wants them.

    Args:
        cases: the job's prepared cases by id.
    """
    recipe, plane = job.recipe, job.plane
    train = [cases[case.case_id] for case in job.train]
    seen = [with_neighbours(case.images[plane], recipe.neighbours) for case in train]
    source = SliceSource(seen, [case.coverage[plane] for case in train])
    epochs = sum(phase.epochs for phase in recipe.phases(pretrained=job.weights.pretrained))

    def batches_from(step: int) -> Any:
        return slice_batches(
            source,
            batch_size=recipe.batch_size,
            steps=epochs * recipe.steps_per_epoch,
            augmentation=Augmentation(**asdict(recipe.augmenting)),
            lesion_share=recipe.lesion_share,
            seed=child_seed(job.seed, "batches", plane.value),
            start_step=step,
            workers=batch_workers(chosen),
        )

    return batches_from


def mean_dice(
    cases: Sequence[Prepared], probabilities_of: Callable[[Prepared], Probabilities], threshold: float
) -> float:
    """Return the mean 3-D Dice of cases, on their own grid, empty masks by the ISLES 2022 rule."""
    scores = []
    for case in cases:
        mask = lesion_where(probabilities_of(case), threshold=threshold)
        scores.append(dice(count(mask, case.truth)))
    return float(np.mean(scores))
