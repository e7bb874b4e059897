"""Predicting one case, from NIfTI files to the fused NIfTI mask: the whole process, and the network alone.

The question: how far is `stroke-tf predict` from the script that someone would write today (naive_predict.py), and how
far from what the machine can do? Targets, written beforehand, each a ratio within one run on one 230x230x154 case with
three ResNet50-UNets: float32 at most 1/3 of the naive wall time, with the masks that Keras finds, voxel for voxel;
bfloat16 at most 1/7 of the wall and 1/5.5 of the processor time, probabilities within 0.04 of float32 Keras and at
most 1 brain voxel in 10,000 changed; the network alone at 85 % of the bfloat16 peak; at most 0.85 GB.

    python experiments/benchmarks/prediction.py --folder results/bench
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from measuring import ProcessCost, alternate, markdown_table, process_cost, seconds, spread
from trained_networks import PLANES, TEST, Trained, trained_networks

from stroke_tf.choices import Device, Engine, FitRule, Precision, TieRule
from stroke_tf.manifest.case import Case
from stroke_tf.manifest.table import read_manifest
from stroke_tf.metrics.confusion import count
from stroke_tf.metrics.overlap import dice
from stroke_tf.models.engines import choose_engine, start_network
from stroke_tf.models.network import SavedNetwork, read_network
from stroke_tf.planes import Plane
from stroke_tf.workflows.predictors import Predictor, voted_mask
from stroke_tf.workflows.prepare import Prepared, Viewing, prepare

SEQUENCES = ("FLAIR", "DWI", "T2")
HERE = Path(__file__).parent
_SLICES = 64
_NAIVE, _FLOAT32, _BFLOAT16 = "naive script, float32", "ours, float32", "ours, bfloat16"
_KERAS_FLOAT32, _KERAS_BFLOAT16 = "ours by Keras, float32", "ours by Keras, bfloat16"
_ENGINES = {
    _FLOAT32: (Engine.OPENVINO, Precision.FLOAT32),
    _BFLOAT16: (Engine.OPENVINO, Precision.MIXED_BFLOAT16),
    _KERAS_FLOAT32: (Engine.KERAS, Precision.FLOAT32),
    _KERAS_BFLOAT16: (Engine.KERAS, Precision.MIXED_BFLOAT16),
}
NAIVE_GFLOP_A_SLICE = 5.32
"""Products and sums of segmentation-models' Unet("resnet50") on 128x128x3, as its layers stand."""


def measure(*, repeats: int = 5, folder: Path) -> dict:
    """Measure whole processes, then agreement, then the networks alone."""
    trained = trained_networks(folder)
    cases = {case.case_id: case for case in read_manifest(trained.manifest)}
    return {
        "case": f"SYNTHETIC phantom {TEST[0]}, 230x230x154, seen by no network",
        "processes": _processes(trained, cases[TEST[0]], folder, repeats),
        "agreement": _agreement(trained, [cases[name] for name in TEST]),
        "networks": _networks(trained, cases[TEST[0]], repeats),
    }


def tables(found: dict, peak: dict | None = None) -> str:
    """Return the three tables as Markdown; with peaks.measure()["peak"] the share of it too."""
    return "\n\n".join(
        [
            f"One case, files to mask, whole process ({found['case']}):",
            _process_table(found["processes"]),
            "Agreement with Keras in float32 on every slice, nothing left out (three unseen phantoms):",
            _agreement_table(found["agreement"]),
            f"The network of one plane alone, {_SLICES} slices:",
            _network_table(found["networks"], peak),
        ]
    )


def _processes(trained: Trained, case: Case, folder: Path, repeats: int) -> dict:
    images = [case.images[name] for name in SEQUENCES]
    out = folder / "masks"
    naive = ["--weights", *trained.naive_weights, "--images", *images, "--out", folder / "naive-mask.nii"]
    variants: dict[str, Callable[[], ProcessCost]] = {
        _NAIVE: lambda: process_cost([sys.executable, HERE / "naive_predict.py", *naive])
    }
    for name, (engine, precision) in _ENGINES.items():
        words = ["--runs", *trained.runs, "--data", trained.manifest, "--case", case.case_id, "--out", out, "--force"]
        words += ["--engine", engine.value, "--precision", precision.value]
        variants[name] = lambda words=words: process_cost([sys.executable, "-m", "stroke_tf.predict", *words])
    costs = alternate(variants, repeats)
    return {
        name: {
            "wall_s": spread([each.wall_s for each in costs[name]]).as_json(),
            "cpu_s": spread([each.cpu_s for each in costs[name]]).as_json(),
            "peak_rss_gb": spread([each.peak_rss_gb for each in costs[name]]).as_json(),
        }
        for name in variants
    }


