"""One process at a time trains in a run folder: a small file that says who, and that its owner keeps alive.

Several machines may look at the same folder on shared storage, and a machine that dies cannot take its file away. So
the owner counts a number up in it every few seconds. A lease is dead when its process is known to be gone (same
machine, asked by its number) or when the number has stood still for a minute of the observer's own clock; clocks of
two machines are never compared.

A dead lease is never removed to make room: of several processes that find it dead, one may create the file that bears
its token (`lease.json.after-TOKEN`), and renames that file over it. So there is no moment without a lease, and nobody
can take a living one away because it has found the one before it dead.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stroke_tf.errors import TrainingError
from stroke_tf.files import write_json

LEASE_FILE = "lease.json"
BEAT_S = 5.0
SILENCE_S = 60.0
# The token of a file that is being written, whose writer died at that, or that is gone.
UNREADABLE = "unreadable"


class FolderHeldError(TrainingError):
    """A run folder in which a living process trains."""


class Lease:
    """The right to write in a run folder, held until it is given back or another process finds its holder dead."""

    def __init__(self, folder: Path, beat_s: float) -> None:
        self._path, self._beat_s = folder / LEASE_FILE, beat_s
        self._content: dict[str, Any] = {"token": uuid.uuid4().hex, **_this_process(), "beat": 0, "share": 0.0}
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="lease", daemon=True)

    def tell(self, share: float) -> None:
        """Let those who look at the folder know which share of the work is done, from the next beat on."""
        self._content["share"] = round(share, 4)

    def require(self) -> None:
        """Do nothing while the folder is ours.

        Raises: TrainingError if another process has found this one silent for a minute (a machine asleep, storage
            that could not be reached) and has gone on in its place.
        """
        if self._lost:
            raise TrainingError(
                f"{self._path}: another process has taken over this run, because this one gave no sign of life for "
                f"{SILENCE_S:.0f} s. It goes on there; nothing is lost."
            )

    def _take(self, path: Path, silence_s: float) -> bool:
        """Write the file if there is none, or in a dead owner's place; False if it changed hands: then look again.

        Raises: FolderHeldError as soon as its owner proves to be alive.
        """
        if self._create(path):
            return True
        if not (dead := _dead_owner(path, beat_s=self._beat_s, silence_s=silence_s)):
            return False
        # Who would succeed may die as well, between these steps; then somebody succeeds to it in the same way.
        successor = path.with_name(f"{LEASE_FILE}.after-{dead}")
        if not self._take(successor, silence_s):
            return False
        if path.exists() and _token(path) == dead:
            with suppress(FileNotFoundError):
                os.replace(successor, path)
        else:
            successor.unlink(missing_ok=True)
        return _token(path) == self._content["token"]

    def _create(self, path: Path) -> bool:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(self._content, stream)
        return True

    def _give_back(self) -> None:
        self._ended.set()
        self._thread.join()
        if not self._lost and _token(self._path) == self._content["token"]:
            self._path.unlink(missing_ok=True)

    def _keep_alive(self) -> None:
        while not self._ended.wait(self._beat_s):
            # Not readable at this moment: a network file system may say so while the file is replaced.
            if _token(self._path) not in (UNREADABLE, self._content["token"]):
                self._lost = True
                return
            self._content["beat"] += 1
            # Storage that is away for a moment costs a beat, not the training.
            with suppress(Exception):
                write_json(self._path, self._content)


@contextmanager
def leased(folder: Path, *, beat_s: float = BEAT_S, silence_s: float = SILENCE_S) -> Iterator[Lease]:
    """Hold a run folder for the length of a block.

    Args:
        folder: made if it is not there.
        silence_s: how long a number must stand still before its owner counts as dead, where it cannot be asked.
    Raises: FolderHeldError if a living process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lease = Lease(folder, beat_s)
    while not lease._take(folder / LEASE_FILE, silence_s):
        pass
    lease._thread.start()
    try:
        yield lease
    finally:
        lease._give_back()


def progress_of(folder: Path) -> float | None:
    """Return the share that is done of the run that is being trained in a folder; None where none is."""
    return _read(folder / LEASE_FILE).get("share")


def _dead_owner(path: Path, *, beat_s: float, silence_s: float) -> str | None:
    """Watch a lease until its owner is known to be dead and return its token; None if it has changed hands.

    Raises: FolderHeldError as soon as its owner proves to be alive.
    """
    first, token = _read(path), _token(path)
    began = time.monotonic()
    while True:
        now = _read(path)
        if not path.exists() or now.get("token", UNREADABLE) != token:
            return None
        if _is_gone(now) or time.monotonic() - began >= silence_s:
            return token
        if now.get("beat") != first.get("beat"):
            raise FolderHeldError(
                f"{path.parent}: process {now.get('process')} on {now.get('host')} trains here at this moment. Let it "
                "finish, or choose another folder."
            )
        time.sleep(min(1.0, beat_s / 4))


def _is_gone(told: Mapping[str, Any]) -> bool:
    """Tell whether the owner is a process of this machine that has ended; False where that cannot be known."""
    if os.name != "posix":  # elsewhere asking for a process by signal 0 would end it
        return False
    own = _this_process()
    if any(told.get(name) != own[name] for name in ("host", "boot", "processes")) or not isinstance(
        told.get("process"), int
    ):
        return False
    try:
        os.kill(told["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # The number may belong to a younger process by now.
    return told.get("since") != _start_of(told["process"])


def _this_process() -> dict[str, Any]:
    """Name this process so that it is known again: machine, its boot, its space of process numbers, number, start."""
    return {
        "host": socket.gethostname(),
        "boot": _line("/proc/sys/kernel/random/boot_id"),
        "processes": _link("/proc/self/ns/pid"),
        "process": os.getpid(),
        "since": _start_of(os.getpid()),
    }


def _start_of(process: int) -> str:
    """Return when a process began, in ticks since boot, as Linux tells it; empty elsewhere, and for a dead one."""
    # The name, in brackets, may hold spaces; the start is the 20th field after it.
    fields = _line(f"/proc/{process}/stat").rpartition(")")[2].split()
    # A process that has ended and is not yet buried still has its number.
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _token(path: Path) -> str:
    return _read(path).get("token", UNREADABLE)


def _read(path: Path) -> dict[str, Any]:
    """Return what a lease says; nothing while it is being written, or when it is gone."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
