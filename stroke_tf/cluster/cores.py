"""A job on a machine that others share gets cores of its own, so that every library it uses counts only these.

Ray counts cores and does not say which. Jobs of this package on one machine agree among themselves, by files that are
locked while a job lives; a lock ends with its process, however that ends.
"""

import os
import tempfile
from pathlib import Path


def take_cores(threads: int, *, folder: Path | None = None) -> int | None:
    """Bind this process to a free block of cores, for as long as it lives; threads that it starts later stay there.

    Args:
        threads: cores in a block.
        folder: of the locks, on this machine; None is one of this user in the folder for temporary files.
    Returns: the open lock of the block; None where cores cannot be bound, or no block is free: then the process runs
        where the system puts it, as it would without this.
    """
    if not hasattr(os, "sched_setaffinity"):  # macOS
        return None
    import fcntl

    folder = folder or Path(tempfile.gettempdir(), f"stroke_tf-cores-{os.getuid()}")
    cores = sorted(os.sched_getaffinity(0))
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for block in range(len(cores) // threads):
            lock = os.open(folder / f"{threads}-{block}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                continue
            os.sched_setaffinity(0, cores[block * threads : (block + 1) * threads])
            return lock
    except OSError:
        pass
    return None
