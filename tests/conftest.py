"""What all tests share: the repository's root, the real scans if any lie here, and no way out to the network."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_calls_outside: list[str] = []


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder that holds setup.cfg and README.md."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real scans, or skip the test and say why.

    The folder is the one that STROKE_TF_REAL_DATA names, or `shared/data` beside the repository.
    """
    named = os.environ.get("STROKE_TF_REAL_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real scans at {folder}; name their folder in STROKE_TF_REAL_DATA")
    return folder


@pytest.fixture(autouse=True)
def no_call_leaves_the_machine():
    """Fail the test during which something (a library's update check, a download) called another machine."""
    _calls_outside.clear()
    yield
    assert not _calls_outside, f"tests may talk to this machine only; called: {_calls_outside}"


def _refuse_calls_outside(event: str, arguments: tuple) -> None:
    # An audit hook, because it also sees what libraries do below the socket module, and what they do and then hide.
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "::1") and not str(host).startswith("127."):
        _calls_outside.append(host)
        raise PermissionError(f"tests may not call {host}")


sys.addaudithook(_refuse_calls_outside)
