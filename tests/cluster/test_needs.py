"""What a job needs, and whether a machine has it."""

from dataclasses import replace

import pytest

from stroke_tf.choices import Device, Precision
from stroke_tf.cluster.needs import (
    GB,
    Needs,
    needs_of_prediction,
    needs_of_training,
    require_a_machine,
    threads_of_a_job,
)
from stroke_tf.errors import SettingError
from stroke_tf.models.device import Chosen, usable_threads
from stroke_tf.recipes.multiplane_2025 import PLANAR, QUICK, VOLUMETRIC, variants_of

CPU = Chosen(Device.CPU, "CPU", Precision.FLOAT32)
GPU = Chosen(Device.GPU, "T4", Precision.MIXED_FLOAT16)
SMALL = {"CPU": 4.0, "memory": 8.0 * GB}
LARGE = {"CPU": 32.0, "GPU": 4.0, "memory": 128.0 * GB}


@pytest.mark.parametrize(
    ("recipe", "measured_gb"),
    [(PLANAR, 3.3), (variants_of(PLANAR)["fpn"], 4.3), (VOLUMETRIC, 1.5), (QUICK.planar, 2.7)],
    ids=["2-D", "pyramid", "3-D", "quick"],
)
def test_what_is_set_aside_covers_the_peak_that_was_measured_and_not_twice_as_much(recipe, measured_gb):
    reserved = needs_of_training(recipe, CPU, threads=2).memory_bytes / GB
    assert measured_gb <= reserved <= 2 * measured_gb


@pytest.mark.parametrize(("openvino", "measured_gb"), [(True, 1.1), (False, 1.8)], ids=["OpenVINO", "Keras"])
def test_so_it_is_for_a_process_that_predicts(openvino, measured_gb):
    reserved = needs_of_prediction(CPU, threads=2, openvino=openvino).memory_bytes / GB
    assert measured_gb <= reserved <= 2 * measured_gb


def test_as_many_jobs_fit_a_machine_as_its_scarcest_resource_allows():
    assert Needs(1, 0, 3 * GB).at_once(SMALL) == 2
    assert Needs(2, 0, GB).at_once(SMALL) == 2
    assert Needs(4, 1, GB).at_once(LARGE) == 4
    assert Needs(4, 1, GB).at_once(SMALL) == 0


def test_a_larger_batch_needs_more():
    needs = [needs_of_training(replace(PLANAR, batch_size=size), CPU, threads=1) for size in (8, 64)]
    assert needs[0].memory_bytes < needs[1].memory_bytes


def test_only_a_run_on_a_gpu_needs_a_card():
    assert [needs_of_training(PLANAR, chosen, threads=1).cards for chosen in (CPU, GPU)] == [0, 1]


def test_threads_are_those_of_a_run_on_this_machine_unless_told():
    assert threads_of_a_job(None, CPU, cards_here=0) == usable_threads()
    assert threads_of_a_job(3, CPU, cards_here=0) == 3


def test_the_threads_of_a_machine_are_shared_among_its_cards():
    assert threads_of_a_job(None, GPU, cards_here=usable_threads()) == 1
    assert threads_of_a_job(None, GPU, cards_here=100) == 1


def test_a_job_that_no_machine_can_take_is_an_error_that_names_what_there_is():
    require_a_machine([Needs(4, 0, 8 * GB)], [SMALL, LARGE])
    with pytest.raises(SettingError, match=r"needs 2 threads, 1 GPU, 8\.0 GB, and no machine has it\. There are: 4"):
        require_a_machine([Needs(2, 1, 8 * GB)], [SMALL])


def test_less_than_one_thread_is_refused():
    with pytest.raises(SettingError, match="--threads takes 1 or more"):
        Needs(0, 0, GB)
