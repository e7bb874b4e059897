"""How fast does one plane train, beside Keras as it comes? Whole network and frozen encoder, ResNet50 U-Net, batch 32.

The expectation, written beforehand, as ratios of slices a second within one run on two cores: the whole network in
mixed_bfloat16 at least 1.5 times Keras as it comes in float32 (2 if all goes well); the frozen encoder at least 2.4
times segmentation-models' own freeze. A second plane costs no building and no tracing.

    python experiments/benchmarks/training.py

"As it comes" is what a user writes: segmentation_models.Unet, Keras's batch normalisation and Adam, train_on_batch,
with a loss that is cheaper than ours (plain cross-entropy); its freeze keeps batch normalisation in training. The
slices lie in memory; input_pipeline.py tells what making them costs. They are SYNTHETIC: an ellipse of noise with a
bright disc.

What was tried and is not kept, in processor seconds of a mixed_bfloat16 step:
- the decoder's up-sampling, concatenation and convolution as a transposed convolution and one of the skip: 5 % less for
  the whole network, 10 % for the frozen encoder; as yet not worth a second form of the network;
- channels first: single 3x3 convolutions with their gradients take 1.8 to 4 times as long;
- 1x1 convolutions as matrix products: between 5 % more and 6 % less, which is noise;
- memory that the C library never gives back: no difference, the allocator of TensorFlow keeps it already;
- XLA: 1.4 times as much in float32, 1.9 times in mixed_bfloat16, a first step of 80 s, and no deterministic gradient of
  max pooling, so that a run could not go on with the same bits;
- features of the frozen encoder, computed once: the recipe turns slices by any angle, so no two batches share any.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import alternate, markdown_table, process_cost, seconds, spread

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.tensorflow_start import start_tensorflow
from stroke_tf.recipes.multiplane_2025 import PLANAR

NAIVE, OURS_EXACT, OURS = "Keras as it comes, float32", "ours, float32", "ours, mixed_bfloat16"
NAIVE_FROZEN, OURS_FROZEN = "segmentation-models' freeze, float32", "ours, frozen, mixed_bfloat16"
VARIANTS = (NAIVE, OURS_EXACT, OURS, NAIVE_FROZEN, OURS_FROZEN)
# What is judged, against what, and the ratio of slices a second that was set beforehand.
TARGETS = {OURS: (NAIVE, 1.5), OURS_FROZEN: (NAIVE_FROZEN, 2.4)}
RATE = 1e-4


def measure(
    *, repeats: int, batch_size: int = PLANAR.batch_size, steps: int = 2, backbone: str = PLANAR.backbone
) -> dict[str, Any]:
    """Measure all variants in a process of their own, in turn.

    Args:
        repeats: turns of each variant.
        steps: training steps of one turn.
    Returns: of each variant the seconds of building and of the first steps, slices a second, processor seconds a
        slice and executed floating-point operations; the cost of the second plane; the peak memory.
    """
    asked = {"repeats": repeats, "batch_size": batch_size, "steps": steps, "backbone": backbone}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        command = [sys.executable, Path(__file__).resolve(), "--worker", answer, "--asked", json.dumps(asked)]
        cost = process_cost(command)
        found = json.loads(answer.read_text(encoding="utf-8"))
    return {"settings": asked, **found, "peak_rss_gb": cost.peak_rss_gb}


def tables(found: Mapping[str, Any]) -> str:
    """Return the tables in Markdown, with the targets and whether they are met."""
    rows = []
    for name, each in found["variants"].items():
        rows.append(
            [
                name,
                _spread_text(each["slices_per_s"]),
                f"{each['cpu_s_per_slice']['median']:.3f}",
                f"{each['gflop_per_slice']:.1f}",
                f"{each['gflop_per_slice'] * each['slices_per_s']['median']:.0f}",
                f"{each['build_s']:.1f}",
                f"{each['first_steps_s']:.1f}",
            ]
        )
    columns = ["", "slices/s", "CPU s a slice", "GFLOP a slice", "GFLOP/s", "building, s", "first steps, s"]
    second, settings = found["second_plane"], found["settings"]
    return "\n".join(
        [
            f"Training steps of {settings['batch_size']} slices, {settings['backbone']} U-Net: median [min, max] of "
            f"{settings['repeats']} turns; GFLOP are those of the convolutions that are executed. The frozen "
            "encoder takes the network that is built for the whole, so it is only traced; first steps are two, since "
            "Keras traces twice.",
            "",
            markdown_table(columns, rows),
            "",
            *[_verdict(found, name) for name in TARGETS],
            f"- the first plane has taken its first steps after {second['first_plane_s']:.1f} s, a second one after "
            f"{second['reset_s'] + second['first_steps_s']:.1f} s, of which {second['reset_s']:.1f} s put the weights "
            f"back; the step was traced {'once' if second['traces'] == 1 else str(second['traces']) + ' times'}.",
            f"- peak memory of the process with all of these networks: {found['peak_rss_gb']:.1f} GB.",
        ]
    )


@dataclass(frozen=True)
class _Variant:
    """A network that can take steps, and what it cost until it could."""

    step: Callable[[], float]
    build_s: float
    first_steps_s: float
    flop_per_slice: float


def _verdict(found: Mapping[str, Any], name: str) -> str:
    baseline, target = TARGETS[name]
    ours, theirs = found["variants"][name], found["variants"][baseline]
    wall = ours["slices_per_s"]["median"] / theirs["slices_per_s"]["median"]
    cpu = theirs["cpu_s_per_slice"]["median"] / ours["cpu_s_per_slice"]["median"]
    verdict = "reached" if wall >= target else "**missed**"
    return f"- {name} / {baseline}: {wall:.2f} times the slices a second, target {target}: {verdict}; CPU 1/{cpu:.2f}."


def _spread_text(found: Mapping[str, float]) -> str:
    return f"{found['median']:.1f} [{found['low']:.1f}, {found['high']:.1f}]"


def _work(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Build, trace and time every variant; in a process of its own, since it tells TensorFlow to be deterministic."""
    start_tensorflow()
    from stroke_tf.training.determinism import same_seed_same_bits

    images, coverage = synthetic_batch(asked["batch_size"])
    backbone = asked["backbone"]
    variants = {name: _as_it_comes(images, coverage, backbone, name == NAIVE_FROZEN) for name in (NAIVE, NAIVE_FROZEN)}
    # After those, because a user's script does not ask for it; our training always does.
    same_seed_same_bits()
    variants[OURS_EXACT], *_ = _ours(images, coverage, backbone, Precision.FLOAT32)
    variants[OURS], trainable, whole = _ours(images, coverage, backbone, Precision.MIXED_BFLOAT16)
    variants[OURS_FROZEN] = _frozen(trainable, images, coverage)
    gc.collect()

    def turn(name: str) -> dict[str, float]:
        wall, cpu = time.perf_counter(), _cpu_s()
        for _ in range(asked["steps"]):
            variants[name].step()
        slices = asked["steps"] * asked["batch_size"]
        return {"slices_per_s": slices / (time.perf_counter() - wall), "cpu_s_per_slice": (_cpu_s() - cpu) / slices}

    turns = alternate({name: lambda name=name: turn(name) for name in VARIANTS}, asked["repeats"])
    found: dict[str, Any] = {}
    for name in VARIANTS:
        each = variants[name]
        found[name] = {
            "build_s": each.build_s,
            "first_steps_s": each.first_steps_s,
            "gflop_per_slice": each.flop_per_slice / 1e9,
            "raw": turns[name],
            **{
                number: spread([turn[number] for turn in turns[name]]).as_json()
                for number in ("slices_per_s", "cpu_s_per_slice")
            },
        }
    return {"variants": found, "second_plane": _second_plane(trainable, whole, variants[OURS], images, coverage)}


