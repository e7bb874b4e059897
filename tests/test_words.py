"""The words that every room uses: errors, planes, seeds, arrays, files, progress."""

import errno
import io
import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from stroke_tf import errors
from stroke_tf.arrays import require_binary, require_finite, require_same_shape, require_volume
from stroke_tf.errors import GeometryError, InputFileError, OutputError, SettingError, StrokeTfError
from stroke_tf.files import require_absent, sha256_of_file, write_json, write_text, written_whole
from stroke_tf.planes import Plane, parse_plane
from stroke_tf.progress import Progress, clock_text
from stroke_tf.seeds import child_seed


def test_every_error_a_user_can_cause_has_one_root():
    kinds = [thing for thing in vars(errors).values() if isinstance(thing, type)]
    assert len(kinds) > 5
    assert all(issubclass(kind, StrokeTfError) for kind in kinds)


# Planes


@pytest.mark.parametrize(
    ("plane", "axis", "name", "rows_and_columns"),
    [(Plane.X, 0, "sagittal", (1, 2)), (Plane.Y, 1, "coronal", (0, 2)), (Plane.Z, 2, "axial", (0, 1))],
)
def test_a_plane_holds_its_axis_still(plane, axis, name, rows_and_columns):
    assert (plane.axis, plane.anatomical, plane.slice_axes) == (axis, name, rows_and_columns)


@pytest.mark.parametrize(
    ("word", "plane"),
    [("x", "x"), ("Sagittal", "x"), ("frontal", "y"), (" CORONAL ", "y"), ("Z", "z"), ("transverse", "z")],
)
def test_a_plane_is_known_by_letter_and_by_name(word: str, plane: str):
    assert parse_plane(word) is Plane(plane)


@pytest.mark.parametrize("word", ["w", "", "xy", "0"])
def test_an_unknown_axis_is_refused_with_the_known_ones(word: str):
    with pytest.raises(SettingError, match=r"Use one of x, y, z, sagittal.*Received: '" + word):
        parse_plane(word)


# Seeds


def test_a_child_seed_depends_on_the_seed_and_on_the_whole_path():
    paths = [(), ("phantom",), ("phantom", 3), ("phantom", 33), (3, "phantom"), ("augment", 3)]
    seeds = [child_seed(seed, *path) for seed, path in itertools.product((7, 8), paths)]
    assert len(set(seeds)) == len(seeds)


def test_a_child_seed_is_the_same_on_every_machine():
    # SHA-256 of "7/phantom/3" begins with these eight hexadecimal digits; halved, it fits 31 bits.
    import hashlib

    assert child_seed(7, "phantom", 3) == int(hashlib.sha256(b"7/phantom/3").hexdigest()[:8], 16) // 2


def test_child_seeds_fit_every_library():
    assert all(0 <= child_seed(seed, "piece") < 2**31 for seed in (-1, 0, 2**70))


# Arrays


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5, 6), (3, 0, 5)])
def test_a_volume_has_three_axes_and_a_voxel(shape):
    with pytest.raises(GeometryError, match=r"FLAIR\.nii: a 3-D volume is needed"):
        require_volume(np.zeros(shape), "FLAIR.nii")


def test_a_volume_is_given_back_as_it_is():
    volume = np.arange(24).reshape(2, 3, 4)
    assert require_volume(volume, "FLAIR.nii") is volume


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_counted(bad: float):
    volume = np.zeros((2, 3, 4), np.float32)
    volume[0, 1, 2] = volume[1, 2, 3] = bad
    with pytest.raises(InputFileError, match=r"FLAIR\.nii: 2 voxels are NaN or infinite"):
        require_finite(volume, "FLAIR.nii")


def test_opposite_infinities_do_not_cancel():
    volume = np.zeros((2, 3, 4), np.float32)
    volume[0, 0, 0], volume[0, 0, 1] = np.inf, -np.inf
    with pytest.raises(InputFileError, match="2 voxels"):
        require_finite(volume, "FLAIR.nii")


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_finite_values_pass_however_large(dtype):
    volume = np.full((2, 3, 4), np.finfo(np.float32).max if dtype == np.float32 else 30_000, dtype)
    assert require_finite(volume, "FLAIR.nii") is volume


@pytest.mark.parametrize("lesion", [1, 255, 0.5, -1])
def test_a_mask_is_zero_and_one_other_value(lesion: float):
    mask = require_binary(np.array([0, lesion, 0, lesion]), "OT.nii")
    assert mask.dtype == bool
    assert mask.tolist() == [False, True, False, True]


