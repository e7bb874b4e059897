"""What Table 1 came to: rows with their cases, the stages and their time, and the files a reader opens."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stroke_tf.errors import StrokeTfError
from stroke_tf.files import write_json, write_text
from stroke_tf.metrics.summary import bootstrap_interval, paired_wilcoxon, summarise
from stroke_tf.paper.tables import TABLE1
from stroke_tf.progress import clock_text
from stroke_tf.recipes.multiplane_2025 import VARIANTS
from stroke_tf.reports.plots import dice_figure
from stroke_tf.reports.tables import table1_csv, table1_markdown
from stroke_tf.seeds import child_seed
from stroke_tf.training.record import commit, peak_memory_mb, versions
from stroke_tf.workflows.claims import judge

TITLES = {
    "3d-unet": "3-D U-Net",
    "x": "ResNet50-UNet, X (sagittal)",
    "y": "ResNet50-UNet, Y (coronal)",
    "z": "ResNet50-UNet, Z (axial)",
    "absent": "ResNet50-UNet without pretraining, Y",
    "dsn": "Deeply supervised ResNet50-UNet, Y",
    "dense-unet": "Dense-UNet (DenseNet121), Y",
    "attention": "Attention gates on the skips, Y",
    "linknet": "Linknet decoder, Y",
    "fpn": "Feature pyramid decoder, Y",
    "four-sequences": "FLAIR, DWI, T2 and T1 mixed into three channels, Y",
    "2.5-d": "2.5-D: neighbouring slices as channels, Y",
    "vote": "Majority vote of X, Y, Z",
    "threshold": "Threshold on FLAIR x DWI",
    "threshold-largest": "Threshold on FLAIR x DWI, largest component",
    "ceiling": "Ceiling: the truth itself, cut and voted",
}
# Where our row answers a printed row of another name: the one without a model name has two readings.
_PRINTED_AS = {"dsn": "absent"}
_COUNTS = ("tp", "fp", "fn", "tn")


@dataclass
class Row:
    """One row of the table while it is being filled.

    Args:
        weights: what the encoder really started from; "N/A" where there is none.
        cases: measures of each test case, with `case` and `fold`.
        note: what a reader must know, such as that another row is the same network.
    """

    id: str
    weights: str
    note: str = ""
    cases: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self, *, seed: int) -> dict[str, Any]:
        """Return the row with its summary over cases and its pooled counts."""
        pooled = {name: sum(case[name] for case in self.cases) for name in _COUNTS} if "tp" in self.cases[0] else None
        # One seed for all rows: they resample the same cases together, and equal rows get equal intervals.
        summaries = summarise(self.cases, seed=child_seed(seed, "summary"))
        return {
            "id": self.id,
            "title": TITLES[self.id],
            "weights": self.weights,
            "note": self.note,
            "paper": _printed(self.id),
            "summary": {name: asdict(summary) for name, summary in summaries.items()},
            "pooled": pooled,
            "cases": self.cases,
        }


class Stages:
    """The stages of a long run: announced with the time gone and the time left, both for the whole run.

    Args:
        costs: of each stage in the order in which they run, in any unit.
        minutes: what the preset takes on two cores; the first guess, corrected by the time measured.
    """

    def __init__(self, costs: Mapping[str, float], minutes: float, say: Callable[[str], None]) -> None:
        self._costs, self._say = dict(costs), say
        self._guess_s = minutes * 60.0
        self._began = time.monotonic()
        self._timed: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Return the time since the run began."""
        return time.monotonic() - self._began

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage and time it."""
        number, total = len(self._timed) + 1, len(self._costs)
        left = clock_text(self._left_s())
        self._say(f"[{number}/{total}] {name} · {clock_text(self.seconds)} gone, about {left} left")
        began = time.monotonic()
        yield
        self._timed[name] = time.monotonic() - began

    def _left_s(self) -> float:
        whole = sum(self._costs.values())
        done = sum(self._costs[name] for name in self._timed)
        left = whole - done
        # Until a fifth is done the preset's own figure is the better guess.
        if done < 0.2 * whole:
            return self._guess_s * left / whole
        return sum(self._timed.values()) / done * left


def write_results(rows: Mapping[str, Row], out: Path, *, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise, judge and write results.json, table1.md, table1.csv and the Dice figure.

    Args:
        rows: by id, every test case in each.
        facts: data, seed, protocol, device and whatever else a reader needs to repeat the run.
    Returns: the content of results.json.
    """
    seed = facts["seed"]
    order = [name for name in TITLES if name in rows]
    listed = [rows[name].as_json(seed=seed) for name in order]
    by_id = {row["id"]: row for row in listed}
    claims = judge(by_id, synthetic=facts["synthetic"], seed=seed)
    results = {
        **facts,
        "commit": commit(),
        "versions": versions(),
        "peak_memory_mb": peak_memory_mb(),
        "rows": listed,
        "claims": [asdict(claim) | {"verdict": claim.verdict.value} for claim in claims],
        "paired_tests": _paired_tests(rows),
        "variants": _variants(rows, seed=seed),
    }
    write_json(out / "results.json", results)
    write_text(out / "table1.md", table1_markdown(results))
    write_text(out / "table1.csv", table1_csv(results))
    dice_figure(out / "figures" / figure_name("dice", facts["synthetic"]), results)
    return results


def figure_name(stem: str, synthetic: bool) -> str:
    """Return a picture's file name, which says so where phantoms were measured."""
    return f"{stem}-SYNTHETIC.png" if synthetic else f"{stem}.png"


def _printed(row: str) -> dict[str, float] | None:
    for printed in TABLE1:
        if printed.id == _PRINTED_AS.get(row, row):
            return {name: float(getattr(printed, name)) for name in ("dice", "accuracy", "precision", "recall")}
    return None


def _variants(rows: Mapping[str, Row], *, seed: int) -> list[dict[str, Any]]:
    """Compare each variant with row Y, case by case: mean difference of Dice and its 95 % bootstrap interval."""
    compared = []
    for name in (name for name in VARIANTS if name in rows):
        scores = {case["case"]: case["dice"] for case in rows["y"].cases}
        pairs = [(case["dice"], scores[case["case"]]) for case in rows[name].cases]
        differences = [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]
        low, high = (
            bootstrap_interval(differences, seed=child_seed(seed, "variant", name)) if differences else (None,) * 2
        )
        mean = sum(differences) / len(differences) if differences else None
        compared.append(
            {
                "row": name,
                "title": TITLES[name],
                "against": "y",
                "dice": mean,
                "low": low,
                "high": high,
                "n": len(differences),
            }
        )
    return compared


def _paired_tests(rows: Mapping[str, Row]) -> list[dict[str, Any]]:
    """Compare the vote with every other row, case by case."""
    vote = {case["case"]: case["dice"] for case in rows["vote"].cases}
    tests = []
    for name, row in rows.items():
        if name in ("vote", "ceiling"):
            continue
        other = [case["dice"] for case in row.cases]
        if len(other) != len(vote):
            raise StrokeTfError(f"row {name} has {len(other)} cases, the vote {len(vote)}; run again to fill the gap.")
        test = paired_wilcoxon([vote[case["case"]] for case in row.cases], other)
        tests.append({"first": "vote", "second": name, "measure": "dice", **asdict(test)})
    return tests
