"""A Ray cluster: joined or started, looked over before it is trusted, and left.

Ray's usage statistics are switched off, and a cluster whose head would send them is refused: nothing leaves the
machines. Without an address Ray runs on this machine alone and listens on the loopback only.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stroke_tf.cluster.shared_folder import SharedFolder, not_shared
from stroke_tf.errors import OutputError, SettingError
from stroke_tf.models.device import usable_threads
from stroke_tf.training.record import versions

_NO_STATISTICS = "RAY_USAGE_STATS_ENABLED"
# Ray's own name of the switch that lets it be a cluster of several machines; without, it binds to 127.0.0.1 alone.
_SEVERAL_MACHINES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_OBJECT_STORE_BYTES = 80 * 2**20
"""Jobs are lists of names, and their results files: nothing large passes through Ray."""
_PROBE_S = 120.0
_LEAVING_S = 30.0
"""How long a machine whose process was lost may be listed before it counts as there, and ill."""


@dataclass(frozen=True)
class Node:
    """One machine of the cluster.

    Args:
        name: host, and the beginning of Ray's id, since several nodes may share a host.
        resources: by Ray's names.
    """

    id: str
    name: str
    head: bool
    here: bool
    resources: dict[str, float]


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Any]:
    """Join the Ray cluster at an address, or start one on this machine, for the length of a block.

    Args:
        address: host:port of the head, auto for the cluster this machine is a part of, None for this machine alone.
    Returns: the module ray.
    Raises: SettingError if Ray is not installed, the address is none, or nothing answers there.
    """
    if address is not None and address != "auto":
        require_answering(address)
    os.environ[_NO_STATISTICS] = "0"
    if address is None or address.rpartition(":")[0] in ("127.0.0.1", "localhost"):
        # Else Ray would put the machine's outer address in place of the loopback's.
        os.environ[_SEVERAL_MACHINES] = "0"
    try:
        import ray
    except ModuleNotFoundError as fault:
        if fault.name != "ray":
            raise
        raise SettingError(
            "--cluster ray: Ray is not installed. Install it with: pip install 'stroke_tf[ray]'"
        ) from fault
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    try:
        if address is None:
            threads, store = usable_threads(), _OBJECT_STORE_BYTES
            ray.init("local", num_cpus=threads, object_store_memory=store, _node_ip_address="127.0.0.1", **quiet)
        else:
            del quiet["include_dashboard"]
            ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as fault:
        raise SettingError(
            f"--cluster ray: no cluster could be joined at {address or 'this machine'} ({first_line(fault)}). Start "
            "one (docs/many-machines.md), and use the same Python and Ray on every machine."
        ) from fault
    try:
        yield ray
    finally:
        ray.shutdown()


def require_answering(address: str) -> None:
    """Do nothing if something listens at an address; Ray itself would try for minutes.

    Raises: SettingError for an address that is none, or at which nothing answers.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        raise SettingError(
            f"--address takes host:port of the head node, such as 10.0.0.1:6379, or auto. Received: {address!r}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as fault:
        raise SettingError(
            f"--address {address}: nothing answers there ({fault}). Start Ray on the head node: "
            f"{_NO_STATISTICS}=0 ray start --head --port={port} --include-dashboard=false"
        ) from fault


def alive_nodes(ray: Any) -> list[Node]:
    """List the machines that the cluster has at this moment."""
    own = ray.get_runtime_context().get_node_id()
    return [
        Node(
            each["NodeID"],
            f"{each['NodeManagerHostname']}-{each['NodeID'][:8]}",
            "node:__internal_head__" in each["Resources"],
            each["NodeID"] == own,
            dict(each["Resources"]),
        )
        for each in ray.nodes()
        if each["Alive"]
    ]


def look_over(ray: Any, shared: SharedFolder, must_see: Sequence[Path]) -> tuple[list[Node], list[str]]:
    """Ask every machine whether it sees the shared folder, the files of the jobs, and has this machine's packages.

    Args:
        must_see: files and folders that jobs read.
    Returns: the machines, without those that died while they were asked, and the kinds of processor that there are.
    Raises: OutputError if the folder is not shared; SettingError for missing files, other packages, or a head that
        would send usage statistics.
    """
    asked = alive_nodes(ray)
    told = _ask(ray, asked, shared, must_see)
    nodes = [node for node in asked if node.id in told]
    unshared = [f"{node.name}: {told[node.id]['shared']}" for node in nodes if told[node.id]["shared"]]
    unshared += [
        f"{node.name}: what it writes does not arrive here"
        for node in nodes
        if not told[node.id]["shared"] and not shared.is_answered(node.name)
    ]
    if unshared:
        raise OutputError(not_shared(shared.folder, unshared))
    for node in nodes:
        answer = told[node.id]
        if answer["unseen"]:
            raise SettingError(
                f"{answer['unseen'][0]}: not on {node.name}, where jobs are to read it. Put data and weights on "
                "storage that every machine mounts at the same path."
            )
        own = versions()
        other = [
            f"{name} {answer['versions'].get(name, 'missing')} (here {own.get(name, 'missing')})"
            for name in sorted({*own, *answer["versions"]})
            if own.get(name) != answer["versions"].get(name)
        ]
        if other:
            raise SettingError(
                f"{node.name} has {', '.join(other)}: results would differ. Use one environment on every machine."
            )
        if node.head and answer["statistics"] != "0":
            raise SettingError(
                f"The head of this cluster, {node.name}, was started with Ray's usage statistics on, which it sends to "
                f"Ray's makers. Nothing should leave your machines: start it with {_NO_STATISTICS}=0 ray start --head …"
            )
    return nodes, sorted({told[node.id]["processor"] for node in nodes})


def _ask(ray: Any, nodes: Sequence[Node], shared: SharedFolder, must_see: Sequence[Path]) -> dict[str, dict]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0, max_retries=0)(_answer)
    asked = {
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(
            node.name, shared, tuple(must_see)
        ): node
        for node in nodes
    }
    told = {}
    for reference, node in asked.items():
        try:
            told[node.id] = ray.get(reference, timeout=_PROBE_S)
        except ray.exceptions.RayError as fault:
            if _has_left(ray, node, fault):
                continue
            raise SettingError(
                f"{node.name} does not answer ({first_line(fault)}). Is the package installed there, in the same "
                "environment as here? Otherwise take it out of the cluster (ray stop)."
            ) from fault
    return told


def _has_left(ray: Any, node: Node, fault: Exception) -> bool:
    """Tell whether a machine that did not answer has died; the cluster may list a dead one for some seconds."""
    faults = ray.exceptions
    lost = (faults.NodeDiedError, faults.TaskUnschedulableError, faults.WorkerCrashedError, faults.GetTimeoutError)
    deadline = time.monotonic() + (_LEAVING_S if isinstance(fault, lost) else 0)
    while any(each.id == node.id for each in alive_nodes(ray)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def _answer(name: str, shared: SharedFolder, must_see: Sequence[Path]) -> dict[str, Any]:
    """Tell, on a machine of the cluster, what its driver wants to know of it."""
    return {
        "shared": shared.fault_here(name),
        "unseen": [str(path) for path in must_see if not path.exists()],
        "versions": versions(),
        "statistics": os.environ.get(_NO_STATISTICS, ""),
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def first_line(fault: BaseException) -> str:
    return str(fault).strip().partition("\n")[0] or type(fault).__name__
