"""Every rule of fusion on what a Table 1 run stored: fitted on validation cases, measured on test cases.

No network runs. Fitting and measuring are two functions, and the first is given the validation cases only; what it
fits is written before a test case is opened.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import FusionRule
from stroke_tf.errors import InputFileError
from stroke_tf.files import sha256_of_file, write_json, write_text
from stroke_tf.fusion import lesion_where, majority
from stroke_tf.fusion.disagreement import Tally, area_under_curve, bin_names, binned, disagreement, tally
from stroke_tf.fusion.fitted import FittedFusion, as_json, write_fitted
from stroke_tf.fusion.fitting import KnownCase, fit_fusion, known_case, plane_dice
from stroke_tf.fusion.rules import FASTSURFER
from stroke_tf.metrics.confusion import Counts, count
from stroke_tf.metrics.protocols import measure_counts
from stroke_tf.metrics.summary import LEAST_PAIRS, bootstrap_interval, paired_wilcoxon, summarise
from stroke_tf.progress import Progress
from stroke_tf.reports.fusion import fusion_csv, fusion_markdown
from stroke_tf.reports.plots import disagreement_figure, fusion_figure
from stroke_tf.seeds import child_seed
from stroke_tf.volumes.cache import cache_key
from stroke_tf.volumes.nifti import read_mask, write_volume
from stroke_tf.workflows.results import figure_name
from stroke_tf.workflows.stored_planes import Roster, StoredPlanes, voxel_volume_ml

FILES = ("fusion.md", "fusion.csv", "fusion.json")
# Counted up when the same files give other results than before.
_COMPARISON = 2
LEVEL = 0.05
"""Below which Wilcoxon's p must lie for a rule to be called worth using."""
_BASE = "majority"
_SHOWN = ("dice", "precision", "recall")
_PLANES = {"x": "X alone", "y": "Y alone", "z": "Z alone"}
_BASELINES = {
    "threshold": "Threshold on FLAIR x DWI",
    "threshold-largest": "Threshold on FLAIR x DWI, largest component",
}


@dataclass(frozen=True)
class Candidate:
    """One way to fuse that is compared.

    Args:
        id: of the rule; weighted-logits comes in two.
        threshold, clean_up: chosen on validation cases, or 0.5 and none.
    """

    id: str
    title: str
    rule: FusionRule
    weights: Mapping[str, float] | None
    threshold: bool
    clean_up: bool

    @property
    def name(self) -> str:
        """Return what its row and its file are called."""
        return self.id + ("+threshold" if self.threshold else "") + ("+clean-up" if self.clean_up else "")


_RULES = (
    ("majority", "Majority vote", FusionRule.MAJORITY, None),
    ("weighted-majority", "Weighted majority", FusionRule.WEIGHTED_MAJORITY, None),
    ("confidence-majority", "Confidence majority", FusionRule.CONFIDENCE_MAJORITY, None),
    ("mean-probability", "Mean probability", FusionRule.MEAN_PROBABILITY, None),
    ("weighted-logits-fastsurfer", "Weighted logits, FastSurfer's", FusionRule.WEIGHTED_LOGITS, FASTSURFER),
    ("weighted-logits", "Weighted logits, fitted", FusionRule.WEIGHTED_LOGITS, None),
    ("union", "Union", FusionRule.UNION, None),
    ("intersection", "Intersection", FusionRule.INTERSECTION, None),
    ("staple", "STAPLE", FusionRule.STAPLE, None),
)
CANDIDATES = tuple(
    Candidate(*rule, threshold, clean_up) for rule in _RULES for threshold, clean_up in product((False, True), repeat=2)
)


