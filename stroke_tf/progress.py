"""One line that tells how far a long step is and how much time is left."""

import sys
import time
from typing import TextIO


def clock_text(seconds: float) -> str:
    """Write a duration as people say it.

    Example:
        >>> clock_text(75)
        '1 min 15 s'
    """
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Progress:
    """Count steps of a known total and print the share done and the time left.

    On a terminal the line rewrites itself; in a log (a pipe, a notebook, CI) a new line appears every `every_s`
    seconds at most, so that a log stays short and still never falls silent.
    """

    def __init__(self, title: str, total: int, *, stream: TextIO | None = None, every_s: float | None = None) -> None:
        self._title, self._total = title, max(1, total)
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._every_s = every_s if every_s is not None else (0.2 if self._terminal else 15.0)
        self._start = self._last = time.monotonic()
        self._done = self._done_at_start = 0

    def begin_at(self, done: int) -> None:
        """Say how many steps an earlier run has done, so that the time left is not counted from them."""
        self._done = self._done_at_start = done

    def step(self, count: int = 1, note: str = "") -> None:
        """Count finished steps, and print the line when it is time."""
        self._done += count
        now = time.monotonic()
        if now - self._last < self._every_s:
            return
        self._last = now
        fresh = max(1, self._done - self._done_at_start)
        left = (now - self._start) / fresh * max(0, self._total - self._done)
        note = f", {note}" if note else ""
        self._print(f"{self._title}: {self._done}/{self._total}, {clock_text(left)} left{note}")

    def end(self, note: str = "") -> None:
        """Print the closing line with the time taken."""
        note = f", {note}" if note else ""
        self._print(f"{self._title}: done in {clock_text(time.monotonic() - self._start)}{note}")
        if self._terminal:
            self._stream.write("\n")

    def _print(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
