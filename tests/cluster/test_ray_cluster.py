"""How a cluster is asked for: what is refused before Ray is started. A real cluster: test_two_machines.py."""

import ast
import importlib.util
import os
import socket
import subprocess
import sys

import pytest

from stroke_tf.cluster.ray_cluster import ray_cluster, require_answering
from stroke_tf.errors import SettingError

# Looks a cluster over, and again when it is told to.
LOOKING = """
import sys
from pathlib import Path
from stroke_tf.cluster.ray_cluster import look_over, ray_cluster
from stroke_tf.cluster.shared_folder import shared_folder
with shared_folder(Path(sys.argv[2])) as shared, ray_cluster(sys.argv[1]) as ray:
    print(len(look_over(ray, shared, [])[0]), flush=True)
    sys.stdin.readline()
    print(len(look_over(ray, shared, [])[0]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'")
def test_a_machine_that_died_a_moment_ago_is_left_out(two_machines, tmp_path, repository):
    cluster, told = two_machines
    words = [sys.executable, "-c", LOOKING, told["address"], str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    looking = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert looking.stdout.readline() == "2\n"
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "killed\n"
    # Ray lists it for some seconds more, and has something to say of its death before we answer.
    said = looking.communicate("again\n", timeout=300)[0]
    assert looking.returncode == 0 and said.splitlines()[-1] == "1", said


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "10.0.0.1", "head:port", "http://head:8265"])
def test_what_is_no_host_and_port_is_refused(address):
    with pytest.raises(SettingError, match=r"--address takes host:port of the head node"):
        require_answering(address)


def test_an_address_where_nothing_listens_is_refused_with_the_command_that_mends_it():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused = pytest.raises(SettingError, match=rf"127\.0\.0\.1:{port}: nothing answers there .*ray start --head")
    with refused, ray_cluster(f"127.0.0.1:{port}"):
        pass


def test_an_address_where_something_listens_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        require_answering(f"127.0.0.1:{server.getsockname()[1]}")


def test_without_ray_the_error_names_the_extra(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingError, match=r"pip install 'stroke_tf\[ray\]'"), ray_cluster(None):
        pass


def test_ray_is_not_imported_unless_it_is_asked_for(repository):
    files = sorted((repository / "stroke_tf").rglob("*.py"))
    at_the_top = [
        file.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if name and name.partition(".")[0] == "ray"
    ]
    assert len(files) > 100 and at_the_top == []
