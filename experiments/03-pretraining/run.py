"""Pretrain the encoder on the tissue classes of other phantoms, and train with and without it; see README.md.

The weights are called "phantom-tissue". They stand where ImageNet's cannot be had, and are not those.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from arms import BASE, COHORT, Arm, Experiment, main

from stroke_tf.choices import Architecture, Device, Precision
from stroke_tf.errors import WeightsError
from stroke_tf.files import sha256_of_file, write_json
from stroke_tf.phantoms import draw_tissues, seed_of_case
from stroke_tf.planes import Plane
from stroke_tf.recipes.recipe import Cohort, Phase
from stroke_tf.seeds import child_seed

PLANE = Plane.Y
PHANTOM_TISSUE, IMAGENET = "phantom-tissue", "imagenet"
TISSUE_SEED = 97
"""Of the phantoms that pretrain: none of them is met again."""
TISSUE_COHORT = replace(COHORT, cases=14)
TISSUE_VALIDATION = 2
EPOCHS, STEPS, BATCH = 4, 40, 16
CLASSES = ("grey", "white", "fluid")
"""After class 0, the background. Grey matter comes first because the training loop's score is that of class 1."""
TUNED = replace(
    BASE,
    phases_pretrained=(
        Phase("frozen encoder", epochs=1, learning_rate=1e-3, encoder_trainable=False),
        Phase("fine-tuning", epochs=3, learning_rate=1e-4, encoder_trainable=True),
    ),
)
"""The paper's two phases, together as many steps as from random weights."""
FREE = replace(BASE, phases_pretrained=BASE.phases_random)
"""The schedule of random weights, so that nothing but the weights differs."""


def find_weights(word: str, out: Path, say: Callable[[str], None], *, cohort: Cohort = TISSUE_COHORT) -> Any:
    """Return the weights an arm asks for, made here if they are the phantoms'; None where they cannot be had."""
    from stroke_tf.workflows.networks import EncoderWeights
    from stroke_tf.workflows.networks import find_weights as find

    if word == IMAGENET:
        try:
            return find(IMAGENET, backbone=BASE.backbone)
        except WeightsError as fault:
            say(f"ImageNet weights could not be had, so their arms are left out: {fault}")
            return None
    path = pretrained_on_tissues(out / "weights", cohort)
    return EncoderWeights(PHANTOM_TISSUE, path, sha256_of_file(path))


def pretrained_on_tissues(folder: Path, cohort: Cohort) -> Path:
    """Train the encoder to tell fluid, grey and white matter on phantoms of another seed, and keep it as a file.

    No lesion mask is read: where an infarct lies, the class is the tissue that was there before it.

    Returns: the file, which `stroke-tf train --weights FILE` takes too; a finished one is used again.
    """
    from stroke_tf.models.build import encoder_layers
    from stroke_tf.models.device import choose_device
    from stroke_tf.models.weights import save_encoder
    from stroke_tf.training.fit import Schedule, Trainable, fit
    from stroke_tf.training.phases import PlannedPhase
    from stroke_tf.training.resume import STATE_FILE
    from stroke_tf.volumes.cache import cache_key

    path, card = folder / f"{PHANTOM_TISSUE}-{BASE.backbone}.h5", folder / "tissue_card.json"
    settings = {"cohort": cohort, "seed": TISSUE_SEED, "length": [EPOCHS, STEPS, BATCH], "backbone": BASE.backbone}
    fingerprint = cache_key(**settings)
    if card.exists() and json.loads(card.read_text(encoding="utf-8"))["fingerprint"] == fingerprint and path.exists():
        return path
    stacks = _tissue_slices(folder, cohort)
    precision = choose_device(Device.AUTO, Precision.AUTO).precision
    trainable = Trainable(_tissue_network(precision), _tissue_loss, precision)
    fitted = fit(
        trainable,
        batches_from=lambda step: _batches(stacks[:-TISSUE_VALIDATION], step),
        schedule=Schedule((PlannedPhase("tissues", EPOCHS, 1e-3, True, 0.05),), STEPS, patience=EPOCHS),
        validate=lambda predict: _grey_dice(stacks[-TISSUE_VALIDATION:], predict),
        keep_best=lambda model: save_encoder(encoder_layers(model), path),
        folder=folder,
        fingerprint=fingerprint,
        title="pretraining on the tissues of SYNTHETIC phantoms",
        resume=True,
    )
    told = {"fingerprint": fingerprint, "grey_matter_dice": fitted.best_score, "history": fitted.history}
    write_json(card, {**told, "sha256": sha256_of_file(path), "synthetic": True})
    (folder / STATE_FILE).unlink(missing_ok=True)
    return path


