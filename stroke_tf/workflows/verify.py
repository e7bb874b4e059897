"""Is a run still what its card says? The workflow behind `stroke-tf verify`."""

from pathlib import Path

from stroke_tf.training.record import faults_of_run, read_run_card
from stroke_tf.workflows.cohort import chosen_cases, open_cases
from stroke_tf.workflows.prepare import content_digest


def faults_of(run: Path, *, data: Path | None, data_root: Path | None) -> list[str]:
    """List what no longer agrees with the run card: files of the run, and with `data` the images it was trained on.

    The digests of the images are computed from the files, never taken from the manifest.
    """
    faults = faults_of_run(run)
    if data is None or faults:
        return faults
    card = read_run_card(run)
    ids = [*card["split"]["train"], *card["split"]["validation"]]
    cases = chosen_cases(open_cases(data, data_root=data_root).cases, ids)
    if content_digest(cases, trust_manifest=False) != card["data_sha256"]:
        faults.append(f"{data}: images or masks are not those of the run card; the files were changed since")
    return faults


def summary_of(run: Path) -> str:
    """Say in one line what the run is."""
    card = read_run_card(run)
    kind = "SYNTHETIC phantoms" if card["synthetic"] else "real scans"
    return (
        f"{run}: intact. {card['recipe']['name']}, plane {card['plane'] or '3d'}, seed {card['seed']}, "
        f"{len(card['split']['train'])} training cases ({kind}), weights {card['weights']['name']}, "
        f"best validation Dice {card['best_validation_dice']:.3f}"
    )
