"""Door: run the whole of Table 1 and judge each claim."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, reproduction_options, request_words, say_report, training_words


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf reproduce-table1`."""
    from stroke_tf.recipes.multiplane_2025 import VARIANTS

    options = argparse.ArgumentParser(
        prog="stroke-tf reproduce-table1",
        description="Train and test every row of Table 1 of arXiv 2511.07281, and judge the paper's claims. Without "
        "--data it runs on SYNTHETIC phantoms. Stages already done are passed over: run it again to go on.",
    )
    reproduction_options(options, "table1", seed=2511)
    options.add_argument("--weights", default="auto", help="imagenet, none, auto (default) or a weight file")
    options.add_argument("--weights-folder", type=Path, help="where ImageNet weights are kept (default: user cache)")
    options.add_argument("--sequences", help="of T1,T2,DWI,FLAIR,ADC (default FLAIR,DWI,T2)")
    options.add_argument(
        "--variants",
        default="",
        help=f"rows beside row Y: all, or some of {','.join(VARIANTS)} (default none)",
    )
    options.add_argument("--fold", choices=("0", "1", "2", "3", "all"), default="0", help="which fold is tested")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left to run, and print the table."""
    asked = parser().parse_args(arguments)
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.cluster.beforehand import train_beforehand
    from stroke_tf.workflows.table1 import reproduce_table1
    from stroke_tf.workflows.table1_jobs import plan_table1
    from stroke_tf.workflows.table1_rows import Table1Request

    request = Table1Request(
        **request_words(asked, "table1"),
        folds=tuple(range(4)) if asked.fold == "all" else (int(asked.fold),),
        weights=asked.weights,
        weights_folder=asked.weights_folder,
        sequences=tuple(word.strip().upper() for word in (asked.sequences or "").split(",") if word.strip()),
        variants=_variants(asked.variants),
    )
    if not train_beforehand(lambda: plan_table1(request), **training_words(asked)):
        return 0
    reproduce_table1(request)
    print((request.out / "table1.md").read_text(encoding="utf-8"))
    print(f"wrote {request.out}: table1.md, table1.csv, results.json, figures, masks and run folders")
    say_report(request.out, asked.data, asked.data_root)
    return 0


def _variants(text: str) -> tuple[str, ...]:
    from stroke_tf.recipes.multiplane_2025 import VARIANTS

    named = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    return VARIANTS if named == ("all",) else named


if __name__ == "__main__":
    raise SystemExit(main())
