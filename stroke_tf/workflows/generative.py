"""Song's method for one network: slices of CT perfusion -> (a DWI that was never taken ->) lesion -> a volume.

The whole model, the same without a DWI to learn from, the segmentor on the maps and the segmentor on the real DWI all
go this one way; what they look at is the recipe's, and the slices, their order and how they are moved are the same.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Probabilities, Volume
from stroke_tf.batches.perfusion import Movement, PerfusionSource, perfusion_batches
from stroke_tf.choices import PerfusionInput, Precision
from stroke_tf.fusion import lesion_where
from stroke_tf.inference.run import Predict, predict_stack
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.build import build_model
from stroke_tf.models.device import Chosen
from stroke_tf.models.generative_ctp import lesion_and_dwi
from stroke_tf.recipes.perfusion import PerfusionRecipe
from stroke_tf.seeds import child_seed
from stroke_tf.slices import restack
from stroke_tf.training.fit import Trainable
from stroke_tf.training.pixel_region_loss import generative_loss, image_loss, pixel_region_loss
from stroke_tf.volumes.intensity import CLIP
from stroke_tf.workflows.prepare_perfusion import LearntCase, PerfusionCase, inputs_of
from stroke_tf.workflows.run import Job, RunOptions, batch_workers, run_job


def build_generative(recipe: PerfusionRecipe, *, precision: Precision, seed: int) -> Trainable:
    """Build a recipe's network with its loss; the random weights depend on the seed and on the network's layers.

    So the whole model and its unguided twin begin at the same weights.
    """
    model = build_model(
        recipe.architecture,
        seed=child_seed(seed, "network", recipe.architecture.value, recipe.channels),
        precision=precision,
        size=recipe.size,
        channels=recipe.channels,
        batchnorm_momentum=recipe.batchnorm_momentum,
        base_filters=recipe.base_filters,
    )
    loss = recipe.loss
    segmentation = pixel_region_loss(region=loss.region, pixel=loss.pixel, lesion_weight=loss.lesion_weight)
    if recipe.looks_at is PerfusionInput.UNGUIDED:
        return Trainable(model, lambda targets, outputs: segmentation(targets, outputs[0]), precision)
    if recipe.looks_at is not PerfusionInput.WHOLE:
        return Trainable(model, segmentation, precision)
    settings = {"edges": loss.edges, "lesion_weight": loss.lesion_weight}
    whole = generative_loss(segmentation, image=loss.image, **settings)

    def image(targets: Any, outputs: Any) -> Any:
        return image_loss(outputs[1][..., 0], targets, **settings)

    return Trainable(model, whole, precision, watched={"image_loss": image})


def train_generative(
    job: Job,
    trainable: Trainable,
    cases: Mapping[str, LearntCase],
    chosen: Chosen,
    folder: Path,
    options: RunOptions,
) -> Path:
    """Train one of the four networks.

    Args:
        job: its recipe is a PerfusionRecipe, its plane axial.
        cases: the job's prepared cases by id.
    Returns: the run folder.
    """
    recipe: PerfusionRecipe = job.recipe
    train = [cases[case.case_id] for case in job.train]
    validation = [cases[case.case_id] for case in job.validation]
    source = PerfusionSource(
        [inputs_of(case.seen, case.target.dwi, recipe.looks_at) for case in train],
        [case.target.dwi for case in train],
        [case.seen.brain_share for case in train],
        [case.target.coverage for case in train],
    )
    epochs = sum(phase.epochs for phase in recipe.training)

    def batches_from(step: int) -> Any:
        return perfusion_batches(
            source,
            batch_size=recipe.batch_size,
            steps=epochs * recipe.steps_per_epoch,
            movement=Movement(**asdict(recipe.moving)),
            lesion_share=recipe.lesion_share,
            # One seed for all networks: they meet the same slices, moved alike.
            seed=child_seed(job.seed, "batches", "perfusion"),
            start_step=step,
            workers=batch_workers(chosen),
        )

    def validate(predict: Predict) -> float:
        scores = []
        for case in validation:
            probabilities = lesion_probabilities(case.seen, case.target.dwi, recipe.looks_at, predict)
            scores.append(dice(count(lesion_where(probabilities, threshold=recipe.threshold), case.truth)))
        return float(np.mean(scores))

    return run_job(
        job,
        trainable,
        chosen,
        folder,
        options,
        batches_from=batches_from,
        validate=validate,
        title=f"{recipe.architecture.value} on {recipe.looks_at.value}",
        further={
            "looks_at": recipe.looks_at.value,
            "frames": recipe.frames,
            "frame_seconds": recipe.frame_seconds,
            "size": recipe.size,
        },
    )


def lesion_probabilities(
    seen: PerfusionCase, dwi: np.ndarray | None, looks_at: PerfusionInput, predict: Predict
) -> Probabilities:
    """Predict the lesion probability of every voxel of a case on its own grid.

    Args:
        dwi: the real one, for PerfusionInput.DWI alone.
    Returns: (x, y, z) float32; 0 outside the brain's box.
    """
    return restack(predict_stack(inputs_of(seen, dwi, looks_at), predict), seen.geometry)


def lesion_and_generated_dwi(seen: PerfusionCase, model: Any) -> tuple[Probabilities, Volume]:
    """Predict a case with the whole model, and keep the DWI that it drew; no real DWI is asked for.

    Args:
        model: a Keras model of GENERATIVE_CTP.
    Returns: lesion probability and generated DWI in z-scores, both (x, y, z) float32 on the case's own grid, the
        latter 0 outside the brain.
    """
    lesion, drawn = lesion_and_dwi(model, seen.images)
    # restack is made for probabilities, so the image goes through it as a share of its range.
    share = restack((np.clip(drawn, -CLIP, CLIP) + CLIP) / (2 * CLIP), seen.geometry)
    return restack(lesion, seen.geometry), (share * (2 * CLIP) - CLIP) * seen.brain
