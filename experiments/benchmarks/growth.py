"""How time and memory grow: prediction with cases, image size and threads; training with its batch; input with workers.

The expectation, written beforehand: N cases cost a start plus N times a case, and no memory; prediction's time grows
with the number of slices and its memory with the number of voxels; a second thread brings less than twice the speed;
a training step costs a start plus so much a slice; the pipeline gains from a second worker and little from more.

    python experiments/benchmarks/growth.py --runs runs/x runs/y runs/z --figure growth.png

Needs Linux (taskset). Every scan in it is a SYNTHETIC phantom. The runs decide the time: where planes disagree in
many slices, more slices must be predicted.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from input_pipeline import (
    ALL,
    PAPER,
    PLANAR,
    our_batches,
    source_of,
    timed_pass,
    training_cost,
    write_phantoms,
)
from measuring import REPOSITORY, alternate, markdown_table, process_cost, spread

from stroke_tf.batches.pipeline import SliceSource
from stroke_tf.manifest.case import Case
from stroke_tf.models.tensorflow_start import start_tensorflow
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.prepare import prepare_all


def measure(
    *,
    repeats: int,
    runs: Sequence[Path],
    case_counts: Sequence[int] = (1, 10, 50),
    case_spacing_mm: float = 3.0,
    spacings_mm: Sequence[float] = (3.0, 2.0, 1.0, 0.75),
    threads: Sequence[int] = (1, 2),
    thread_spacing_mm: float = 1.0,
    batch_sizes: Sequence[int] = (8, 16, 32),
    workers: Sequence[int] = (1, 2, 3, 4),
    predict_options: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure every point of every curve, `repeats` times, points of all curves taking turns.

    Args:
        runs: folders of trained networks, one a plane.
        case_counts: cases of one prediction; one phantom of `case_spacing_mm` under as many names.
        spacings_mm: voxel sizes of one and the same head; smaller voxels make a larger image.
        threads: processor cores that a prediction of one phantom of `thread_spacing_mm` may use.
        batch_sizes: slices of a training step of the whole network.
        workers: batches that the pipeline makes at once.
        predict_options: further options of `stroke-tf predict`.
    Returns: plain JSON: for each curve its points, each with the quantity it is drawn against and what it cost.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spacings = {*spacings_mm, case_spacing_mm, thread_spacing_mm}
        phantoms = {spacing: _phantom(folder / f"phantom-{spacing:g}", spacing) for spacing in spacings}
        (prepared,) = prepare_all([phantoms[thread_spacing_mm]], viewing_of(PLANAR), ArrayCache(folder / "cache"))
        source = source_of([prepared])
        predict = partial(_cost_of_predicting, [Path(run).resolve() for run in runs], predict_options)

        curves: dict[str, dict[float, Callable[[], dict[str, float]]]] = {
            "cases": {
                count: partial(predict, _named(phantoms[case_spacing_mm], count, folder / f"cases-{count}"))
                for count in case_counts
            },
            "size": {
                spacing: partial(predict, _named(phantoms[spacing], 1, folder / f"size-{spacing:g}"))
                for spacing in spacings_mm
            },
            "threads": {
                count: partial(predict, _named(phantoms[thread_spacing_mm], 1, folder / f"threads-{count}"), count)
                for count in threads
            },
            "training": {size: partial(_cost_of_training, size) for size in batch_sizes},
            "workers": {count: partial(_cost_of_batches, source, count) for count in workers},
        }
        found = alternate(
            {f"{curve} {at:g}": work for curve, points in curves.items() for at, work in points.items()}, repeats
        )
    return {
        "settings": {
            "case_spacing_mm": case_spacing_mm,
            "thread_spacing_mm": thread_spacing_mm,
            "repeats": repeats,
            "cores": len(os.sched_getaffinity(0)),
        },
        **{
            curve: [_quantities(curve, at) | _spreads(found[f"{curve} {at:g}"]) for at in points]
            for curve, points in curves.items()
        },
    }


def tables(found: dict[str, Any]) -> str:
    """Return a table for each curve and a sentence on what grows how; slopes are fitted, not typed."""
    return "\n\n".join(
        [
            "Whole processes on SYNTHETIC phantoms, from start to exit. A fitted line is given with the farthest "
            "distance of a point from it.",
            _cases_table(found),
            _size_table(found),
            _threads_table(found),
            _training_table(found),
            _workers_table(found),
        ]
    )


@dataclass(frozen=True)
class Line:
    """The straight line nearest to some points, and how far the farthest of them lies from it."""

    slope: float
    start: float
    farthest: float


def fitted_line(points: Sequence[dict[str, Any]], across: str, up: str) -> Line:
    """Fit one quantity against another by least squares."""
    x, y = _values(points, across), _values(points, up)
    slope, start = np.polyfit(x, y, 1)
    return Line(float(slope), float(start), float(np.abs(slope * x + start - y).max()))


def figure(found: dict[str, Any], path: Path) -> None:
    """Draw every curve, time above and memory below, with the fitted lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(13, 6.2), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = drawn.subplots(2, 4)
    for axis, curve, across, up, words in (
        (axes[0, 0], "cases", "cases", "wall_s", ("prediction against cases", "cases", "wall s")),
        (axes[1, 0], "cases", "cases", "peak_rss_gb", ("", "cases", "peak memory GB")),
        (axes[0, 1], "size", "slices", "wall_s", ("prediction against image size", "slices", "wall s")),
        (axes[1, 1], "size", "megavoxels", "peak_rss_gb", ("", "million voxels", "peak memory GB")),
        (axes[0, 2], "training", "training", "step_s", ("training against the batch", "slices a step", "s a step")),
        (axes[1, 2], "training", "training", "peak_rss_gb", ("", "slices a step", "peak memory GB")),
    ):
        _draw_line(axis, found[curve], across, up)
        axis.set(**dict(zip(("title", "xlabel", "ylabel"), words, strict=True)))
    for axis, curve, up, title, label in (
        (axes[0, 3], "threads", "wall_s", "prediction against threads", "wall s"),
        (axes[1, 3], "workers", "slices_per_s", "input pipeline against workers", "slices/s"),
    ):
        points = found[curve]
        axis.bar([str(point[curve]) for point in points], _values(points, up), color="#0072B2", width=0.6)
        axis.set(xlabel=curve, ylabel=label, title=title)
    for axis in axes.flat:
        axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
        axis.spines[["top", "right"]].set_visible(False)
        axis.title.set_fontsize(10)
    drawn.suptitle("How time and memory grow, on SYNTHETIC phantoms", fontsize=11)
    drawn.savefig(path, dpi=110)


