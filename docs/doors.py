"""Write docs/doors.md from the doors' own parsers: python docs/doors.py

The page is made of the parsers' parts and not of their printed help, whose layout differs between versions of Python
and widths of terminal.
"""

import argparse
import importlib
from pathlib import Path

from stroke_tf.cli import DOORS

PAGE = Path(__file__).resolve().with_suffix(".md")
_HEAD = """# Doors

What `stroke-tf <door> --help` tells, of every door. `python -m stroke_tf.<door>` is the same, underscores for hyphens.
Every door ends with the next useful command; `stroke-tf` alone tells what comes next in the folder where it is called.
An error is one line with its mend; the exit code is 0 only if everything was done.

This page is made from the code: `python docs/doors.py`.
"""


def page() -> str:
    """Return the whole page, a section for each door in the order of the list of doors."""
    return "\n".join([_HEAD, *(section(_parser_of(name)) for name in DOORS)])


def section(parser: argparse.ArgumentParser) -> str:
    """Return a door's section: what it does, what it needs, and a row for each argument.

    Example:
        >>> made = argparse.ArgumentParser(prog="stroke-tf draw", description="Draw a head.", add_help=False)
        >>> _ = made.add_argument("--out", required=True, help="where to")
        >>> _ = made.add_argument("--seed", type=int, default=1, help="of the dice")
        >>> print(section(made), end="")
        ## draw
        Draw a head.
        <BLANKLINE>
            stroke-tf draw --out OUT [options]
        <BLANKLINE>
        | argument | meaning |
        | --- | --- |
        | `--out OUT` | where to; needed |
        | `--seed SEED` | of the dice (default: 1) |
    """
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    needed = [_spelled(action) for action in actions if action.required]
    synopsis = " ".join([parser.prog, *needed, *(["[options]"] if len(needed) < len(actions) else [])])
    rows = [f"| `{_escaped_in_code(_spelled(action))}` | {_meaning(parser, action)} |" for action in actions]
    name = parser.prog.removeprefix("stroke-tf ")
    lines = [f"## {name}", _escaped(parser.description), "", f"    {synopsis}", "", "| argument | meaning |"]
    return "\n".join([*lines, "| --- | --- |", *rows, ""])


def _parser_of(name: str) -> argparse.ArgumentParser:
    return importlib.import_module(f"stroke_tf.{name.replace('-', '_')}").parser()


def _spelled(action: argparse.Action) -> str:
    """Return how an argument is written: its names and what follows them."""
    return " ".join(filter(None, [", ".join(action.option_strings), _values(action)]))


def _values(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices is not None:
        one = "|".join(map(str, action.choices))
    elif isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    else:
        one = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    if isinstance(action.nargs, int):
        return " ".join([one] * action.nargs)
    return {"+": f"{one} …", "*": f"[{one} …]", "?": f"[{one}]"}.get(action.nargs, one)


def _meaning(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help of an argument, with what the table would otherwise hide: that it is needed, its default."""
    text = parser._get_formatter()._expand_help(action)
    if action.option_strings and action.required:
        text += "; needed"
    elif _tells(action.default) and "default" not in text:
        text += f" (default: {action.default})"
    return _escaped(text)


def _tells(default: object) -> bool:
    """Tell whether a default is worth a word: 0 is, nothing and False are not."""
    return not (default is None or default is False or default == argparse.SUPPRESS or default in ("", []))


def _escaped(text: str) -> str:
    """Keep what Markdown or HTML would take for their own: <case> is no element, | no border of a cell."""
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*")):
        text = text.replace(sign, instead)
    return text


def _escaped_in_code(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
