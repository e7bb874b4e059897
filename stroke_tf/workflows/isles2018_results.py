"""What the ISLES 2018 journey came to: rows with their cases, pairs, verdicts, and the files a reader opens."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.files import write_json, write_text
from stroke_tf.metrics.summary import bootstrap_interval, paired_wilcoxon, summarise
from stroke_tf.paper.tables import SONG_CLAIMS, printed_row
from stroke_tf.reports.isles2018 import isles2018_csv, isles2018_markdown
from stroke_tf.reports.plots import dice_figure
from stroke_tf.seeds import child_seed
from stroke_tf.training.record import commit, peak_memory_mb, versions
from stroke_tf.workflows.claims import (
    Judged,
    Verdict,
    claim_seed,
    compare_rows,
    judge_printed_dice,
    paired_differences,
)
from stroke_tf.workflows.results import figure_name

TITLES = {
    "whole": "Extractor, generator, segmentor",
    "unguided": "The same, never shown a DWI",
    "maps": "Segmentor on the maps alone",
    "dwi": "Segmentor on the real DWI (upper bound)",
    "threshold-tmax": "Threshold: Tmax > 6 s",
    "threshold-cbf": "Threshold: relative CBF < 30 %",
    "ceiling": "Ceiling: the truth itself, cut and put back",
}
SEES = {
    "whole": "series, CT, maps",
    "unguided": "series, CT, maps",
    "maps": "CBF, CBV, MTT, Tmax",
    "dwi": "DWI, absent at test time",
    "threshold-tmax": "Tmax",
    "threshold-cbf": "CBF, Tmax",
    "ceiling": "the truth",
}
COMPARED = ("unguided", "maps", "dwi", "threshold-tmax", "threshold-cbf")
"""The rows that the whole model is compared with, case by case."""
IMAGE_MEASURES = ("psnr_db", "ssim", "psnr_of_blank_db")
_PRINTED_AS = {"whole": "song"}
_COUNTS = ("tp", "fp", "fn", "tn")


def write_isles2018(
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    images: Sequence[Mapping[str, Any]],
    notes: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Summarise, judge and write results.json, isles2018.md, isles2018.csv and the Dice figure.

    Args:
        rows: by id, the measures of every test case.
        images: of every test case, how near the generated DWI comes to the real one.
        notes: by row, what a reader must know.
        facts: data, seed, folds, device and whatever else a reader needs to repeat the run.
    Returns: the content of results.json.
    """
    seed, synthetic = facts["seed"], facts["synthetic"]
    listed = [_row(name, rows[name], notes.get(name, ""), seed) for name in TITLES if name in rows]
    by_id = {row["id"]: row for row in listed}
    results = {
        **facts,
        "commit": commit(),
        "versions": versions(),
        "peak_memory_mb": peak_memory_mb(),
        "rows": listed,
        "pairs": [pair_with_whole(by_id, other, seed=seed) for other in COMPARED],
        "generated_dwi": {
            "summary": {name: _plain_summary([case[name] for case in images], seed, name) for name in IMAGE_MEASURES},
            "cases": list(images),
        },
        "claims": [
            asdict(claim) | {"verdict": claim.verdict.value}
            for claim in judge_song(by_id, synthetic=synthetic, seed=seed)
        ],
    }
    write_json(out / "results.json", results)
    write_text(out / "isles2018.md", isles2018_markdown(results))
    write_text(out / "isles2018.csv", isles2018_csv(results))
    dice_figure(out / "figures" / figure_name("dice", synthetic), results, title="ISLES 2018 journey")
    return results


def judge_song(rows: Mapping[str, Mapping[str, Any]], *, synthetic: bool, seed: int) -> list[Judged]:
    """Judge the claims of arXiv 1906.02392 on the rows of one results file; the rules are those of claims.judge."""
    judges = {
        "generated-dwi": _generated_dwi(rows, synthetic, seed),
        "beats-thresholds": compare_rows(
            rows, [("whole", "threshold-tmax"), ("whole", "threshold-cbf")], synthetic, seed
        ),
        "song-dice": judge_printed_dice(
            rows["whole"]["summary"]["dice"],
            printed_row("song"),
            who="the whole model",
            cohort="ISLES 2018",
            synthetic=synthetic,
        ),
    }
    return [Judged(claim.id, claim.sentence, *judges[claim.id]) for claim in SONG_CLAIMS]


def _generated_dwi(rows: Mapping[str, Mapping[str, Any]], synthetic: bool, seed: int) -> tuple[Verdict, str]:
    """Judge the claim as it is made, and say how much of it is the DWI: the whole model also sees more than maps."""
    verdict, reason = compare_rows(rows, [("whole", "maps")], synthetic, seed)
    dwi, told = compare_rows(rows, [("whole", "unguided")], synthetic, seed)
    taught = {
        Verdict.HOLDS: "showing it the DWI in training helps",
        Verdict.FAILS: "showing it the DWI in training harms",
        Verdict.NOT_TESTABLE: "that showing it the DWI in training helps is not shown",
    }[dwi]
    return verdict, f"{reason}. Beside the same network that is never shown a DWI, {taught}: {told}"


def pair_with_whole(rows: Mapping[str, Mapping[str, Any]], other: str, *, seed: int) -> dict[str, Any]:
    """Return by how much the whole model's Dice lies above another row's: mean, interval, test."""
    differences = paired_differences(rows["whole"]["cases"], rows[other]["cases"])
    low, high = bootstrap_interval(differences, seed=claim_seed(seed, "whole", other))
    scores = {case["case"]: case["dice"] for case in rows[other]["cases"]}
    first = [case["dice"] for case in rows["whole"]["cases"]]
    test = paired_wilcoxon(first, [scores[case["case"]] for case in rows["whole"]["cases"]])
    return {
        "first": "whole",
        "second": other,
        "measure": "dice",
        "mean": float(np.mean(differences)) if differences else None,
        "low": low,
        "high": high,
        **asdict(test),
    }


def _row(name: str, cases: Sequence[Mapping[str, Any]], note: str, seed: int) -> dict[str, Any]:
    printed = {"dice": float(printed_row(_PRINTED_AS[name]).dice)} if name in _PRINTED_AS else None
    # One seed for all rows: they resample the same cases together, and equal rows get equal intervals.
    summaries = summarise(cases, seed=child_seed(seed, "summary"))
    return {
        "id": name,
        "title": TITLES[name],
        "sees": SEES[name],
        "note": note,
        "paper": printed,
        "pooled": {part: sum(case[part] for case in cases) for part in _COUNTS} if "tp" in cases[0] else None,
        "summary": {measure: asdict(summary) for measure, summary in summaries.items()},
        "cases": list(cases),
    }


def _plain_summary(values: Sequence[float], seed: int, name: str) -> dict[str, Any]:
    low, high = bootstrap_interval(values, seed=child_seed(seed, "image", name))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "low": low, "high": high, "n": len(values)}