def _draw_line(axis: Any, points: Sequence[dict[str, Any]], across: str, up: str) -> None:
    x, y = _values(points, across), _values(points, up)
    below, above = y - _values(points, up, "low"), _values(points, up, "high") - y
    axis.errorbar(x, y, [below, above], fmt="o", color="#0072B2", capsize=3)
    line = fitted_line(points, across, up)
    ends = np.array([0, x.max()])
    axis.plot(ends, line.start + line.slope * ends, color="#D55E00", lw=1)


def _phantom(folder: Path, spacing_mm: float) -> Case:
    (case,) = write_phantoms(folder, 1, _shape(spacing_mm), spacing_mm)
    return case


def _shape(spacing_mm: float) -> list[int]:
    return [round(side / spacing_mm) for side in PAPER.cohort.shape]


def _named(case: Case, count: int, folder: Path) -> Path:
    """Lay a phantom out as so many plain cases, by links to its files."""
    for number in range(1, count + 1):
        place = folder / f"phantom{number:03}"
        place.mkdir(parents=True)
        for sequence in PLANAR.sequences:
            (place / f"{sequence}.nii").symlink_to(case.images[sequence])
    return folder


def _cost_of_predicting(
    runs: Sequence[Path], options: Sequence[str], data: Path, threads: int | None = None
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, "-m", "stroke_tf.predict", "--runs", *runs, "--data", data, "--out", out, *options]
        if threads is not None:
            words = [*_on_cores(threads), *words]
        cost = process_cost(words, environment={"PYTHONPATH": str(REPOSITORY)})
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "peak_rss_gb": cost.peak_rss_gb}


