"""The door doctor: what it says of a sound case, and that each fault is named with exit code 2."""

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.doctor import main

SHAPE = (40, 48, 36)
SPACING = 4.0
# The first axis runs to the patient's left, as in most files.
LAS = nibabel.affines.from_matvec(np.diag([-SPACING, SPACING, SPACING]), [80, -90, -70])


def brain_of() -> np.ndarray:
    centre, radii = np.array(SHAPE) / 2, np.array([14, 18, 13])
    away = (np.indices(SHAPE) - centre[:, None, None, None]) / radii[:, None, None, None]
    return (away**2).sum(axis=0) <= 1


def lesion_of() -> np.ndarray:
    """Low on the first axis of the file: since that axis runs to the left, on the patient's right."""
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[10:15, 20:26, 16:20] = True
    return lesion & brain_of()


def image_of(seed: int, bright: np.ndarray | None = None) -> np.ndarray:
    image = np.random.default_rng(seed).normal(100, 10, SHAPE) * brain_of()
    if bright is not None:
        image[bright] += 60
    return image.astype(np.float32)


def save(path: Path, data: np.ndarray, affine: np.ndarray = LAS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A case folder with three sequences on one grid and a lesion on the patient's right."""
    folder = tmp_path_factory.mktemp("cases") / "anna"
    for seed, name in enumerate(["FLAIR", "DWI", "T2"]):
        save(folder / f"{name}.nii.gz", image_of(seed, lesion_of()))
    save(folder / "lesion.nii.gz", lesion_of().astype(np.uint8))
    return folder


@pytest.fixture
def case(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound case that a test may spoil."""
    return Path(shutil.copytree(sound, tmp_path / "anna"))


@pytest.fixture
def no_round_trip(monkeypatch):
    """Leave out the proof, which has tests of its own and takes a second."""
    monkeypatch.setattr("stroke_tf.workflows.doctor._round_trip", lambda found, grid: None)


def faults_after(case: Path, capsys) -> str:
    assert main([str(case)]) == 2
    return capsys.readouterr().err


def test_a_sound_case_is_described_and_well(sound: Path, tmp_path: Path, capsys, next_command):
    out = tmp_path / "anna.json"
    assert main([str(sound), "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "stored as LAS" in printed
    assert "100% on the patient's right" in printed
    assert "skull-stripped" in printed and "NOT skull-stripped" not in printed
    assert "48 of 48 orientations x 3 planes" in printed
    assert "all is well with anna" in printed
    assert next_command(printed)[:5] == ["predict", "--runs", "RUN", "--data", str(sound)]
    (found,) = json.loads(out.read_text())["cases"]
    assert found["faults"] == found["notes"] == []
    assert found["lesion"]["voxels"] == lesion_of().sum()
    assert found["lesion"]["volume_ml"] == pytest.approx(lesion_of().sum() * 0.064)
    assert found["round_trip"]["shift_voxels"] < 0.01
    assert found["sequences"]["DWI"]["percentiles"]["50"] == pytest.approx(100, abs=2)
    assert found["brain"]["volume_ml"] == pytest.approx(brain_of().sum() * 0.064, rel=0.02)


def test_a_lesion_on_the_left_is_said_to_lie_there(case: Path, capsys, no_round_trip):
    for name in ("FLAIR", "DWI", "T2", "lesion"):
        image = nibabel.load(case / f"{name}.nii.gz")
        save(case / f"{name}.nii.gz", np.asarray(image.dataobj)[::-1])
    assert main([str(case)]) == 0
    assert "100% on the patient's left" in capsys.readouterr().out


def test_a_mirrored_mask_is_noticed(case: Path, capsys, no_round_trip):
    save(case / "lesion.nii.gz", lesion_of()[::-1].astype(np.uint8))
    assert main([str(case)]) == 0
    assert "left and right may be swapped" in capsys.readouterr().out


def test_files_may_be_named_one_by_one(case: Path, capsys, no_round_trip):
    mask = save(case / "anna_seg.nii.gz", lesion_of().astype(np.uint8))
    assert main([str(case / "DWI.nii.gz"), str(mask)]) == 0
    printed = capsys.readouterr().out
    assert "reference DWI" in printed
    assert "100% on the patient's right" in printed
    assert f"--data {case} " in printed


def test_a_mask_of_any_name_can_be_pointed_out(case: Path, capsys, no_round_trip):
    mask = save(case / "truth.nii.gz", lesion_of().astype(np.uint8))
    assert main([str(case / "DWI.nii.gz"), "--lesion", str(mask)]) == 0
    assert f"{lesion_of().sum()} voxels" in capsys.readouterr().out


def test_cases_are_looked_up_by_id(case: Path, capsys, no_round_trip):
    shutil.copytree(case, case.parent / "bert")
    assert main(["bert", "--data", str(case.parent)]) == 0
    printed = capsys.readouterr().out
    assert "case bert" in printed and "case anna" not in printed
    assert f"--data {case.parent} --case bert" in printed


def test_a_case_among_enough_with_masks_leads_to_training(case: Path, capsys, no_round_trip, next_command):
    for name in ("bert", "carl", "dora"):
        shutil.copytree(case, case.parent / name)
    assert main(["bert", "--data", str(case.parent)]) == 0
    words = next_command(capsys.readouterr().out)
    assert words == ["train", "--axis", "y", "--data", str(case.parent), "--out", "runs/y"]


def test_all_cases_of_a_folder_are_examined_and_one_fault_is_enough(case: Path, capsys, no_round_trip):
    shutil.copytree(case, case.parent / "bert")
    save(case / "T2.nii.gz", np.zeros(SHAPE, np.float32))
    assert main([str(case.parent)]) == 2
    told = capsys.readouterr()
    assert "case bert" in told.out
    assert "fault: case anna" in told.err and "bert" not in told.err


def test_values_that_are_not_numbers_are_a_fault(case: Path, capsys, no_round_trip):
    image = image_of(1)
    image[20, 20, 20] = np.nan
    save(case / "DWI.nii.gz", image)
    assert "DWI.nii.gz: 1 voxels are NaN" in faults_after(case, capsys)


def test_a_truncated_file_is_a_fault_and_the_others_are_still_described(case: Path, capsys, no_round_trip):
    content = (case / "DWI.nii.gz").read_bytes()
    (case / "DWI.nii.gz").write_bytes(content[: len(content) // 2])
    assert main([str(case)]) == 2
    told = capsys.readouterr()
    assert "DWI.nii.gz: truncated" in told.err
    assert "T2.nii.gz" in told.out


def test_an_unreadable_reference_is_a_fault_and_the_others_are_still_described(case: Path, capsys):
    (case / "FLAIR.nii.gz").write_bytes(b"no image")
    assert main([str(case)]) == 2
    told = capsys.readouterr()
    assert "FLAIR.nii.gz" in told.err
    assert "T2.nii.gz" in told.out


def test_a_constant_image_is_a_fault(case: Path, capsys, no_round_trip):
    save(case / "T2.nii.gz", np.full(SHAPE, 7, np.float32))
    assert "T2.nii.gz: the image is constant" in faults_after(case, capsys)


def test_a_sequence_on_another_grid_is_a_fault_that_names_both_files(case: Path, capsys, no_round_trip):
    moved = LAS.copy()
    moved[2, 3] += 8
    save(case / "T2.nii.gz", image_of(2), moved)
    said = faults_after(case, capsys)
    assert "T2.nii.gz" in said and "FLAIR.nii.gz" in said and "different grids" in said


def test_a_layout_that_resamples_tells_what_is_resampled(tmp_path: Path, capsys, no_round_trip):
    images = tmp_path / "rawdata" / "sub-1" / "ses-1"
    save(images / "sub-1_ses-1_dwi.nii.gz", image_of(0, lesion_of()))
    # FLAIR stops a quarter of the way from the top, on slices twice as thick.
    thick = LAS @ np.diag([1, 1, 2, 1])
    save(images / "sub-1_ses-1_flair.nii.gz", image_of(1)[:, :, :27:2], thick)
    masks = tmp_path / "derivatives" / "sub-1" / "ses-1"
    save(masks / "sub-1_ses-1_msk.nii.gz", lesion_of().astype(np.uint8))
    assert main([str(tmp_path)]) == 0
    assert "FLAIR: a grid of its own; resampled linearly onto DWI, of whose voxels it covers 75.0%" in (
        capsys.readouterr().out
    )


def test_a_mask_on_another_grid_is_a_fault(case: Path, capsys, no_round_trip):
    save(case / "lesion.nii.gz", lesion_of()[:-1].astype(np.uint8))
    said = faults_after(case, capsys)
    assert "lesion.nii.gz" in said and "different grids" in said


def test_a_mask_of_two_labels_is_a_fault(case: Path, capsys, no_round_trip):
    labels = lesion_of().astype(np.uint8)
    labels[20, 20, 20] = 2
    save(case / "lesion.nii.gz", labels)
    assert "lesion.nii.gz: a mask holds 0 and one other value" in faults_after(case, capsys)


def test_an_empty_mask_is_a_fault_unless_it_is_meant_so(case: Path, capsys, no_round_trip):
    save(case / "lesion.nii.gz", np.zeros(SHAPE, np.uint8))
    assert "lesion.nii.gz: the mask is empty" in faults_after(case, capsys)
    assert main([str(case), "--allow-empty"]) == 0
    assert "no voxel is lesion" in capsys.readouterr().out


def test_a_head_with_its_skull_is_noticed(case: Path, capsys, no_round_trip):
    for seed, name in enumerate(["FLAIR", "DWI", "T2"]):
        air = np.abs(np.random.default_rng(seed).normal(0, 3, SHAPE)).astype(np.float32)
        save(case / f"{name}.nii.gz", image_of(seed) + air)
    assert main([str(case)]) == 0
    assert "NOT skull-stripped" in capsys.readouterr().out


def test_an_image_that_claims_too_much_is_a_fault(case: Path, capsys, no_round_trip):
    assert main([str(case), "--max-voxels", "1000"]) == 2
    assert "at most 1,000" in capsys.readouterr().err


def test_a_report_that_exists_is_kept(case: Path, tmp_path: Path, capsys):
    out = tmp_path / "mine.json"
    out.write_text("mine")
    assert main([str(case), "--json", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"


@pytest.mark.parametrize("words", [["no-such-folder"], ["a.nii", "folder"], ["nobody", "--data", "."]])
def test_a_case_that_is_not_there_is_an_error(words: list[str], tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.fixture(scope="module")
def perfusion(tmp_path_factory) -> Path:
    """A case of CT perfusion, as a phantom."""
    from stroke_tf.phantoms import write_perfusion_cohort

    root = tmp_path_factory.mktemp("perfusion")
    (folder,) = write_perfusion_cohort(root, cases=1, size=40, slices=(3, 3), frames=(40, 40), seed=7)
    return folder


def test_a_case_of_ct_perfusion_is_described_with_its_series(perfusion: Path, capsys, no_round_trip):
    assert main([str(perfusion)]) == 0
    printed = capsys.readouterr().out
    assert "layout isles2018, reference CT" in printed
    assert "40 frames, 1 s apart, on the grid of CT" in printed
    assert "found within the skull of the CT" in printed
    assert "mirror image" not in printed
    assert "all is well with case_1" in printed


def test_a_mirrored_mask_of_ct_perfusion_is_noticed_on_the_dwi(perfusion: Path, tmp_path: Path, capsys, no_round_trip):
    case = Path(shutil.copytree(perfusion, tmp_path / "case_1"))
    path = next(case.rglob("*.OT.*.nii"))
    image = nibabel.load(path)
    save(path, np.asarray(image.dataobj)[::-1].copy(), image.affine)
    assert main([str(case)]) == 0
    assert "DWI is brighter in the mirror image of the lesion" in capsys.readouterr().out


def test_a_series_with_a_frame_missing_is_a_fault(perfusion: Path, tmp_path: Path, capsys, no_round_trip):
    case = Path(shutil.copytree(perfusion, tmp_path / "case_1"))
    path = next(case.rglob("*CT_4DPWI*.nii"))
    image = nibabel.load(path)
    data = np.asarray(image.dataobj).copy()
    data[..., 20] = data[..., 19]
    nibabel.save(nibabel.Nifti1Image(data, image.affine, image.header), path)
    assert "frame 21 of 40 holds an exact copy of the frame before" in faults_after(case, capsys)
