"""The door `stroke-tf index`: what it writes, prints and refuses."""

import csv
import json
import shutil
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from stroke_tf.files import sha256_of_file
from stroke_tf.index import main
from stroke_tf.manifest.split import four_folds
from stroke_tf.manifest.table import read_manifest

AFFINE = np.diag([-2.0, 1.0, 1.0, 1.0])
SHIFTED = np.array([[-2.0, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
SISS_KINDS = ("MR_T1", "MR_T2", "MR_DWI", "MR_Flair")


def save(path, data, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


def image(seed):
    return np.random.default_rng(seed).normal(100, 10, (6, 7, 8)).astype(np.float32)


def mask(voxels):
    data = np.zeros((6, 7, 8), np.uint8)
    data.flat[:voxels] = 1
    return data


def siss_case(root, case, *, lesion=10, flat=False):
    def place(kind, number):
        name = f"VSD.Brain.XX.O.{kind}.{number}"
        return root / case / f"{name}.nii" if flat else root / case / name / f"{name}.nii"

    paths = {
        kind: save(place(kind, number), image(1000 * int(case) + number)) for number, kind in enumerate(SISS_KINDS)
    }
    if lesion is not None:
        paths["OT"] = save(place("OT", 9), mask(lesion))
    return paths


def bids_session(root, subject, session, seed):
    stem = f"{subject}_{session}"
    raw, derived = (root / part / subject / session for part in ("rawdata", "derivatives"))
    save(raw / f"{stem}_dwi.nii.gz", image(seed))
    save(raw / f"{stem}_adc.nii.gz", image(seed + 1))
    save(raw / f"{stem}_flair.nii.gz", np.repeat(image(seed + 2), 2, axis=2), np.diag([-2.0, 1.0, 0.5, 1.0]))
    save(derived / f"{stem}_msk.nii.gz", mask(5))


def rows(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_siss_cohort_is_measured_and_summarised(tmp_path, capsys, next_command):
    paths = siss_case(tmp_path, "1", lesion=10)
    siss_case(tmp_path, "2", lesion=100, flat=True)
    siss_case(tmp_path, "3", lesion=None)
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out)]) == 0
    first, second, third = rows(out)
    assert (first["case"], first["layout"], first["reference"], first["resample"]) == ("1", "siss2015", "FLAIR", "no")
    assert (first["shape"], first["spacing_mm"], first["orientation"]) == ("6x7x8", "2x1x1", "LAS")
    assert float(first["lesion_volume_ml"]) == 0.02
    assert first["sha256_FLAIR"] == sha256_of_file(paths["MR_Flair"])
    assert first["lesion"] == "1/VSD.Brain.XX.O.OT.9/VSD.Brain.XX.O.OT.9.nii"
    assert second["lesion"] == "2/VSD.Brain.XX.O.OT.9.nii"
    assert (third["lesion"], third["fold"], third["subset"], third["sha256_lesion"]) == ("", "", "", "")
    printed = capsys.readouterr()
    assert "3 cases of 3 patients, layout siss2015" in printed.out
    assert "lesion volume of 2 cases with a mask: mean 0.11 ml, median 0.11 ml, from 0.020 to 0.20 ml" in printed.out
    assert "below 1 ml: 2" in printed.out
    assert f"wrote {out}" in printed.out
    assert next_command(printed.out) == ["doctor", "1", "--data", str(out)]
    assert "reading cases: done" in printed.err
    assert [case.case_id for case in read_manifest(out)] == ["1", "2", "3"]


def test_the_28_cases_of_siss_get_the_published_splits(tmp_path, repository):
    for case in range(1, 29):
        siss_case(tmp_path, str(case), flat=True)
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out)]) == 0
    published = rows(repository / "data_manifests" / "siss2015_splits.csv")
    assert [{name: row[name] for name in ("case", "fold", "subset")} for row in rows(out)] == published


def test_one_damaged_case_does_not_move_the_others_to_other_folds(tmp_path):
    for case in range(1, 9):
        paths = siss_case(tmp_path, str(case), flat=True)
    paths["MR_T2"].write_bytes(b"")
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out), "--skip-bad"]) == 0
    folds = four_folds([str(case) for case in range(1, 9)], seed=2015)
    assert {row["case"]: int(row["fold"]) for row in rows(out)} == {case: folds[case] for case in list(folds)[:-1]}


def test_another_seed_gives_other_folds(tmp_path):
    for case in range(1, 9):
        siss_case(tmp_path, str(case), flat=True)
    for seed in ("1", "2"):
        assert main([str(tmp_path), "--out", str(tmp_path / f"{seed}.csv"), "--seed", seed]) == 0
    assert rows(tmp_path / "1.csv") != rows(tmp_path / "2.csv")


