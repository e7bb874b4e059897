"""Door: run Table II of Aboudi, Drissi and Kraiem 2022, and answer which reading its numbers fit."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf reproduce-aboudi2022`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf reproduce-aboudi2022",
        description="Train and test the ResNet50-UNet of Aboudi, Drissi and Kraiem 2022 on FLAIR, DWI, T1 and T2 alone "
        "and on three sequences, as printed and, where that learns too little, at a rate that learns; print their "
        "Table II beside ours under every reading. Without --data it runs on SYNTHETIC phantoms. Stages already done "
        "are passed over: run it again to go on.",
    )
    options.add_argument("--data", type=Path, help="manifest CSV or folder of cases (default: phantoms)")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument(
        "--preset",
        choices=("smoke", "quick", "paper"),
        help="smoke: every stage in a few steps; quick: 25 min on 2 cores (default without --data); paper: the full "
        "schedule (default with --data)",
    )
    options.add_argument("--weights", default="auto", help="imagenet, none, auto (default) or a weight file")
    options.add_argument("--weights-folder", type=Path, help="where ImageNet weights are kept (default: user cache)")
    options.add_argument("--out", type=Path, help="results folder (default results/aboudi2022-PRESET)")
    options.add_argument("--seed", type=int, default=2022, help="of phantoms, weights and batches")
    options.add_argument(
        "--protocol",
        choices=[each.value for each in Protocol],
        default="isles2015",
        help="whose rules decide empty masks and failed cases",
    )
    options.add_argument(
        "--device", choices=[each.value for each in Device], default="auto", help="gpu fails where there is none"
    )
    options.add_argument(
        "--precision", choices=[each.value for each in Precision], default="auto", help="auto suits the device"
    )
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left to run, and print the table."""
    asked = parser().parse_args(arguments)
    preset = asked.preset or ("paper" if asked.data else "quick")
    out = asked.out or Path("results") / f"aboudi2022-{preset}"
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.workflows.aboudi2022 import Aboudi2022Request, reproduce_aboudi2022

    reproduce_aboudi2022(
        Aboudi2022Request(
            preset=preset,
            data=asked.data,
            data_root=asked.data_root,
            weights=asked.weights,
            weights_folder=asked.weights_folder,
            out=out,
            seed=asked.seed,
            device=Device(asked.device),
            precision=Precision(asked.precision),
            protocol=Protocol(asked.protocol),
        )
    )
    print((out / "aboudi2022.md").read_text(encoding="utf-8"))
    print(f"wrote {out}: aboudi2022.md, aboudi2022.csv, results.json, figures, masks and run folders")
    say_next("audit", "--paper", "aboudi2022", "--results", out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
