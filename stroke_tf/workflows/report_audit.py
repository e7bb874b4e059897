"""What arithmetic says about a printed table, as blocks of a page."""

from stroke_tf.paper.audit import RowAudit, audit_table, vote_verdict
from stroke_tf.paper.bounds import implied_dice, least_mean_dice
from stroke_tf.paper.readings import Averaging
from stroke_tf.paper.tables import PRINTED_TABLES, Paper, PrintedTable
from stroke_tf.paper.verdicts import Verdict
from stroke_tf.reports.charts import allowed_chart
from stroke_tf.reports.page import Cell, Chart, Table, Text
from stroke_tf.reports.tables import csv_text, percent

_PLANES = ("x", "y", "z")


def audit_blocks(paper: Paper) -> list[Text | Chart | Table]:
    """Return what the printed numbers allow, row by row and reading by reading; nothing here was measured."""
    table = PRINTED_TABLES[paper]
    audits = audit_table(table)
    lead = Text(
        f"Arithmetic alone, about the numbers that are printed in {table.title}: no scan and no network is needed. "
        "stroke-tf audit tells every rule."
    )
    return [lead, *_across(table), *_chart(audits), _numbers(audits), _readings(audits)]


def _across(table: PrintedTable) -> list[Text]:
    """Judge the recall of the vote beside those of its planes, where the table has them."""
    recalls = {row.id: row.recall for row in table.rows if row.recall is not None}
    if not {"vote", *_PLANES} <= set(recalls):
        return []
    vote = vote_verdict([recalls[plane] for plane in _PLANES], recalls["vote"])
    told = f"The printed recall of the vote is {vote.word}: {vote.numbers}. Rule: {vote.rule}."
    return [Text(told, warning=not vote.possible)]


def _chart(audits: list[RowAudit]) -> list[Chart]:
    bounds = []
    for audit in audits:
        row = audit.row
        if row.precision is None or row.recall is None:
            continue
        least, most = least_mean_dice(row.precision, row.recall), implied_dice(row.precision, row.recall)
        bounds.append((f"{row.title or 'no name (DSN)'} · {row.id}", 100 * row.dice, 100 * least, 100 * most))
    if not bounds:
        return []
    return [
        Chart(
            "audit-dice",
            "Can the printed Dice stand beside the printed precision and recall?",
            allowed_chart(bounds),
            "The bar is what precision and recall allow a mean Dice over cases to be; its right end is the Dice of "
            "pooled voxels, 2PR/(P+R). A red diamond lies outside. Other readings are in the table below.",
            csv_text(["row", "printed_dice", "least", "most"], bounds),
        )
    ]


def _numbers(audits: list[RowAudit]) -> Table:
    lines = []
    for audit in audits:
        row = audit.row
        printed = [
            Cell("-" if number is None else number.text, None if number is None else 100 * number)
            for number in (row.dice, row.accuracy, row.precision, row.recall)
        ]
        implied = audit.implied_dice
        off = None if implied is None else 100 * abs(row.dice - implied)
        fits = [averaging.value for averaging, verdict in audit.averagings.items() if verdict.possible]
        lines.append(
            [
                Cell(row.title or "(no name; the text says DSN)"),
                Cell(row.weights),
                *printed,
                Cell(percent(implied, 2), None if implied is None else 100 * implied),
                Cell("-" if off is None else f"{off:.2f}", off),
                Cell("; ".join(fits) if fits else "no reading examined", tone="" if fits else "bad"),
            ]
        )
    header = ["Row", "Weights", "Dice", "Accuracy", "Precision", "Recall", "2PR/(P+R)", "Off by", "Readings that fit"]
    return Table("audit-numbers", "As printed, and what precision and recall imply", header, lines, "llrrrrrrl")


def _readings(audits: list[RowAudit]) -> Table:
    header = ["Reading of Dice, precision, recall", *(audit.row.id for audit in audits)]
    lines = [[Cell(reading.value), *(_verdict(audit.averagings[reading]) for audit in audits)] for reading in Averaging]
    note = "Possible means: allowed by arithmetic and by the lesion volumes of the challenge, however odd the masks."
    return Table("audit-readings", "Which reading fits which row", header, lines, "l" * len(header), notes=(note,))


def _verdict(verdict: Verdict) -> Cell:
    tone = "good" if verdict.possible else "bad"
    return Cell(
        f"{'✓' if verdict.possible else '✗'} {verdict.short}", tone=tone, hint=f"{verdict.numbers}. {verdict.rule}"
    )