def test_a_mask_of_two_labels_is_refused_with_its_values():
    with pytest.raises(InputFileError, match=r"OT\.nii: .*Received: 0, 1, 2\."):
        require_binary(np.array([0, 1, 2]), "OT.nii")


def test_shapes_that_differ_name_both_arrays():
    require_same_shape(np.zeros((2, 3)), np.ones((2, 3)), ("mask", "truth"))
    with pytest.raises(GeometryError, match=r"mask has shape \(2, 3\), truth has \(3, 2\)"):
        require_same_shape(np.zeros((2, 3)), np.zeros((3, 2)), ("mask", "truth"))


# Files


def test_an_output_that_exists_needs_leave_to_be_replaced(tmp_path: Path):
    path = tmp_path / "mask.nii.gz"
    require_absent(path, force=False)
    path.write_text("old")
    with pytest.raises(OutputError, match="--force"):
        require_absent(path, force=False)
    require_absent(path, force=True)


def test_a_failed_block_leaves_the_old_file_and_no_rest(tmp_path: Path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_the_temporary_name_keeps_the_ending(tmp_path: Path):
    with written_whole(tmp_path / "new" / "mask.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert temporary.parent == tmp_path / "new"
        temporary.write_bytes(b"mask")
    assert (tmp_path / "new" / "mask.nii.gz").read_bytes() == b"mask"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_overwrites_nothing(tmp_path: Path, code: int):
    path = tmp_path / "weights.h5"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"weights\.h5: the disk is full"), written_whole(path) as temporary:
        temporary.write_text("hal")
        raise OSError(code, os.strerror(code))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["weights.h5"]


def test_a_short_write_of_numpy_is_a_full_disk(tmp_path: Path):
    """NumPy raises OSError without an errno there."""
    with pytest.raises(OutputError, match=r"images\.npy: the disk is full"), written_whole(tmp_path / "images.npy"):
        raise OSError("1867776 requested and 1286080 written")


def test_a_folder_that_is_a_file_cannot_be_written_into(tmp_path: Path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "runs" / "card.json", "{}")


def test_json_takes_numpy_numbers_and_paths(tmp_path: Path):
    write_json(tmp_path / "card.json", {"dice": np.float64(0.5), "voxels": np.int64(3), "mask": Path("a") / "b"})
    content = json.loads((tmp_path / "card.json").read_text())
    assert content == {"dice": 0.5, "voxels": 3, "mask": os.path.join("a", "b")}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_lacks(tmp_path: Path, value: float):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "card.json", {"dice": value})
    assert os.listdir(tmp_path) == []


def test_the_sha256_is_that_of_the_bytes(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The first test vector of FIPS 180-2.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of_file(tmp_path / "abc") == expected


# Progress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (7260, "2 h 01 min")],
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str):
    assert clock_text(seconds) == text


def test_a_log_tells_the_share_done_and_the_time_left():
    log = io.StringIO()
    progress = Progress("training", 4, stream=log, every_s=0)
    progress.step(3, note="loss 0.5")
    progress.end("best Dice 0.8")
    first, last = log.getvalue().splitlines()
    assert first.startswith("training: 3/4, ")
    assert first.endswith(" left, loss 0.5")
    assert last.startswith("training: done in ")
    assert last.endswith(", best Dice 0.8")


def test_a_log_stays_short():
    log = io.StringIO()
    progress = Progress("slices", 1000, stream=log)
    for _ in range(1000):
        progress.step()
    assert log.getvalue().count("\n") <= 1


def test_a_terminal_line_rewrites_itself():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    progress = Progress("slices", 2, stream=terminal, every_s=0)
    progress.step()
    progress.step()
    assert terminal.getvalue().count("\r") == 2
    assert "\n" not in terminal.getvalue()
    progress.end()
    assert terminal.getvalue().endswith("\n")


def test_work_of_an_earlier_run_does_not_shorten_the_time_left(monkeypatch):
    clock = iter([0.0, 10.0])
    monkeypatch.setattr("stroke_tf.progress.time.monotonic", lambda: next(clock))
    log = io.StringIO()
    progress = Progress("training", 12, stream=log, every_s=0)
    progress.begin_at(10)
    progress.step()
    # One fresh step took 10 s, and one is left.
    assert log.getvalue() == "training: 11/12, 10 s left\n"
