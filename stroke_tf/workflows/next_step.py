"""What an earlier command left in a folder, and which command goes on from there: the workflow behind `stroke-tf`.

Only names are looked at, in places where the doors write unless told otherwise, so that the answer comes at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.planes import Plane

# Names of files that other rooms decide; those rooms take long to import. tests/workflows/test_next_step.py compares.
RUN_CARD = "run_card.json"
PHANTOMS_MARK = "SYNTHETIC-PHANTOMS.json"
MANIFEST = "manifest.csv"
PRESETS = ("smoke", "quick", "paper")
PAPERS = ("table1", "aboudi2022", "isles2018")
_USEFUL_RUNS = ("unet2d-[xyz]-*", "whole")


@dataclass(frozen=True)
class Step:
    """What lies in the folder, and the words of the command that goes on from it."""

    seen: str
    words: tuple[str, ...]


def next_steps(folder: Path) -> list[Step]:
    """Tell what to do next in a folder.

    Returns: a step for the newest reproduction below `results`, and one for a journey with one's own cases, from where
        it has come furthest: phantoms, manifest, runs, predictions, evaluation. Either is left out where nothing lies.
    """
    return [step for step in (_of_results(folder), _of_own_cases(folder)) if step]


def _of_results(folder: Path) -> Step | None:
    homes = [path for path in folder.glob("results/*") if _paper_of(path)]
    if not homes:
        return None
    newest = max(homes, key=lambda path: path.stat().st_mtime)
    paper = _paper_of(newest)
    if (newest / "results.json").exists():
        page = _first(newest, ("report*.html",))
        if page is None:
            return Step(f"{newest}, finished", ("report", str(newest)))
        # Three planes vote; the whole generative model works alone; the networks of Aboudi 2022 are read, not used.
        homes = [path for kind in _USEFUL_RUNS for path in sorted(newest.glob(f"fold-0/runs/{kind}/{RUN_CARD}"))]
        runs = [str(path.parent) for path in homes]
        words = ("predict", "--runs", *runs, "--data", "FOLDER", "--out", "predictions") if runs else ("audit",)
        return Step(f"{newest}, finished; its page is {page}", words)
    if not (newest / "synthetic-phantoms").exists():
        return Step(
            f"{newest}, begun on scans; the command that began it goes on, for example",
            (f"reproduce-{paper}", "--data", "FOLDER", "--out", str(newest)),
        )
    preset = newest.name.rpartition("-")[2]
    told = ("--preset", preset) if preset in PRESETS else ()
    return Step(f"{newest}, begun; the same command goes on", (f"reproduce-{paper}", *told, "--out", str(newest)))


def _paper_of(results: Path) -> str:
    """Return whose reproduction a folder holds: its page tells, and before there is one the name of the folder."""
    for paper in PAPERS:
        if (results / f"{paper}.md").exists() or results.name.startswith(f"{paper}-"):
            return paper
    return ""


def _of_own_cases(folder: Path) -> Step | None:
    manifests = [*folder.glob(MANIFEST), *folder.glob(f"*/{MANIFEST}")]
    data = manifests[0] if manifests else None
    runs = sorted(path.parent for path in folder.glob(f"runs/*/{RUN_CARD}"))
    masks = _first(folder, ("predictions/*_mask.nii.gz",))
    # Which of several was trained on, no name tells.
    named = "MANIFEST" if len(manifests) > 1 else str(data or "FOLDER")
    if (folder / "evaluation" / "summary.json").exists():
        return Step(f"{folder / 'evaluation'}", ("report", str(folder / "evaluation")))
    if masks:
        out = masks.parent
        return Step(f"masks in {out}", ("evaluate", "--truth", named, "--masks", str(out), "--out", "evaluation"))
    if runs:
        voting = [run for run in runs if run.name in {plane.value for plane in Plane}] or runs[:1]
        used = [str(run) for run in voting]
        return Step(f"trained {', '.join(used)}", ("predict", "--runs", *used, "--data", named, "--out", "predictions"))
    if data:
        return Step(
            ", ".join(map(str, sorted(manifests))), ("train", "--axis", "y", "--data", named, "--out", "runs/y")
        )
    phantoms = _first(folder, (f"*/{PHANTOMS_MARK}",))
    if phantoms:
        home = phantoms.parent
        return Step(f"{home}, SYNTHETIC phantoms", ("index", str(home), "--out", str(home / MANIFEST)))
    return None


def _first(folder: Path, patterns: Iterable[str]) -> Path | None:
    return next((path for pattern in patterns for path in sorted(folder.glob(pattern))), None)
