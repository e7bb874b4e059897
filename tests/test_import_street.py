"""The street is one-way: a room imports only from rooms before it, and TensorFlow lives in three of them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "stroke_tf"
WORDS = ("errors", "choices", "planes", "seeds", "arrays", "files", "progress")
STREET = (
    *((word,) for word in WORDS),  # words may use the words before them, so each is a step of its own
    ("manifest", "volumes", "perfusion", "recipes"),
    ("phantoms", "slices", "neighbours"),
    ("batches", "models", "inference", "fusion", "metrics"),
    ("training", "paper"),
    ("reports",),
    ("workflows",),
    ("cluster", "cli"),
)
STEP = {room: step for step, rooms in enumerate(STREET) for room in rooms}
TENSORFLOW = {"tensorflow", "keras", "segmentation_models"}
ROOMS_WITH_TENSORFLOW = {"batches", "models", "training"}


def room_of(module: str) -> str:
    """Return the room a module stands in: `stroke_tf.metrics.overlap` is in metrics; the package itself is ""."""
    return module.partition(".")[2].partition(".")[0]


def imported_modules(source: str, module: str, *, is_folder: bool = False) -> set[str]:
    """Return the modules that a source imports at any depth: at the top, inside functions, or by name.

    `from stroke_tf import fusion` counts as stroke_tf.fusion, and a relative import as what it stands for.
    """
    found = set()
    package = module if is_folder else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            found |= {f"{base}.{alias.name}" for alias in node.names} if base == PACKAGE else {base}
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


def faults(source: str, module: str, doors: set[str], *, is_folder: bool = False) -> list[str]:
    """Return what is wrong with the imports of one module, one sentence each."""
    room = room_of(module)
    last = len(STREET)
    if room not in STEP and room not in doors:
        return [f"{module}: {room!r} has no place on the street; give it one here or put it into a room"]
    own_step = last if room in doors else STEP[room]
    wrong = []
    for imported in sorted(imported_modules(source, module, is_folder=is_folder)):
        root, other = imported.partition(".")[0], room_of(imported)
        if root in TENSORFLOW and room not in ROOMS_WITH_TENSORFLOW:
            wrong.append(f"{module} imports {imported}: TensorFlow lives in {sorted(ROOMS_WITH_TENSORFLOW)}")
        if root != PACKAGE or other in ("", room, "__version__"):
            continue
        if other in doors:
            wrong.append(f"{module} imports {imported}: doors are run, not imported")
        elif other not in STEP:
            wrong.append(f"{module} imports {imported}, which has no place on the street")
        elif STEP[other] >= own_step:
            wrong.append(f"{module} imports {imported}: it stands on a later step, or is a neighbour on the same")
    return wrong


def door_modules() -> set[str]:
    from stroke_tf.cli import DOORS

    return {name.replace("-", "_") for name in DOORS} | {"__main__"}


def test_every_module_imports_only_from_rooms_before_its_own(repository: Path):
    wrong, seen = [], 0
    for path in sorted((repository / PACKAGE).rglob("*.py")):
        parts = path.relative_to(repository).with_suffix("").parts
        is_folder = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_folder else parts)
        if module != PACKAGE:
            seen += 1
            wrong += faults(path.read_text(encoding="utf-8"), module, door_modules(), is_folder=is_folder)
    assert seen > len(WORDS)
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("stroke_tf.metrics.overlap", "from stroke_tf.reports import tables", "later step"),
        ("stroke_tf.slices", "def f():\n    import stroke_tf.workflows.planar", "later step"),
        ("stroke_tf.fusion", "from stroke_tf import metrics", "neighbour"),
        ("stroke_tf.fusion", "from .metrics import overlap", "neighbour"),
        ("stroke_tf.metrics.overlap", "from ..fusion import majority", "neighbour"),
        ("stroke_tf.errors", "from stroke_tf.arrays import Volume", "later step"),
        ("stroke_tf.fuse", "from stroke_tf.predict import main", "doors are run"),
        ("stroke_tf.slices", "def f():\n    from keras import ops", "TensorFlow lives"),
        ("stroke_tf.inference.run", "import importlib\nimportlib.import_module('tensorflow.nn')", "TensorFlow lives"),
        ("stroke_tf.workflows.planar", "import segmentation_models as sm", "TensorFlow lives"),
        ("stroke_tf.utils", "import os", "no place"),
    ],
)
def test_the_street_check_finds_what_is_forbidden(module: str, source: str, said: str):
    (fault,) = faults(source, module, {"fuse", "predict"})
    assert said in fault


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("stroke_tf.models.build", "import tensorflow as tf\nfrom stroke_tf.choices import Architecture"),
        ("stroke_tf.metrics.overlap", "from stroke_tf.metrics.confusion import Counts\nfrom .confusion import count"),
        ("stroke_tf.fuse", "from stroke_tf.cli import door\ndef f():\n    from stroke_tf.workflows import voting"),
        ("stroke_tf.cli", "from stroke_tf import __version__"),
    ],
)
def test_the_street_check_lets_pass_what_is_allowed(module: str, source: str):
    assert faults(source, module, {"fuse", "predict"}) == []


def tensorflow_after(statement: str, repository: Path) -> str:
    code = f"{statement}\nimport sys\nprint(*sorted({TENSORFLOW!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_rooms_of_arrays_start_without_tensorflow(repository: Path):
    rooms = (
        "manifest",
        "volumes",
        "perfusion",
        "slices",
        "inference",
        "fusion",
        "metrics",
        "phantoms",
        "paper",
        "reports",
    )
    assert tensorflow_after("import " + ", ".join(f"{PACKAGE}.{room}" for room in rooms), repository) == ""


def test_the_check_of_a_start_without_tensorflow_can_fail(repository: Path):
    assert tensorflow_after("import sys, types; sys.modules['keras'] = types.ModuleType('keras')", repository)
