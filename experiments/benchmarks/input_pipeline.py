"""Does the network ever wait for its input? Slices a second, the first epoch, and memory against the cohort's size.

The expectation, written beforehand: at least 2,000 slices a second on two cores with every augmentation on; a first
epoch, which begins at NIfTI files, of at most 1.5 later ones; private memory that is the same for 28 and 280 cases.

    python experiments/benchmarks/input_pipeline.py

Needs Linux, which tells private memory and mapped files apart. Every scan in it is a SYNTHETIC phantom.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import alternate, markdown_table, process_cost, spread

from stroke_tf.batches.augment import Augmentation
from stroke_tf.batches.coverage import as_coverage
from stroke_tf.batches.pipeline import WORKERS, SliceSource, slice_batches
from stroke_tf.choices import Device, Precision
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.models.tensorflow_start import start_tensorflow
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import PAPER, PLANAR
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.cohort import with_all_digests
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.prepare import Prepared, prepare_all
from stroke_tf.workflows.simulate import simulate

ALL = Augmentation(**asdict(PLANAR.augmenting))
"""What the paper's recipe does to a slice."""
NOTHING = Augmentation(flip=False, rotation_degrees=0, brightness=0, contrast=0)
SETTINGS = {
    "no augmentation": None,
    "intensity": replace(NOTHING, brightness=ALL.brightness, contrast=ALL.contrast),
    "flips": replace(NOTHING, flip=True),
    "rotation": replace(NOTHING, rotation_degrees=ALL.rotation_degrees),
    "all": ALL,
}
REFERENCE = "all, as a user writes it"
PLANE = Plane.Z
# Three of four folds train and choose the epoch.
EPOCH_CASES = PAPER.cohort.cases * 3 // 4
EPOCH_SLICES = PLANAR.batch_size * PLANAR.steps_per_epoch


