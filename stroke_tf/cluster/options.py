"""Which options of a cluster go together; asked by doors that may never need the rest of this room."""

from stroke_tf.choices import Cluster
from stroke_tf.errors import SettingError


def require_cluster_options(cluster: Cluster, address: str | None) -> None:
    """Do nothing if an address, where there is one, goes with a cluster.

    Raises: SettingError.
    """
    if address is not None and cluster is not Cluster.RAY:
        raise SettingError(f"--address {address} names a Ray cluster. Pass --cluster ray with it.")
