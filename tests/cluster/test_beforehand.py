"""Which options go together, and what a job array is told; the plans here are lists without a training."""

from dataclasses import replace
from pathlib import Path

import pytest

from stroke_tf.choices import Cluster, Device, Precision
from stroke_tf.cluster.beforehand import train_beforehand
from stroke_tf.errors import SettingError
from stroke_tf.models.device import Chosen
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import SMOKE
from stroke_tf.workflows.networks import RANDOM
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.run import Job
from stroke_tf.workflows.training_jobs import Plan, TrainingJob

CHOSEN = Chosen(Device.CPU, "CPU, 1 thread", Precision.FLOAT32)


def never(*_) -> None:
    raise AssertionError("nothing should be planned or trained here")


def plan(out: Path) -> Plan:
    """Return two networks, the first of which is two rows of a table."""
    first = TrainingJob(
        name="fold-0/y",
        job=Job(SMOKE.planar, Plane.Y, (), (), RANDOM, 1, synthetic=True),
        folder=out / "y",
        cache=out / "cache",
        viewing=viewing_of(SMOKE.planar),
        teach=never,
        work=1.0,
    )
    return Plan(
        [[first, replace(first, name="fold-0/absent"), replace(first, name="z", folder=out / "z")]], CHOSEN, out
    )


def ask(out: Path, said: list[str], **changed) -> bool:
    options = {"cluster": Cluster.LOCAL, "address": None, "threads": None, "only_job": None, **changed}
    return train_beforehand(lambda: plan(out), say=said.append, **options)


def test_without_a_cluster_nothing_is_planned_and_the_reproduction_follows():
    options = {"cluster": Cluster.LOCAL, "address": None, "threads": None, "only_job": None}
    assert train_beforehand(never, **options) is True


def test_the_list_names_each_network_once_with_its_number_and_nothing_follows(tmp_path):
    said: list[str] = []
    assert ask(tmp_path, said, only_job="list") is False
    assert said == ["0: fold-0/y", "1: z"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"address": "auto"}, r"--address auto names a Ray cluster\. Pass --cluster ray"),
        ({"cluster": Cluster.RAY, "only_job": "0"}, "--only-job trains one network in this process"),
        ({"only_job": "first"}, r"--only-job takes a number, or list\. Received: 'first'"),
        ({"only_job": "2"}, r"--only-job takes list, or 0 to 1\. Received: 2"),
    ],
    ids=["address alone", "both", "no number", "too large"],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, changed, message):
    with pytest.raises(SettingError, match=message):
        ask(tmp_path, [], **changed)
