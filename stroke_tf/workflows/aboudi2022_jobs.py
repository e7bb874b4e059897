"""The networks of Aboudi 2022 as jobs of their own: as printed first, then where that schedule learnt too little."""

from collections.abc import Callable, Iterator, Sequence

from stroke_tf.models.device import Chosen
from stroke_tf.recipes.aboudi_2022 import Model
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.aboudi2022 import (
    Aboudi2022Request,
    Study,
    costs_of_stages,
    network_of_model,
    open_aboudi2022,
    paces_of,
    stage_of,
    taught_by,
    teach_model,
    title_of,
)
from stroke_tf.workflows.aboudi_results import Pace
from stroke_tf.workflows.prepare import cache_folder, prepare_all
from stroke_tf.workflows.run import RunOptions
from stroke_tf.workflows.training_jobs import Plan, TrainingJob


def plan_aboudi2022(request: Aboudi2022Request, *, say: Callable[[str], None] = print) -> Plan:
    """Find or draw the cases, prepare them once, and list the networks in two waves.

    Raises: what reproduce_aboudi2022 raises before its first training.
    """
    study = open_aboudi2022(request, say=say)
    cache = ArrayCache(cache_folder(study.out.resolve()))
    for sequences in dict.fromkeys(model.sequences for model in study.preset.models):
        prepare_all(study.cases.cases, study.viewing(sequences), cache, title=f"preparing {', '.join(sequences)}")
    return Plan(_Waves(study), study.chosen, study.out.resolve())


class _Waves:
    """The two lists of jobs; the second is made when it is asked for, from what the first has learnt."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def __iter__(self) -> Iterator[list[TrainingJob]]:
        study = self._study
        paces = {model: paces_of(study.preset, model) for model in study.preset.models}
        yield self._jobs([(model, pace) for model in paces for pace in paces[model] if pace is not Pace.LEARNING])
        slow = [model for model in paces if Pace.LEARNING in paces[model] and not self._has_learnt(model)]
        yield self._jobs([(model, Pace.LEARNING) for model in slow])

    def _has_learnt(self, model: Model) -> bool:
        study = self._study
        run, recipe = study.run_folder(model, Pace.PRINTED), study.recipe(model, Pace.PRINTED)
        return taught_by(study.preset, recipe, run, pretrained=study.weights.pretrained).learnt

    def _jobs(self, wanted: Sequence[tuple[Model, Pace]]) -> list[TrainingJob]:
        study = self._study
        costs = costs_of_stages(study)
        return [
            TrainingJob(
                name=study.run_folder(model, pace).name,
                job=study.job(model, pace),
                folder=study.run_folder(model, pace).resolve(),
                cache=cache_folder(study.out.resolve()),
                viewing=study.viewing(model.sequences),
                teach=teach_alone,
                work=costs[stage_of(model, pace)],
                title=title_of(model, pace),
            )
            for model, pace in wanted
        ]


def teach_alone(each: TrainingJob, chosen: Chosen, options: RunOptions) -> None:
    """Train one network in a process of its own: prepared cases from the cache, the network built anew."""
    job = each.job
    ready = prepare_all((*job.train, *job.validation), each.viewing, ArrayCache(each.cache))
    trainable = network_of_model(job.recipe, job.weights, chosen, seed=job.seed)
    teach_model(job, trainable, {one.case.case_id: one for one in ready}, chosen, each.folder, options, each.title)
