"""Door: run Song's generative model on CT perfusion, in cross-validation, and judge each claim."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.cli import door, say_next

_FOLDS = tuple(str(fold) for fold in range(5))


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf reproduce-isles2018`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf reproduce-isles2018",
        description="Train and test the generative model of arXiv 1906.02392 (extractor, generator, segmentor) on CT "
        "perfusion in the ISLES 2018 layout, by five folds of patients, beside the segmentor on the maps alone, on the "
        "real DWI, and two threshold rules. Without --data it runs on SYNTHETIC phantoms. Stages already done are "
        "passed over: run it again to go on.",
    )
    options.add_argument("--data", type=Path, help="manifest CSV or folder of cases (default: phantoms)")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument(
        "--preset",
        choices=("smoke", "quick", "paper"),
        help="smoke: every stage in a few steps; quick: 25 min on 2 cores (default without --data); paper: the full "
        "schedule (default with --data)",
    )
    options.add_argument("--fold", choices=(*_FOLDS, "all"), default="all", help="which fold is tested (default all)")
    options.add_argument("--out", type=Path, help="results folder (default results/isles2018-PRESET)")
    options.add_argument("--seed", type=int, default=1906, help="of phantoms, weights and batches")
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
    out = asked.out or Path("results") / f"isles2018-{preset}"
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.workflows.isles2018 import Isles2018Request, reproduce_isles2018

    results = reproduce_isles2018(
        Isles2018Request(
            preset=preset,
            data=asked.data,
            data_root=asked.data_root,
            folds=() if asked.fold == "all" else (int(asked.fold),),
            out=out,
            seed=asked.seed,
            device=Device(asked.device),
            precision=Precision(asked.precision),
            protocol=Protocol(asked.protocol),
        )
    )
    print((out / "isles2018.md").read_text(encoding="utf-8"))
    print(f"wrote {out}: isles2018.md, isles2018.csv, results.json, figures, masks, generated DWI and run folders")
    say_next("verify", out / f"fold-{results['folds'][0]}" / "runs" / "whole")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
