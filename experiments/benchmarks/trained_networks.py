"""The phantoms and the three trained networks that the prediction benchmarks need, made once and kept.

Random weights would not do: their masks are noise, on which neither the vote nor a change of precision can be judged.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PLANES = ("x", "y", "z")
SEED = 2511
TRAIN, VALIDATION, TEST = ("1", "2", "3", "4", "5", "6", "7", "8"), ("9",), ("10", "11", "12")

# In a process of its own: segmentation-models wants its environment variable before TensorFlow is imported.
_CONVERT = """
import os, sys
os.environ["SM_FRAMEWORK"] = "tf.keras"
import segmentation_models
from stroke_tf.models.folding import TrainedLayers
model = segmentation_models.Unet("resnet50", input_shape=(128, 128, 3), classes=2, encoder_weights=None)
with TrainedLayers(sys.argv[1]) as layers:
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(layers.take(layer.name))
model.save_weights(sys.argv[2])
"""


@dataclass(frozen=True)
class Trained:
    """Where the phantoms and the runs lie."""

    manifest: Path
    runs: tuple[Path, ...]

    @property
    def naive_weights(self) -> tuple[Path, ...]:
        """Return the same weights for segmentation-models' own network, which names its layers' classes otherwise."""
        return tuple(run.parent / f"{run.name}-naive.weights.h5" for run in self.runs)


def trained_networks(folder: Path) -> Trained:
    """Draw twelve phantoms and train three planes on eight of them, or find what an earlier call made.

    About 10 minutes on two cores the first time. Three phantoms stay unseen.
    """
    phantoms, manifest = folder / "synthetic-phantoms", folder / "synthetic-phantoms" / "manifest.csv"
    if not manifest.exists():
        _door("simulate", "--out", phantoms, "--cases", "12", "--seed", SEED, "--min-lesion-ml", "3")
        _door("index", phantoms, "--out", manifest)
    runs = tuple(folder / "runs" / plane for plane in PLANES)
    for plane, run in zip(PLANES, runs, strict=True):
        if not (run / "run_card.json").exists():
            cases = ("--train-cases", ",".join(TRAIN), "--validation-cases", ",".join(VALIDATION))
            settings = ("--preset", "quick", "--weights", "none", "--seed", SEED, "--resume")
            _door("train", "--data", manifest, "--axis", plane, *cases, *settings, "--out", run)
    found = Trained(manifest, runs)
    for run, weights in zip(runs, found.naive_weights, strict=True):
        if not weights.exists():
            subprocess.run([sys.executable, "-c", _CONVERT, run / "model.weights.h5", weights], check=True)
    return found


def _door(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "stroke_tf", *map(str, words)], check=True)


if __name__ == "__main__":
    print(trained_networks(Path(sys.argv[1])))
