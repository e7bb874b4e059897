"""Check printed tables by arithmetic, and show the same conventions on our own results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stroke_tf.errors import InputFileError
from stroke_tf.files import require_absent, write_json, write_text
from stroke_tf.paper.audit import audit_table, vote_verdict
from stroke_tf.paper.tables import PRINTED_TABLES, Paper, Percent, PrintedTable
from stroke_tf.paper.verdicts import Verdict
from stroke_tf.reports.audit import (
    audit_content,
    audit_markdown,
    comparison_markdown,
    key_markdown,
    rules_markdown,
)

_MEND = "Name the folder that stroke-tf reproduce-table1 wrote, or run it again."
_PLANES = ("x", "y", "z")


@dataclass(frozen=True)
class Audit:
    """What the audit found, as Markdown and as plain data."""

    text: str
    content: dict[str, Any]


def audit(papers: Sequence[Paper], *, results: Path | None = None) -> Audit:
    """Audit the printed tables of some papers, and a results folder if there is one.

    Raises: InputFileError if the folder holds no results.json, or one from which a piece is missing.
    """
    ours = None if results is None else read_results(results)
    texts, contents = [key_markdown()], []
    for paper in papers:
        table = PRINTED_TABLES[paper]
        audits, vote = audit_table(table), _vote(table)
        texts.append(audit_markdown(table, audits, vote))
        contents.append(audit_content(table, audits, vote))
    texts.append(rules_markdown())
    if ours is not None:
        texts.append(comparison_markdown(ours))
    return Audit("\n".join(texts), {"papers": contents, "results": None if results is None else str(results)})


def write_audit(found: Audit, *, out: Path | None, json_file: Path | None, force: bool) -> list[Path]:
    """Write the audit where the user wants it; both names are checked before either file is written.

    Returns: the files written.
    Raises: OutputError if one exists and force is False.
    """
    wanted = [path for path in (out, json_file) if path is not None]
    for path in wanted:
        require_absent(path, force=force)
    if out is not None:
        write_text(out, found.text)
    if json_file is not None:
        write_json(json_file, found.content)
    return wanted


def read_results(folder: Path) -> dict[str, Any]:
    """Read results.json of a folder and check that the pieces an audit needs are there.

    Raises: InputFileError, naming the file, the row and the piece.
    """
    path = Path(folder) / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputFileError(f"{path}: no such file. {_MEND}") from None
    except (OSError, ValueError) as fault:
        raise InputFileError(f"{path}: cannot be read as JSON ({fault}). {_MEND}") from None
    if not isinstance(results, dict) or not isinstance(results.get("rows"), list) or "synthetic" not in results:
        raise InputFileError(f"{path}: 'rows' and 'synthetic' are needed. {_MEND}")
    for number, row in enumerate(results["rows"], start=1):
        _require_row(row, f"{path}, row {row.get('id', number) if isinstance(row, dict) else number}")
    if not any(row.get("pooled") for row in results["rows"]):
        raise InputFileError(f"{path}: no row has pooled counts (tp, fp, fn, tn). {_MEND}")
    for number, claim in enumerate(results.get("claims") or [], start=1):
        if not isinstance(claim, dict) or not {"sentence", "verdict", "reason"} <= set(claim):
            raise InputFileError(f"{path}, claim {number}: sentence, verdict and reason are needed. {_MEND}")
    return results


def _require_row(row: Any, where: str) -> None:
    if not isinstance(row, dict):
        raise InputFileError(f"{where}: a row is an object. Received: {row!r}. {_MEND}")
    for key in ("id", "summary"):
        if key not in row:
            raise InputFileError(f"{where}: no {key!r}. {_MEND}")
    missing = [name for name in ("tp", "fp", "fn", "tn") if row.get("pooled") and name not in row["pooled"]]
    if missing:
        raise InputFileError(f"{where}: pooled counts lack {', '.join(missing)}. {_MEND}")


def _vote(table: PrintedTable) -> Verdict | None:
    recalls: dict[str, Percent] = {row.id: row.recall for row in table.rows if row.recall is not None}
    if "vote" not in recalls:
        return None
    return vote_verdict([recalls[plane] for plane in _PLANES], recalls["vote"])
