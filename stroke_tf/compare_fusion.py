"""Door: compare every rule of fusion on the probabilities that a Table 1 run stored."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf compare-fusion`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf compare-fusion",
        description="Fit every rule of fusion on the validation cases of a Table 1 run and measure it on the test "
        "cases, from the probabilities that the run stored; no network runs. Writes fusion.md, fusion.csv, fusion.json "
        "and figures, each fitted fusion (fold-K/fusion/*.json) and a map of disagreement for each test case.",
    )
    options.add_argument("results", type=Path, metavar="RESULTS", help="the --out of stroke-tf reproduce-table1")
    options.add_argument("--force", action="store_true", help="compute again what is there already")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print the page."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.compare_fusion import FILES, compare_fusion

    content = compare_fusion(asked.results, force=asked.force)
    print((asked.results / "fusion.md").read_text(encoding="utf-8"))
    print(f"wrote {asked.results}: {', '.join(FILES)}, figures, and fold-K/fusion")
    fold = content["folds"][0]
    fitted = asked.results / fold / "fusion" / "mean-probability+threshold.json"
    case = content["test"][fold][0]
    volumes = [asked.results / fold / "probabilities" / plane / f"{case}_prob.nii.gz" for plane in "xyz"]
    say_next("fuse", *volumes, "--fitted", fitted, "--out", f"{case}_mask.nii.gz")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
