"""Door: check the printed tables of the papers against arithmetic."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next

_PAPERS = ("multiplane2025", "aboudi2022")


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf audit`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf audit",
        description="Check printed tables by arithmetic alone: which Dice precision and recall imply, under which "
        "conventions the printed numbers are possible, and which cannot hold under any. With --results, show the "
        "same conventions on our own results.",
    )
    options.add_argument("--paper", choices=(*_PAPERS, "all"), default="all", help="whose table (default: all)")
    options.add_argument("--results", type=Path, metavar="DIR", help="folder that stroke-tf reproduce-table1 wrote")
    options.add_argument("--out", type=Path, metavar="FILE.md", help="write the audit there instead of printing it")
    options.add_argument("--json", type=Path, metavar="FILE", help="write every verdict, with rule and numbers")
    options.add_argument("--force", action="store_true", help="replace files that exist")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the audit, or write it."""
    asked = parser().parse_args(arguments)
    from stroke_tf.paper.tables import Paper
    from stroke_tf.workflows.audit import audit, write_audit

    names = _PAPERS if asked.paper == "all" else (asked.paper,)
    found = audit([Paper(name) for name in names], results=asked.results)
    written = write_audit(found, out=asked.out, json_file=asked.json, force=asked.force)
    if asked.out is None:
        print(found.text)
    for path in written:
        print(f"wrote {path}")
    step = ["reproduce-table1"] if asked.results is None else ["report", asked.results]
    say_next(*step, after_a_page=asked.out is None)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
