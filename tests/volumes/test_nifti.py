"""Files are judged before they are believed, and results lie where the scan lies."""

import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import GeometryError, InputFileError, OutputError
from stroke_tf.volumes.nifti import read_mask, read_scan, write_volume

OBLIQUE = nibabel.affines.from_matvec(
    nibabel.eulerangles.euler2mat(0.1, -0.2, 0.15) @ np.array([[0, -2.0, 0], [0, 0, 3.0], [0.5, 0, 0]]), [5, -6, 7]
)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_scan_is_read_to_ras(saved, numbered, name, kind):
    """The file is LAS, so that its first axis has to be turned round."""
    scan = read_scan(saved(name, numbered, kind=kind))
    assert scan.data.dtype == np.float32
    assert scan.grid.orientation == "LAS"
    np.testing.assert_array_equal(scan.data, numbered[::-1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_every_real_type_becomes_float32(saved, numbered, dtype):
    scan = read_scan(saved("scan.nii", numbered.astype(dtype)))
    assert scan.data.dtype == np.float32
    np.testing.assert_array_equal(scan.data, numbered[::-1])


def test_the_scale_of_the_header_is_applied(saved, numbered):
    image = nibabel.Nifti1Image(numbered.astype(np.int16), np.eye(4))
    path = saved("scan.nii", numbered.astype(np.int16), np.eye(4))
    raw = bytearray(path.read_bytes())
    header = image.header.copy()
    header["scl_slope"], header["scl_inter"], header["vox_offset"] = 0.5, -3, 352
    raw[:348] = header.binaryblock
    path.write_bytes(raw)
    np.testing.assert_allclose(read_scan(path).data, numbered * 0.5 - 3)


def test_big_endian_files_are_read(saved, numbered, tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    nibabel.save(nibabel.Nifti1Image(numbered, np.eye(4), header), tmp_path / "big.nii")
    assert (tmp_path / "big.nii").read_bytes()[:4] == b"\x00\x00\x01\x5c"
    np.testing.assert_array_equal(read_scan(tmp_path / "big.nii").data, numbered)


def test_a_fourth_axis_of_one_is_dropped(saved, numbered):
    assert read_scan(saved("scan.nii.gz", numbered[..., None])).data.shape == (4, 5, 6)


def test_a_4d_image_is_refused(saved, numbered):
    path = saved("scan.nii", np.stack([numbered, numbered], axis=-1))
    with pytest.raises(InputFileError, match=r"scan.nii: a 3-D image is needed. Received: 4-D, shape \(4, 5, 6, 2\)"):
        read_scan(path)


def test_a_slice_alone_is_refused(saved, numbered):
    with pytest.raises(InputFileError, match=r"a 3-D image is needed. Received: 2-D"):
        read_scan(saved("scan.nii", numbered[0]))


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_truncated_file_is_refused(saved, numbered, name, part):
    noise = np.random.default_rng(1).normal(size=(20, 20, 20))
    path = saved(name, noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InputFileError, match=r"scan.nii(.gz)?: truncated or damaged .*Fetch the file again"):
        read_scan(path)


def test_a_gz_file_whose_end_is_missing_after_the_last_voxel_is_refused(saved, numbered):
    """All voxels are there; only the checksum that proves them is gone."""
    path = saved("scan.nii.gz", numbered)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(InputFileError, match=r"truncated or damaged"):
        read_scan(path)


def test_a_gz_file_of_an_image_that_was_itself_truncated_is_refused(saved, numbered, tmp_path):
    whole = saved("scan.nii", numbered).read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(whole[:-10]))
    with pytest.raises(InputFileError, match=r"truncated or damaged \(822 of 832 bytes are there\)"):
        read_scan(tmp_path / "scan.nii.gz")


def test_a_bit_flipped_in_a_gz_file_is_seen_by_its_checksum(saved, tmp_path):
    noise = np.random.default_rng(2).integers(0, 255, (16, 16, 16)).astype(np.uint8)
    plain = saved("plain.nii", noise).read_bytes()
    # Stored without compression, a changed voxel still unpacks well; only the checksum tells.
    packed = bytearray(gzip.compress(plain, compresslevel=0))
    packed[2000] ^= 1
    (tmp_path / "scan.nii.gz").write_bytes(packed)
    with pytest.raises(InputFileError, match=r"truncated or damaged .*CRC"):
        read_scan(tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG" * 400], ids=["empty", "short", "picture"])
def test_what_is_not_nifti_is_refused(tmp_path, content):
    (tmp_path / "scan.nii").write_bytes(content)
    with pytest.raises(InputFileError, match=r"scan.nii: not NIfTI, or damaged.*Convert the image"):
        read_scan(tmp_path / "scan.nii")
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(InputFileError, match=r"scan.nii.gz: not NIfTI, or damaged.*Convert the image"):
        read_scan(tmp_path / "scan.nii.gz")


def test_names_that_lie_about_compression_are_refused(saved, numbered, tmp_path):
    saved("scan.nii", numbered).rename(tmp_path / "plain.nii.gz")
    with pytest.raises(InputFileError, match=r"plain.nii.gz: not gzip-compressed, though its name says so"):
        read_scan(tmp_path / "plain.nii.gz")
    saved("scan.nii.gz", numbered).rename(tmp_path / "packed.nii")
    with pytest.raises(InputFileError, match=r"packed.nii: gzip-compressed, but not named so. Rename it"):
        read_scan(tmp_path / "packed.nii")


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"scan.dcm: not NIfTI by its name"):
        read_scan(tmp_path / "scan.dcm")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"scan.nii: no such file"):
        read_scan(tmp_path / "scan.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted(saved, numbered, bad):
    numbered[1, 2, 3] = bad
    with pytest.raises(InputFileError, match=r"scan.nii: 1 voxels are NaN or infinite"):
        read_scan(saved("scan.nii", numbered))


def test_values_beyond_float32_are_infinite_to_us(saved, numbered):
    data = numbered.astype(np.float64)
    data[0, 0, 0] = 1e300
    with pytest.raises(InputFileError, match=r"1 voxels are NaN or infinite"):
        read_scan(saved("scan.nii", data))


@pytest.mark.parametrize("dtype", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_voxels_that_are_not_one_real_number_are_refused(saved, dtype):
    path = saved("scan.nii", np.zeros((4, 5, 6), dtype))
    with pytest.raises(InputFileError, match=r"scan.nii: one real number a voxel is needed"):
        read_scan(path)


def changed(path, **fields):
    """Write header fields into a file byte by byte, past nibabel, which would refuse or mend them."""
    raw = bytearray(path.read_bytes())
    header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
    for field, value in fields.items():
        header[field] = value
    raw[:348] = header.binaryblock
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_spacing_that_is_not_above_zero_is_refused(saved, numbered, bad):
    path = changed(saved("scan.nii", numbered), pixdim=[1, 1, bad, 1, 0, 0, 0, 0])
    with pytest.raises(GeometryError, match=r"scan.nii: the header's spacing .* above zero. Received: \[1.0, .*Mend"):
        read_scan(path)


def test_a_singular_sform_is_refused(saved, numbered):
    path = changed(saved("scan.nii", numbered), srow_x=[1, 1, 0, 0], srow_y=[1, 1, 0, 0])
    with pytest.raises(GeometryError, match=r"scan.nii: the affine is singular"):
        read_scan(path)


def test_a_qfac_of_zero_is_taken_as_one(saved, numbered):
    """Converted Analyze files have it; the NIfTI standard says to read it as 1."""
    path = changed(saved("scan.nii", numbered, np.eye(4)), sform_code=0, qform_code=1, pixdim=[0, 1, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(read_scan(path).grid.native_affine, np.eye(4))


def test_a_qform_that_is_no_rotation_is_refused(saved, numbered):
    path = changed(saved("scan.nii", numbered), sform_code=0, qform_code=1, quatern_b=3.0)
    with pytest.raises(GeometryError, match=r"scan.nii: the header holds no usable affine .*Mend its sform or qform"):
        read_scan(path)


@pytest.mark.parametrize("dim", [[3, 4, -5, 6, 1, 1, 1, 1], [0, 4, 5, 6, 1, 1, 1, 1], [9, 4, 5, 6, 1, 1, 1, 1]])
def test_sizes_that_cannot_be_are_refused(saved, numbered, dim):
    path = changed(saved("scan.nii", numbered), dim=dim)
    with pytest.raises(
        InputFileError, match=r"scan.nii: not NIfTI, or damaged( in its first bytes|: the header says dim)"
    ):
        read_scan(path)


def test_a_type_of_voxel_that_nifti_does_not_know_is_refused(saved, numbered):
    path = changed(saved("scan.nii", numbered), datatype=9999)
    with pytest.raises(InputFileError, match=r"scan.nii: .*damaged: no type of voxel has the number 9999. Fetch"):
        read_scan(path)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("offset", [1e30, 1e10, -352.0, np.nan])
def test_voxels_that_begin_nowhere_in_the_file_are_refused(saved, numbered, tmp_path, name, offset):
    content = changed(saved("plain.nii", numbered), vox_offset=offset).read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(InputFileError, match=r"scan.nii.*: not NIfTI, or damaged: .* voxels begin at byte .*Fetch"):
        read_scan(tmp_path / name)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_header_that_claims_too_much_is_refused_before_memory_is_taken(saved, numbered, tmp_path, name):
    """The header claims 30,000 x 30,000 x 30,000 voxels, 100 TiB; the file holds 120."""
    path = changed(saved("plain.nii", numbered), dim=[3, 30000, 30000, 30000, 1, 1, 1, 1])
    content = path.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    tracemalloc.start()
    try:
        with pytest.raises(
            InputFileError, match=r"claims 27,000,000,000,000 voxels .*at most 134,217,728 are read.*--max-voxels"
        ):
            read_scan(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_is_the_callers(saved, numbered):
    path = saved("scan.nii", numbered)
    assert read_scan(path, max_voxels=120).data.size == 120
    with pytest.raises(InputFileError, match=r"claims 120 voxels \(4, 5, 6\); at most 119"):
        read_scan(path, max_voxels=119)
    with pytest.raises(InputFileError, match=r"claims 120 voxels"):
        read_mask(path, max_voxels=119)


@pytest.mark.parametrize("label", [1, 255, 7])
def test_a_mask_is_zero_and_one_other_value(saved, numbered, label):
    mask = (numbered > 100).astype(np.uint8) * np.uint8(label)
    scan = read_mask(saved("mask.nii.gz", mask))
    assert scan.data.dtype == bool
    np.testing.assert_array_equal(scan.data, (numbered > 100)[::-1])


def test_a_mask_of_several_labels_is_refused(saved, numbered):
    mask = np.where(numbered > 100, 2, numbered > 50).astype(np.uint8)
    with pytest.raises(InputFileError, match=r"mask.nii: a mask holds 0 and one other value. Received: 0, 1, 2"):
        read_mask(saved("mask.nii", mask))


def test_a_probability_map_is_no_mask(saved, numbered):
    with pytest.raises(InputFileError, match=r"a mask holds 0 and one other value"):
        read_mask(saved("mask.nii", numbered / 120))


def test_an_empty_mask_is_refused_unless_meant(saved):
    path = saved("mask.nii", np.zeros((4, 5, 6), np.uint8))
    with pytest.raises(InputFileError, match=r"mask.nii: the mask is empty, no voxel is lesion.*--allow-empty"):
        read_mask(path)
    assert not read_mask(path, allow_empty=True).data.any()


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
@pytest.mark.parametrize("affine", [None, OBLIQUE], ids=["straight", "oblique"])
def test_reading_undoes_writing(saved, numbered, tmp_path, name, affine):
    scan = read_scan(saved("scan.nii", numbered, affine))
    write_volume(tmp_path / name, scan.data + 1000, scan, dtype=np.float32)
    again = read_scan(tmp_path / name)
    np.testing.assert_array_equal(again.data, scan.data + 1000)
    np.testing.assert_array_equal(again.grid.native_affine, scan.grid.native_affine)
    np.testing.assert_array_equal(nibabel.load(tmp_path / name).get_fdata(), numbered + 1000)


@pytest.mark.parametrize(("sform", "qform"), [(1, 1), (2, 0), (0, 1), (4, 2), (0, 0)])
def test_the_codes_of_sform_and_qform_stay(numbered, tmp_path, sform, qform):
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    image = nibabel.Nifti1Image(numbered, affine)
    image.set_qform(affine, 1)
    nibabel.save(image, tmp_path / "scan.nii")
    path = changed(tmp_path / "scan.nii", sform_code=sform, qform_code=qform)
    scan = read_scan(path)
    write_volume(tmp_path / "out.nii", np.zeros((4, 5, 6), bool), scan, dtype=np.uint8)
    before, after = nibabel.load(path).header, nibabel.load(tmp_path / "out.nii").header
    assert (int(after["sform_code"]), int(after["qform_code"])) == (sform, qform)
    np.testing.assert_array_equal(after.get_sform(), before.get_sform())
    np.testing.assert_array_equal(after.get_qform(), before.get_qform())
    np.testing.assert_array_equal(after.get_best_affine(), before.get_best_affine())


def test_the_rest_of_the_header_stays_and_the_scaling_goes(saved, numbered, tmp_path):
    path = saved("scan.nii", numbered, descrip=b"from the scanner", xyzt_units=10, cal_max=90.0)
    changed(path, scl_slope=2.0, scl_inter=5.0)
    write_volume(tmp_path / "out.nii.gz", numbered > 100, read_scan(path), dtype=np.uint8)
    image = nibabel.load(tmp_path / "out.nii.gz")
    assert image.header["descrip"] == b"from the scanner"
    assert int(image.header["xyzt_units"]) == 10
    assert float(image.header["cal_max"]) == 0
    assert image.get_data_dtype() == np.uint8
    assert set(np.unique(image.get_fdata())) == {0.0, 1.0}


def test_a_result_for_a_scan_with_a_fourth_axis_of_one_is_3d(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered[..., None]))
    write_volume(tmp_path / "out.nii", scan.data, scan, dtype=np.float32)
    assert nibabel.load(tmp_path / "out.nii").shape == (4, 5, 6)


def test_nifti_2_stays_nifti_2(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered, kind=nibabel.Nifti2Image))
    write_volume(tmp_path / "out.nii", scan.data, scan, dtype=np.float32)
    assert isinstance(nibabel.load(tmp_path / "out.nii"), nibabel.Nifti2Image)


def test_writing_twice_gives_the_same_bytes(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_volume(tmp_path / name / "out.nii.gz", scan.data, scan, dtype=np.float32)
    assert (tmp_path / "a" / "out.nii.gz").read_bytes() == (tmp_path / "b" / "out.nii.gz").read_bytes()


def test_a_volume_of_another_shape_is_not_written(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered))
    with pytest.raises(GeometryError, match=r"out.nii: shape \(4, 5, 5\) does not fit .*scan.nii"):
        write_volume(tmp_path / "out.nii", numbered[..., :5], scan, dtype=np.float32)
    assert not (tmp_path / "out.nii").exists()


def test_nan_is_not_written(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered))
    with pytest.raises(InputFileError, match=r"out.nii: 120 voxels are NaN"):
        write_volume(tmp_path / "out.nii", numbered * np.nan, scan, dtype=np.float32)


def test_other_formats_are_not_written(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered))
    with pytest.raises(OutputError, match=r"out.mgz: a volume is written as .nii or .nii.gz"):
        write_volume(tmp_path / "out.mgz", scan.data, scan, dtype=np.float32)


def test_a_file_is_replaced_by_force_only(saved, numbered, tmp_path):
    scan = read_scan(saved("scan.nii", numbered))
    (tmp_path / "out.nii").write_text("old")
    with pytest.raises(OutputError, match=r"out.nii exists already.*--force"):
        write_volume(tmp_path / "out.nii", scan.data, scan, dtype=np.float32)
    assert (tmp_path / "out.nii").read_text() == "old"
    write_volume(tmp_path / "out.nii", scan.data, scan, dtype=np.float32, force=True)
    np.testing.assert_array_equal(read_scan(tmp_path / "out.nii").data, scan.data)


def test_a_full_disk_leaves_the_old_file_as_it_was(saved, numbered, tmp_path, monkeypatch):
    import errno

    scan = read_scan(saved("scan.nii", numbered))
    (tmp_path / "out.nii").write_text("old")

    def save_half(image, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nibabel, "save", save_half)
    with pytest.raises(OutputError, match=r"out.nii: the disk is full; nothing was overwritten. Free some space"):
        write_volume(tmp_path / "out.nii", scan.data, scan, dtype=np.float32, force=True)
    assert {file.name for file in tmp_path.iterdir()} == {"scan.nii", "out.nii"}
    assert (tmp_path / "out.nii").read_text() == "old"
