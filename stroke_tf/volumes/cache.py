"""Arrays that are made once, kept on disk, and read through memory maps, so that memory does not grow with a cohort.

An entry is a folder named by its key, with a .npy file for each array and an index.json that tells shapes, types and
sizes. It is built under a temporary name and renamed when complete: a killed process leaves no half entry behind.
"""

import hashlib
import json
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.errors import OutputError
from stroke_tf.files import write_json, written_whole

_INDEX = "index.json"
_TEMPORARY = ".tmp-"


class ArrayCache:
    """A folder of named arrays, keyed by what they were made from.

    Several processes may share the folder. When two make the same entry at once, one of the two is kept; they are
    equal, because the key covers everything that the arrays depend on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise OutputError(f"{self.folder}: the cache cannot be kept here ({fault.strerror}).") from fault
        _sweep(self.folder)

    def get_or_make(self, key: str, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return the arrays of an entry, made now if they are not there or were damaged.

        Args:
            key: see cache_key.
            make: returns the arrays by name; called only when needed.
        Returns: read-only memory maps by name.
        Raises: OutputError if the disk is full.
        """
        entry = self.folder / key
        arrays = _opened(entry)
        if arrays is None:
            self._build(entry, make)
            arrays = _opened(entry)
        if arrays is None:
            raise OutputError(
                f"{entry}: the entry cannot be read back after writing. Check the disk, or empty the cache."
            )
        return arrays

    def size_bytes(self) -> int:
        """Return how much disk the cache takes."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def _build(self, entry: Path, make: Callable[[], Mapping[str, np.ndarray]]) -> None:
        arrays = make()
        building = _temporary_beside(entry)
        try:
            for name, array in arrays.items():
                # written_whole explains a full disk, and waits until the bytes have arrived.
                with written_whole(building / f"{name}.npy") as file:
                    np.save(file, array, allow_pickle=False)
            write_json(building / _INDEX, {name: _description(building, name, arrays[name]) for name in arrays})
            _replace(building, entry)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def cache_key(**content: Any) -> str:
    """Return a key that changes with anything in the content, and with nothing else.

    Args:
        content: numbers, words, enums, paths, dataclasses, and lists and mappings of them; their order in a mapping
            does not matter.
    Returns: SHA-256 of the content as canonical JSON, in hexadecimal.
    Example:
        >>> cache_key(a=1, b="x") == cache_key(b="x", a=1)
        True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _opened(entry: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a sound entry; None if there is none or if any file is not what the index says."""
    try:
        index = json.loads((entry / _INDEX).read_text(encoding="utf-8"))
        return {name: _array(entry / f"{name}.npy", told) for name, told in index.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def _array(file: Path, told: Mapping[str, Any]) -> np.ndarray:
    if file.stat().st_size != told["bytes"]:
        raise ValueError(f"{file} has changed its size")
    # An array without elements cannot be mapped.
    array = np.load(file, mmap_mode="r" if 0 not in told["shape"] else None, allow_pickle=False)
    if list(array.shape) != told["shape"] or array.dtype.str != told["dtype"]:
        raise ValueError(f"{file} holds another array")
    return array


def _description(folder: Path, name: str, array: np.ndarray) -> dict[str, Any]:
    size = (folder / f"{name}.npy").stat().st_size
    return {"shape": list(array.shape), "dtype": array.dtype.str, "bytes": size}


def _temporary_beside(entry: Path) -> Path:
    """Name the host and process, so that what a dead process leaves can be told from what a living one builds."""
    return entry.with_name(f"{_TEMPORARY}{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}")


def _replace(building: Path, entry: Path) -> None:
    """Move a complete entry into place, unless another process was faster."""
    if entry.exists():
        if _opened(entry) is not None:
            return
        damaged = _temporary_beside(entry)
        os.replace(entry, damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    try:
        os.replace(building, entry)
    except OSError as fault:
        if _opened(entry) is None:
            raise OutputError(f"{entry}: the cache entry cannot be written ({fault.strerror}).") from fault


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine left behind when they died."""
    if os.name != "posix":  # elsewhere asking for a process by signal 0 would end it
        return
    own = f"{_TEMPORARY}{socket.gethostname()}-"
    for leftover in folder.glob(f"{own}*"):
        process = leftover.name[len(own) :].split("-")[0]
        if process.isdecimal() and not _alive(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no key can be made of {type(value).__name__}")
