"""The paper's baseline: a 3-D U-Net on patches of the brain's box."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stroke_tf.batches.patches import PatchSource, patch_batches
from stroke_tf.inference.run import Predict
from stroke_tf.models.device import Chosen
from stroke_tf.seeds import child_seed
from stroke_tf.training.fit import Trainable
from stroke_tf.workflows.planar import mean_dice
from stroke_tf.workflows.prepare import Prepared
from stroke_tf.workflows.probabilities import predict_volume
from stroke_tf.workflows.run import Job, RunOptions, batch_workers, run_job


def train_volumetric(
    job: Job,
    trainable: Trainable,
    cases: Mapping[str, Prepared],
    chosen: Chosen,
    folder: Path,
    options: RunOptions,
) -> Path:
    """Train the 3-D U-Net.

    Args:
        cases: the job's prepared cases by id.
    Returns: the run folder.
    """
    recipe = job.recipe
    train = [cases[case.case_id] for case in job.train]
    validation = [cases[case.case_id] for case in job.validation]
    source = PatchSource([case.channels for case in train], [case.lesion_in_box for case in train])
    epochs = sum(phase.epochs for phase in recipe.phases_random)

    def batches_from(step: int) -> Any:
        return patch_batches(
            source,
            batch_size=recipe.batch_size,
            steps=epochs * recipe.steps_per_epoch,
            patch=(recipe.size,) * 3,
            lesion_share=recipe.lesion_share,
            seed=child_seed(job.seed, "batches", "3d"),
            start_step=step,
            flip=recipe.augmenting.flip,
            workers=batch_workers(chosen),
        )

    def validate(predict: Predict) -> float:
        return mean_dice(validation, lambda case: predict_volume(case, predict, recipe.size), recipe.threshold)

    return run_job(
        job, trainable, chosen, folder, options, batches_from=batches_from, validate=validate, title="unet3d, patches"
    )