def measure(
    *,
    repeats: int,
    cases: int = 4,
    shape: Sequence[int] = PAPER.cohort.shape,
    spacing_mm: float = 1.0,
    steps: int = 60,
    workers: int = WORKERS,
    cohort_sizes: Sequence[int] = (28, 280),
    training_slices_per_s: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Measure the pipeline's speed, what preparation adds to the first epoch, and the memory of a whole epoch.

    Args:
        cases: phantoms that are drawn.
        steps: batches of one timed pass.
        cohort_sizes: cases of the memory runs; the drawn phantoms stand under as many names.
        training_slices_per_s: by a name for what is trained; None measures the paper's network here for a few steps.
    Returns: plain JSON; seconds, bytes, and slices a second.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = write_phantoms(folder / "cohort", cases, shape, spacing_mm)
        preparation = [_time_of_preparing(drawn, folder / "cache") for _ in range(repeats)]
        prepared = prepare_all(drawn, viewing_of(PLANAR), ArrayCache(folder / "cache"))
        source = source_of(prepared)
        passes = alternate(
            {
                **{
                    name: lambda each=augmentation: timed_pass(our_batches(source, each, steps, workers), steps)
                    for name, augmentation in SETTINGS.items()
                },
                REFERENCE: lambda: timed_pass(as_a_user_writes_it(source, steps, workers), steps),
            },
            repeats,
        )
        memory = {str(size): _memory_of_streaming(folder, size) for size in cohort_sizes}
        cache_bytes = _bytes_by_array(folder / "cache", cases)
        slices = sum(int(source_of(prepared, plane).brain_slices.size) for plane in Plane) / cases
    if training_slices_per_s is None:
        training_slices_per_s = {
            "whole network": training_cost(encoder_trainable=True)["slices_per_s"],
            "frozen encoder": training_cost(encoder_trainable=False)["slices_per_s"],
        }
    return {
        "settings": {
            "cases": cases,
            "shape": list(shape),
            "spacing_mm": spacing_mm,
            "batch_size": PLANAR.batch_size,
            "steps": steps,
            "workers": workers,
        },
        "slices_per_s": {
            name: spread([each["slices_per_s"] for each in found]).as_json() for name, found in passes.items()
        },
        "cpu_ms_a_slice": {
            name: spread([each["cpu_ms"] for each in found]).as_json() for name, found in passes.items()
        },
        "prepare_s_a_case": spread(preparation).as_json(),
        "brain_slices_a_case": slices,
        "training_slices_per_s": training_slices_per_s,
        "memory": memory,
        "cache_bytes_a_case": cache_bytes,
    }


def tables(found: dict[str, Any]) -> str:
    """Return the Markdown of what `measure` found, with the targets beside what was reached."""
    return "\n\n".join([_speed_table(found), _first_epoch_table(found), _memory_table(found)])


def write_phantoms(folder: Path, cases: int, shape: Sequence[int], spacing_mm: float) -> tuple[Case, ...]:
    """Draw a cohort of phantoms as NIfTI files and return its cases."""
    simulate(folder, cases=cases, shape=shape, spacing_mm=[spacing_mm], seed=2511, layout="siss2015")
    return tuple(find_cases(folder))


def source_of(prepared: Sequence[Prepared], plane: Plane = PLANE) -> SliceSource:
    """Return the slices of one plane."""
    return SliceSource([case.images[plane] for case in prepared], [case.coverage[plane] for case in prepared])


def timed_pass(batches: Iterable[Any], steps: int) -> dict[str, float]:
    """Time batches after the first, which pays for the start."""
    stream = iter(batches)
    next(stream)
    began, cpu_began = time.perf_counter(), time.process_time()
    for _ in stream:
        pass
    slices = steps * PLANAR.batch_size
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return {"slices_per_s": slices / wall, "cpu_ms": cpu / slices * 1e3}


def our_batches(source: SliceSource, augmentation: Augmentation | None, steps: int, workers: int) -> Iterable[Any]:
    """Return the package's own batches of the recipe, one more than will be timed."""
    return slice_batches(
        source,
        batch_size=PLANAR.batch_size,
        steps=steps + 1,
        augmentation=augmentation,
        lesion_share=PLANAR.lesion_share,
        seed=1,
        workers=workers,
    )


def as_a_user_writes_it(source: SliceSource, steps: int, workers: int) -> Iterable[Any]:
    """Return batches from a plain albumentations.Compose, called through numpy_function once a slice.

    The same files, flips and angles. Its brightness and contrast clip z-scores to [0, 1], which costs about the same
    and is why ours are our own.
    """
    import cv2
    import tensorflow as tf

    from stroke_tf.batches.quiet_albumentations import import_albumentations

    library = import_albumentations()
    transform = library.Compose(
        [
            library.HorizontalFlip(p=0.5),
            library.VerticalFlip(p=0.5),
            library.Rotate(
                limit=ALL.rotation_degrees,
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_LINEAR,
                border_mode=cv2.BORDER_CONSTANT,
                p=1,
            ),
            library.RandomBrightnessContrast(brightness_limit=ALL.brightness, contrast_limit=ALL.contrast, p=1),
        ]
    )
    places = [(case, index) for case, stack in enumerate(source.images) for index in range(len(stack))]

    def load(number: int) -> tuple[np.ndarray, np.ndarray]:
        case, index = places[number]
        image = source.images[case][index].astype(np.float32)
        changed = transform(image=image, mask=as_coverage(source.labels[case][index]))
        return changed["image"], changed["mask"]

    numbers = tf.data.Dataset.from_tensor_slices(source.brain_slices).shuffle(10_000, seed=1).repeat()
    examples = numbers.map(
        lambda number: tf.numpy_function(load, [number], (tf.float32, tf.float32)), num_parallel_calls=workers
    )
    return examples.batch(PLANAR.batch_size).prefetch(tf.data.AUTOTUNE).take(steps + 1)


def training_cost(*, encoder_trainable: bool, batch_size: int = PLANAR.batch_size, steps: int = 4) -> dict[str, Any]:
    """Train the paper's network for a few steps in a process of its own, on the processor.

    Returns: slices_per_s of the median step without the first, peak_rss_gb of the process.
    """
    asked = {"encoder_trainable": encoder_trainable, "batch_size": batch_size, "steps": steps}
    cost = process_cost([sys.executable, Path(__file__).resolve(), "--worker", "train", "--asked", json.dumps(asked)])
    told = json.loads(cost.output.splitlines()[-1])
    rate = batch_size / float(np.median(told["step_s"]))
    return {**asked, **told, "slices_per_s": rate, "peak_rss_gb": cost.peak_rss_gb}


def _train_worker(asked: dict[str, Any]) -> dict[str, Any]:
    from stroke_tf.models.device import choose_device
    from stroke_tf.training.determinism import same_seed_same_bits
    from stroke_tf.workflows.networks import RANDOM, build_trainable

    chosen = choose_device(Device.CPU, Precision.AUTO)
    same_seed_same_bits()
    trainable = build_trainable(PLANAR, RANDOM, precision=chosen.precision, seed=1)
    step, _ = trainable.step_of(encoder_trainable=asked["encoder_trainable"])
    draw = np.random.default_rng(1)
    images = draw.normal(size=(asked["batch_size"], PLANAR.size, PLANAR.size, 3)).astype(np.float32)
    coverage = (draw.random(images.shape[:3]) < 0.1).astype(np.float32)
    took = []
    for _ in range(asked["steps"] + 1):
        began = time.perf_counter()
        float(step(images, coverage))
        took.append(time.perf_counter() - began)
    return {"precision": chosen.precision.value, "step_s": took[1:]}


def _time_of_preparing(cases: Sequence[Case], folder: Path) -> float:
    """Return the seconds a case from its files to the cache, which is empty: hash, read, normalise, cut, write."""
    shutil.rmtree(folder, ignore_errors=True)
    cache = ArrayCache(folder)
    began = time.perf_counter()
    prepare_all(with_all_digests(cases), viewing_of(PLANAR), cache)
    return (time.perf_counter() - began) / len(cases)


def _memory_of_streaming(folder: Path, cases: int) -> dict[str, float]:
    asked = {"cohort": str(folder / "cohort"), "cache": str(folder / "cache"), "cases": cases}
    cost = process_cost([sys.executable, Path(__file__).resolve(), "--worker", "stream", "--asked", json.dumps(asked)])
    return {**json.loads(cost.output.splitlines()[-1]), "peak_rss_bytes": cost.peak_rss_gb * 1e9}


def _stream_worker(asked: dict[str, Any]) -> dict[str, float]:
    """Stream one epoch of the paper's recipe and watch the memory.

    The drawn phantoms stand under other names as often as needed. A name is no part of the cache's key, so all names
    of a phantom share one entry on disk, but each is opened and mapped for itself, as a cohort of that size is.
    """
    drawn = with_all_digests(find_cases(Path(asked["cohort"])))
    cohort = [replace(drawn[k % len(drawn)], case_id=f"copy-{k}") for k in range(asked["cases"])]
    began = time.perf_counter()
    prepared = prepare_all(cohort, viewing_of(PLANAR), ArrayCache(Path(asked["cache"])))
    anonymous, mapped = [], []
    batches = slice_batches(
        source_of(prepared),
        batch_size=PLANAR.batch_size,
        steps=PLANAR.steps_per_epoch,
        augmentation=ALL,
        lesion_share=PLANAR.lesion_share,
        seed=1,
    )
    first_batch_s = None
    for _ in batches:
        first_batch_s = first_batch_s or time.perf_counter() - began
        memory = _resident_bytes()
        anonymous.append(memory["RssAnon"])
        mapped.append(memory["RssFile"])
    return {"private_bytes": max(anonymous), "mapped_bytes": max(mapped), "first_batch_s": first_batch_s}


def _resident_bytes() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}