def _tissue_slices(folder: Path, cohort: Cohort) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each phantom its slices (n, 128, 128, 3) and the share of each tissue in their pixels, likewise."""
    from stroke_tf.slices import cut_labels
    from stroke_tf.volumes.cache import ArrayCache
    from stroke_tf.workflows.cohort import phantom_cases, with_all_digests
    from stroke_tf.workflows.planar import viewing_of
    from stroke_tf.workflows.prepare import prepare_all

    drawn = phantom_cases(folder / "synthetic-phantoms", cohort, seed=TISSUE_SEED)
    viewing = viewing_of(BASE, [PLANE], patches=False)
    stacks = []
    for number, seen in enumerate(prepare_all(with_all_digests(drawn.cases), viewing, ArrayCache(folder / "cache")), 1):
        # phantom_cases draws from a child of the seed, and write_cohort each case from a child of that.
        seed = seed_of_case(child_seed(TISSUE_SEED, "phantoms"), number)
        tissues = draw_tissues(seed=seed, shape=cohort.shape, spacing_mm=cohort.spacing_mm)
        shares = [cut_labels(getattr(tissues, name), seen.geometries[PLANE]) for name in CLASSES]
        stacks.append((seen.images[PLANE], np.stack(shares, axis=-1)))
    return stacks


def _tissue_network(precision: Precision) -> Any:
    """Build the very encoder and decoder of the 2-D network, with a class for each tissue at its end."""
    import keras

    from stroke_tf.models.network import SCALE_AND_OFFSET, InputScaling, Network
    from stroke_tf.models.unet2d import decoder_stage, unet2d

    network = Network(Architecture.UNET_2D, BASE.backbone, BASE.size, scaling=InputScaling.IMAGENET)
    keras.utils.set_random_seed(child_seed(TISSUE_SEED, "network"))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision.value)
    try:
        plain = unet2d(Architecture.UNET_2D, BASE.backbone, size=BASE.size, batchnorm_momentum=BASE.batchnorm_momentum)
        finest = decoder_stage(plain, 4)
        classes = keras.layers.Conv2D(1 + len(CLASSES), 3, padding="same", name="final_conv")(finest)
        unet = keras.Model(plain.input, classes, name="unet")
        unet.encoder = plain.encoder
        inputs = keras.Input((BASE.size, BASE.size, 3), name="z_scores", dtype="float32")
        # Weights from a file meet their images in ImageNet's range (models/build.py), so these learn in it.
        scale, offset = SCALE_AND_OFFSET[InputScaling.IMAGENET]
        scaled = keras.layers.Rescaling(scale, offset, dtype="float32")(inputs)
        outputs = keras.layers.Activation("softmax", dtype="float32")(unet(scaled))
    finally:
        keras.config.set_dtype_policy(before)
    model = keras.Model(inputs, outputs)
    model.network = network
    return model


def _tissue_loss(shares: Any, output: Any) -> Any:
    """Compute the cross-entropy between the shares of the tissues and the softmax, background included."""
    import tensorflow as tf

    background = tf.clip_by_value(1.0 - tf.reduce_sum(shares, axis=-1, keepdims=True), 0.0, 1.0)
    target = tf.concat([background, shares], axis=-1)
    return -tf.reduce_mean(tf.reduce_sum(target * tf.math.log(tf.clip_by_value(output, 1e-6, 1.0)), axis=-1))


def _batches(stacks: list[tuple[np.ndarray, np.ndarray]], first: int) -> Any:
    from stroke_tf.batches.pipeline import numbered_batches

    places = [(case, index) for case, (images, _) in enumerate(stacks) for index in range(len(images))]

    def make(number: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(child_seed(TISSUE_SEED, "batch", number))
        drawn = [places[place] for place in rng.integers(len(places), size=BATCH)]
        images = np.stack([stacks[case][0][index] for case, index in drawn]).astype(np.float32)
        shares = np.stack([stacks[case][1][index] for case, index in drawn]).astype(np.float32)
        mirrored = rng.random(BATCH) < 0.5
        images[mirrored], shares[mirrored] = images[mirrored, ::-1], shares[mirrored, ::-1]
        return images, shares

    shape = (BATCH, BASE.size, BASE.size)
    return numbered_batches(make, ((*shape, 3), (*shape, len(CLASSES))), start=first, stop=EPOCHS * STEPS, workers=1)


def _grey_dice(stacks: list[tuple[np.ndarray, np.ndarray]], predict: Callable[[np.ndarray], np.ndarray]) -> float:
    from stroke_tf.metrics.confusion import count
    from stroke_tf.metrics.overlap import dice

    scores = []
    for images, shares in stacks:
        found = predict(np.asarray(images, np.float32)) >= 0.5
        scores.append(dice(count(found, shares[..., 0] >= 0.5)))
    return float(np.mean(scores))


EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="Does pretraining help?",
    arms=(
        Arm("random weights", BASE),
        Arm("phantom-tissue weights, frozen then fine-tuned", TUNED, weights=PHANTOM_TISSUE),
        Arm("phantom-tissue weights, never frozen", FREE, weights=PHANTOM_TISSUE),
        Arm("ImageNet weights, frozen then fine-tuned", TUNED, weights=IMAGENET),
        Arm("ImageNet weights, never frozen", FREE, weights=IMAGENET),
    ),
    comparisons=(
        ("phantom-tissue weights, frozen then fine-tuned", "random weights"),
        ("phantom-tissue weights, never frozen", "random weights"),
        ("ImageNet weights, frozen then fine-tuned", "random weights"),
        ("ImageNet weights, never frozen", "random weights"),
    ),
    find_weights=find_weights,
    seeds=(1, 2, 3),
    minutes=17,
)

if __name__ == "__main__":
    main(EXPERIMENT)
