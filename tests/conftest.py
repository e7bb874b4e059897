"""What all tests share: the repository's root, the real scans if any lie here, and no way out to the network."""

import importlib
import os
import shlex
import sys
from collections.abc import Callable
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


@pytest.fixture(scope="session")
def next_command() -> Callable[[str], list[str]]:
    """Return a function that takes what a door printed and returns the words of the command its last line tells.

    It fails where there is no such line, or where that command's own door does not understand it.
    """

    def words_of_the_last_line(printed: str) -> list[str]:
        last = printed.rstrip("\n").rpartition("\n")[2]
        assert last.startswith("next: stroke-tf "), f"a door's last line tells what comes next, not {last!r}"
        words = shlex.split(last)[2:]
        importlib.import_module(f"stroke_tf.{words[0].replace('-', '_')}").parser().parse_args(words[1:])
        return words

    return words_of_the_last_line


@pytest.fixture(scope="session")
def random_runs(tmp_path_factory) -> Path:
    """Return a folder with what training leaves of three planes and a 3-D network, all with random weights.

    A random network answers every brain with a pattern of its own, so a misplaced voxel shows.
    """
    import numpy as np

    from stroke_tf.choices import Architecture, Precision
    from stroke_tf.models.build import build_model, predict_function
    from stroke_tf.models.files import save_model

    told = {"recipe": "hand-made", "sequences": ["FLAIR", "DWI", "T2"], "fit": "brain", "threshold": 0.5}
    folder = tmp_path_factory.mktemp("runs")
    size = {"backbone": "resnet18", "patch": (8, 8, 8), "base_filters": 2}
    model = build_model(Architecture.UNET_2D, seed=3, precision=Precision.FLOAT32, **size)
    # The last bias is moved until about half of all pixels are "lesion", as they would not be by chance.
    noise = np.random.default_rng(1).normal(size=(2, 128, 128, 3)).astype(np.float32)
    odds = float(np.median(predict_function(model)(noise)))
    (bias,) = [variable for variable in model.variables if variable.shape == (2,)]
    bias.assign(bias.numpy() + np.log(odds / (1 - odds)) * np.array([1, 0]))
    for plane in "xyz":
        save_model(model, folder / plane, {**told, "plane": plane})
    save_model(model, folder / "t1", {**told, "plane": "y", "sequences": ["T1", "DWI", "T2"]})
    save_model(model, folder / "plain", {**told, "plane": "z", "fit": "plain"})
    volumetric = build_model(Architecture.UNET_3D, seed=3, precision=Precision.FLOAT32, **size)
    save_model(volumetric, folder / "3d", {**told, "plane": None})
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
