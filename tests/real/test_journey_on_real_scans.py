"""Index, train, predict and evaluate scans that others made; the network is tiny in steps, the geometry is not."""

import csv
import io

import nibabel
import numpy as np
import pytest

from stroke_tf import evaluate, index, predict, simulate, train

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def run_on_phantoms(tmp_path_factory):
    """An axial network after a few steps on SYNTHETIC phantoms in the layout of ISLES 2022."""
    folder = tmp_path_factory.mktemp("isles2022")
    phantoms = folder / "phantoms"
    small = ["--cases", "4", "--shape", "58", "58", "40", "--spacing", "4", "4", "4", "--seed", "3"]
    assert simulate.main(["--out", str(phantoms), "--layout", "isles2022", *small]) == 0
    options = ["--axis", "z", "--weights", "none", "--preset", "smoke", "--sequences", "FLAIR,DWI,ADC"]
    assert train.main([*options, "--data", str(phantoms), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def stroke(real_data, tmp_path_factory):
    """The folder of the real stroke and its manifest."""
    root = real_data / "isles22-sub-strokecase0009"
    manifest = tmp_path_factory.mktemp("manifest") / "isles22.csv"
    assert index.main([str(root), "--out", str(manifest)]) == 0
    return root, manifest


def test_the_mask_of_a_real_stroke_lies_on_the_grid_of_its_dwi(run_on_phantoms, stroke, tmp_path):
    root, manifest = stroke
    options = ["--data", str(manifest), "--data-root", str(root), "--out", str(tmp_path), "--probabilities"]
    assert predict.main(["--runs", str(run_on_phantoms), *options]) == 0
    dwi = nibabel.load(next(root.rglob("*_dwi.nii.gz")))
    for written in tmp_path.glob("*.nii.gz"):
        image = nibabel.load(written)
        assert image.shape == dwi.shape
        np.testing.assert_allclose(image.affine, dwi.affine, atol=1e-5)
        assert nibabel.aff2axcodes(image.affine) == ("L", "A", "S")


def test_a_real_truth_judged_against_itself_is_perfect(stroke, tmp_path):
    root, manifest = stroke
    masks = tmp_path / "masks"
    masks.mkdir()
    truth = next(root.rglob("*_msk.nii.gz"))
    (masks / "sub-strokecase0009_ses-0001.nii.gz").write_bytes(truth.read_bytes())
    options = [
        "--truth",
        str(manifest),
        "--data-root",
        str(root),
        "--masks",
        str(masks),
        "--out",
        str(tmp_path / "out"),
    ]
    assert evaluate.main(options) == 0
    per_case = (tmp_path / "out" / "per_case.csv").read_text(encoding="utf-8")
    case = next(csv.DictReader(io.StringIO(per_case)))
    assert [float(case[name]) for name in ("dice", "lesion_f1", "hd_mm")] == [1, 1, 0]


def test_a_plane_trains_on_one_real_patient_and_predicts_the_other(real_data, tmp_path):
    scans, run, out = real_data / "ms-lesjak2017", tmp_path / "run", tmp_path / "out"
    options = ["--axis", "y", "--weights", "none", "--preset", "smoke", "--sequences", "FLAIR,T1,T2"]
    assert train.main([*options, "--data", str(scans), "--train-cases", "patient19", "--out", str(run)]) == 0
    assert predict.main(["--runs", str(run), "--data", str(scans), "--case", "patient07", "--out", str(out)]) == 0
    mask = nibabel.load(out / "patient07_mask.nii.gz")
    flair = nibabel.load(scans / "patient07" / "FLAIR.nii.gz")
    assert mask.shape == flair.shape
    np.testing.assert_allclose(mask.affine, flair.affine, atol=1e-5)


def test_a_sequence_that_real_scans_lack_is_named(real_data, tmp_path, capsys):
    scans = real_data / "ms-lesjak2017"
    options = ["--axis", "y", "--weights", "none", "--preset", "smoke", "--train-cases", "patient19"]
    assert train.main([*options, "--data", str(scans), "--out", str(tmp_path / "run")]) == 2
    assert "patient19: no DWI image" in capsys.readouterr().err
