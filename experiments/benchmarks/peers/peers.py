"""Three planes and their vote beside nnU-Net v2 and MONAI: one case, whole processes, one run on one machine.

The question: how long does someone wait for a mask, from NIfTI files to a NIfTI file, with what people use today?
The expectation, written beforehand: ours takes less wall time than every peer but MONAI's small UNet, and at most a
tenth of nnU-Net's 3d_fullres without mirroring.

    make bench-peers RUNS='runs/x runs/y runs/z'

or, in an environment that holds requirements.txt beside this file:

    python peers.py --python PACKAGE_VENV/bin/python --runs runs/x runs/y runs/z --out results/bench-peers

The case and the cohort that nnU-Net plans for are synthetic phantoms. The peers' weights are random, so that
nothing can be said here about who segments better. README.md beside this file says what else differs.
"""

import argparse
import gzip
import json
import os
import platform
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where measuring.py lies

from measuring import ProcessCost, Spread, alternate, markdown_table, process_cost, spread
from monai_predict import OVERLAP, WINDOW
from prepare import SEQUENCES, case_images

HERE = Path(__file__).resolve().parent
OURS = "ours"
MONAI_SMALL = ("monai-unet", "monai-unet-crop")
NNUNET_3D = "nnunet-3d"
TEN_TIMES = 10
LABELS = {
    OURS: "stroke_tf, three planes and vote",
    "ours-float32": "stroke_tf, the same in float32",
    "nnunet-2d": "nnU-Net v2 2d, no mirroring",
    "nnunet-2d-mirroring": "nnU-Net v2 2d, mirroring (its default)",
    NNUNET_3D: "nnU-Net v2 3d_fullres, no mirroring",
    "monai-unet": "MONAI UNet",
    "monai-unet-crop": "MONAI UNet, cropped to the brain",
    "monai-segresnet": "MONAI SegResNet",
    "monai-segresnet-crop": "MONAI SegResNet, cropped to the brain",
    "nnunet-3d-mirroring": "nnU-Net v2 3d_fullres, mirroring (its default)",
}
SLOW = ("nnunet-3d-mirroring",)
"""Those that take ten minutes a case on two cores: only when asked for, and once."""
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}
"""Libraries below the peers and ours that would ask a server for something; none is needed here."""


@dataclass(frozen=True)
class Place:
    """What the commands have in common."""

    python: Path
    """Interpreter of the package's environment."""
    peers_python: Path
    """Interpreter of the peers' environment."""
    runs: tuple[Path, ...]
    case: Path
    """Folder of one case in the layout of SISS 2015."""
    models: Path
    """Folder that prepare.py wrote."""
    masks: Path


def measure(
    *,
    repeats: int,
    python: Path,
    peers_python: Path,
    runs: Sequence[Path],
    work: Path,
    shape: tuple[int, int, int] = (230, 230, 154),
    only: Sequence[str] = (),
    with_slow: bool = False,
) -> dict[str, Any]:
    """Prepare what is not there yet, then let ours and the peers take turns on the first phantom.

    Args:
        repeats: rounds; what SLOW names runs once, after them.
        python: interpreter of the package's environment; peers_python: that of the peers.
        runs: run folders of planes x, y, z.
        work: folder for phantoms, networks and masks; what an earlier call left there is used again.
        shape: voxels of the phantoms, 1 mm each.
        only: names of LABELS; all without it.
        with_slow: measure what SLOW names too.
    Returns: settings, and for each variant wall_s, cpu_s and peak_rss_gb as JSON of Spread.
    Raises: RuntimeError if a command fails, or writes no mask of the case's shape.
    """
    work = work.resolve()
    place = Place(
        _absolute(python),
        _absolute(peers_python),
        tuple(each.resolve() for each in runs),
        work / "phantoms" / "1",
        work / "models",
        work / "masks",
    )
    prepared = prepare(place, shape)
    calls = variants(place, shape)
    wanted = [name for name in calls if name in (only or calls)]
    costs = alternate({name: calls[name] for name in wanted if name not in SLOW}, repeats)
    if with_slow:
        costs |= alternate({name: calls[name] for name in wanted if name in SLOW}, 1)
    return {
        "settings": {
            "shape": list(shape),
            "sequences": list(SEQUENCES),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "package": package_versions(place.python),
            "peers": prepared,
        },
        "variants": {name: as_json(each) for name, each in costs.items()},
    }


