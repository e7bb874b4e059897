"""The door that checks a run against its card."""

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.verify import main

SHAPE = (22, 26, 20)


def write_case(root: Path, number: int) -> None:
    """Write a block of noisy brain in air with a box of lesion."""
    generator = np.random.default_rng(number)
    truth = np.zeros(SHAPE, np.uint8)
    truth[6:10, 8:13, 6:11] = 1
    files = {"lesion": truth}
    for kind in ("FLAIR", "DWI", "T2"):
        image = np.zeros(SHAPE, np.float32)
        image[3:-3, 4:-4, 3:-3] = generator.normal(100, 8, (16, 18, 14))
        files[kind] = image + 60 * truth
    (root / str(number)).mkdir(parents=True)
    for kind, data in files.items():
        nibabel.save(nibabel.Nifti1Image(data, np.diag([6.0, 6.0, 6.0, 1.0])), root / str(number) / f"{kind}.nii.gz")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Return a folder with `data` and the small `run` that was trained on it."""
    from stroke_tf.choices import Architecture, Device, Precision
    from stroke_tf.workflows.run import RunOptions
    from stroke_tf.workflows.train import TrainRequest, train

    home = tmp_path_factory.mktemp("verified")
    for number in range(1, 5):
        write_case(home / "data", number)
    train(
        TrainRequest(
            plane=None,
            architecture=Architecture.UNET_3D,
            preset="smoke",
            data=home / "data",
            data_root=None,
            fold=0,
            train_cases=(),
            validation_cases=(),
            weights="none",
            weights_folder=None,
            out=home / "run",
            seed=1,
            device=Device.CPU,
            precision=Precision.FLOAT32,
            overrides={"size": 8, "base_filters": 2},
            options=RunOptions(),
        )
    )
    return home


@pytest.fixture
def home(trained, tmp_path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def verify(home: Path) -> int:
    return main([str(home / "run"), "--data", str(home / "data")])


def test_an_intact_run_is_described_in_a_line(home, capsys, next_command):
    assert verify(home) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{home / 'run'}: intact. multiplane-2025-3d, plane 3d, seed 1, 2 training cases (real")
    assert "weights none" in printed
    assert next_command(printed)[:3] == ["predict", "--runs", str(home / "run")]


def test_a_copied_run_verifies_without_its_data(home, capsys):
    assert main([str(home / "run")]) == 0
    assert "intact" in capsys.readouterr().out


def test_a_changed_weight_file_is_found(home, capsys):
    path = home / "run" / "model.weights.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert verify(home) == 2
    assert f"error: {path}: its SHA-256 is not the one in the run card" in capsys.readouterr().err


def trained_case(home: Path) -> Path:
    card = json.loads((home / "run" / "run_card.json").read_text(encoding="utf-8"))
    return home / "data" / card["split"]["train"][0]


@pytest.mark.parametrize("name", ["DWI.nii.gz", "lesion.nii.gz"])
def test_changed_training_data_are_found(home, capsys, name):
    path = trained_case(home) / name
    image = nibabel.load(path)
    data = np.asarray(image.dataobj).copy()
    data[8, 8, 8] = 0
    nibabel.save(nibabel.Nifti1Image(data, image.affine), path)
    assert verify(home) == 2
    assert "images or masks are not those of the run card" in capsys.readouterr().err


def test_changed_training_data_are_found_though_the_manifest_keeps_the_old_digests(home, capsys):
    from stroke_tf.manifest.layouts import find_cases
    from stroke_tf.manifest.table import write_manifest
    from stroke_tf.workflows.prepare import with_digests

    data, manifest = home / "data", home / "data" / "manifest.csv"
    write_manifest(manifest, [with_digests(case) for case in find_cases(data)], data, force=False)
    assert main([str(home / "run"), "--data", str(manifest)]) == 0
    shutil.copyfile(trained_case(home) / "T2.nii.gz", trained_case(home) / "DWI.nii.gz")
    assert main([str(home / "run"), "--data", str(manifest)]) == 2
    assert "images or masks are not those of the run card" in capsys.readouterr().err


def test_a_training_case_that_is_gone_is_named(home, capsys):
    case = trained_case(home)
    shutil.rmtree(case)
    assert verify(home) == 2
    assert f"No case is called {case.name}" in capsys.readouterr().err


def test_a_case_that_only_tests_may_change(home):
    card = json.loads((home / "run" / "run_card.json").read_text(encoding="utf-8"))
    used = {*card["split"]["train"], *card["split"]["validation"]}
    (tested,) = {path.name for path in (home / "data").iterdir()} - used
    shutil.copyfile(home / "data" / tested / "T2.nii.gz", home / "data" / tested / "DWI.nii.gz")
    assert verify(home) == 0


def test_a_folder_that_is_no_finished_run_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "no run card" in capsys.readouterr().err
