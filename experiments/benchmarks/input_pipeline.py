"""How many slices a second the 2-D pipeline delivers, with and without augmentation.

The question: does the pipeline keep up with the network? The expectation, written beforehand: at least 2,000 fully
augmented slices a second on two cores, which is far more than a ResNet50-UNet trains on there, and more than half
of what reading alone delivers.

    python experiments/benchmarks/input_pipeline.py

The stacks are memory maps of random numbers in a temporary folder, as large as the options say.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from stroke_tf.batches.augment import Augmentation
from stroke_tf.batches.pipeline import WORKERS, SliceSource, slice_batches

SETTINGS = {
    "no augmentation": None,
    "intensity": Augmentation(flip=False, rotation_degrees=0),
    "flips": Augmentation(rotation_degrees=0, brightness=0, contrast=0),
    "rotation": Augmentation(flip=False, rotation_degrees=180, brightness=0, contrast=0),
    "all": Augmentation(rotation_degrees=180),
}


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(description="Measure the 2-D input pipeline in slices a second.")
    options.add_argument("--cases", type=int, default=8, help="stacks of slices (default 8)")
    options.add_argument("--slices", type=int, default=150, help="slices of a stack (default 150)")
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--steps", type=int, default=100, help="batches timed in one pass (default 100)")
    options.add_argument("--passes", type=int, default=5, help="passes of which the fastest counts (default 5)")
    options.add_argument("--workers", type=int, default=WORKERS, help=f"batches made at once (default {WORKERS})")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        source = make_source(Path(folder), options.cases, options.slices)
        fastest = dict.fromkeys(SETTINGS, 0.0)
        # The settings take turns, so that a neighbour on the machine slows all of them and not one.
        for _ in range(options.passes):
            for name, augmentation in SETTINGS.items():
                fastest[name] = max(fastest[name], slices_per_second(source, augmentation, options))
    print("| augmentation | slices/s | of reading alone |\n| --- | ---: | ---: |")
    for name, rate in fastest.items():
        print(f"| {name} | {rate:,.0f} | {rate / fastest['no augmentation']:.2f} |")
    return 0


def make_source(folder: Path, cases: int, slices: int) -> SliceSource:
    """Write stacks as the cache does: float16 images, uint8 labels, a tenth of the slices with lesion."""
    draw = np.random.default_rng(1)
    images, labels = [], []
    for case in range(cases):
        image = np.zeros((slices, 128, 128, 3), np.float16)
        image[:, 16:112, 16:112] = draw.normal(size=(slices, 96, 96, 3))
        label = np.zeros((slices, 128, 128), np.uint8)
        label[: slices // 10 + 1, 50:60, 50:60] = 255
        for name, stack, kept in (("image", image, images), ("label", label, labels)):
            np.save(folder / f"{name}{case}.npy", stack)
            kept.append(np.load(folder / f"{name}{case}.npy", mmap_mode="r"))
    return SliceSource(images, labels)


def slices_per_second(source: SliceSource, augmentation: Augmentation | None, options: argparse.Namespace) -> float:
    """Time one pass, after the first batch, which pays for the start."""
    batches = slice_batches(
        source,
        batch_size=options.batch_size,
        steps=options.steps + 1,
        augmentation=augmentation,
        lesion_share=0.5,
        seed=1,
        workers=options.workers,
    )
    stream = iter(batches)
    next(stream)
    begin = time.perf_counter()
    for _ in stream:
        pass
    return options.steps * options.batch_size / (time.perf_counter() - begin)


if __name__ == "__main__":
    raise SystemExit(main())
