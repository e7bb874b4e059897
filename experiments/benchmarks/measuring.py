"""What every benchmark here shares: alternation, medians, and the cost of a whole process.

Times on a shared machine wander by tens of percent within minutes, so nothing here is compared across runs: variants
take turns within one run, and what is reported is a ratio of medians.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.median:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def as_json(self) -> dict[str, float]:
        """Return the four numbers by name."""
        return asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """Return median, minimum and maximum."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class ProcessCost:
    """What one process took from its start to its exit, its children included."""

    wall_s: float
    cpu_s: float
    """User and system seconds over all threads."""
    peak_rss_gb: float
    """The largest resident set, in 10^9 bytes, files mapped into memory included."""
    output: str


_LAUNCHER = """
import os, resource, sys, time
began = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - began
with open(sys.argv[1], "w") as file:
    print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status), file=file)
"""


def process_cost(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> ProcessCost:
    """Run a command and measure it.

    A launcher of a few megabytes starts it, because a child's peak memory begins at its parent's.

    Raises: RuntimeError with the command's output if it fails.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "cost")
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(report), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            check=True,
        )
        wall, cpu, kilobytes, code = report.read_text().split()
    if int(code):
        raise RuntimeError(f"{' '.join(words)} failed ({code}):\n{done.stdout[-4000:]}")
    return ProcessCost(float(wall), float(cpu), int(kilobytes) * 1024 / 1e9, done.stdout)


def alternate(variants: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[Any]]:
    """Call each variant in turn, `repeats` times over, and return what each gave.

    Every second round goes backwards, so that no variant always follows the same neighbour.
    """
    found: dict[str, list[Any]] = {name: [] for name in variants}
    for turn in range(repeats):
        names = list(variants) if turn % 2 == 0 else list(reversed(variants))
        for name in names:
            found[name].append(variants[name]())
            print(f"  round {turn + 1} of {repeats}: {name}", file=sys.stderr, flush=True)
    return found


def seconds(work: Callable[[], Any]) -> float:
    """Return how long a call takes on the wall clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    head = "| " + " | ".join(columns) + " |"
    rule = "| --- |" + " ---: |" * (len(columns) - 1)
    return "\n".join([head, rule, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])
