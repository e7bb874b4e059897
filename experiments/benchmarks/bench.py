"""Every benchmark in one run: `make bench`. JSON, Markdown and two figures; the README's table is made from the JSON.

    python experiments/benchmarks/bench.py [--out results/bench] [--repeats 5] [--only prediction training …]

About an hour on two cores, a third of it the training of the three networks that prediction needs, which is done once.
Each part is written as soon as it is measured, so what was measured stays when the rest is stopped. Times on a shared
machine wander; compare ratios, and only within one part.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import growth
import input_pipeline
import numpy as np
import peaks
import prediction
import training
from measuring import REPOSITORY, alternate, markdown_table, process_cost, seconds, spread
from trained_networks import trained_networks

from stroke_tf.cli import DOORS
from stroke_tf.files import write_json, write_text
from stroke_tf.models.device import usable_threads
from stroke_tf.training.record import commit, versions

T4_GFLOPS, T4_GB_PER_S = 65_000, 320
"""Tensor cores in float16, and memory, as NVIDIA's data sheet of the T4 prints them."""
_BANDWIDTH_BYTES = 2**28
HELP_SECONDS = 0.5


def main() -> int:
    """Measure what was asked for and write the report anew."""
    asked = _options().parse_args()
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    found = _read(out / "bench.json")
    for name in asked.only or PARTS:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        found[name] = PARTS[name](out, asked.repeats, found)
        found[name]["minutes"] = round((time.monotonic() - began) / 60, 1)
        found["machine"] = machine()
        write_json(out / "bench.json", found)
        write_text(out / "bench.md", report(found))
    draw(found, out)
    print(f"wrote {out / 'bench.md'}, bench.json and the figures beside it")
    return 0


def machine() -> dict[str, Any]:
    """Say on what the figures were measured."""
    return {
        "processor": _processor(),
        "threads": usable_threads(),
        "system": platform.platform(),
        "versions": versions(),
        "commit": commit(),
    }


def report(found: Mapping[str, Any]) -> str:
    """Return all tables that there are figures for."""
    facts = found["machine"]
    parts = [
        "# Benchmarks",
        f"{facts['processor']}, {facts['threads']} threads; Python {facts['versions']['python']}; commit "
        f"{facts['commit']}. Medians with their range; all images are SYNTHETIC phantoms.",
    ]
    peak = found.get("peaks", {}).get("peak")
    chapters: dict[str, tuple[str, Callable[[dict], str]]] = {
        "peaks": ("The roof", lambda each: peaks.tables(each) + "\n\n" + _bandwidth_text(each)),
        "prediction": ("Prediction", lambda each: prediction.tables(each, peak)),
        "training": ("Training", training.tables),
        "input_pipeline": ("Input pipeline", input_pipeline.tables),
        "growth": ("Growth", growth.tables),
        "doors": ("Doors", door_table),
    }
    for name, (title, tables) in chapters.items():
        if name in found:
            parts += [f"## {title}", tables(found[name])]
    if peak and "prediction" in found:
        parts.append(t4_text(found))
    return "\n\n".join(parts) + "\n"


def door_table(found: Mapping[str, Any]) -> str:
    """Return how long each door's help takes."""
    times = found["help_s"]
    slowest = max(each["high"] for each in times.values())
    rows = [(name, f"{each['median']:.2f}", f"{each['high']:.2f}") for name, each in times.items()]
    goal = ("every `--help` below 0.5 s", slowest < HELP_SECONDS, f"{slowest:.2f} s at most")
    return markdown_table(("`--help` of", "s", "slowest"), rows) + "\n\n" + prediction.verdicts([goal])


def t4_text(found: Mapping[str, Any]) -> str:
    """Return what a T4 could do at best by the roofline; an estimate, since none was measured."""
    each = found["prediction"]["networks"]["ours by Keras, bfloat16"]
    intensity = each["gflop_a_slice"] / each["gbyte_a_slice"]
    roof = min(T4_GFLOPS, T4_GB_PER_S * intensity)
    return (
        f"**Estimate, not measured**: on a T4 the roofline allows at most {roof / each['gflop_a_slice']:,.0f} slices a "
        f"second of inference in float16 ({T4_GFLOPS / 1000:.0f} TFLOP/s, {T4_GB_PER_S} GB/s, {intensity:.0f} FLOP a "
        f"byte if no feature stays in the cache) and a third of that, {roof / each['gflop_a_slice'] / 3:,.0f}, of "
        "training; real networks reach a fraction of their roof."
    )


