"""What the tests of workflows share: small cases on disk, in the layout of SISS 2015."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

SHAPE = (22, 26, 20)
SIDE_MM = 6.0
HOSTILE_NAME = "<img src=x onerror=alert(1)>"
"""A file may be called so; a page must show it and not run it."""
REPORTED = ("2", HOSTILE_NAME)
SHIFTS = {"x": 2, "y": 1, "z": 3, "vote": 1}
"""By how many voxels each row of the reported run misses the lesion."""


@pytest.fixture(scope="session")
def write_case():
    """Return a function that writes a block of noisy brain in air, with a bright box of lesion, as case `number`."""

    def write(root: Path, number: int, *, lesion: bool = True) -> Path:
        generator = np.random.default_rng(number)
        brain = np.zeros(SHAPE, bool)
        brain[3:-3, 4:-4, 3:-3] = True
        truth = np.zeros(SHAPE, np.uint8)
        truth[5 : 9 + number % 3, 8:13, 6:11] = 1
        affine = np.diag([-SIDE_MM, SIDE_MM, SIDE_MM, 1.0])
        for kind in ("T1", "T2", "DWI", "Flair"):
            image = np.where(brain, generator.normal(100, 8, SHAPE) + 60 * truth, 0).astype(np.float32)
            save(root / str(number) / f"VSD.Brain.XX.O.MR_{kind}.{number}.nii", image, affine)
        if lesion:
            save(root / str(number) / f"VSD.Brain.XX.O.OT.{number}.nii", truth, affine)
        return root / str(number)

    def save(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(data, affine), path)

    return write


@pytest.fixture
def six_cases(tmp_path, write_case) -> Path:
    """Return a folder of six cases."""
    for number in range(1, 7):
        write_case(tmp_path / "data", number)
    return tmp_path / "data"


@pytest.fixture(scope="session")
def write_table1_results():
    """Return a function that writes the folder of a finished Table 1 run on two cases, one of them with a hostile name.

    It is written by hand, small and at once: masks are the truth moved by some voxels, measured as a run measures.
    """
    from stroke_tf.files import write_json

    affine = np.diag([-SIDE_MM, SIDE_MM, SIDE_MM, 1.0])
    results = _table1_results()

    def save(path: Path, data: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(data, affine), path)

    def write(folder: Path, *, scans: bool = True) -> Path:
        for number, case in enumerate(REPORTED):
            truth = _true_lesion(number)
            if scans:
                noise = np.random.default_rng(number)
                for kind in ("FLAIR", "DWI"):
                    image = np.where(_brain(), noise.normal(100, 8, SHAPE) + 60 * truth, 0).astype(np.float32)
                    save(folder / "synthetic-phantoms" / case / f"{kind}.nii.gz", image)
                save(folder / "synthetic-phantoms" / case / "lesion.nii.gz", truth)
            for name, shift in SHIFTS.items():
                save(folder / "fold-0" / "masks" / name / f"{case}_mask.nii.gz", np.roll(truth, shift, axis=1))
            spread = np.where(truth > 0, 0.5, 0).astype(np.float32)
            save(folder / "fold-0" / "fusion" / f"{case}_disagreement.nii.gz", spread)
        write_json(folder / "results.json", results)
        run = folder / "fold-0" / "runs" / "unet2d-x-none"
        write_json(run / "run_card.json", {"recipe": {"name": "test"}, "plane": "x", "seed": 1, "synthetic": True})
        (run / "history.csv").write_text("epoch,phase,loss,validation_dice\n1,a,0.9,0.2\n2,a,0.5,0.6\n")
        return folder

    return write


def _table1_results() -> dict:
    from stroke_tf.choices import Protocol
    from stroke_tf.metrics.protocols import measure_case
    from stroke_tf.workflows.results import Row

    rows = [Row(name, "none") for name in SHIFTS]
    for number, case in enumerate(REPORTED):
        truth = _true_lesion(number)
        for row in rows:
            found = np.roll(truth, SHIFTS[row.id], axis=1)
            measures = measure_case(
                found > 0, truth > 0, spacing_mm=(SIDE_MM,) * 3, brain=_brain(), protocol=Protocol.ISLES2015
            )
            row.cases.append({"case": case, "fold": "fold-0", **measures})
    claim = {"id": "vote", "sentence": "the vote beats each plane", "verdict": "not testable", "reason": "two cases"}
    facts = {"preset": "smoke", "data": "SYNTHETIC phantoms", "synthetic": True, "protocol": "isles2015"}
    facts |= {"folds": [0], "seed": 1, "device": "CPU", "weights_used": "none", "commit": None, "versions": {}}
    return {**facts, "rows": [row.as_json(seed=1) for row in rows], "claims": [claim]}


def _brain() -> np.ndarray:
    brain = np.zeros(SHAPE, bool)
    brain[3:-3, 4:-4, 3:-3] = True
    return brain


def _true_lesion(number: int) -> np.ndarray:
    truth = np.zeros(SHAPE, np.uint8)
    truth[5 : 9 + number, 8:13, 6:11] = 1
    return truth


@pytest.fixture(scope="session")
def table1_folder(tmp_path_factory, write_table1_results) -> Path:
    """Return such a folder, to be read only."""
    return write_table1_results(tmp_path_factory.mktemp("results") / "table1")