def synthetic_batch(count: int, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return slices as networks see them: z-scores inside an ellipse, 0 outside, a bright disc that is the lesion.

    Returns: images (count, size, size, 3) and coverage (count, size, size), float32.
    """
    draw = np.random.default_rng(1)
    row, column = np.mgrid[:size, :size] / (size - 1) - 0.5
    brain = (row / 0.48) ** 2 + (column / 0.4) ** 2 < 1
    centres = draw.uniform(-0.2, 0.2, size=(count, 2, 1, 1))
    lesion = (row - centres[:, 0]) ** 2 + (column - centres[:, 1]) ** 2 < 0.08**2
    images = draw.normal(size=(count, size, size, 3)) + 2.0 * lesion[..., None]
    return np.where(brain[..., None], images, 0).astype(np.float32), (lesion & brain).astype(np.float32)


def _as_it_comes(images: np.ndarray, coverage: np.ndarray, backbone: str, frozen: bool) -> _Variant:
    """Build what a user would write, trace it and tell what that took."""
    import keras

    os.environ["SM_FRAMEWORK"] = "tf.keras"
    with contextlib.redirect_stdout(io.StringIO()):
        import segmentation_models
    began = time.perf_counter()
    keras.utils.set_random_seed(1)
    model = segmentation_models.Unet(
        backbone,
        input_shape=images.shape[1:],
        classes=2,
        activation="softmax",
        encoder_weights=None,
        encoder_freeze=frozen,
    )
    model.compile(keras.optimizers.Adam(RATE), loss="sparse_categorical_crossentropy")
    build_s = time.perf_counter() - began
    labels = (coverage >= 0.5).astype(np.int32)

    def step() -> float:
        return float(np.asarray(model.train_on_batch(images, labels)).ravel()[0])

    forward, decoder, _ = _forward_flop(model)
    # Its freeze spares the encoder the gradients of its weights; those of its features are computed all the same, for
    # the batch normalisations that go on learning.
    executed = 2 * forward + decoder if frozen else 3 * forward
    return _Variant(step, build_s, _warm_up_s(step), executed)


def _ours(
    images: np.ndarray, coverage: np.ndarray, backbone: str, precision: Precision
) -> tuple[_Variant, Any, Callable]:
    """Build our network and trace its step.

    Returns: the variant, the Trainable that it belongs to, and the compiled step.
    """
    from stroke_tf.models.build import build_model
    from stroke_tf.training.fit import Trainable
    from stroke_tf.training.losses import hybrid_loss

    began = time.perf_counter()
    model = build_model(Architecture.UNET_2D, seed=1, precision=precision, backbone=backbone, size=images.shape[1])
    loss = hybrid_loss(alpha=PLANAR.loss.alpha, beta=PLANAR.loss.beta, lesion_weight=PLANAR.loss.lesion_weight)
    trainable = Trainable(model, loss, precision)
    compiled, optimizer = trainable.step_of(encoder_trainable=True)
    optimizer.learning_rate = RATE
    build_s = time.perf_counter() - began
    step = _step_on(compiled, images, coverage)
    forward, *_ = _forward_flop(model.get_layer("unet"))
    return _Variant(step, build_s, _warm_up_s(step), 3 * forward), trainable, compiled


def _frozen(trainable: Any, images: np.ndarray, coverage: np.ndarray) -> _Variant:
    began = time.perf_counter()
    compiled, optimizer = trainable.step_of(encoder_trainable=False)
    optimizer.learning_rate = RATE
    build_s = time.perf_counter() - began
    step = _step_on(compiled, images, coverage)
    forward, decoder, first = _forward_flop(trainable.model.get_layer("unet"))
    # Nothing below the decoder's first convolution learns, so that its input needs no gradient.
    return _Variant(step, build_s, _warm_up_s(step), forward + decoder + (decoder - first))


def _step_on(compiled: Callable, images: np.ndarray, coverage: np.ndarray) -> Callable[[], float]:
    import tensorflow as tf

    batch = tf.constant(images), tf.constant(coverage)
    return lambda: float(compiled(*batch))


def _warm_up_s(step: Callable[[], float]) -> float:
    """Take the steps in which a network is traced: Keras does it at the first, and once more at the second."""
    return seconds(step) + seconds(step)


def _second_plane(
    trainable: Any, compiled: Callable, first: _Variant, images: np.ndarray, coverage: np.ndarray
) -> dict[str, Any]:
    """Begin a second run with the network at hand, as a run over several planes does."""
    reset_s = seconds(lambda: (trainable.reset(), trainable.step_of(encoder_trainable=True)))
    first_steps_s = _warm_up_s(_step_on(compiled, images, coverage))
    return {
        "reset_s": reset_s,
        "first_steps_s": first_steps_s,
        "first_plane_s": first.build_s + first.first_steps_s,
        "traces": compiled.experimental_get_tracing_count(),
    }


def _forward_flop(model: Any) -> tuple[float, float, float]:
    """Count what the convolutions of one slice take forward, a product and a sum as two.

    Returns: of the whole network, of its decoder, and of the decoder's first convolution.
    """
    import keras

    flop = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            rows, columns = layer.output.shape[1:3]
            flop[layer.name] = 2.0 * np.prod(layer.kernel.shape) * rows * columns
    decoder = {name: value for name, value in flop.items() if name.startswith("decoder") or name == "final_conv"}
    return sum(flop.values()), sum(decoder.values()), decoder["decoder_stage0a_conv"]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    options = argparse.ArgumentParser(description="Measure training steps beside Keras as it comes.")
    options.add_argument("--repeats", type=int, default=5, help="turns of each variant (default 5)")
    options.add_argument("--batch-size", type=int, default=PLANAR.batch_size)
    options.add_argument("--steps", type=int, default=2, help="training steps of one turn (default 2)")
    options.add_argument("--backbone", default=PLANAR.backbone, help="resnet18 for a trial")
    options.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--asked", type=json.loads, help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    if given.worker:
        given.worker.write_text(json.dumps(_work(given.asked)), encoding="utf-8")
        return 0
    found = measure(repeats=given.repeats, batch_size=given.batch_size, steps=given.steps, backbone=given.backbone)
    print(tables(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