def draw(found: Mapping[str, Any], out: Path) -> None:
    """Draw the roofline and the growth curves."""
    if "growth" in found:
        growth.figure(found["growth"], out / "growth.png")
    if "peaks" in found and "prediction" in found:
        roofline(found, out / "roofline.png")


def roofline(found: Mapping[str, Any], path: Path) -> None:
    """Draw what the machine can do against what the networks do."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.5), constrained_layout=True)
    across = np.geomspace(1, 1000, 200)
    bandwidth = found["peaks"]["bandwidth_gb_per_s"]["median"]
    for (precision, peak), colour in zip(found["peaks"]["peak"].items(), ("tab:blue", "tab:red"), strict=True):
        axis.plot(
            across, np.minimum(peak, bandwidth * across), color=colour, label=f"roof, {precision}: {peak:.0f} GFLOP/s"
        )
    for (name, each), marker in zip(found["prediction"]["networks"].items(), "osD^v", strict=True):
        colour = "tab:red" if each["precision"] == "bfloat16" else "tab:blue"
        reached = each["gflop_a_slice"] * each["slices_per_s"]["median"]
        axis.plot(each["gflop_a_slice"] / each["gbyte_a_slice"], reached, marker, color=colour, label=name)
    axis.set(xscale="log", yscale="log", xlabel="FLOP a byte, if no feature stays in the cache", ylabel="GFLOP/s")
    axis.set_title(f"One plane's network, {found['machine']['threads']} threads (slices of SYNTHETIC phantoms)")
    axis.grid(True, which="both", alpha=0.2)
    axis.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _peaks(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    measured = peaks.measure(repeats=repeats)
    source, target = np.ones(_BANDWIDTH_BYTES // 4, np.float32), np.empty(_BANDWIDTH_BYTES // 4, np.float32)
    np.copyto(target, source)
    times = alternate({"copy": lambda: seconds(lambda: np.copyto(target, source))}, repeats)["copy"]
    return {**measured, "bandwidth_gb_per_s": spread([2 * _BANDWIDTH_BYTES / 1e9 / each for each in times]).as_json()}


def _bandwidth_text(found: Mapping[str, Any]) -> str:
    return f"Memory, one thread copying: {found['bandwidth_gb_per_s']['median']:.0f} GB/s, read and written."


def _prediction(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    return prediction.measure(repeats=repeats, folder=out)


def _training(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    return training.measure(repeats=repeats)


def _input_pipeline(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    rates = None
    if "training" in found:
        variants = found["training"]["variants"]
        names = {"whole network": training.OURS, "frozen encoder": training.OURS_FROZEN}
        rates = {name: variants[variant]["slices_per_s"]["median"] for name, variant in names.items()}
    return input_pipeline.measure(repeats=repeats, training_slices_per_s=rates)


def _growth(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    # Fifty cases five times over would take longer than everything else together.
    return growth.measure(repeats=min(repeats, 2), runs=trained_networks(out).runs)


def _doors(out: Path, repeats: int, found: Mapping[str, Any]) -> dict[str, Any]:
    modules = {name: f"stroke_tf.{name.replace('-', '_')}" for name in DOORS}
    works = {
        name: lambda module=module: process_cost([sys.executable, "-m", module, "--help"]).wall_s
        for name, module in modules.items()
    }
    return {"help_s": {name: spread(times).as_json() for name, times in alternate(works, repeats).items()}}


PARTS: dict[str, Callable[[Path, int, Mapping[str, Any]], dict[str, Any]]] = {
    "peaks": _peaks,
    "prediction": _prediction,
    "training": _training,
    "input_pipeline": _input_pipeline,
    "growth": _growth,
    "doors": _doors,
}


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="Run every benchmark and write one report.")
    options.add_argument(
        "--out", type=Path, default=REPOSITORY / "results" / "bench", help="results, phantoms, networks"
    )
    options.add_argument("--repeats", type=int, default=5, help="turns of each variant (default 5)")
    options.add_argument("--only", nargs="+", choices=PARTS, help="these parts; the others keep their last figures")
    return options


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    kinds = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({', '.join(kinds)})"


if __name__ == "__main__":
    # Whatever is imported must not ask the network for a newer version of anything.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    raise SystemExit(main())
