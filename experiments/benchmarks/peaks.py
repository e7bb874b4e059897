"""How fast this machine convolves at best: the roof under which every other figure stands.

The question: how many products and sums a second do two cores reach on 3x3 convolutions of the sizes that a
ResNet50-UNet has? Measured with OpenVINO's kernels (oneDNN's), two requests at once, in float32 and bfloat16. The
best size counts as the peak; no network reaches it, since it is made of worse sizes too.

    python experiments/benchmarks/peaks.py
"""

import argparse
from collections.abc import Callable

import numpy as np
from measuring import alternate, markdown_table, seconds, spread

from stroke_tf.models.device import usable_threads
from stroke_tf.models.quiet_openvino import import_openvino

openvino = import_openvino()
ops = openvino.opset13

SIZES = ((512, 16), (256, 32), (128, 64))
"""(channels, side) of a slice's features, in and out alike."""
_BATCH, _LAYERS, _RUNS = 4, 6, 8


def measure(*, repeats: int = 5) -> dict:
    """Return GFLOP/s by precision and size, and the best of each precision."""
    works, flops = {}, {}
    for precision in ("float32", "bfloat16"):
        for channels, side in SIZES:
            name = f"{precision}, {channels} channels, {side}x{side}"
            works[name], flops[name] = _convolutions(precision, channels, side)
    times = alternate({name: lambda work=work: seconds(work) for name, work in works.items()}, repeats)
    rates = {name: spread([flops[name] / 1e9 / each for each in times[name]]) for name in works}
    best = {
        precision: max(rate.median for name, rate in rates.items() if name.startswith(precision))
        for precision in ("float32", "bfloat16")
    }
    return {"gflops": {name: rate.as_json() for name, rate in rates.items()}, "peak": best}


def tables(found: dict) -> str:
    """Return the peaks as Markdown."""
    rows = [
        (name, f"{rate['median']:.0f}", f"{rate['low']:.0f} to {rate['high']:.0f}")
        for name, rate in found["gflops"].items()
    ]
    peak = found["peak"]
    return (
        markdown_table(("3x3 convolution", "GFLOP/s", "range"), rows)
        + f"\n\nThe roof: {peak['float32']:.0f} GFLOP/s in float32, {peak['bfloat16']:.0f} in bfloat16."
    )


def _convolutions(precision: str, channels: int, side: int) -> tuple[Callable[[], None], float]:
    """Return a call that runs a chain of convolutions several times, and its floating-point operations."""
    kernel = np.random.default_rng(0).normal(size=(channels, channels, 3, 3)).astype(np.float32) / channels
    images = x = ops.parameter([_BATCH, channels, side, side], np.float32)
    for _ in range(_LAYERS):
        x = ops.relu(ops.convolution(x, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1]))
    model = openvino.Model([ops.reduce_mean(x, ops.constant([2, 3]))], [images], "convolutions")
    threads = usable_threads()
    settings = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,
    }
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    queue = openvino.AsyncInferQueue(compiled, threads)
    values = np.ones((_BATCH, channels, side, side), np.float32)

    def work() -> None:
        for _ in range(_RUNS * threads):
            queue.start_async({0: values})
        queue.wait_all()

    work()
    return work, float(_RUNS * threads * _LAYERS * _BATCH) * 2 * 9 * channels**2 * side**2


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description="Measure the peak of 3x3 convolutions.")
    options.add_argument("--repeats", type=int, default=5)
    print(tables(measure(repeats=options.parse_args().repeats)))


if __name__ == "__main__":
    main()
