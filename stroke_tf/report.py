"""Door: one HTML page from what a run left behind."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stroke_tf.cli import door, say_next


def parser() -> argparse.ArgumentParser:
    """Return the options of `stroke-tf report`."""
    options = argparse.ArgumentParser(
        prog="stroke-tf report",
        description="Write one HTML page from a results folder or a training run: the answer, the table beside the "
        "paper's numbers, every case in a viewer, plots, the audit, the run cards. The page holds everything it shows, "
        "fetches nothing, and opens from a USB stick.",
    )
    options.add_argument(
        "folder",
        type=Path,
        metavar="RUN-or-RESULTS",
        help="what reproduce-table1, reproduce-aboudi2022, reproduce-isles2018, evaluate, predict or train wrote",
    )
    options.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="the page (default report.html, or report-SYNTHETIC.html, in the folder)",
    )
    options.add_argument(
        "--data", type=Path, help="the scans of the run, for the viewer (phantoms are found by themselves)"
    )
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument("--force", action="store_true", help="replace a page that exists")
    return options


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and say where."""
    asked = parser().parse_args(arguments)
    from stroke_tf.workflows.report import write_report

    written = write_report(asked.folder, out=asked.out, data=asked.data, data_root=asked.data_root, force=asked.force)
    for remark in written.remarks:
        print(f"note: {remark}")
    print(f"wrote {written.path} ({written.size / 1e6:.1f} MB)")
    print("open it in a browser; it needs no network and no server")
    say_next(*written.next_words)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