def _bytes_by_array(cache: Path, cases: int) -> dict[str, float]:
    """Return the disk that a case takes in the cache, by array, as a mean over the cases."""
    found: dict[str, float] = {}
    for file in cache.rglob("*.npy"):
        found[file.stem] = found.get(file.stem, 0) + file.stat().st_size / cases
    return found


def _speed_table(found: dict[str, Any]) -> str:
    rates, cpu, settings = found["slices_per_s"], found["cpu_ms_a_slice"], found["settings"]
    rows = [
        [
            name,
            _with_range(rates[name], ",.0f"),
            _with_range(cpu[name], ".2f"),
            f"{rates[name]['median'] / rates[REFERENCE]['median']:.2f}",
        ]
        for name in rates
    ]
    reached = rates["all"]["median"]
    return "\n\n".join(
        [
            f"Slices of 128x128x3 from SYNTHETIC phantoms in the cache to float32 batches of {settings['batch_size']}, "
            f"{settings['workers']} batches made at once, median [min, max] of {rates['all']['count']} rounds. The "
            "last row is a plain albumentations.Compose behind numpy_function, one call a slice.",
            markdown_table(["augmentation", "slices/s", "CPU ms a slice", "of the last row"], rows),
            f"Target: at least 2,000 augmented slices/s on two cores. Reached: {reached:,.0f}, "
            f"{'kept' if reached >= 2000 else 'MISSED'}.",
        ]
    )


