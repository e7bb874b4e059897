"""Jobs that share a machine do not share cores; a dead job's are free again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind cores")
# Takes a block, tells its cores, and keeps it until its input ends.
JOB = """
import os, sys
from pathlib import Path
from stroke_tf.cluster.cores import take_cores
lock = take_cores(int(sys.argv[2]), folder=Path(sys.argv[1]))
print(*sorted(os.sched_getaffinity(0)) if lock else ["none"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path):
    """Return a function that starts a job of so many threads, and returns it with the cores it told."""
    jobs = []

    def started(threads: int) -> tuple[subprocess.Popen, list[str]]:
        command = [sys.executable, "-c", JOB, str(tmp_path / "locks"), str(threads)]
        jobs.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return jobs[-1], jobs[-1].stdout.readline().split()

    yield started
    for job in jobs:
        job.kill()
        job.communicate()


def test_each_job_has_cores_of_its_own_and_a_dead_ones_are_taken_again(start):
    there = sorted(os.sched_getaffinity(0))
    taken = [start(1) for _ in there]
    assert sorted(cores for _, cores in taken) == sorted([str(core)] for core in there)
    assert start(1)[1] == ["none"]
    first, cores = taken[0]
    first.kill()
    first.wait()
    assert start(1)[1] == cores


def test_a_job_of_more_threads_than_cores_runs_unbound(start):
    assert start(len(os.sched_getaffinity(0)) + 1)[1] == ["none"]
