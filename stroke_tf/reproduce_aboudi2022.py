"""Door: run Table II of Aboudi, Drissi and Kraiem 2022, and answer which reading its numbers fit."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, reproduction_options, request_words, say_report, training_words


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf reproduce-aboudi2022`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf reproduce-aboudi2022",
        description="Train and test the ResNet50-UNet of Aboudi, Drissi and Kraiem 2022 on FLAIR, DWI, T1 and T2 alone "
        "and on three sequences, as printed and, where that learns too little, at a rate that learns; print their "
        "Table II beside ours under every reading. Without --data it runs on SYNTHETIC phantoms. Stages already done "
        "are passed over: run it again to go on.",
    )
    reproduction_options(options, "aboudi2022", seed=2022)
    options.add_argument("--weights", default="auto", help="imagenet, none, auto (default) or a weight file")
    options.add_argument("--weights-folder", type=Path, help="where ImageNet weights are kept (default: user cache)")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left to run, and print the table."""
    asked = parser().parse_args(arguments)
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.cluster.beforehand import train_beforehand
    from stroke_tf.workflows.aboudi2022 import Aboudi2022Request, reproduce_aboudi2022
    from stroke_tf.workflows.aboudi2022_jobs import plan_aboudi2022

    request = Aboudi2022Request(
        **request_words(asked, "aboudi2022"),
        weights=asked.weights,
        weights_folder=asked.weights_folder,
    )
    if not train_beforehand(lambda: plan_aboudi2022(request), **training_words(asked)):
        return 0
    reproduce_aboudi2022(request)
    print((request.out / "aboudi2022.md").read_text(encoding="utf-8"))
    print(f"wrote {request.out}: aboudi2022.md, aboudi2022.csv, results.json, figures, masks and run folders")
    say_report(request.out, asked.data, asked.data_root)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
