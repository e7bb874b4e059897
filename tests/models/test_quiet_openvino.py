"""Nothing leaves the machine when OpenVINO is imported."""

import os
import subprocess
import sys
from pathlib import Path

# What the child imported, whom it would have told, and whether anything was kept in its home.
REPORT = """
import sys
met = []
sys.addaudithook(lambda event, _: met.append(event) if event.startswith(("socket.", "urllib.")) else None)
{statement}
print("openvino_telemetry" in sys.modules, met)
"""


def after(statement: str, home: Path) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(statement=statement)],
        env={**{name: value for name, value in os.environ.items() if name != "CI"}, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), sorted(path.name for path in home.rglob("*"))


def test_our_import_tells_nobody_and_keeps_nothing(tmp_path):
    said, kept = after("import stroke_tf.models.openvino_unet", tmp_path)
    assert (said, kept) == ("False []", [])


def test_the_check_can_fail(tmp_path):
    # The package that sends is imported here, not the one that reports: this test itself tells nobody either.
    said, _ = after("import openvino_telemetry", tmp_path)
    assert said.startswith("True")


def test_afterwards_others_may_import_what_they_like(tmp_path):
    statement = (
        "import stroke_tf.models.openvino_unet, importlib.util; assert importlib.util.find_spec('openvino_telemetry')"
    )
    assert after(statement, tmp_path)[0] == "False []"