def _agreement(trained: Trained, cases: Sequence[Case]) -> dict:
    """Compare every engine and precision with Keras in float32, which predicts every slice of every plane."""
    viewing = Viewing(SEQUENCES, FitRule.BRAIN, patches=False)
    prepared = [prepare(case, viewing, cache=None) for case in cases]
    exact = _predictors(trained, Engine.KERAS, Precision.FLOAT32)
    truth = [[each.probabilities(case) for each in exact] for case in prepared]
    voted = [sum((volume >= 0.5).astype(np.uint8) for volume in volumes) >= 2 for volumes in truth]
    found = {"Keras, float32, every slice": {"dice": _mean_dice(voted, prepared)}}
    for name, (engine, precision) in _ENGINES.items():
        predictors = _predictors(trained, engine, precision)
        farthest, changed, brain, masks = 0.0, 0, 0, []
        for case, volumes, mask in zip(prepared, truth, voted, strict=True):
            for predictor, volume in zip(predictors, volumes, strict=True):
                farthest = max(farthest, float(np.abs(predictor.probabilities(case) - volume).max()))
            masks.append(voted_mask(predictors, case, tie=TieRule.BACKGROUND, done=lambda name: None))
            changed += int(np.count_nonzero(masks[-1] != mask))
            brain += int(np.count_nonzero(case.brain))
        found[name] = {
            "farthest_probability": farthest,
            "voxels_changed": changed,
            "brain_voxels": brain,
            "dice": _mean_dice(masks, prepared),
        }
    return found


