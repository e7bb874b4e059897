"""What the reproduction of Aboudi 2022 came to: rows under every reading, the answer in words, the files to open."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from stroke_tf.files import write_json, write_text
from stroke_tf.metrics.summary import summarise
from stroke_tf.paper.audit import audit_row
from stroke_tf.paper.counts import Table
from stroke_tf.paper.measured_readings import like_the_print, readings_of
from stroke_tf.paper.tables import ABOUDI_2022, ABOUDI_TABLE2
from stroke_tf.reports.aboudi import aboudi_csv, aboudi_markdown
from stroke_tf.reports.plots import readings_figure
from stroke_tf.seeds import child_seed
from stroke_tf.training.record import commit, peak_memory_mb, versions
from stroke_tf.workflows.aboudi_answer import answer
from stroke_tf.workflows.aboudi_claims import judge_aboudi
from stroke_tf.workflows.results import figure_name

_COUNTS = ("tp", "fp", "fn", "tn")
PRINTED_ROW = ABOUDI_TABLE2[0]


class Pace(str, Enum):
    """Under which schedule a model was trained."""

    PRINTED = "printed"
    COMPRESSED = "compressed"
    LEARNING = "learning"


TITLES = {
    Pace.PRINTED: "as printed",
    Pace.COMPRESSED: "printed schedule, compressed",
    Pace.LEARNING: "at a rate that learns",
}


@dataclass(frozen=True)
class Taught:
    """What a schedule was, and what it came to; losses are means over an epoch's steps."""

    learning_rate: float
    momentum: float
    epochs: int
    steps: int
    batch_size: int
    first_loss: float
    last_loss: float
    best_dice: float
    learnt: bool


@dataclass
class Row:
    """One row of the table while it is being filled.

    Args:
        model: id of the model; empty for what no network is needed for.
        encoder: what its weights really were, and whether they were trained.
        cases: measures of each test case, with `case`.
        slices: tp, fp, fn, tn of each axial slice of the test cases.
    """

    id: str
    model: str
    title: str
    encoder: str
    pace: Pace | None = None
    taught: Taught | None = None
    note: str = ""
    cases: list[dict[str, Any]] = field(default_factory=list)
    slices: list[tuple[int, int, int, int]] = field(default_factory=list)

    def as_json(self, *, seed: int) -> dict[str, Any]:
        """Return the row with its summary over cases, its pooled counts, and its numbers under every reading."""
        # One seed for all rows: they resample the same cases together, and equal rows get equal intervals.
        summaries = summarise(self.cases, seed=child_seed(seed, "summary"))
        content: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "pace": self.pace.value if self.pace else None,
            "title": self.title,
            "weights": self.encoder,
            "note": self.note,
            "paper": _printed() if self.model else None,
            "schedule": asdict(self.taught) if self.taught else None,
            "summary": {name: asdict(summary) for name, summary in summaries.items()},
            "pooled": None,
            "cases": self.cases,
        }
        if "tp" in self.cases[0]:
            tables = [Table(*(case[name] for name in _COUNTS)) for case in self.cases]
            pooled = Table(*(sum(getattr(table, name) for table in tables) for name in _COUNTS))
            readings = readings_of(tables, [Table(*counts) for counts in self.slices])
            content["pooled"] = asdict(pooled)
            content["readings"] = {reading.value: asdict(overlap) for reading, overlap in readings.items()}
            content["accuracies"] = {
                "voxel": pooled.accuracy_voxel,
                "balanced": pooled.accuracy_balanced,
                "(TP+FP)/all": pooled.accuracy_misprint,
            }
            content["lesion_share"] = pooled.lesion_share
        return content


def write_results(rows: Sequence[Row], out: Path, *, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise, judge and write results.json, aboudi2022.md, aboudi2022.csv and the figure of the readings.

    Args:
        rows: in the order of the table, every test case in each.
        facts: data, seed, protocol, device and whatever else a reader needs to repeat the run.
    Returns: the content of results.json.
    """
    listed = [row.as_json(seed=facts["seed"]) for row in rows]
    audited = audit_row(PRINTED_ROW, cases=ABOUDI_2022.test_cases)
    results: dict[str, Any] = {
        **facts,
        "commit": commit(),
        "versions": versions(),
        "peak_memory_mb": peak_memory_mb(),
        "rows": listed,
        "audit": {
            reading.value: {"possible": verdict.possible, "rule": verdict.rule, "numbers": verdict.numbers}
            for reading, verdict in audited.averagings.items()
        },
    }
    main = main_rows(listed)
    results["main_rows"] = [row["id"] for row in main]
    results["like_the_print"] = {row["id"]: like_the_print(row["readings"]) for row in main}
    results["answer"] = answer(main, audited, references={row["id"]: row for row in listed if not row["model"]})
    claims = judge_aboudi(listed, facts)
    results["claims"] = [asdict(claim) | {"verdict": claim.verdict.value} for claim in claims]
    write_json(out / "results.json", results)
    write_text(out / "aboudi2022.md", aboudi_markdown(results))
    write_text(out / "aboudi2022.csv", aboudi_csv(results))
    readings_figure(out / "figures" / figure_name("readings", facts["synthetic"]), results)
    return results


def main_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return one row a model: the one at a rate that learns where there is one, else the one as printed.

    A model that stopped at the printed schedule without learning (the categorical twin, see aboudi2022.py) is left out
    where others went on: its masks would be those of an untrained network beside trained ones.
    """
    chosen: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row["model"] and row["pace"] != Pace.COMPRESSED.value:
            chosen[row["model"]] = row
    went_on = any(row["pace"] == Pace.LEARNING.value for row in chosen.values())
    return [
        row for row in chosen.values() if not went_on or row["pace"] == Pace.LEARNING.value or row["schedule"]["learnt"]
    ]


def _printed() -> dict[str, float | None]:
    numbers = {name: getattr(PRINTED_ROW, name) for name in ("dice", "accuracy", "precision", "recall")}
    return {name: None if number is None else float(number) for name, number in numbers.items()}
