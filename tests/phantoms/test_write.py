"""Cohorts on disk: names, headers, the mark, completion after a kill, and refusals."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import OutputError, SettingError
from stroke_tf.phantoms import SYNTHETIC_MARK, write_cohort

SMALL = {"shape": (32, 34, 28), "spacing_mm": (5.0, 6.0, 6.0), "seed": 1}


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.nii*"))}


def test_siss_names_are_those_of_the_archive(tmp_path):
    folders = write_cohort(tmp_path / "siss", cases=2, **SMALL)
    assert [folder.name for folder in folders] == ["1", "2"]
    names = set(contents(tmp_path / "siss"))
    assert len(names) == 10
    assert "1/VSD.Brain.XX.O.MR_T2.70616/VSD.Brain.XX.O.MR_T2.70616.nii" in names
    assert "1/VSD.Brain.XX.O.MR_Flair.70614/VSD.Brain.XX.O.MR_Flair.70614.nii" in names
    assert "2/VSD.Brain.XX.O.MR_T1.70621/VSD.Brain.XX.O.MR_T1.70621.nii" in names
    assert sum("VSD.Brain.XX.O.OT." in name for name in names) == 2


def test_everything_says_that_it_is_synthetic(tmp_path):
    write_cohort(tmp_path, cases=1, min_lesion_ml=3.0, **SMALL)
    mark = json.loads((tmp_path / SYNTHETIC_MARK).read_text())
    assert mark["notice"].startswith("SYNTHETIC")
    assert mark["settings"]["seed"] == 1
    assert mark["settings"]["min_lesion_ml"] == 3.0
    for path in tmp_path.rglob("*.nii"):
        assert nibabel.load(path).header["descrip"].item().startswith(b"SYNTHETIC")


def test_siss_images_share_one_grid_and_the_mask_is_binary(tmp_path):
    write_cohort(tmp_path, cases=1, **SMALL)
    images = {path.name: nibabel.load(path) for path in tmp_path.rglob("*.nii")}
    for name, image in images.items():
        assert image.shape == (32, 34, 28)
        np.testing.assert_allclose(image.header.get_zooms(), (5, 6, 6))
        assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
        if ".OT." in name:
            assert set(np.unique(image.dataobj)) == {0, 1}
        else:
            assert np.asarray(image.dataobj).max() > 50


def test_isles2022_has_flair_on_another_grid_than_dwi_and_mask(tmp_path):
    folders = write_cohort(tmp_path, cases=1, layout="isles2022", **SMALL)
    assert folders[0] == tmp_path / "rawdata" / "sub-strokecase0001"
    found = {path.name.rsplit("_", 1)[1]: nibabel.load(path) for path in tmp_path.rglob("*.nii.gz")}
    assert set(found) == {"dwi.nii.gz", "adc.nii.gz", "flair.nii.gz", "msk.nii.gz"}
    dwi, flair, mask = found["dwi.nii.gz"], found["flair.nii.gz"], found["msk.nii.gz"]
    np.testing.assert_allclose(mask.affine, dwi.affine)
    assert flair.shape != dwi.shape
    assert not np.allclose(flair.affine, dwi.affine)
    assert nibabel.aff2axcodes(dwi.affine) == ("L", "A", "S")


def test_isles2022_shows_one_brain_in_one_place_of_the_world(tmp_path):
    write_cohort(tmp_path, cases=1, layout="isles2022", **SMALL)
    centres = []
    for name in ("dwi", "flair"):
        image = nibabel.load(next(tmp_path.rglob(f"*_{name}.nii.gz")))
        voxel = np.argwhere(np.asarray(image.dataobj) > 0).mean(axis=0)
        centres.append(nibabel.affines.apply_affine(image.affine, voxel))
    assert np.linalg.norm(centres[0] - centres[1]) < 3


def test_a_cohort_that_was_stopped_is_completed_with_the_same_bits(tmp_path):
    for layout in ("siss2015", "isles2022"):
        root = tmp_path / layout
        folders = write_cohort(root, cases=3, layout=layout, **SMALL)
        whole = {path: nibabel.load(root / path).get_fdata() for path in contents(root)}
        kept = next(iter(whole))
        stamp = (root / kept).stat().st_mtime_ns
        shutil.rmtree(folders[1])
        next(folders[2].rglob("*.nii*")).unlink()
        left_over = folders[1].with_name(".tmp-1-2")
        (left_over / "half").mkdir(parents=True)
        write_cohort(root, cases=3, layout=layout, **SMALL)
        assert set(contents(root)) == set(whole)
        assert all(np.array_equal(nibabel.load(root / path).get_fdata(), data) for path, data in whole.items())
        assert (root / kept).stat().st_mtime_ns == stamp
        assert not left_over.exists()


def test_a_cohort_grows_without_changing_its_first_cases(tmp_path):
    write_cohort(tmp_path, cases=1, **SMALL)
    first = contents(tmp_path)
    write_cohort(tmp_path, cases=2, **SMALL)
    assert first.items() <= contents(tmp_path).items()
    assert json.loads((tmp_path / SYNTHETIC_MARK).read_text())["cases"] == 2


def test_two_processes_write_what_one_writes(tmp_path):
    write_cohort(tmp_path / "one", cases=2, **SMALL)
    write_cohort(tmp_path / "two", cases=2, jobs=2, **SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_other_settings_are_refused_without_force(tmp_path):
    write_cohort(tmp_path, cases=1, **SMALL)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"seed 1, now 2.*--force"):
        write_cohort(tmp_path, cases=1, **{**SMALL, "seed": 2})
    assert contents(tmp_path) == before
    (tmp_path / "notes.txt").write_text("mine")
    write_cohort(tmp_path, cases=1, force=True, **{**SMALL, "seed": 2})
    assert contents(tmp_path) != before
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_fewer_cases_than_are_there_are_refused_without_force(tmp_path):
    write_cohort(tmp_path, cases=2, **SMALL)
    with pytest.raises(OutputError, match="cases 2, now 1"):
        write_cohort(tmp_path, cases=1, **SMALL)


def test_phantoms_never_mix_with_real_scans_even_with_force(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(OutputError, match="Choose an empty folder"):
        write_cohort(tmp_path, cases=1, force=True, **SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"cases": 0}, "Received: 0"), ({"layout": "nrrd"}, "Unknown layout"), ({"jobs": 0}, "Received: 0")],
)
def test_wrong_settings_are_refused_before_anything_is_written(tmp_path, wrong, message):
    with pytest.raises(SettingError, match=message):
        write_cohort(tmp_path / "root", **{"cases": 1, **SMALL, **wrong})
    assert not (tmp_path / "root").exists()


def test_a_full_disk_is_explained(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nibabel, "save", no_space)
    with pytest.raises(OutputError, match="disk is full"):
        write_cohort(tmp_path, cases=1, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [SYNTHETIC_MARK]
