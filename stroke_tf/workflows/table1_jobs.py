"""The networks of Table 1 as jobs of their own: rows x folds, for other machines."""

from collections.abc import Callable

from stroke_tf.models.device import Chosen
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.networks import build_trainable
from stroke_tf.workflows.prepare import cache_folder, prepare_all
from stroke_tf.workflows.run import RunOptions
from stroke_tf.workflows.table1 import teach_row
from stroke_tf.workflows.table1_rows import Table1Request, costs_of_stages, open_table1
from stroke_tf.workflows.training_jobs import Plan, TrainingJob


def plan_table1(request: Table1Request, *, say: Callable[[str], None] = print) -> Plan:
    """Find or draw the cases, prepare them once, and list every network of every fold.

    Raises: what reproduce_table1 raises before its first training.
    """
    out = request.out.resolve()
    opened = open_table1(request, say=say)
    costs = costs_of_stages(opened.trained, request.folds)
    cache = cache_folder(out)
    for viewing in dict.fromkeys(each.viewing(opened.preset) for each in opened.trained):
        prepare_all(opened.cases.cases, viewing, ArrayCache(cache))
    jobs = []
    for fold in request.folds:
        split = opened.split(request, fold)
        for each in opened.trained:
            folder = each.run_folder(out / f"fold-{fold}")
            jobs.append(
                TrainingJob(
                    name=f"fold-{fold}/{each.folder}",
                    job=each.job(split, seed=request.seed, synthetic=opened.cases.synthetic),
                    folder=folder,
                    cache=cache,
                    viewing=each.viewing(opened.preset),
                    teach=teach_alone,
                    work=costs[f"fold {fold}: {each.row}"],
                )
            )
    return Plan([jobs], opened.chosen, out)


def teach_alone(each: TrainingJob, chosen: Chosen, options: RunOptions) -> None:
    """Train the network of one row in a process of its own: prepared cases from the cache, the network built anew."""
    job = each.job
    ready = prepare_all((*job.train, *job.validation), each.viewing, ArrayCache(each.cache))
    trainable = build_trainable(job.recipe, job.weights, precision=chosen.precision, seed=job.seed)
    prepared = {one.case.case_id: one for one in ready}
    teach_row(job, trainable, prepared, chosen, each.folder, options)
