"""The door that converts DICOM, on series written on the spot; skipped where the extra is not installed."""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.convert import main

SHAPE, SPACING = (20, 16, 6), (1.5, 1.5, 5.0)


@pytest.fixture
def pydicom():
    pytest.importorskip("dicom2nifti", reason="the extra dicom is not installed: pip install -e '.[dicom]'")
    return pytest.importorskip("pydicom")


def volume(seed: int) -> np.ndarray:
    """Return an image (x, y, z) towards right, front and top, in which every voxel differs."""
    return np.random.default_rng(seed).permutation(int(np.prod(SHAPE))).reshape(SHAPE).astype(np.uint16)


AXIAL = ([1, 0, 0, 0, 1, 0], [0, 0, 1])
SAGITTAL = ([0, 1, 0, 0, 0, -1], [1, 0, 0])
"""Where rows and columns of a slice run, and where the next slice lies; DICOM's axes point to left, back and top."""


def write_series(
    pydicom, folder: Path, number: int, description: str, *, patient: str = "p1", skip: int = -1, way=AXIAL
) -> None:
    """Write one file a slice; by default as an axial MRI is: rows run to the patient's left, columns to the back."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    series, frame = generate_uid(), generate_uid()
    image = volume(number)
    for z in range(SHAPE[2]):
        if z == skip:
            continue
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = Dataset()
        slice_.file_meta = meta
        slice_.SOPClassUID, slice_.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.PatientName, slice_.PatientID = "Doe^Jane", patient
        slice_.Modality, slice_.Manufacturer = "MR", "nobody"
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = frame, series, frame
        slice_.SeriesNumber, slice_.InstanceNumber, slice_.SeriesDescription = number, z + 1, description
        slice_.ImageType = ["ORIGINAL", "PRIMARY"]
        slice_.Rows, slice_.Columns = SHAPE[1], SHAPE[0]
        slice_.PixelSpacing, slice_.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
        slice_.ImageOrientationPatient = way[0]
        slice_.ImagePositionPatient = [*(np.array([-10.0, -20.0, 30.0]) + z * SPACING[2] * np.array(way[1]))]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 0
        # The first row is the front, the first column the right.
        slice_.PixelData = np.ascontiguousarray(image[::-1, ::-1, z].T).tobytes()
        folder.mkdir(parents=True, exist_ok=True)
        slice_.save_as(folder / f"{number:03d}-{z:03d}.dcm", enforce_file_format=True)


@pytest.fixture
def study(pydicom, tmp_path) -> Path:
    folder = tmp_path / "dicom"
    write_series(pydicom, folder / "a", 3, "AX T2 FLAIR FS")
    write_series(pydicom, folder / "a", 4, "t2_tse_tra")
    write_series(pydicom, folder / "b", 5, "ep2d_diff_b1000")
    write_series(pydicom, folder / "b", 1, "localizer")
    (folder / "notes.txt").write_text("not an image")
    return folder


def convert(source: Path, out: Path, *more: str) -> int:
    return main([str(source), "--out", str(out), *more])


def test_series_become_the_files_of_a_case_each_voxel_in_its_place(study, tmp_path, capsys, next_command):
    out = tmp_path / "anna"
    assert convert(study, out) == 0
    assert {path.name for path in out.glob("*.nii.gz")} == {"FLAIR.nii.gz", "T2.nii.gz", "DWI.nii.gz"}
    for name, number in (("FLAIR", 3), ("T2", 4), ("DWI", 5)):
        image = nibabel.as_closest_canonical(nibabel.load(out / f"{name}.nii.gz"))
        assert np.array_equal(np.asarray(image.dataobj), volume(number))
        assert image.header.get_zooms() == pytest.approx(SPACING)
        # The leftmost column lies at x = -10 in DICOM's sense of left, so 10 mm to the right here.
        corner = image.affine @ [SHAPE[0] - 1, SHAPE[1] - 1, 0, 1]
        assert corner[:3] == pytest.approx((10.0, 20.0, 30.0), abs=1e-3)
    said = capsys.readouterr().out
    assert next_command(said)[:4] == ["predict", "--runs", "RUN", "--data"]
    assert "FLAIR: " in said and "series 3 (AX T2 FLAIR FS, 6 images)" in said


def test_nothing_tells_who_the_patient_is(study, tmp_path):
    assert convert(study, tmp_path / "anna") == 0
    told = (tmp_path / "anna" / "conversion.json").read_text()
    assert json.loads(told)["series"]["FLAIR"]["number"] == 3
    assert "Doe" not in told and "p1" not in told
    for path in (tmp_path / "anna").glob("*.nii.gz"):
        header = nibabel.load(path).header
        assert b"Doe" not in header.binaryblock and not header.extensions


def test_a_series_that_is_not_plain_has_to_be_named(pydicom, study, tmp_path, capsys):
    write_series(pydicom, study / "c", 9, "flair 3d sag")
    assert convert(study, tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "2 series may be the FLAIR" in said and "series 9 (flair 3d sag" in said
    assert convert(study, tmp_path / "out", "--flair", "3d sag") == 0
    assert json.loads((tmp_path / "out" / "conversion.json").read_text())["series"]["FLAIR"]["number"] == 9
    assert convert(study, tmp_path / "other", "--flair", "77") == 2
    assert "no series is meant by it" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_files_that_exist_are_replaced_only_with_force(study, tmp_path, capsys):
    assert convert(study, tmp_path / "out") == 0
    assert convert(study, tmp_path / "out") == 2
    assert "exists already" in capsys.readouterr().err
    assert convert(study, tmp_path / "out", "--force") == 0


def test_series_of_two_patients_are_not_mixed(pydicom, study, tmp_path, capsys):
    write_series(pydicom, study / "d", 12, "t1_mprage", patient="p2")
    assert convert(study, tmp_path / "out") == 2
    assert "more than one patient" in capsys.readouterr().err


def test_a_slice_that_is_missing_is_told(pydicom, tmp_path, capsys):
    write_series(pydicom, tmp_path / "dicom", 3, "flair", skip=2)
    assert convert(tmp_path / "dicom", tmp_path / "out") == 2
    assert "no volume that can be converted" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_a_folder_without_images_is_told(pydicom, tmp_path, capsys):
    assert convert(tmp_path, tmp_path / "out") == 2
    assert "no DICOM image in it" in capsys.readouterr().err


def masked(out: Path, name: str) -> Path:
    """Write a mask on the grid of a converted file."""
    like = nibabel.load(out / f"{name}.nii.gz")
    lesion = np.random.default_rng(3).random(like.shape) < 0.2
    nibabel.save(nibabel.Nifti1Image(lesion.astype(np.uint8), like.affine), out / "mask.nii.gz")
    return out / "mask.nii.gz"


def at_pixels(mask: Path, image) -> np.ndarray:
    """Return what a mask says at each (row, column) of a slice, by the millimetres that both tell."""
    rows, columns = np.indices((image.Rows, image.Columns))
    across, down = np.split(np.array(image.ImageOrientationPatient, float), 2)
    place = np.array(image.ImagePositionPatient, float)
    place = place + columns[..., None] * image.PixelSpacing[1] * across + rows[..., None] * image.PixelSpacing[0] * down
    volume = nibabel.load(mask)
    index = nibabel.affines.apply_affine(np.linalg.inv(volume.affine), place * [-1, -1, 1])
    return np.asarray(volume.dataobj)[tuple(np.moveaxis(np.rint(index).astype(int), -1, 0))]


@pytest.mark.parametrize("way", [AXIAL, SAGITTAL])
def test_a_mask_becomes_a_segmentation_each_voxel_in_its_place(pydicom, tmp_path, capsys, way):
    highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed: pip install -e '.[dicom]'")
    study = tmp_path / "dicom"
    write_series(pydicom, study, 3, "FLAIR", way=way)
    write_series(pydicom, study, 4, "t2_tse", way=way)
    assert convert(study, tmp_path / "anna") == 0
    mask = masked(tmp_path / "anna", "FLAIR")
    assert convert(study, study / "anna.dcm", "--mask", str(mask)) == 0
    assert "a segmentation of series 3 (FLAIR, 6 images)" in capsys.readouterr().out
    segmentation = highdicom.seg.segread(study / "anna.dcm")
    assert segmentation.PatientID == "p1" and "not for diagnosis" in segmentation.SeriesDescription
    for path in sorted(study.glob("003-*.dcm")):
        image = pydicom.dcmread(path)
        assert segmentation.StudyInstanceUID == image.StudyInstanceUID
        (found,) = segmentation.get_pixels_by_source_instance([image.SOPInstanceUID])
        expected = at_pixels(mask, image)
        assert expected.any() and np.array_equal(found[..., 0], expected)
    assert convert(study, study / "anna.dcm", "--mask", str(mask)) == 2
    assert "exists already" in capsys.readouterr().err
    # Beside the images it is not taken for one of them.
    assert convert(study, tmp_path / "again") == 0
    assert "lesion" not in capsys.readouterr().out


def test_an_empty_mask_is_a_segmentation_too(study, tmp_path):
    highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed: pip install -e '.[dicom]'")
    assert convert(study, tmp_path / "anna") == 0
    image = nibabel.load(tmp_path / "anna" / "T2.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), image.affine), tmp_path / "none.nii.gz")
    words = ("--mask", str(tmp_path / "none.nii.gz"), "--series", "t2_tse")
    assert convert(study, tmp_path / "none.dcm", *words) == 0
    found = highdicom.seg.segread(tmp_path / "none.dcm")
    assert found.NumberOfFrames == SHAPE[2] and not found.pixel_array.any()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--series", "77"], "no series is meant by it"),
        (["--flair", "3"], "--mask goes with --series"),
        (["--series", "localizer"], "the mask lies on another grid"),
        ([], "none of the 4 series lies on its grid"),
    ],
)
def test_a_mask_that_fits_no_series_is_refused(pydicom, study, tmp_path, capsys, more, said):
    pytest.importorskip("highdicom", reason="the extra dicom is not installed: pip install -e '.[dicom]'")
    assert convert(study, tmp_path / "anna") == 0
    mask = masked(tmp_path / "anna", "FLAIR")
    moved = nibabel.load(mask)
    # Half a voxel to the side.
    affine = moved.affine + np.array([[0, 0, 0, SPACING[0] / 2], *np.zeros((3, 4))])
    nibabel.save(nibabel.Nifti1Image(np.asarray(moved.dataobj), affine), mask)
    assert convert(study, tmp_path / "x.dcm", "--mask", str(mask), *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x.dcm").exists()


def test_options_of_the_way_back_alone_are_refused(study, tmp_path, capsys):
    assert convert(study, tmp_path / "out", "--series", "3") == 2
    assert "--series goes with --mask" in capsys.readouterr().err
    assert convert(study, tmp_path / "out", "--mask", "mask.nii.gz") == 2
    assert "Let its name end in .dcm" in capsys.readouterr().err


def test_without_the_extra_the_command_that_installs_it_is_told(tmp_path, monkeypatch, capsys):
    # An entry of None is how Python itself marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert convert(tmp_path, tmp_path / "out") == 2
    assert "pip install -e '.[dicom]'" in capsys.readouterr().err
