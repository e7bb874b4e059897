"""The networks of Song 2019 as jobs of their own: four in each fold."""

from collections.abc import Callable

from stroke_tf.models.device import Chosen
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.generative import build_generative, train_generative
from stroke_tf.workflows.isles2018 import Isles2018Request, costs_of_stages, job_of, open_isles2018, run_folder
from stroke_tf.workflows.prepare import cache_folder
from stroke_tf.workflows.prepare_perfusion import learn_all, perfusion_viewing
from stroke_tf.workflows.run import RunOptions
from stroke_tf.workflows.training_jobs import Plan, TrainingJob


def plan_isles2018(request: Isles2018Request, *, say: Callable[[str], None] = print) -> Plan:
    """Find or draw the cases, prepare them once, and list every network of every fold.

    Raises: what reproduce_isles2018 raises before its first training.
    """
    out = request.out.resolve()
    opened = open_isles2018(request, say=say)
    viewing, cache = perfusion_viewing(opened.preset.whole), cache_folder(out)
    learn_all(opened.cases.cases, viewing, ArrayCache(cache))
    costs = costs_of_stages(opened)
    jobs = []
    for fold in opened.folds:
        split = opened.split(request, fold)
        for name, recipe in opened.recipes.items():
            jobs.append(
                TrainingJob(
                    name=f"fold-{fold}/{name}",
                    job=job_of(recipe, split, seed=request.seed, synthetic=opened.cases.synthetic),
                    folder=run_folder(out / f"fold-{fold}", name),
                    cache=cache,
                    viewing=viewing,
                    teach=teach_alone,
                    work=costs[f"fold {fold}: {name}"],
                )
            )
    return Plan([jobs], opened.chosen, out)


def teach_alone(each: TrainingJob, chosen: Chosen, options: RunOptions) -> None:
    """Train one network in a process of its own: prepared cases from the cache, the network built anew."""
    job = each.job
    cases = learn_all((*job.train, *job.validation), each.viewing, ArrayCache(each.cache))
    trainable = build_generative(job.recipe, precision=chosen.precision, seed=job.seed)
    train_generative(job, trainable, cases, chosen, each.folder, options)