def _on_cores(count: int) -> list[str]:
    """Return the words that confine a command to so many cores.

    Raises: RuntimeError where there are fewer, or no taskset.
    """
    cores, program = sorted(os.sched_getaffinity(0)), shutil.which("taskset")
    if program is None or len(cores) < count:
        raise RuntimeError(f"{count} threads need taskset and as many cores. Found: {program}, {len(cores)} cores")
    return [program, "-c", ",".join(map(str, cores[:count]))]


def _cost_of_training(batch_size: int) -> dict[str, float]:
    cost = training_cost(encoder_trainable=True, batch_size=batch_size, steps=3)
    return {"step_s": float(np.median(cost["step_s"])), "peak_rss_gb": cost["peak_rss_gb"]}


def _cost_of_batches(source: SliceSource, workers: int) -> dict[str, float]:
    passes = [timed_pass(our_batches(source, ALL, steps=60, workers=workers), steps=60) for _ in range(3)]
    return {name: statistics.median(each[name] for each in passes) for name in passes[0]}


def _quantities(curve: str, at: float) -> dict[str, float]:
    """Return what a point is drawn against."""
    if curve == "size":
        shape = _shape(at)
        return {"spacing_mm": at, "slices": sum(shape), "megavoxels": math.prod(shape) / 1e6}
    return {curve: at}


def _spreads(found: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: spread([each[name] for each in found]).as_json() for name in found[0]}


def _values(points: Sequence[dict[str, Any]], name: str, which: str = "median") -> np.ndarray:
    """Return one quantity of all points, be it set or measured."""
    return np.array([point[name][which] if isinstance(point[name], dict) else point[name] for point in points])


