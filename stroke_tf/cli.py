"""What doors share: how an error leaves, the list of doors, and the options that several have."""

import argparse
import functools
import importlib
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from stroke_tf.choices import Cluster, Device, Precision, Protocol
from stroke_tf.errors import StrokeTfError

DOORS = {
    "simulate": "write a cohort of phantoms, so that everything runs without data",
    "index": "find the cases under a folder and write a manifest",
    "convert": "turn DICOM series into NIfTI files that can be predicted, and a mask into a DICOM-SEG",
    "doctor": "look at one case: grids, orientations, intensities, and a proven round trip",
    "train": "train the network of one plane",
    "predict": "turn scans into masks on their own grid: files, folders, BIDS, lists; tells what is in each",
    "fuse": "fuse the planes' probability volumes into one mask, by a rule or a fitted fusion",
    "compare-fusion": "compare every rule of fusion on what a Table 1 run stored",
    "evaluate": "compare masks with the truth, under a named protocol",
    "audit": "check the printed tables of the papers against arithmetic",
    "reproduce-table1": "run the whole of Table 1 and judge each claim",
    "reproduce-aboudi2022": "run Table II of Aboudi 2022, and say which reading its numbers fit",
    "reproduce-isles2018": "run the generative model on CT perfusion, in cross-validation, and judge each claim",
    "report": "write one HTML page, viewer inside, from results, an evaluation, predictions or a training run",
    "verify": "check a run folder against its run card",
}

Main = Callable[[Sequence[str] | None], int]


def door(main: Main) -> Main:
    """Wrap a door's main so that a user's error becomes one line on stderr and an exit code that is not 0."""

    @functools.wraps(main)
    def guarded(arguments: Sequence[str] | None = None) -> int:
        _print_anywhere()
        try:
            return main(arguments)
        except StrokeTfError as fault:
            print(f"error: {fault}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("\nstopped by the user; what was finished is kept", file=sys.stderr)
            return 130
        except MemoryError:
            print("error: out of memory. Close other programs, or lower --batch-size.", file=sys.stderr)
            return 3
        except BrokenPipeError:
            # The reader of our output (head, less) has left. That deserves no message, but the work may not be done,
            # so it is no success either: 141 is what a shell reports of a program that met SIGPIPE.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except OSError as fault:
            # What no room has explained: a file where a folder is meant, a run folder that only another may read.
            place = fault.filename or "a file"
            print(f"error: {place}: {fault.strerror or fault}. Look at the path and who may use it.", file=sys.stderr)
            return 2

    return guarded


def say_next(*words: object, after_a_page: bool = False) -> None:
    """Print the command that comes next, quoted so that it can be pasted into a shell; every door ends with it.

    A word in capitals (RUN, FOLDER) stands for what only the user knows.

    Args:
        words: the door and its arguments.
        after_a_page: what the door printed may be piped into a file, where this line would be a stranger; it goes to
            stderr then.
    """
    sys.stdout.flush()
    stream = sys.stderr if after_a_page else sys.stdout
    _say_first(stream)
    print(_pasted(words), file=stream)


def _pasted(words: Sequence[object]) -> str:
    return "next: stroke-tf " + shlex.join(str(word) for word in words)


def _say_first(stream: TextIO) -> None:
    """Where make has run us the user's shell knows no stroke-tf yet; say what lets it."""
    activate = Path(sys.executable).with_name("activate")
    if shutil.which("stroke-tf") is None and activate.exists():
        here = Path.cwd()
        shown = activate.relative_to(here) if activate.is_relative_to(here) else activate
        print(f"first: . {shlex.quote(str(shown))}", file=stream)


def say_report(results: object, data: object | None, data_root: object | None) -> None:
    """Print the command that makes a page of results; phantoms lie in the results, scans have to be named."""
    say_next("report", results, *(data_options(data, data_root) if data else []))


def data_options(data: object, data_root: object | None) -> list[object]:
    """Return the options that name the same cases to another door."""
    return ["--data", data, *(["--data-root", data_root] if data_root is not None else [])]


def device_options(options: argparse.ArgumentParser) -> None:
    """Add where a network runs, and in which number format."""
    options.add_argument(
        "--device", choices=[each.value for each in Device], default="auto", help="gpu fails where there is none"
    )
    options.add_argument(
        "--precision", choices=[each.value for each in Precision], default="auto", help="auto suits the device"
    )


def reproduction_options(options: argparse.ArgumentParser, name: str, *, seed: int) -> None:
    """Add what every reproduction of a paper asks: the data, how much of it all, where to, which seed, where it runs.

    Args:
        name: of the results folder, without the preset.
        seed: unless told.
    """
    options.add_argument("--data", type=Path, help="manifest CSV or folder of cases (default: phantoms)")
    options.add_argument("--data-root", type=Path, help="folder the manifest's paths are relative to")
    options.add_argument(
        "--preset",
        choices=("smoke", "quick", "paper"),
        help="smoke: every stage in a few steps; quick: 25 min on 2 cores (default without --data); paper: the full "
        "schedule (default with --data)",
    )
    options.add_argument("--out", type=Path, help=f"results folder (default results/{name}-PRESET)")
    options.add_argument("--seed", type=int, default=seed, help="of phantoms, weights and batches")
    options.add_argument(
        "--protocol",
        choices=[each.value for each in Protocol],
        default="isles2015",
        help="whose rules decide empty masks and failed cases",
    )
    device_options(options)
    cluster_options(options)
    options.add_argument(
        "--only-job",
        metavar="N",
        help="train network number N of this run and stop, for job arrays; list shows the numbers",
    )


def cluster_options(options: argparse.ArgumentParser) -> None:
    """Add who does the jobs of a long run; --engine is another thing, it says what computes a network."""
    options.add_argument(
        "--cluster",
        choices=[each.value for each in Cluster],
        default="local",
        help="local: this process, one job after the other (default); ray: the machines of a Ray cluster, one job each "
        "at a time (docs/many-machines.md)",
    )
    options.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="head of the Ray cluster, or auto on one of its machines; without it Ray runs on this machine alone",
    )
    options.add_argument(
        "--threads", type=int, metavar="N", help="threads a network computes with (default: all of this machine)"
    )


