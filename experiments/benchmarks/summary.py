"""The figures that the README prints, made from what bench.py stored; nothing is typed by hand.

python experiments/benchmarks/summary.py            prints the table
python experiments/benchmarks/summary.py --write    puts it into the README
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STORED = HERE / "results" / "bench.json"
README = HERE.parents[1] / "README.md"
BEGIN, END = "<!-- result:bench -->", "<!-- /result:bench -->"


def summary(found: Mapping[str, Any]) -> str:
    """Return the table: what, the usual way, ours, the ratio, and the target that was set beforehand."""
    processes, networks = found["prediction"]["processes"], found["prediction"]["networks"]
    naive, exact, fast = (processes[name] for name in ("naive script, float32", "ours, float32", "ours, bfloat16"))
    peak = found["peaks"]["peak"]["bfloat16"]
    alone, usual_alone = networks["ours, bfloat16"], networks["naive script, float32"]
    share = alone["slices_per_s"]["median"] * alone["gflop_a_slice"] / peak
    variants = found["training"]["variants"]
    usual, ours = variants["Keras as it comes, float32"], variants["ours, mixed_bfloat16"]
    freeze, frozen = variants["segmentation-models' freeze, float32"], variants["ours, frozen, mixed_bfloat16"]
    pipeline = found["input_pipeline"]["slices_per_s"]
    composed, warped = pipeline["all, as a user writes it"], pipeline["all"]
    rows = [
        _times("predict a case, float32: wall", naive["wall_s"], exact["wall_s"], "s", 3),
        _times("predict a case, bfloat16: wall", naive["wall_s"], fast["wall_s"], "s", 7),
        _times("predict a case, bfloat16: processor", naive["cpu_s"], fast["cpu_s"], "s", 5.5),
        _memory(naive["peak_rss_gb"], fast["peak_rss_gb"], 0.85),
        _rates("one plane's network alone, bfloat16", usual_alone["slices_per_s"], alone["slices_per_s"], None),
        f"| the same, share of the machine's peak | | {100 * share:.0f} % | | {_met(share >= 0.85)} 85 % |",
        _rates("train the whole network", usual["slices_per_s"], ours["slices_per_s"], 1.5),
        _rates("train with a frozen encoder", freeze["slices_per_s"], frozen["slices_per_s"], 2.4),
        _rates("augment slices", composed, warped, None, floor=2000),
    ]
    head = "| | as it comes | ours | ratio | target |\n| --- | ---: | ---: | ---: | ---: |"
    facts = found["machine"]
    tensorflow = facts["versions"].get("tensorflow-cpu") or facts["versions"].get("tensorflow")
    return (
        f"Measured by `make bench` on {facts['processor']}, {facts['threads']} threads, TensorFlow {tensorflow}; "
        "medians of turns taken side by side. Times move from machine to machine, ratios less.\n\n"
        + "\n".join([head, *rows])
    )


def _times(what: str, theirs: Mapping, ours: Mapping, unit: str, target: float) -> str:
    ratio = theirs["median"] / ours["median"]
    cells = f"{theirs['median']:.1f} {unit} | {ours['median']:.1f} {unit} | 1/{ratio:.1f}"
    return f"| {what} | {cells} | {_met(ratio >= target)} 1/{target:g} |"


def _memory(theirs: Mapping, ours: Mapping, target: float) -> str:
    cells = f"{theirs['high']:.2f} GB | {ours['high']:.2f} GB | 1/{theirs['high'] / ours['high']:.1f}"
    return f"| predict a case, bfloat16: peak memory | {cells} | {_met(ours['high'] <= target)} {target:g} GB |"


def _rates(what: str, theirs: Mapping, ours: Mapping, target: float | None, *, floor: float | None = None) -> str:
    ratio = ours["median"] / theirs["median"]
    goal = ""
    if target is not None:
        goal = f"{_met(ratio >= target)} {target:g}"
    if floor is not None:
        goal = f"{_met(ours['median'] >= floor)} {floor:,.0f}/s"
    cells = f"{theirs['median']:,.0f} slices/s | {ours['median']:,.0f} slices/s | {ratio:.1f}"
    return f"| {what} | {cells} | {goal} |"


def _met(met: bool) -> str:
    return "reached" if met else "**missed**"


def in_readme(text: str, table: str) -> str:
    """Return the README with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """Print the table or write it."""
    options = argparse.ArgumentParser(description="Print the README's benchmark table from the stored figures.")
    options.add_argument("--write", action="store_true", help="put it into the README")
    asked = options.parse_args()
    table = summary(json.loads(STORED.read_text(encoding="utf-8")))
    if asked.write:
        README.write_text(in_readme(README.read_text(encoding="utf-8"), table), encoding="utf-8")
    else:
        print(table)


if __name__ == "__main__":
    main()
