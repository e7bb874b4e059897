"""Door: train the network of one plane."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Architecture, Device, FitRule, Precision
from stroke_tf.cli import data_options, device_options, door, say_next
from stroke_tf.planes import parse_plane

_TAUGHT = (
    Architecture.UNET_2D,
    Architecture.UNET_2D_DEEP,
    Architecture.LINKNET,
    Architecture.FPN,
    Architecture.ATTENTION_UNET,
    Architecture.UNET_3D,
)


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf train`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf train",
        description="Train the network of one plane, a ResNet50-UNet unless told otherwise: encoder frozen first, then "
        "fine-tuned. Without --data it trains on SYNTHETIC phantoms, which it writes first. Killed at any moment, "
        "--resume goes on with the same bits.",
    )
    options.add_argument("--axis", help="x (sagittal), y (coronal) or z (axial); none for unet3d")
    options.add_argument("--weights", default="auto", help="imagenet, none, auto (default) or a weight file")
    options.add_argument("--weights-folder", type=Path, help="where ImageNet weights are kept (default: user cache)")
    options.add_argument("--data", type=Path, help="manifest CSV or folder of cases (default: phantoms)")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument("--fold", type=int, choices=range(4), default=0, help="the fold that is kept for testing")
    options.add_argument("--train-cases", default="", help="ids, comma-separated, instead of a fold")
    options.add_argument("--validation-cases", default="", help="ids, comma-separated, with --train-cases")
    options.add_argument(
        "--preset", choices=("smoke", "quick", "paper"), default="quick", help="length of the schedule"
    )
    options.add_argument(
        "--architecture",
        choices=("unet", *(each.value for each in _TAUGHT)),
        default="unet2d",
        help="which network; unet is unet2d",
    )
    options.add_argument(
        "--backbone",
        help="encoder: resnet50 (default), densenet121, … any of segmentation-models; a wrong name lists them",
    )
    options.add_argument(
        "--sequences", help="of T1,T2,DWI,FLAIR,ADC; not three are mixed into three (default FLAIR,DWI,T2)"
    )
    options.add_argument(
        "--neighbours", type=int, help="slices on each side that are further channels, 0 (default) to 3 (2.5-D)"
    )
    options.add_argument("--fit", choices=[each.value for each in FitRule], help="how slices become 128x128")
    options.add_argument("--batch-size", type=int, help="slices (or patches) a step")
    options.add_argument("--steps-per-epoch", type=int, help="steps between two validations")
    options.add_argument("--seed", type=int, default=2511, help="of weights, batches and phantoms")
    device_options(options)
    options.add_argument(
        "--checkpoint-every",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="seconds between two checkpoints within an epoch; each epoch ends with one anyway",
    )
    options.add_argument("--out", type=Path, help="run folder (default runs/train-AXIS)")
    options.add_argument("--resume", action="store_true", help="go on with the run in --out")
    options.add_argument("--force", action="store_true", help="start anew over the run in --out")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and say where the run lies."""
    asked = parser().parse_args(arguments)
    plane = parse_plane(asked.axis) if asked.axis else None
    out = asked.out or Path("runs") / f"train-{plane.value if plane else '3d'}"
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.workflows.run import RunOptions
    from stroke_tf.workflows.train import TrainRequest, phantoms_folder, train

    request = TrainRequest(
        plane=plane,
        architecture=Architecture.UNET_2D if asked.architecture == "unet" else Architecture(asked.architecture),
        preset=asked.preset,
        data=asked.data,
        data_root=asked.data_root,
        fold=asked.fold,
        train_cases=_ids(asked.train_cases),
        validation_cases=_ids(asked.validation_cases),
        weights=asked.weights,
        weights_folder=asked.weights_folder,
        out=out,
        seed=asked.seed,
        device=Device(asked.device),
        precision=Precision(asked.precision),
        overrides=_overrides(asked),
        options=RunOptions(asked.resume, asked.force, asked.checkpoint_every),
    )
    folder = train(request)
    print(f"wrote {folder}: weights, network.json, history.csv, curves.png, run_card.json")
    data = data_options(asked.data or phantoms_folder(request), asked.data_root)
    say_next("predict", "--runs", folder, *data, "--out", "predictions")
    return 0


def _ids(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _overrides(asked: argparse.Namespace) -> dict:
    named = {
        "sequences": tuple(word.upper() for word in _ids(asked.sequences or "")),
        "fit": FitRule(asked.fit) if asked.fit else None,
        "backbone": asked.backbone,
        "neighbours": asked.neighbours,
        "batch_size": asked.batch_size,
        "steps_per_epoch": asked.steps_per_epoch,
    }
    return {name: value for name, value in named.items() if value not in (None, ())}


if __name__ == "__main__":
    raise SystemExit(main())
