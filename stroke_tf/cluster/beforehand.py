"""What happens before a reproduction begins: nothing, one network of a job array, or all networks on a cluster."""

from collections.abc import Callable

from stroke_tf.choices import Cluster
from stroke_tf.cluster.options import require_cluster_options
from stroke_tf.errors import SettingError
from stroke_tf.workflows.training_jobs import Plan, first_wave, numbered, run_training_job, unfinished


def train_beforehand(
    plan: Callable[[], Plan],
    *,
    cluster: Cluster,
    address: str | None,
    threads: int | None,
    only_job: str | None,
    say: Callable[[str], None] = print,
) -> bool:
    """Train what is to be trained apart from the reproduction, and tell whether that is to follow.

    Args:
        plan: makes the list of networks; asked only where it is needed. LOCAL without a job has no use for it: the
            reproduction trains in its own order.
        address: see cluster.ray_cluster.
        only_job: the number of one network to train here, or list, which shows the numbers.
    Raises: SettingError for options that do not go together, or a number that there is not; what the training raises.
    """
    require_cluster_options(cluster, address)
    if only_job is not None and cluster is not Cluster.LOCAL:
        raise SettingError("--only-job trains one network in this process. Leave --cluster ray away, or --only-job.")
    if only_job is not None:
        _one(plan(), only_job, threads=threads, say=say)
        return False
    if cluster is Cluster.RAY:
        from stroke_tf.cluster.train import train_on_ray

        train_on_ray(plan(), address=address, threads=threads, say=say)
    return True


def _one(plan: Plan, word: str, *, threads: int | None, say: Callable[[str], None]) -> None:
    """Train the network of a number, or list them."""
    if word == "list":
        left = {each.folder for each in unfinished(first_wave(plan), plan.chosen)}
        for number, each in enumerate(first_wave(plan)):
            say(f"{number}: {each.name}{'' if each.folder in left else ' (trained)'}")
        return
    if not word.isdecimal():
        raise SettingError(f"--only-job takes a number, or list. Received: {word!r}")
    job = numbered(plan, int(word))
    folder = run_training_job(job, plan.chosen, threads=threads)
    say(f"trained {job.name}: {folder}. When all are trained, the same command without --only-job writes the table.")
