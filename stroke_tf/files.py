"""Files are written whole or not at all, never over another without leave, and known by their SHA-256."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stroke_tf.errors import OutputError


def require_absent(path: Path, *, force: bool) -> None:
    """Do nothing if the path is free, or if the user allows it to be replaced.

    Raises: OutputError if it exists and force is False.
    """
    if Path(path).exists() and not force:
        raise OutputError(f"{path} exists already. Choose another name, or pass --force to replace it.")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name beside the path, and move it into place when the block ends well.

    A block that fails, or a machine that stops, leaves the old file as it was. The temporary name keeps the ending
    of the final one, because nibabel and Keras choose their format by it.

    Raises: OutputError if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as fault:
        raise _explained(fault, path) from fault
    finally:
        # Where the folder itself is at fault there is nothing to remove, and saying so would hide the first error.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, in UTF-8."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole, indented; NaN and infinity, which JSON lacks, are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, default=_plain) + "\n")


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _explained(fault: OSError, path: Path) -> OutputError:
    # NumPy tells of a short write without an errno: "1867776 requested and 1286080 written".
    short = fault.errno is None and "requested and" in str(fault)
    if short or fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path}: the disk is full; nothing was overwritten. Free some space and run again.")
    return OutputError(
        f"{path}: cannot be written ({fault.strerror or fault}); nothing was overwritten. "
        "Choose another place, or mend who may write there."
    )