def prepare(place: Place, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Draw four phantoms and make the peers' networks, unless they are there; return what prepare.py noted."""
    cohort = place.case.parent
    # An earlier cohort of the same settings is kept, one of other settings refused, by `simulate` itself.
    drawn = ["--out", cohort, "--cases", 4, "--seed", 1, "--shape", *shape]
    process_cost([place.python, "-m", "stroke_tf.simulate", *drawn], environment=OFFLINE)
    note = place.models / "prepared.json"
    if not note.is_file():
        print("  planning and initialising the peers' networks, once", file=sys.stderr, flush=True)
        process_cost(
            [place.peers_python, HERE / "prepare.py", "--cases", cohort, "--out", place.models], environment=OFFLINE
        )
    return json.loads(note.read_text())


def variants(place: Place, shape: tuple[int, int, int]) -> dict[str, Callable[[], ProcessCost]]:
    """Return a call for each variant of LABELS, in that order, that predicts the case and measures the process."""
    images = ["--images", *case_images(place.case)]
    ours = [place.python, "-m", "stroke_tf.predict", "--runs", *place.runs, "--data", place.case]
    ours += ["--device", "cpu", "--force"]
    nnunet = [place.peers_python, HERE / "nnunet_predict.py", *images, "--model"]
    monai = [place.peers_python, HERE / "monai_predict.py", *images, "--network"]
    flat, deep = place.models / "nnunet" / "2d", place.models / "nnunet" / "3d_fullres"
    unet = [*monai, "unet", "--weights", place.models / "monai" / "unet.pt"]
    segresnet = [*monai, "segresnet", "--weights", place.models / "monai" / "segresnet.pt"]
    commands = {
        OURS: ours,
        "ours-float32": [*ours, "--precision", "float32"],
        "nnunet-2d": [*nnunet, flat],
        "nnunet-2d-mirroring": [*nnunet, flat, "--mirroring"],
        NNUNET_3D: [*nnunet, deep],
        "monai-unet": unet,
        "monai-unet-crop": [*unet, "--crop"],
        "monai-segresnet": segresnet,
        "monai-segresnet-crop": [*segresnet, "--crop"],
        "nnunet-3d-mirroring": [*nnunet, deep, "--mirroring"],
    }

    def predicting(name: str) -> Callable[[], ProcessCost]:
        folder = place.masks / name
        is_ours = name.startswith(OURS)
        target = folder if is_ours else folder / "mask.nii"
        mask = folder / f"{place.case.name}_mask.nii.gz" if is_ours else target

        def predict() -> ProcessCost:
            folder.mkdir(parents=True, exist_ok=True)
            mask.unlink(missing_ok=True)
            cost = process_cost([*commands[name], "--out", target], environment=OFFLINE)
            require_mask(mask, shape)
            return cost

        return predict

    return {name: predicting(name) for name in LABELS}


def require_mask(path: Path, shape: tuple[int, int, int]) -> None:
    """Look whether a process did its work.

    Raises: RuntimeError if there is no NIfTI file, or one of another shape.
    """
    if not path.is_file():
        raise RuntimeError(f"{path}: the process ended well and left no mask here.")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        header = file.read(348)
    # NIfTI-1 keeps the number of axes and their lengths in eight 16-bit numbers from byte 40 on.
    found = struct.unpack("<8h", header[40:56])
    if found[0] != 3 or found[1:4] != shape:
        raise RuntimeError(f"{path}: a mask of {found[1 : 1 + found[0]]} voxels, the case has {shape}.")


def as_json(costs: Sequence[ProcessCost]) -> dict[str, Any]:
    """Return the spread of each measure over the runs of one variant."""
    return {
        measured: spread([getattr(each, measured) for each in costs]).as_json()
        for measured in ("wall_s", "cpu_s", "peak_rss_gb")
    }


def processor_name() -> str:
    """Return the processor's own name where Linux tells it, else its architecture."""
    told = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE) if told.is_file() else []
    return names[0] if names else platform.machine()