def request_words(asked: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return what reproduction_options asked, by the names that the request of every reproduction has.

    Args:
        name: of the results folder, without the preset; the preset that suits is the full one on real scans.
    """
    preset = asked.preset or ("paper" if asked.data else "quick")
    return {
        "preset": preset,
        "data": asked.data,
        "data_root": asked.data_root,
        "out": asked.out or Path("results") / f"{name}-{preset}",
        "seed": asked.seed,
        "device": Device(asked.device),
        "precision": Precision(asked.precision),
        "protocol": Protocol(asked.protocol),
        "threads": asked.threads,
    }


def training_words(asked: argparse.Namespace) -> dict[str, Any]:
    """Return who trains the networks of a reproduction, by the names of cluster.beforehand.train_beforehand."""
    return {
        "cluster": Cluster(asked.cluster),
        "address": asked.address,
        "threads": asked.threads,
        "only_job": asked.only_job,
    }


def _print_anywhere() -> None:
    """Let a character that the terminal lacks be escaped, rather than end the run that wanted to print it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


_BEGINNINGS = {
    "stroke-tf audit": "the papers' printed tables against arithmetic: a second",
    "stroke-tf reproduce-table1 --preset smoke": "every stage once, on SYNTHETIC phantoms: 1 min",
    "stroke-tf reproduce-table1": "Table 1 on SYNTHETIC phantoms: 25 min on 2 cores",
    "stroke-tf index FOLDER --out manifest.csv": "your own scans: find and check them",
}


def _greet(folder: Path) -> None:
    """Say what this is, what lies in the folder, and which command goes on from there."""
    from stroke_tf.workflows.next_step import next_steps

    print("stroke_tf finds stroke lesions on MRI and checks what papers print about it. Not a medical device.")
    if importlib.util.find_spec("tensorflow") is None:
        print("No TensorFlow is installed here, so nothing can be trained. In the clone: pip install -e '.[cpu,fast]'")
    steps = next_steps(folder)
    _say_first(sys.stdout)
    if steps:
        for step in steps:
            print(f"here: {step.seen}")
            print(_pasted(step.words))
    else:
        print("In this folder lies nothing that it made. Begin with one of:")
        for command, purpose in _BEGINNINGS.items():
            print(f"  {command:<43} {purpose}")
    print("All doors: stroke-tf --help")


@door
def main(arguments: Sequence[str] | None = None) -> int:
    """Run `stroke-tf <door> …`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        _greet(Path())
        return 0
    if words[0] in ("-h", "--help"):
        print("usage: stroke-tf <door> [options]\n")
        for name, purpose in DOORS.items():
            print(f"  {name:<21} {purpose}")
        print("\nstroke-tf <door> --help tells the options of one; stroke-tf alone tells what comes next.")
        return 0
    if words[0] == "--version":
        from stroke_tf import __version__

        print(__version__)
        return 0
    if words[0] not in DOORS:
        print(f"error: no door is called {words[0]!r}. Use one of: {', '.join(DOORS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"stroke_tf.{words[0].replace('-', '_')}")
    return module.main(words[1:])
