"""What the tests of workflows share: small cases on disk, in the layout of SISS 2015."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

SHAPE = (22, 26, 20)
SIDE_MM = 6.0


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