def _networks(trained: Trained, case: Case, repeats: int) -> dict:
    """Time the axial network on slices in memory."""
    axial = Plane.Z
    prepared = prepare(case, Viewing(SEQUENCES, FitRule.BRAIN, (axial,), patches=False), cache=None)
    middle = len(prepared.images[axial]) // 2
    images = prepared.images[axial][middle - _SLICES // 2 : middle + _SLICES // 2].astype(np.float32)
    saved = read_network(trained.runs[PLANES.index("z")])
    naive, naive_values = _naive_network(trained.naive_weights[2])
    variants, gflop, gbyte = {_NAIVE: naive}, {_NAIVE: NAIVE_GFLOP_A_SLICE}, {_NAIVE: 4e-9 * naive_values}
    for name, (engine, precision) in _ENGINES.items():
        choose_engine(engine, Device.CPU, precision, [saved.network])
        variants[name] = start_network(saved, engine, precision)
        bytes_a_value = 4 if precision is Precision.FLOAT32 else 2
        gflop[name], values = NAIVE_GFLOP_A_SLICE, naive_values
        if engine is Engine.OPENVINO:
            gflop[name], values = _executed(saved, precision)
        gbyte[name] = 1e-9 * bytes_a_value * values
    for work in variants.values():
        work(images)
    times = alternate(
        {name: lambda work=work: seconds(lambda: work(images)) for name, work in variants.items()}, repeats
    )
    return {
        name: {
            "slices_per_s": spread([len(images) / each for each in times[name]]).as_json(),
            "gflop_a_slice": gflop[name],
            "gbyte_a_slice": gbyte[name],
            "precision": "bfloat16" if "bfloat16" in name else "float32",
        }
        for name in variants
    }


def _executed(saved: SavedNetwork, precision: Precision) -> tuple[float, float]:
    """Count what OpenVINO is given for one slice: GFLOP, and the values that its convolutions read and write."""
    from stroke_tf.models.openvino_unet import network_graph

    flop, values = 0.0, 0.0
    graph = network_graph(saved, precision)
    for node in graph.get_ops():
        kind = node.get_type_name()
        if kind not in ("Convolution", "ConvolutionBackpropData"):
            continue
        shapes = {
            "in": node.input(0).get_shape(),
            "kernel": node.input(1).get_shape(),
            "out": node.output(0).get_shape(),
        }
        values += sum(float(np.prod(shape)) for shape in shapes.values())
        # A convolution meets its kernel at every pixel that it makes, a transposed one at every pixel that it is given.
        met = shapes["out"] if kind == "Convolution" else shapes["in"]
        flop += 2.0 * np.prod(met) * np.prod(shapes["kernel"][1:])
    slices = graph.input(0).get_shape()[0]
    return flop / slices / 1e9, values / slices


def _naive_network(weights: Path) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """Return segmentation-models' network as a function, and the values that its layers read and write for a slice."""
    from naive_predict import BATCH, naive_network

    model = naive_network(weights)
    values = sum(float(np.prod(layer.output.shape[1:])) * 2 for layer in model.layers)
    values += model.count_params() / BATCH

    def predict(images: np.ndarray) -> np.ndarray:
        batches = [images[first : first + BATCH] for first in range(0, len(images), BATCH)]
        return np.concatenate([model.predict_on_batch(batch) for batch in batches])

    return predict, values


def _predictors(trained: Trained, engine: Engine, precision: Precision) -> list[Predictor]:
    predictors = []
    for run in trained.runs:
        saved = read_network(run)
        choose_engine(engine, Device.CPU, precision, [saved.network])
        plane, threshold = Plane(saved.description["plane"]), saved.description["threshold"]
        predictors.append(Predictor(plane.value, plane, threshold, start_network(saved, engine, precision), 0))
    return predictors


def _mean_dice(masks: Sequence[np.ndarray], cases: Sequence[Prepared]) -> float:
    return float(np.mean([dice(count(mask, case.truth)) for mask, case in zip(masks, cases, strict=True)]))


def _process_table(found: dict) -> str:
    naive, rows = found[_NAIVE], []
    for name, cost in found.items():
        wall, cpu, memory = cost["wall_s"], cost["cpu_s"], cost["peak_rss_gb"]
        ratios = [f"1/{naive[kind]['median'] / cost[kind]['median']:.1f}" for kind in ("wall_s", "cpu_s")]
        rows.append((name, _with_range(wall), ratios[0], _with_range(cpu), ratios[1], f"{memory['high']:.2f}"))
    head = ("", "wall, s", "of naive", "processor, s", "of naive", "peak memory, GB")
    return markdown_table(head, rows) + "\n\n" + _process_verdict(found)


def _process_verdict(found: dict) -> str:
    def ratio(name: str, kind: str) -> float:
        return found[_NAIVE][kind]["median"] / found[name][kind]["median"]

    memory = found[_BFLOAT16]["peak_rss_gb"]["high"]
    goals = [
        ("float32, wall at most 1/3", ratio(_FLOAT32, "wall_s") >= 3, f"1/{ratio(_FLOAT32, 'wall_s'):.1f}"),
        ("bfloat16, wall at most 1/7", ratio(_BFLOAT16, "wall_s") >= 7, f"1/{ratio(_BFLOAT16, 'wall_s'):.1f}"),
        ("bfloat16, processor at most 1/5.5", ratio(_BFLOAT16, "cpu_s") >= 5.5, f"1/{ratio(_BFLOAT16, 'cpu_s'):.1f}"),
        ("bfloat16, memory at most 0.85 GB", memory <= 0.85, f"{memory:.2f} GB"),
    ]
    return verdicts(goals)


def verdicts(goals: Sequence[tuple[str, bool, str]]) -> str:
    """Say of each target whether it was reached, and by what."""
    return "\n".join(f"- target {goal}: {'reached' if met else '**missed**'}, {value}" for goal, met, value in goals)


def _agreement_table(found: dict) -> str:
    rows = []
    for name, each in found.items():
        if "brain_voxels" not in each:
            rows.append((name, "", "", f"{each['dice']:.4f}"))
            continue
        share = 1e4 * each["voxels_changed"] / each["brain_voxels"]
        changed = f"{each['voxels_changed']} ({share:.2f} in 10,000 of the brain)"
        rows.append((name, f"{each['farthest_probability']:.2g}", changed, f"{each['dice']:.4f}"))
    ours, fast = found[_FLOAT32], found[_BFLOAT16]
    share = 1e4 * fast["voxels_changed"] / fast["brain_voxels"]
    goals = [
        ("float32, the same mask voxel for voxel", ours["voxels_changed"] == 0, f"{ours['voxels_changed']} differ"),
        (
            "bfloat16, probabilities within 0.04",
            fast["farthest_probability"] <= 0.04,
            f"{fast['farthest_probability']:.3f} at most",
        ),
        ("bfloat16, at most 1 brain voxel in 10,000 changed", share <= 1, f"{share:.2f}"),
    ]
    head = ("", "farthest probability", "voxels changed by the vote", "mean Dice with the truth")
    return markdown_table(head, rows) + "\n\n" + verdicts(goals)


def _network_table(found: dict, peak: dict | None) -> str:
    rows, shares = [], {}
    for name, each in found.items():
        rate = each["slices_per_s"]
        gflops = rate["median"] * each["gflop_a_slice"]
        shares[name] = gflops / peak[each["precision"]] if peak else float("nan")
        share = f"{100 * shares[name]:.0f} %" if peak else ""
        ratio = rate["median"] / found[_NAIVE]["slices_per_s"]["median"]
        rows.append((name, _with_range(rate), f"{ratio:.1f}", f"{each['gflop_a_slice']:.2f}", f"{gflops:.0f}", share))
    head = ("", "slices/s", "of naive", "GFLOP a slice, executed", "GFLOP/s", "of the peak")
    table = markdown_table(head, rows)
    if not peak:
        return table
    share = shares[_BFLOAT16]
    return table + "\n\n" + verdicts([("bfloat16, 85 % of the peak", share >= 0.85, f"{100 * share:.0f} %")])


def _with_range(values: dict) -> str:
    return f"{values['median']:.3g} ({values['low']:.3g} to {values['high']:.3g})"


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description="Measure the prediction of one case.")
    options.add_argument("--folder", type=Path, default=Path("results/bench"), help="keeps phantoms and networks")
    options.add_argument("--repeats", type=int, default=5)
    asked = options.parse_args()
    print(tables(measure(repeats=asked.repeats, folder=asked.folder.resolve())))


if __name__ == "__main__":
    main()