def _table(points: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    rows = [[_number(_values([point], name)[0]) for name in columns] for point in points]
    return markdown_table(list(columns.values()), rows)


def _number(value: float) -> str:
    """Write three figures, and never a power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _cases_table(found: dict[str, Any]) -> str:
    points = found["cases"]
    time, memory = fitted_line(points, "cases", "wall_s"), fitted_line(points, "cases", "peak_rss_gb")
    fewest, most = points[0], points[-1]
    ratio = _values([most], "peak_rss_gb")[0] / _values([fewest], "peak_rss_gb")[0]
    return _part(
        "Prediction against cases",
        f"One phantom of {found['settings']['case_spacing_mm']:g} mm voxels under as many names.",
        _table(points, {"cases": "cases", "wall_s": "wall s", "cpu_s": "CPU s", "peak_rss_gb": "peak memory GB"}),
        f"N cases cost {time.start:.1f} s + N x {time.slope:.2f} s (farthest point {time.farthest:.2f} s off); memory "
        f"grows by {memory.slope * 1e3:.1f} MB a case (farthest {memory.farthest * 1e3:.0f} MB off), and with "
        f"{most['cases']} cases is {ratio:.2f} of that with {fewest['cases']}. Target: a start plus N times a case, "
        "memory flat.",
    )


def _size_table(found: dict[str, Any]) -> str:
    points = found["size"]
    time, memory = fitted_line(points, "slices", "wall_s"), fitted_line(points, "megavoxels", "peak_rss_gb")
    columns = {
        "spacing_mm": "voxel mm",
        "slices": "slices of three planes",
        "megavoxels": "million voxels",
        "wall_s": "wall s",
        "cpu_s": "CPU s",
        "peak_rss_gb": "peak memory GB",
    }
    return _part(
        "Prediction against image size",
        "The same head in smaller voxels.",
        _table(points, columns),
        f"Time grows with the slices, {time.start:.1f} s + {time.slope * 100:.2f} s for each hundred (farthest point "
        f"{time.farthest:.2f} s off); memory with the voxels, {memory.start:.2f} GB + {memory.slope * 1e3:.0f} MB for "
        f"each million (farthest {memory.farthest * 1e3:.0f} MB off).",
    )


def _threads_table(found: dict[str, Any]) -> str:
    points = found["threads"]
    wall, cpu = _values(points, "wall_s"), _values(points, "cpu_s")
    return _part(
        "Prediction against threads",
        f"One phantom of {found['settings']['thread_spacing_mm']:g} mm voxels, the process confined to so many cores.",
        _table(points, {"threads": "threads", "wall_s": "wall s", "cpu_s": "CPU s", "peak_rss_gb": "peak memory GB"}),
        f"{points[-1]['threads']:g} threads are {wall[0] / wall[-1]:.2f} times as fast as {points[0]['threads']:g} and "
        f"take {cpu[-1] / cpu[0]:.2f} times the processor's time.",
    )


def _training_table(found: dict[str, Any]) -> str:
    points = found["training"]
    time, memory = fitted_line(points, "training", "step_s"), fitted_line(points, "training", "peak_rss_gb")
    return _part(
        "Training against the batch",
        "The paper's network, all layers trained, a few steps on the processor.",
        _table(points, {"training": "slices a step", "step_s": "s a step", "peak_rss_gb": "peak memory GB"}),
        f"A step costs {time.start:.2f} s + {time.slope * 1e3:.0f} ms a slice (farthest point {time.farthest:.2f} s "
        f"off); memory is {memory.start:.2f} GB + {memory.slope * 1e3:.0f} MB a slice (farthest "
        f"{memory.farthest * 1e3:.0f} MB off).",
    )


def _workers_table(found: dict[str, Any]) -> str:
    points = found["workers"]
    rates = _values(points, "slices_per_s")
    best = int(rates.argmax())
    return _part(
        "Input pipeline against workers",
        "Every augmentation on, nothing else running.",
        _table(points, {"workers": "workers", "slices_per_s": "slices/s", "cpu_ms": "CPU ms a slice"}),
        f"{points[best]['workers']:g} workers are fastest, {rates[best] / rates[0]:.2f} times as fast as "
        f"{points[0]['workers']:g}, on {found['settings']['cores']} cores.",
    )


def _part(title: str, what: str, table: str, sentence: str) -> str:
    return f"#### {title}\n\n{what}\n\n{table}\n\n{sentence}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    options = argparse.ArgumentParser(description="Measure how time and memory grow.")
    options.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of trained networks, one a plane")
    options.add_argument("--repeats", type=int, default=1, help="rounds, of which the median counts (default 1)")
    options.add_argument("--cases", type=int, nargs="+", default=(1, 10, 50), help="cases of a prediction (1 10 50)")
    options.add_argument("--spacings", type=float, nargs="+", default=(3.0, 2.0, 1.0, 0.75), help="mm (3 2 1 0.75)")
    options.add_argument("--thread-spacing", type=float, default=1.0, help="mm of the phantom for threads (1)")
    options.add_argument("--batch-sizes", type=int, nargs="+", default=(8, 16, 32), help="of training (8 16 32)")
    options.add_argument("--workers", type=int, nargs="+", default=(1, 2, 3, 4), help="of the pipeline (1 2 3 4)")
    options.add_argument("--predict-options", default="", help="further options of stroke-tf predict, in one word")
    options.add_argument("--json", type=Path, help="also write what was measured")
    options.add_argument("--figure", type=Path, help="also draw it")
    given = options.parse_args(arguments)
    start_tensorflow()
    found = measure(
        repeats=given.repeats,
        runs=given.runs,
        case_counts=given.cases,
        spacings_mm=given.spacings,
        thread_spacing_mm=given.thread_spacing,
        batch_sizes=given.batch_sizes,
        workers=given.workers,
        predict_options=given.predict_options.split(),
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    if given.figure:
        figure(found, given.figure)
    print(tables(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