def test_isles_2022_is_indexed_with_its_sessions_together(tmp_path, capsys):
    for number in range(6):
        for session in ("ses-0001", "ses-0002"):
            bids_session(tmp_path, f"sub-{number}", session, seed=10 * number + int(session[-1]))
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out)]) == 0
    cases = read_manifest(out)
    assert len(cases) == 12
    assert all(case.resample and case.reference == "DWI" and case.shape == (6, 7, 8) for case in cases)
    assert len({(case.patient, case.fold, case.subset) for case in cases}) == 6
    assert "12 cases of 6 patients" in capsys.readouterr().out


@pytest.fixture(scope="module")
def perfusion(tmp_path_factory):
    """Three cases of CT perfusion, as phantoms."""
    from stroke_tf.phantoms import write_perfusion_cohort

    root = tmp_path_factory.mktemp("perfusion")
    write_perfusion_cohort(root, cases=3, size=32, slices=(2, 2), frames=(30, 30), seed=6)
    return root


def image_of(root, case, word):
    return next((root / case).rglob(f"*.{word}.*.nii"))


def test_isles_2018_is_indexed_with_or_without_dwi(perfusion, tmp_path, capsys):
    root = shutil.copytree(perfusion, tmp_path / "cohort")
    image_of(root, "case_2", "MR_DWI").unlink()
    image_of(root, "case_3", "MR_DWI").unlink()
    image_of(root, "case_3", "OT").unlink()
    out = root / "manifest.csv"
    assert main([str(root), "--out", str(out)]) == 0
    assert "3 cases of 3 patients, layout isles2018" in capsys.readouterr().out
    first, second, third = read_manifest(out)
    assert (first.reference, first.resample, first.shape, first.orientation) == ("CT", False, (32, 32, 2), "LAS")
    assert set(first.images) == {"CT", "CTP", "CBF", "CBV", "MTT", "TMAX", "DWI"}
    assert set(first.images) - set(second.images) == {"DWI"}
    assert set(first.sha256) == {*first.images, "lesion"}
    assert (third.lesion, third.fold) == (None, None)


def test_a_manifest_elsewhere_is_looked_at_with_its_root(perfusion, tmp_path, capsys, next_command):
    out = tmp_path / "my tables" / "manifest.csv"
    assert main([str(perfusion), "--out", str(out)]) == 0
    words = ["doctor", "case_1", "--data", str(out), "--data-root", str(perfusion)]
    assert next_command(capsys.readouterr().out) == words


def copy_a_frame(path, image, data):
    data[..., 12] = data[..., 11]
    nibabel.save(nibabel.Nifti1Image(data, image.affine, image.header), path)


def shorten(path, image, data):
    nibabel.save(nibabel.Nifti1Image(data[:, :, :, 0], image.affine), path)


def lose_the_time(path, image, data):
    image.header["pixdim"][4] = 0
    nibabel.save(nibabel.Nifti1Image(data, image.affine, image.header), path)


def shift(path, image, data):
    affine = image.affine.copy()
    affine[0, 3] += 5
    save(path, data, affine)


@pytest.mark.parametrize(
    ("word", "damage", "message"),
    [
        ("CT_4DPWI", copy_a_frame, "frame 13 of 30 holds an exact copy of the frame before"),
        ("CT_4DPWI", shorten, "a 4-D image is needed. Received: 3-D"),
        ("CT_4DPWI", lose_the_time, "no time step"),
        ("CT_4DPWI", shift, "lie on different grids"),
        ("CT_Tmax", shift, "lie on different grids"),
    ],
)
def test_a_bad_case_of_ct_perfusion_is_named(perfusion, tmp_path, capsys, word, damage, message):
    root = shutil.copytree(perfusion, tmp_path / "cohort")
    path = image_of(root, "case_2", word)
    image = nibabel.load(path)
    damage(path, image, np.asarray(image.dataobj).copy())
    assert main([str(root), "--out", str(root / "manifest.csv")]) == 2
    shown = capsys.readouterr().err
    assert "1 of 3 cases cannot be used" in shown
    assert str(path) in shown
    assert message in shown


def test_a_case_of_ct_perfusion_without_a_map_is_incomplete(perfusion, tmp_path, capsys):
    root = shutil.copytree(perfusion, tmp_path / "cohort")
    image_of(root, "case_1", "CT_MTT").unlink()
    assert main([str(root), "--out", str(root / "manifest.csv")]) == 2
    assert "case case_1: no MTT image" in capsys.readouterr().err


def test_a_manifest_elsewhere_says_where_its_root_is(tmp_path, capsys):
    siss_case(tmp_path / "data", "1")
    out = tmp_path / "m.csv"
    assert main([str(tmp_path / "data"), "--out", str(out)]) == 0
    assert f"--data-root {tmp_path / 'data'}" in capsys.readouterr().out
    assert read_manifest(out, tmp_path / "data")[0].images["T1"].is_file()


