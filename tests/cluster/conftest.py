"""The small cases of the workflows' tests serve here, too; and a cluster of two nodes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_source = Path(__file__).parent.parent / "workflows" / "conftest.py"
_spec = importlib.util.spec_from_file_location("conftest_of_workflows", _source)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
write_case, six_cases = _module.write_case, _module.six_cases


@pytest.fixture
def two_machines(repository: Path):
    """Return the process of tests/cluster/two_machines.py, and what it said of itself."""
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "two_machines.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process, json.loads(process.stdout.readline())
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def parent_of():
    """Return a function that finds the process that started another; it raises OSError for one that has ended."""

    def parent(process: int) -> int:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return int(fields[1])

    return parent