def package_versions(python: Path) -> dict[str, str]:
    """Return the versions of what ours runs on, as its own environment tells them; what is absent is left out."""
    asking = (
        "import json, importlib.metadata as m\n"
        "known = {d.name.lower().replace('_', '-'): d.version for d in m.distributions()}\n"
        "wanted = ('stroke-tf', 'tensorflow', 'tensorflow-cpu', 'keras', 'openvino', 'numpy')\n"
        "print(json.dumps({name: known[name] for name in wanted if name in known}))"
    )
    done = subprocess.run([python, "-c", asking], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tables(found: dict[str, Any]) -> str:
    """Return what was found as Markdown: costs, targets, and what differs."""
    settings, costs = found["settings"], found["variants"]
    shape = "x".join(map(str, settings["shape"]))
    lines = [
        "## Peers: one case, NIfTI files to a NIfTI mask, whole process from start to exit",
        "",
        f"A synthetic phantom of {shape} voxels, sequences {', '.join(settings['sequences'])}; "
        f"{settings['processor']}, {settings['cores']} cores, no GPU. "
        f"Median [minimum, maximum] of runs that took turns; {_versions(settings['package'])}; "
        f"{_versions(settings['peers']['versions'])}.",
        "",
        cost_table(costs),
    ]
    judged = target_lines(costs)
    if judged:
        lines += ["", "### Targets", "", *judged]
    return "\n".join([*lines, "", "### What differs", "", *differences(settings["peers"], settings["shape"])])


def cost_table(costs: dict[str, Any]) -> str:
    """Return one row for each variant, with its wall time over that of ours where ours was measured."""
    ours = costs.get(OURS)
    rows = []
    for name, each in costs.items():
        ratio = f"{each['wall_s']['median'] / ours['wall_s']['median']:.2f}" if ours else ""
        row = [LABELS[name], *(Spread(**each[key]) for key in ("wall_s", "cpu_s", "peak_rss_gb"))]
        rows.append([*row, ratio, each["wall_s"]["count"]])
    return markdown_table(["what", "wall, s", "CPU, s", "peak memory, GB", "wall, ours = 1", "runs"], rows)


def target_lines(costs: dict[str, Any]) -> list[str]:
    """Return a sentence for each target whose two sides were measured."""
    if OURS not in costs:
        return []
    ours = costs[OURS]["wall_s"]["median"]
    lines = []
    for name, each in costs.items():
        if name.startswith(OURS) or name in MONAI_SMALL:
            continue
        wanted = TEN_TIMES if name == NNUNET_3D else 1
        reached = each["wall_s"]["median"] / ours
        verdict = "met" if reached >= wanted else "**missed**"
        lines.append(f"- {LABELS[name]}: at least {wanted} times our wall time; reached {reached:.2f}: {verdict}.")
    for name in filter(costs.get, MONAI_SMALL):
        reached = costs[name]["wall_s"]["median"] / ours
        lines.append(f"- {LABELS[name]}: no target; {reached:.2f} times our wall time.")
    return lines


def differences(peers: dict[str, Any], shape: Sequence[int]) -> list[str]:
    """Return what the reader must know before comparing the rows."""
    flat, deep = peers["2d"], peers["3d_fullres"]
    return [
        "- **Accuracy is not compared**: the peers' weights are random, which changes neither time nor memory.",
        "- **Views**: ours runs three networks, one for each plane, on slices scaled to 128x128, and votes. nnU-Net 2d "
        f"runs one network over one plane, in patches of {_by(flat['patch'])} at the scan's own resolution; 3d_fullres "
        f"in patches of {_by(deep['patch'])}. Both step by half a patch, their default.",
        f"- **MONAI** slides windows of {_by(WINDOW)} over the whole {_by(shape)} volume with an overlap of "
        f"{OVERLAP:g}, its default; tutorials that overlap by half need two to three times as many windows. The "
        "cropped rows slide over the brain's box only, as nnU-Net does by itself.",
        f"- **Networks**: nnU-Net's are those that its default planner chose for four phantoms of this shape "
        f"({_millions(flat)} and {_millions(deep)} parameters); MONAI's those of its tutorials "
        f"({_millions(peers['unet'])} and {_millions(peers['segresnet'])}).",
        "- **Precision**: the peers compute in float32 on a processor, their default. Ours chooses bfloat16 where the "
        "processor has it; the row in float32 says what that brings.",
        "- **In the peers' favour**: nnU-Net predicts with one fold (its default, five, computes five times as much), "
        "in one process, from a checkpoint without optimizer state, and peers write an uncompressed mask.",
        "- Start of Python, imports, reading and writing count for everybody.",
    ]


def _by(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))


def _millions(network: dict[str, Any]) -> str:
    return f"{network['parameters'] / 1e6:.1f} M"


def _versions(known: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in known.items())


def _absolute(program: Path) -> Path:
    """Return the path from the root on, links kept: the interpreter of an environment is one, and knows it by that."""
    return Path(os.path.abspath(program))


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(description="Measure stroke_tf beside nnU-Net v2 and MONAI on one phantom.")
    options.add_argument("--python", type=Path, required=True, help="interpreter of the package's environment")
    options.add_argument(
        "--peers-python", type=Path, default=Path(sys.executable), help="interpreter of the peers' (default: this one)"
    )
    options.add_argument("--runs", type=Path, nargs="+", required=True, help="run folders of planes x, y, z")
    options.add_argument("--out", type=Path, required=True, help="folder for peers.json and peers.md")
    options.add_argument("--work", type=Path, help="folder for phantoms and networks, kept (default: OUT/work)")
    options.add_argument("--repeats", type=int, default=3, help="runs of each, of which the median counts (3)")
    options.add_argument("--shape", type=int, nargs=3, default=(230, 230, 154), help="voxels (230 230 154)")
    options.add_argument("--only", nargs="+", choices=list(LABELS), default=[], help="some of the rows")
    options.add_argument(
        "--with-slow", action="store_true", help="also 3d_fullres with mirroring, once: ten minutes on two cores"
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure, write peers.json and peers.md, print the tables."""
    asked = parser().parse_args(arguments)
    found = measure(
        repeats=asked.repeats,
        python=asked.python,
        peers_python=asked.peers_python,
        runs=asked.runs,
        work=asked.work or asked.out / "work",
        shape=tuple(asked.shape),
        only=asked.only,
        with_slow=asked.with_slow,
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
    text = tables(found)
    (asked.out / "peers.md").write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
