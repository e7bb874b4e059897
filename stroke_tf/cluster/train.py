"""The networks of a reproduction, trained on a Ray cluster; the reproduction itself then finds them finished."""

from collections.abc import Callable
from functools import partial

from stroke_tf.cluster.needs import needs_of_training, require_a_machine, threads_of_a_job
from stroke_tf.cluster.ray_cluster import look_over, ray_cluster
from stroke_tf.cluster.ray_tasks import Task, carry_out
from stroke_tf.cluster.shared_folder import shared_folder
from stroke_tf.training.lease import progress_of
from stroke_tf.workflows.training_jobs import Plan, TrainingJob, run_training_job, unfinished


def train_on_ray(plan: Plan, *, address: str | None, threads: int | None, say: Callable[[str], None] = print) -> None:
    """Train every network of a plan that is not trained yet, each on one machine of the cluster.

    Args:
        address: see ray_cluster.
        threads: of one job; None is as many as it would have on this machine, which gives the same bits.
    Raises: what ray_cluster, look_over and carry_out raise; SettingError if no machine is large enough.
    """
    with shared_folder(plan.out) as shared, ray_cluster(address) as ray:
        for wave in plan.waves:
            jobs = unfinished(wave, plan.chosen)
            if not jobs:
                continue
            nodes, kinds = look_over(ray, shared, must_see_of(jobs))
            cards_here = sum(int(node.resources.get("GPU", 0)) for node in nodes if node.here)
            each_threads = threads_of_a_job(threads, plan.chosen, cards_here=cards_here)
            tasks = [_task(each, plan, each_threads) for each in jobs]
            require_a_machine([task.needs for task in tasks], [node.resources for node in nodes])
            say(
                f"cluster: Ray, {len(nodes)} {'machine' if len(nodes) == 1 else 'machines'} ({', '.join(kinds)}) · "
                f"{len(jobs)} networks to train · each: {' or '.join(dict.fromkeys(str(task.needs) for task in tasks))}"
            )
            if len(kinds) > 1:
                say("note: the machines differ, so the last bits of a result depend on which of them trained it")
            carry_out(ray, tasks, shared, say=say)


def must_see_of(jobs: list[TrainingJob]) -> list:
    """Return the files that stand for all that jobs read: images of a case of each job, and the pretrained weights."""
    cases = [next(iter(each.job.train), None) for each in jobs]
    images = [path for case in cases if case for path in case.images.values()]
    weights = [each.job.weights.path for each in jobs if each.job.weights.path]
    return list(dict.fromkeys([*images, *weights]))


def _task(each: TrainingJob, plan: Plan, threads: int) -> Task:
    return Task(
        name=each.name,
        function=partial(run_training_job, threads=threads),
        arguments=(each, plan.chosen),
        needs=needs_of_training(each.job.recipe, plan.chosen, threads=threads),
        work=each.work,
        share=partial(progress_of, each.folder),
    )
