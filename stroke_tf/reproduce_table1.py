"""Door: run the whole of Table 1 and judge each claim."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf reproduce-table1`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf reproduce-table1",
        description="Train and test every row of Table 1 of arXiv 2511.07281, and judge the paper's claims. Without "
        "--data it runs on SYNTHETIC phantoms. Stages already done are passed over: run it again to go on.",
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
    options.add_argument("--sequences", help="of T1,T2,DWI,FLAIR,ADC (default FLAIR,DWI,T2)")
    options.add_argument(
        "--variants",
        default="",
        help="rows beside row Y: all, or some of dense-unet,attention,linknet,fpn,four-sequences,2.5-d (default none)",
    )
    options.add_argument("--fold", choices=("0", "1", "2", "3", "all"), default="0", help="which fold is tested")
    options.add_argument("--out", type=Path, help="results folder (default results/table1-PRESET)")
    options.add_argument("--seed", type=int, default=2511, help="of phantoms, weights and batches")
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
    out = asked.out or Path("results") / f"table1-{preset}"
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.workflows.table1 import Table1Request, reproduce_table1

    reproduce_table1(
        Table1Request(
            preset=preset,
            data=asked.data,
            data_root=asked.data_root,
            folds=tuple(range(4)) if asked.fold == "all" else (int(asked.fold),),
            weights=asked.weights,
            weights_folder=asked.weights_folder,
            out=out,
            seed=asked.seed,
            device=Device(asked.device),
            precision=Precision(asked.precision),
            protocol=Protocol(asked.protocol),
            sequences=tuple(word.strip().upper() for word in (asked.sequences or "").split(",") if word.strip()),
            variants=_variants(asked.variants),
        )
    )
    print((out / "table1.md").read_text(encoding="utf-8"))
    print(f"wrote {out}: table1.md, table1.csv, results.json, figures, masks and run folders")
    say_next("audit", "--results", out)
    return 0


def _variants(text: str) -> tuple[str, ...]:
    from stroke_tf.recipes.multiplane_2025 import VARIANTS

    named = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    return VARIANTS if named == ("all",) else named


if __name__ == "__main__":
    raise SystemExit(main())
