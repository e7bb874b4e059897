"""The results folder lies on storage that every machine sees: checked before the first job, not believed."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stroke_tf.errors import OutputError
from stroke_tf.files import write_text


@dataclass(frozen=True)
class SharedFolder:
    """A folder with a mark in it, by which another machine knows that it looks at the same folder.

    Args:
        folder: absolute.
        token: the content of the mark.
    """

    folder: Path
    token: str

    @property
    def mark(self) -> Path:
        """Return the file that holds the token while the jobs run."""
        return self.folder / f".shared-{self.token}"

    def answer(self, machine: str) -> Path:
        """Return the file in which a machine answers."""
        return self.folder / f".shared-{self.token}-{machine}"

    def fault_here(self, machine: str) -> str:
        """Look for the mark from this machine and answer it; return what is wrong, or nothing."""
        try:
            if self.mark.read_text(encoding="utf-8") != self.token:
                return f"{self.folder} is another folder there"
            self.answer(machine).write_text(self.token, encoding="utf-8")
        except OSError as fault:
            return f"{fault.strerror or fault}: {fault.filename or self.folder}"
        return ""

    def is_answered(self, machine: str) -> bool:
        """Tell whether the machine's answer has arrived here."""
        try:
            # A network file system may remember for seconds that a file was not there; listing the folder asks anew.
            os.listdir(self.folder)
            return self.answer(machine).read_text(encoding="utf-8") == self.token
        except OSError:
            return False

    def require_here(self, machine: str) -> None:
        """Do nothing if this machine sees the mark.

        Raises: OutputError, naming the machine.
        """
        if fault := self.fault_here(machine):
            raise OutputError(not_shared(self.folder, [f"{machine}: {fault}"]))


@contextmanager
def shared_folder(folder: Path) -> Iterator[SharedFolder]:
    """Keep a mark in a folder for the length of a block.

    Raises: OutputError if nothing can be written there.
    """
    shared = SharedFolder(folder.resolve(), uuid.uuid4().hex)
    write_text(shared.mark, shared.token)
    try:
        yield shared
    finally:
        for file in (shared.mark, *shared.folder.glob(f"{shared.mark.name}-*")):
            file.unlink(missing_ok=True)


def not_shared(folder: Path, faults: Sequence[str]) -> str:
    """Say that a folder is not shared, by machine, and what to do about it."""
    listed = "\n".join(f"  {fault}" for fault in faults)
    return (
        f"{folder}: not the same folder on every machine of the cluster:\n{listed}\n"
        "Results go to storage that all of them mount at the same path (NFS, Lustre, …): choose it with --out."
    )
