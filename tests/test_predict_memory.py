"""The memory that the README states for a prediction is not exceeded."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stroke_tf.choices import Architecture, Precision
from stroke_tf.models.build import build_model
from stroke_tf.models.files import save_model
from stroke_tf.phantoms import write_cohort
from stroke_tf.planes import Plane

README = Path(__file__).parents[1] / "README.md"
# The child reports its own peak, so that what this test process holds does not count.
CHILD = (
    "import json, sys; from stroke_tf import predict; from stroke_tf.training.record import peak_memory_mb; "
    "code = predict.main(sys.argv[1:]); print(json.dumps([code, peak_memory_mb()]))"
)


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    """Folders of the three planes' networks, with random weights."""
    folder = tmp_path_factory.mktemp("runs")
    model = build_model(Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32)
    for plane in Plane:
        facts = {"plane": plane.value, "sequences": ["FLAIR", "DWI", "T2"], "fit": "brain", "threshold": 0.5}
        save_model(model, folder / plane.value, facts)
    return [str(folder / plane.value) for plane in Plane]


def test_predicting_a_full_size_case_with_three_planes_stays_within_the_stated_memory(three_runs, tmp_path):
    stated = re.search(r"\| `predict`, three planes \|[^|]*\| ([0-9.]+) GB", README.read_text(encoding="utf-8"))
    write_cohort(tmp_path / "phantoms", cases=1, seed=5)
    options = ["--runs", *three_runs, "--data", str(tmp_path / "phantoms"), "--out", str(tmp_path / "masks")]
    done = subprocess.run([sys.executable, "-c", CHILD, *options], capture_output=True, text=True, check=True)
    code, peak_mb = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert peak_mb <= 1000 * float(stated.group(1))
