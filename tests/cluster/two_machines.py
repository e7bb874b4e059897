"""Run by a test: a Ray cluster of two nodes on the loopback, of which one can be killed.

It prints one line of JSON (address, and the process of each node that starts workers), and then, for each line `kill`
that it reads, ends the second node without a word, as a power cut would, and prints `killed`.
"""

import json
import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # binds to 127.0.0.1
os.environ["RAY_raylet_start_wait_time_s"] = "600"  # noqa: SIM112 - Ray spells it so; a busy machine is slow

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "num_gpus": 0, "memory": 8 * 10**9, "object_store_memory": 80 * 2**20}


def parent_of_workers(node) -> int:
    return node.all_processes["raylet"][0].process.pid


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    second = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    told = {"address": cluster.address, "head": parent_of_workers(cluster.head_node)}
    print(json.dumps({**told, "second": parent_of_workers(second)}), flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(second, allow_graceful=False)
            print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
