"""A series is read with its time step, and is refused where frames are missing or times are uneven."""

import json

import nibabel
import numpy as np
import pytest

from stroke_tf.errors import InputFileError
from stroke_tf.volumes.series import read_series

LAS = np.diag([-2.0, 2.0, 5.0, 1.0])


def frames(count=12):
    """Return a series in which every voxel of every frame has a value of its own."""
    return np.arange(3 * 4 * 2 * count, dtype=np.float32).reshape(3, 4, 2, count) % 997


def saved(folder, data, *, step=1.0, unit="sec", affine=LAS, name="ctp.nii", sidecar=None):
    image = nibabel.Nifti1Image(data, affine)
    image.header["pixdim"][4] = step
    image.header.set_xyzt_units("mm", unit)
    path = folder / name
    nibabel.save(image, path)
    if sidecar is not None:
        (folder / "ctp.json").write_text(json.dumps(sidecar))
    return path


@pytest.mark.parametrize("name", ["ctp.nii", "ctp.nii.gz"])
def test_a_series_is_read_to_ras_with_time_last(tmp_path, name):
    series = read_series(saved(tmp_path, frames(), name=name))
    assert (series.data.shape, series.data.dtype, series.seconds) == ((3, 4, 2, 12), np.float32, 1.0)
    assert series.grid.shape == (3, 4, 2)
    assert series.data.flags.c_contiguous
    np.testing.assert_array_equal(series.data, frames()[::-1])


@pytest.mark.parametrize(("step", "unit"), [(1.5, "sec"), (1500, "msec"), (1.5e6, "usec"), (1.5, "unknown")])
def test_the_time_step_is_given_in_seconds_whatever_the_file_counts_in(tmp_path, step, unit):
    assert read_series(saved(tmp_path, frames(), step=step, unit=unit)).seconds == 1.5


@pytest.mark.parametrize(
    "sidecar",
    [
        {"RepetitionTime": 2.0},
        {"VolumeTiming": [2.0 * k for k in range(12)]},
        {"FrameTimesStart": [5 + 2.0 * k for k in range(12)]},
    ],
)
def test_a_sidecar_tells_the_step_that_the_header_lacks(tmp_path, sidecar):
    assert read_series(saved(tmp_path, frames(), step=0, sidecar=sidecar)).seconds == 2.0


def test_a_series_without_a_time_step_says_where_to_write_it(tmp_path):
    with pytest.raises(InputFileError, match=r"ctp.nii: no time step; .*is 0. Write .* into ctp.json beside it"):
        read_series(saved(tmp_path, frames(), step=0))


def test_milliseconds_that_call_themselves_seconds_are_found(tmp_path):
    with pytest.raises(InputFileError, match=r"ctp.nii: 1000 s between frames; .*16 for ms"):
        read_series(saved(tmp_path, frames(), step=1000))


def test_a_fourth_axis_of_frequencies_is_no_time(tmp_path):
    with pytest.raises(InputFileError, match="the fourth axis is not time"):
        read_series(saved(tmp_path, frames(), unit="hz"))


def test_header_and_sidecar_must_agree(tmp_path):
    with pytest.raises(InputFileError, match=r"the header says 1 s between frames, ctp.json says 2 s"):
        read_series(saved(tmp_path, frames(), sidecar={"RepetitionTime": 2.0}))


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ({"VolumeTiming": [*range(11), 12.5]}, r"ctp.json: VolumeTiming is uneven in time: steps from 1 to 2.5 s"),
        ({"VolumeTiming": [0, 1, 2]}, r"holds 3 times for 12 frames"),
        ({"VolumeTiming": "soon"}, r"is a list of seconds"),
        ({"RepetitionTime": "1 s"}, r"RepetitionTime is a number of seconds above zero"),
    ],
)
def test_times_that_cannot_be_used_are_explained(tmp_path, sidecar, message):
    with pytest.raises(InputFileError, match=message):
        read_series(saved(tmp_path, frames(), sidecar=sidecar))


def test_a_sidecar_that_is_no_json_is_named(tmp_path):
    path = saved(tmp_path, frames())
    (tmp_path / "ctp.json").write_text("{")
    with pytest.raises(InputFileError, match=r"ctp.json: cannot be read as JSON"):
        read_series(path)


def broken(how):
    data = frames()
    if how == "copy":
        data[..., 6] = data[..., 5]
    elif how == "constant":
        data[..., 3:5] = 0
    else:
        data[0, 0, 0, 7] = np.nan
    return data


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("copy", "frame 7 of 12 holds an exact copy of the frame before"),
        ("constant", "frame 4, 5 of 12 holds one value throughout"),
        ("nan", "frame 8 of 12 holds NaN"),
    ],
)
def test_a_missing_frame_is_numbered(tmp_path, how, message):
    with pytest.raises(InputFileError, match=rf"ctp.nii: {message}.*export the series again"):
        read_series(saved(tmp_path, broken(how)))


def test_a_volume_is_no_series(tmp_path):
    with pytest.raises(InputFileError, match=r"a 4-D image is needed. Received: 3-D, shape \(3, 4, 2\)"):
        read_series(saved(tmp_path, frames()[..., 0]))


def test_a_short_series_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="9 frames; a bolus needs 10 at least"):
        read_series(saved(tmp_path, frames(9)))


def test_the_limit_of_voxels_counts_all_frames(tmp_path):
    with pytest.raises(InputFileError, match=r"claims 288 voxels \(3, 4, 2, 12\); at most 287 are read"):
        read_series(saved(tmp_path, frames()), max_voxels=287)


def test_a_truncated_series_is_refused(tmp_path):
    path = saved(tmp_path, frames())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputFileError, match="truncated or damaged"):
        read_series(path)
