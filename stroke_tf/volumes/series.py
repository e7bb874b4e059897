"""Read the time series of a bolus: a volume every second or so, on one grid, none missing, evenly spaced in time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.errors import InputFileError
from stroke_tf.volumes.grid import Grid
from stroke_tf.volumes.header import DEFAULT_MAX_VOXELS, read_voxels

LEAST_FRAMES = 10
"""Fewer cannot show a baseline, an inflow and an outflow."""
_STEP_S = (0.1, 10.0)
"""Time steps that a perfusion series can have; a number outside is another unit, or damaged."""
_UNEVEN = 0.01
"""Times that stray from even steps by more than this share of a step are uneven."""
_SECONDS_IN = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
"""By the header's code of the unit of time. Where it names none (code 0), seconds are meant; _STEP_S finds others."""
_TIME_BITS = 0x38


@dataclass(frozen=True, eq=False)
class Series:
    """The volumes of one file over time.

    Attributes:
        path, grid: the file, and where the voxels of each of its volumes lie.
        header: the NIfTI header as the file has it.
        data: shape (x, y, z, t), RAS+, float32; of CT in HU.
        seconds: the time between two volumes.
    """

    path: Path
    grid: Grid
    header: Any
    data: np.ndarray
    seconds: float


def read_series(path: Path, *, max_voxels: int = DEFAULT_MAX_VOXELS, least_frames: int = LEAST_FRAMES) -> Series:
    """Read a series of volumes, and see that no frame is missing and that they are evenly spaced in time.

    The time step stands in the header (pixdim[4] and its unit) or in a BIDS sidecar beside the file
    (`<name>.json`: RepetitionTime, VolumeTiming or FrameTimesStart, in seconds). Where both tell it, they must agree.

    Args:
        max_voxels: over all frames together.
        least_frames: how many frames the series must have.
    Raises: as read_scan; InputFileError also if the file is not 4-D, has too few frames, a frame that is not finite,
        constant, or the same as the one before it, or times that are unknown, uneven or contradictory.
    """
    path = Path(path)
    data, grid, header = read_voxels(path, axes=4, max_voxels=max_voxels, dtype=np.float32)
    frames = data.shape[3]
    if frames < least_frames:
        raise InputFileError(
            f"{path}: {frames} frames; a bolus needs {least_frames} at least. Export the whole series again."
        )
    seconds = _time_step(header, frames, path)
    _require_every_frame(data, path)
    return Series(path, grid, header, data, seconds)


def _require_every_frame(data: np.ndarray, path: Path) -> None:
    curves = data.reshape(-1, data.shape[3])
    with np.errstate(invalid="ignore", over="ignore"):
        sums = curves.sum(axis=0, dtype=np.float64)
    if bad := [frame for frame, total in enumerate(sums) if not np.isfinite(total)]:
        raise InputFileError(f"{_frames_of(path, bad, data)} NaN or infinite values. {_MEND}")
    if bad := np.flatnonzero((curves == curves[0]).all(axis=0)).tolist():
        raise InputFileError(f"{_frames_of(path, bad, data)} one value throughout, so nothing was measured. {_MEND}")
    # Frames that are equal have equal sums; only such pairs are compared voxel by voxel.
    suspects = np.flatnonzero(sums[1:] == sums[:-1]) + 1
    if bad := [int(frame) for frame in suspects if np.array_equal(data[..., frame], data[..., frame - 1])]:
        raise InputFileError(f"{_frames_of(path, bad, data)} an exact copy of the frame before. {_MEND}")


_MEND = "A frame is missing there: export the series again, or leave the case out."


def _frames_of(path: Path, bad: list[int], data: np.ndarray) -> str:
    shown = ", ".join(str(frame + 1) for frame in bad[:6]) + (", ..." if len(bad) > 6 else "")
    return f"{path}: frame {shown} of {data.shape[3]} holds"


def _time_step(header: Any, frames: int, path: Path) -> float:
    told = _header_step(header, path)
    sidecar = _sidecar_of(path)
    beside = _sidecar_step(sidecar, frames) if sidecar.is_file() else None
    if told is None and beside is None:
        raise InputFileError(
            f"{path}: no time step; the header's pixdim[4] is {float(header['pixdim'][4]):g}. Write the seconds "
            f'between two frames there, or as {{"RepetitionTime": 1.0}} into {sidecar.name} beside it.'
        )
    if told is not None and beside is not None and abs(told - beside) > _UNEVEN * beside:
        raise InputFileError(
            f"{path}: the header says {told:g} s between frames, {sidecar.name} says {beside:g} s. Mend the wrong one."
        )
    seconds = beside if told is None else told
    if not _STEP_S[0] <= seconds <= _STEP_S[1]:
        raise InputFileError(
            f"{path}: {seconds:g} s between frames; a perfusion series has {_STEP_S[0]:g} to {_STEP_S[1]:g} s. "
            "Mend the header: pixdim[4], and its unit (xyzt_units: 8 for s, 16 for ms)."
        )
    return seconds


def _header_step(header: Any, path: Path) -> float | None:
    """Return the header's time step in seconds, or None where it has none."""
    step = float(header["pixdim"][4])
    unit = int(header["xyzt_units"]) & _TIME_BITS
    if unit not in _SECONDS_IN:
        raise InputFileError(
            f"{path}: the fourth axis is not time (xyzt_units {int(header['xyzt_units'])}). Mend the header if it is."
        )
    # float32 keeps 1.1 s as 1.10000002; seven digits are what it knows.
    return float(f"{step * _SECONDS_IN[unit]:.7g}") if np.isfinite(step) and step > 0 else None


def _sidecar_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def _sidecar_step(sidecar: Path, frames: int) -> float | None:
    """Return the time step that a BIDS sidecar tells, or None where it tells none."""
    try:
        told = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputFileError(f"{sidecar}: cannot be read as JSON ({fault}). Mend it, or remove it.") from fault
    told = told if isinstance(told, Mapping) else {}
    for name in ("VolumeTiming", "FrameTimesStart"):
        if name in told:
            return _even_step(told[name], f"{sidecar}: {name}", frames)
    if "RepetitionTime" not in told:
        return None
    step = told["RepetitionTime"]
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0:
        raise InputFileError(f"{sidecar}: RepetitionTime is a number of seconds above zero. Received: {step!r}")
    return float(step)


def _even_step(times: Any, place: str, frames: int) -> float:
    try:
        times = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise InputFileError(f"{place} is a list of seconds. Mend it, or remove it.") from fault
    if times.shape != (frames,):
        raise InputFileError(f"{place} holds {times.size} times for {frames} frames. Mend it, or export again.")
    steps = np.diff(times)
    if not np.isfinite(steps).all() or steps.max() - steps.min() > _UNEVEN * abs(steps.mean()):
        raise InputFileError(
            f"{place} is uneven in time: steps from {steps.min():g} to {steps.max():g} s. Deconvolution needs even "
            "steps: export the series again, or resample it in time."
        )
    return float(f"{steps.mean():.7g}")