def truncate(paths):
    paths["MR_DWI"].write_bytes(paths["MR_DWI"].read_bytes()[:500])


def remove(paths):
    paths["MR_T2"].unlink()


def flatten(paths):
    save(paths["MR_T1"], np.full((6, 7, 8), 3.0, np.float32))


def move(paths):
    save(paths["MR_T1"], image(77), SHIFTED)


def label_twice(paths):
    save(paths["OT"], mask(5) + mask(2))


def empty(paths):
    save(paths["OT"], mask(0))


def reshape(paths):
    save(paths["OT"], mask(5)[:-1])


def spoil(paths):
    data = image(5)
    data[0, 0, 0] = np.nan
    save(paths["MR_T1"], data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "MR_DWI.2.nii: truncated or damaged"),
        (remove, "no T2 image; found"),
        (flatten, "MR_T1.0.nii: the image is constant"),
        (move, "lie on different grids"),
        (label_twice, "OT.9.nii: a mask holds 0 and one other value. Received: 0, 1, 2"),
        (empty, "OT.9.nii: the mask is empty"),
        (reshape, "the shapes differ"),
        (spoil, "MR_T1.0.nii: 1 voxels are NaN or infinite"),
    ],
)
def test_a_bad_case_is_listed_and_nothing_is_written_unless_skipped(tmp_path, capsys, damage, message):
    siss_case(tmp_path, "1")
    damage(siss_case(tmp_path, "2"))
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out)]) == 2
    shown = capsys.readouterr().err
    assert "1 of 2 cases cannot be used; nothing was written. Mend them, or leave them out with --skip-bad" in shown
    assert "case 2: " in shown
    assert message in shown
    assert not out.exists()
    assert main([str(tmp_path), "--out", str(out), "--skip-bad"]) == 0
    assert [row["case"] for row in rows(out)] == ["1"]
    shown = capsys.readouterr().err
    assert "left out, 1 cases" in shown
    assert message in shown


def test_an_empty_mask_is_kept_if_it_is_meant(tmp_path):
    empty(siss_case(tmp_path, "1"))
    out = tmp_path / "manifest.csv"
    assert main([str(tmp_path), "--out", str(out), "--allow-empty"]) == 0
    assert float(rows(out)[0]["lesion_volume_ml"]) == 0.0


def test_a_file_that_two_cases_share_is_a_duplicate_case(tmp_path, capsys):
    first, second = siss_case(tmp_path, "1"), siss_case(tmp_path, "2")
    second["MR_T1"].write_bytes(first["MR_T1"].read_bytes())
    assert main([str(tmp_path), "--out", str(tmp_path / "m.csv")]) == 2
    assert "duplicate case: the T1 of case 2 is the same file as one of case 1" in capsys.readouterr().err


def test_nothing_is_left_to_index(tmp_path, capsys):
    truncate(siss_case(tmp_path, "1"))
    assert main([str(tmp_path), "--out", str(tmp_path / "m.csv"), "--skip-bad"]) == 2
    assert "None is left to be indexed" in capsys.readouterr().err


def test_max_voxels_is_a_limit_of_the_user(tmp_path, capsys):
    siss_case(tmp_path, "1")
    assert main([str(tmp_path), "--out", str(tmp_path / "m.csv"), "--max-voxels", "100"]) == 2
    assert "claims 336 voxels (6, 7, 8); at most 100 are read" in capsys.readouterr().err


def test_a_manifest_is_replaced_by_force_only(tmp_path, capsys):
    siss_case(tmp_path, "1")
    out = tmp_path / "manifest.csv"
    out.write_text("old")
    assert main([str(tmp_path), "--out", str(out)]) == 2
    assert "exists already. Choose another name, or pass --force" in capsys.readouterr().err
    assert out.read_text() == "old"
    assert main([str(tmp_path), "--out", str(out), "--force"]) == 0
    assert len(rows(out)) == 1


def test_an_empty_folder_is_explained(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path / "m.csv")]) == 2
    assert "no case found. Expected SISS 2015" in capsys.readouterr().err


def test_help_imports_no_array_library():
    code = (
        "import sys, json\nfrom stroke_tf.index import parser\nparser().format_help()\n"
        "print(json.dumps([name for name in ('numpy', 'nibabel', 'scipy', 'tensorflow') if name in sys.modules]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(shown) == []


def test_defaults_of_the_door_are_those_of_the_rooms():
    from stroke_tf.index import parser
    from stroke_tf.manifest.split import PUBLISHED_SEED
    from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS

    options = parser().parse_args(["root", "--out", "m.csv"])
    assert (options.seed, options.max_voxels) == (PUBLISHED_SEED, DEFAULT_MAX_VOXELS)
