import os
import subprocess
import sys

import pytest

from stroke_tf.batches.quiet_albumentations import import_albumentations


@pytest.mark.parametrize("before", [None, "0"])
def test_importing_albumentations_leaves_the_environment_as_it_was(monkeypatch, before):
    name = "NO_ALBUMENTATIONS_UPDATE"
    monkeypatch.delenv(name, raising=False)
    if before is not None:
        monkeypatch.setenv(name, before)
    import_albumentations()
    assert os.environ.get(name) == before


_WITHOUT_NETWORK = """
import socket, os, sys
tried = []
def refuse(*arguments, **options):
    tried.append(arguments)
    raise OSError("no network in this test")
socket.getaddrinfo = socket.socket.connect = refuse
{how}
print(len(tried))
"""


@pytest.mark.parametrize(
    "how, wanted",
    [
        ("from stroke_tf.batches.quiet_albumentations import import_albumentations; import_albumentations()", "0"),
        ("import albumentations", "not 0"),
    ],
    ids=["ours is silent", "the plain import asks, so this test can fail"],
)
def test_importing_albumentations_asks_nobody(how, wanted):
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WITHOUT_NETWORK.format(how=how)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ran.stdout.strip() == "0") == (wanted == "0")