def compare_fusion(
    results: Path, *, folds: Sequence[str] = (), force: bool = False, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Fit and measure every candidate, and write fusion.md, .csv, .json, figures, and a map of disagreement a case.

    Args:
        results: the folder of a Table 1 run.
        folds: names of fold folders; empty takes all that are there.
        force: compute again what is already there.
    Returns: what fusion.json holds; an older one of the same files is left as it is.
    Raises: InputFileError if a fold keeps no probabilities.
    """
    stored = [StoredPlanes(results / fold) for fold in folds] if folds else _folds_in(results)
    rosters = [each.roster() for each in stored]
    source = _source(stored, rosters)
    known = _earlier(results / "fusion.json")
    if known.get("source") == source and not force and all((results / name).exists() for name in FILES):
        say(f"{results / 'fusion.json'} is there, made of these very probabilities")
        return known
    rows: dict[str, list[dict[str, Any]]] = {}
    fitted: dict[str, dict[str, Any]] = {candidate.name: {} for candidate in CANDIDATES}
    notes: dict[str, str] = {}
    tallies: dict[str, Tally] = {}
    for each, roster in zip(stored, rosters, strict=True):
        fusions, best_plane = fit_fold(each, roster)
        for name, fusion in fusions.items():
            fitted[name][each.fold.name] = as_json(fusion)
        notes["best-plane"] = "; ".join(filter(None, [notes.get("best-plane"), f"{each.fold.name}: {best_plane}"]))
        _measure_fold(each, roster, fusions, best_plane, rows, tallies)
    content = _content(rows, fitted, notes, tallies, rosters, [each.fold.name for each in stored])
    content = {"source": source, **content}
    write_json(results / "fusion.json", content)
    write_text(results / "fusion.md", fusion_markdown(content))
    write_text(results / "fusion.csv", fusion_csv(content))
    fusion_figure(results / "figures" / figure_name("fusion", content["synthetic"]), content)
    disagreement_figure(results / "figures" / figure_name("disagreement", content["synthetic"]), content)
    return content


def fit_fold(stored: StoredPlanes, roster: Roster) -> tuple[dict[str, FittedFusion], str]:
    """Fit every candidate on the validation cases of a fold, and write each to fusion/<name>.json.

    Returns: the fusions by candidate, and the plane with the best validation Dice.
    """
    networks = stored.networks(roster.planes, roster.validation)
    cases = [_known(stored, roster, case_id) for case_id in roster.validation]
    progress = Progress(f"fitting on validation cases, {stored.fold.name}", len(CANDIDATES))
    fusions = {}
    for candidate in CANDIDATES:
        fusion = fit_fusion(
            candidate.rule,
            cases,
            tested=roster.test,
            networks=networks,
            tie=roster.tie,
            weights=candidate.weights,
            threshold=candidate.threshold,
            clean_up=candidate.clean_up,
        )
        write_fitted(stored.fold / "fusion" / f"{candidate.name}.json", fusion)
        fusions[candidate.name] = fusion
        progress.step(note=candidate.name)
    progress.end()
    dices = {plane: plane_dice(plane, cases) for plane in roster.planes}
    return fusions, max(sorted(dices), key=dices.__getitem__)


def which_rule(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say in a sentence which rule is worth using, and by how much.

    It must have a paired interval above zero and a Wilcoxon test below LEVEL: over a handful of cases a bootstrap
    interval is too short, and among so many rules one is soon found above zero.
    """
    compared = [row for row in rows if row["kind"] == "fusion" and row["id"] != _BASE and row["difference"]["n"]]
    if not compared:
        return "No rule could be compared with the majority vote."
    cases = compared[0]["difference"]["n"]
    above = [row for row in compared if (row["difference"]["low"] or 0) > 0]
    worth = [row for row in above if (row["difference"]["p_value"] or 1) < LEVEL]
    counted = f"of {len(compared)} variants compared on {_cases(cases)}"
    if cases < LEAST_PAIRS:
        best = max(compared, key=lambda row: row["difference"]["mean"])
        return (
            f"Which rule is worth using cannot be said on {_cases(cases)}: at least {LEAST_PAIRS} are needed. The "
            f"largest mean difference to the majority vote at 0.5 is that of {_told(best)}."
        )
    best = _told(max(worth or compared, key=lambda row: row["difference"]["mean"]))
    if not worth:
        return (
            f"No rule is worth using in place of the majority vote at 0.5: {counted} {len(above) or 'none'} "
            f"{'have' if len(above) > 1 else 'has'} a 95 % interval of the paired difference of Dice above zero"
            f"{f' (but no Wilcoxon p below {LEVEL:g})' if above else ''}, and {_below(compared)}. The largest mean "
            f"difference is that of {best}."
        )
    number = (
        f"{len(worth)} {'has' if len(worth) == 1 else 'have'} an interval above zero and a Wilcoxon p below {LEVEL:g}, "
        f"and {_below(compared)}"
    )
    return (
        f"Worth using in place of the majority vote at 0.5: {best}; {counted}, {number}. The intervals are not "
        "corrected for so many comparisons."
    )


def _below(compared: Sequence[Mapping[str, Any]]) -> str:
    worse = sum((row["difference"]["high"] or 0) < 0 for row in compared)
    return f"{worse or 'none'} below it"


def _told(row: Mapping[str, Any]) -> str:
    difference = row["difference"]
    low, high = difference["low"], difference["high"]
    interval = "" if low is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{row['title']} ({row['variant']}), {100 * difference['mean']:+.1f} points of Dice{interval}"


def _cases(number: int) -> str:
    return f"{number} test case{'' if number == 1 else 's'}"


def _folds_in(results: Path) -> list[StoredPlanes]:
    if not results.is_dir():
        raise InputFileError(f"{results}: no such folder. Give the results folder of stroke-tf reproduce-table1.")
    folds = sorted(path for path in results.glob("fold-*") if path.is_dir())
    if not folds:
        raise InputFileError(f"{results}: holds no fold of Table 1. Give the --out of stroke-tf reproduce-table1.")
    return [StoredPlanes(fold) for fold in folds]


def _source(stored: Sequence[StoredPlanes], rosters: Sequence[Roster]) -> str:
    """Return what changes when the results would: who is compared, and every file that is read."""
    files = {
        f"{each.fold.name}/{path.relative_to(each.fold)}": sha256_of_file(path)
        for each in stored
        for pattern in ("probabilities/*/*", *(f"masks/{row}/*_mask.nii.gz" for row in _BASELINES))
        for path in sorted(each.fold.glob(pattern))
    }
    return cache_key(comparison=_COMPARISON, rosters=list(rosters), files=files)


def _earlier(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _known(stored: StoredPlanes, roster: Roster, case_id: str) -> KnownCase:
    scans = stored.volumes(roster.planes, case_id)
    volumes = {plane: scan.data for plane, scan in scans.items()}
    return known_case(case_id, volumes, stored.truth(case_id).data, voxel_volume_ml=voxel_volume_ml(scans))


def _measure_fold(
    stored: StoredPlanes,
    roster: Roster,
    fusions: Mapping[str, FittedFusion],
    best_plane: str,
    rows: dict[str, list[dict[str, Any]]],
    tallies: dict[str, Tally],
) -> None:
    """Measure every candidate, plane and baseline on the test cases, one case in memory at a time."""
    progress = Progress(f"measuring test cases, {stored.fold.name}", len(roster.test))
    for case_id in roster.test:

        def add(row: str, counts: Counts, case_id: str = case_id) -> None:
            measures = measure_counts(counts, protocol=roster.protocol)
            rows.setdefault(row, []).append({"case": case_id, "fold": stored.fold.name, **measures})

        scans = stored.volumes(roster.planes, case_id)
        truth = stored.truth(case_id).data
        volumes = {plane: scan.data for plane, scan in scans.items()}
        case = known_case(case_id, volumes, truth, voxel_volume_ml=voxel_volume_ml(scans))
        for name, fusion in fusions.items():
            add(name, _counts(fusion.mask_of(case.volumes, voxel_volume_ml=case.voxel_volume_ml), case))
        for plane in roster.planes:
            add(f"plane-{plane}", _counts(lesion_where(case.volumes[plane]), case))
        add("best-plane", _counts(lesion_where(case.volumes[best_plane]), case))
        for row in _BASELINES:
            path = stored.fold / "masks" / row / f"{case_id}_mask.nii.gz"
            if path.exists():
                add(row, count(read_mask(path, allow_empty=True).data, truth))
        apart = disagreement(volumes.values())
        like = next(iter(scans.values()))
        write_volume(
            stored.fold / "fusion" / f"{case_id}_disagreement.nii.gz", apart, like, dtype=np.float32, force=True
        )
        voted = majority([lesion_where(volume) for volume in volumes.values()], tie=roster.tie)
        tallies[f"{stored.fold.name}/{case_id}"] = tally(apart, voted ^ truth, stored.brain(case_id))
        progress.step(note=f"case {case_id}")
    progress.end()


def _counts(mask: Mask, case: KnownCase) -> Counts:
    """Count the voxels of the whole volume; what the cut left out is background in every mask."""
    inside = count(mask, case.truth)
    return inside + Counts(0, 0, case.missed, case.left_out - case.missed)


def _content(
    rows: Mapping[str, Sequence[dict[str, Any]]],
    fitted: Mapping[str, Mapping[str, Any]],
    notes: Mapping[str, str],
    tallies: Mapping[str, Tally],
    rosters: Sequence[Roster],
    folds: Sequence[str],
) -> dict[str, Any]:
    seed = rosters[0].seed
    titles = {
        candidate.name: ("fusion", candidate.title, _variant(candidate.threshold, candidate.clean_up))
        for candidate in CANDIDATES
    }
    titles |= {f"plane-{plane}": ("plane", title, "0.5") for plane, title in _PLANES.items()}
    titles["best-plane"] = ("plane", "Best plane, chosen on validation cases", "0.5")
    titles |= {row: ("baseline", title, "fitted on training cases") for row, title in _BASELINES.items()}
    # A baseline that only some folds have would be compared on other cases than the rest.
    complete = [name for name in titles if len(rows.get(name, ())) == len(rows[_BASE])]
    listed = []
    for name in complete:
        kind, title, variant = titles[name]
        listed.append(
            {
                "id": name,
                "kind": kind,
                "title": title,
                "variant": variant,
                "note": notes.get(name, ""),
                "fitted": dict(fitted.get(name, {})),
                # One seed for all rows: they resample the same cases together.
                "summary": _summary(rows[name], seed),
                "difference": _difference(rows[name], rows[_BASE], seed),
                "cases": list(rows[name]),
            }
        )
    return {
        "data": rosters[0].data,
        "synthetic": any(roster.synthetic for roster in rosters),
        "protocol": rosters[0].protocol.value,
        "seed": seed,
        "folds": list(folds),
        "validation": {fold: list(roster.validation) for fold, roster in zip(folds, rosters, strict=True)},
        "test": {fold: list(roster.test) for fold, roster in zip(folds, rosters, strict=True)},
        "sentence": which_rule(listed),
        "rows": listed,
        "disagreement": _of_disagreement(tallies),
    }


def _variant(threshold: bool, clean_up: bool) -> str:
    return ("fitted threshold" if threshold else "0.5") + (", cleaned" if clean_up else "")


def _summary(cases: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    # Without the counts: pooling voxels over cases is resampled too, takes most of the time, and is not shown here.
    shown = [{name: case[name] for name in _SHOWN} for case in cases]
    summaries = summarise(shown, seed=child_seed(seed, "summary"))
    return {name: asdict(summaries[name]) for name in _SHOWN}


def _difference(cases: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the paired difference of Dice to the majority vote at 0.5: mean, interval, Wilcoxon."""
    by_case = {(case["fold"], case["case"]): case["dice"] for case in base}
    first, second = [case["dice"] for case in cases], [by_case[case["fold"], case["case"]] for case in cases]
    pairs = [(one, other) for one, other in zip(first, second, strict=True) if one is not None and other is not None]
    differences = [one - other for one, other in pairs]
    low, high = bootstrap_interval(differences, seed=child_seed(seed, "fusion difference"))
    test = paired_wilcoxon(first, second)
    mean = float(np.mean(differences)) if differences else None
    return {"mean": mean, "low": low, "high": high, **asdict(test)}


def _of_disagreement(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """Return how error depends on disagreement, over all test cases together and case by case."""
    pooled = sum(list(tallies.values())[1:], start=next(iter(tallies.values())))
    totals, wrong = binned(pooled)
    by_case = {name: binned(each) for name, each in tallies.items()}
    bins = []
    for number, name in enumerate(bin_names()):
        shares = [float(bad[number] / all_[number]) for all_, bad in by_case.values() if all_[number]]
        bins.append(
            {
                "bin": name,
                "voxels": int(totals[number]),
                "wrong": int(wrong[number]),
                "share_wrong": float(wrong[number] / totals[number]) if totals[number] else None,
                "share_of_all_errors": float(wrong[number] / wrong.sum()) if wrong.sum() else None,
                "share_wrong_by_case": shares,
                "cases": len(shares),
            }
        )
    areas = {name: area_under_curve(each) for name, each in tallies.items()}
    return {"bins": bins, "auc_pooled": area_under_curve(pooled), "auc_by_case": areas, "fused_by": "majority at 0.5"}
