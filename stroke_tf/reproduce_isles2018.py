"""Door: run Song's generative model on CT perfusion, in cross-validation, and judge each claim."""

import argparse
from collections.abc import Sequence

from stroke_tf.cli import door, reproduction_options, request_words, say_report, training_words

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
    reproduction_options(options, "isles2018", seed=1906)
    options.add_argument("--fold", choices=(*_FOLDS, "all"), default="all", help="which fold is tested (default all)")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left to run, and print the table."""
    asked = parser().parse_args(arguments)
    from stroke_tf.models.tensorflow_start import start_tensorflow

    start_tensorflow()
    from stroke_tf.cluster.beforehand import train_beforehand
    from stroke_tf.workflows.isles2018 import Isles2018Request, reproduce_isles2018
    from stroke_tf.workflows.isles2018_jobs import plan_isles2018

    request = Isles2018Request(
        **request_words(asked, "isles2018"),
        folds=() if asked.fold == "all" else (int(asked.fold),),
    )
    if not train_beforehand(lambda: plan_isles2018(request), **training_words(asked)):
        return 0
    reproduce_isles2018(request)
    print((request.out / "isles2018.md").read_text(encoding="utf-8"))
    print(f"wrote {request.out}: isles2018.md, isles2018.csv, results.json, figures, masks, generated DWI, run folders")
    say_report(request.out, asked.data, asked.data_root)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