def _first_epoch_table(found: dict[str, Any]) -> str:
    prepare_s = found["prepare_s_a_case"]["median"]
    slices = found["brain_slices_a_case"] * EPOCH_CASES
    pipeline = found["slices_per_s"]["all"]["median"]
    epochs = {
        f"training, {name}, {rate:.3g} slices/s": EPOCH_SLICES / rate
        for name, rate in found["training_slices_per_s"].items()
    } | {"no network: every slice of three planes once": slices / pipeline}
    ratios = {name: (prepare_s * EPOCH_CASES + epoch_s) / epoch_s for name, epoch_s in epochs.items()}
    rows = [[name, f"{prepare_s * EPOCH_CASES:.1f}", f"{epochs[name]:.1f}", f"{ratios[name]:.2f}"] for name in epochs]
    allowed = EPOCH_SLICES * 0.5 / (prepare_s * EPOCH_CASES)
    kept = [name for name, ratio in ratios.items() if ratio <= 1.5]
    missed = [name for name in ratios if name not in kept]
    return "\n\n".join(
        [
            "### First epoch, from NIfTI",
            f"Preparing one phantom (hash and read its uncompressed NIfTI files from a warm disk, normalise, cut three "
            f"planes, write the cache) takes {_with_range(found['prepare_s_a_case'], '.2f')} s. The paper's epoch is "
            f"{PLANAR.steps_per_epoch} batches of {PLANAR.batch_size} slices, whatever the cohort; {EPOCH_CASES} of "
            f"{PAPER.cohort.cases} cases train or choose the epoch and are prepared before it. All of that, all three "
            "planes, is charged to the first epoch of one network, though the networks of the other planes find it "
            "done; validation, the same in every epoch, is left out.",
            markdown_table(["epoch", "preparation s", "later epoch s", "first / later"], rows),
            f"Target: at most 1.5. Kept by: {_listed(kept)}. Missed by: {_listed(missed)}. It is kept as long as the "
            f"network trains at no more than {allowed:.0f} slices/s.",
        ]
    )


def _memory_table(found: dict[str, Any]) -> str:
    memory = found["memory"]
    rows = [
        [
            cases,
            f"{told['private_bytes'] / 1e6:.0f}",
            f"{told['mapped_bytes'] / 1e6:.0f}",
            f"{told['peak_rss_bytes'] / 1e6:.0f}",
            f"{told['first_batch_s']:.1f}",
        ]
        for cases, told in memory.items()
    ]
    (few, small), (many, large) = min(memory.items(), key=_cases), max(memory.items(), key=_cases)
    private, everything = (large[name] / small[name] for name in ("private_bytes", "peak_rss_bytes"))
    by_array = found["cache_bytes_a_case"]
    listed = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in sorted(by_array.items(), key=lambda item: -item[1]))
    return "\n\n".join(
        [
            "### Memory against the number of cases",
            f"A process that streams one epoch of one plane, TensorFlow included. Private memory is its own; mapped "
            f"memory is pages of files, which the kernel lends and takes back. {found['settings']['cases']} "
            "phantoms stand under as many names as there are cases, each name opened and mapped for itself.",
            markdown_table(["cases", "private MB", "mapped MB", "peak in all MB", "first batch after s"], rows),
            f"Target: flat. With {many} cases private memory is {private:.2f} of that with {few}, and all memory "
            f"{everything:.2f}.",
            f"The cache holds {sum(by_array.values()) / 1e6:.0f} MB a case (MB: {listed}), so "
            f"{sum(by_array.values()) * PAPER.cohort.cases / 1e9:.1f} GB for {PAPER.cohort.cases} cases.",
        ]
    )


def _cases(item: tuple[str, Any]) -> int:
    return int(item[0])


def _with_range(told: dict[str, float], form: str) -> str:
    return f"{told['median']:{form}} [{told['low']:{form}}, {told['high']:{form}}]"


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names) or "none"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    options = argparse.ArgumentParser(description="Measure the 2-D input pipeline.")
    options.add_argument("--repeats", type=int, default=5, help="rounds, of which the median counts (default 5)")
    options.add_argument("--cases", type=int, default=4, help="phantoms drawn (default 4)")
    options.add_argument("--shape", type=int, nargs=3, default=PAPER.cohort.shape, help="their voxels (230 230 154)")
    options.add_argument("--spacing", type=float, default=1.0, help="their voxel size in mm (1)")
    options.add_argument("--steps", type=int, default=60, help="batches timed in one pass (default 60)")
    options.add_argument("--workers", type=int, default=WORKERS, help=f"batches made at once (default {WORKERS})")
    options.add_argument("--training-rate", type=float, help="slices/s of training, instead of measuring it")
    options.add_argument("--json", type=Path, help="also write what was measured")
    options.add_argument("--worker", choices=("train", "stream"), help=argparse.SUPPRESS)
    options.add_argument("--asked", type=json.loads, help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    start_tensorflow()
    if given.worker:
        work = _train_worker if given.worker == "train" else _stream_worker
        print(json.dumps(work(given.asked)))
        return 0
    found = measure(
        repeats=given.repeats,
        cases=given.cases,
        shape=given.shape,
        spacing_mm=given.spacing,
        steps=given.steps,
        workers=given.workers,
        training_slices_per_s={"as given": given.training_rate} if given.training_rate else None,
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    print(tables(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
