"""The report as Markdown and on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.model import words
from reports.model.report import Report
from reports.model.words import sentence_case
from reports.render.html import requests_line, tiles
from reports.render.tables import TableView, tables


def markdown(report: Report) -> str:
    """GitHub's dialect. Cells hold names that people chose: pipes, backslashes and HTML's signs are escaped."""
    lines = [f"# {_escaped(report.sentence)}", "", f"{_escaped(report.stack)}, {report.period.label}", ""]
    if report.spot is not None:
        lines += [f"{_escaped(sentence_case(report.spot.sentence))}.", ""]
    lines += [f"{_escaped(sentence_case(note))}.\n" for note in report.notes]
    lines += [f"> {_escaped(sentence)}" for sentence in report.missing]
    if report.set_aside:
        lines.append(f"> {report.set_aside:,} rows of the ledger could not be read; they are set aside, not lost.")
    lines += ["", *(f"- {name}: **{figure}**" for name, figure in tiles(report)), ""]
    for table in tables(report):
        lines += [f"## {table.title}", "", *_markdown_table(table), ""]
        if table.note:
            lines += [table.note, ""]
    asked = requests_line(report)
    return "\n".join([*lines, *([asked, ""] if asked else [])])


def terminal(report: Report) -> RenderableType:
    """For Rich to print; colour and width are the console's affair."""
    parts: list[RenderableType] = [Text(report.sentence, style="bold"), ""]
    if report.spot is not None:
        parts.insert(1, Text(sentence_case(report.spot.sentence)))
    parts += [Text(note, style="dim") for note in report.notes]
    parts += [Text(f"! {sentence}", style="yellow") for sentence in report.missing]
    if report.set_aside:
        parts.append(Text(f"! {report.set_aside:,} rows of the ledger are set aside", style="yellow"))
    for view in tables(report):
        table = Table(box=None, pad_edge=False)
        for name, align in view.columns:
            table.add_column(name, justify=align, header_style="dim", overflow="fold")
        for row in view.rows:
            table.add_row(*(Text(cell.text) for cell in row))
        # Rich folds a table's own title to the table's width
        parts += [Padding(Text(view.title, style="bold"), (1, 0, 0, 0)), table]
        if view.note:
            parts.append(Text(view.note, style="dim"))
    asked = requests_line(report)
    if asked:
        parts += ["", Text(asked, style="dim")]
    return Group(*parts)


def identity_line(report: Report) -> str:
    """`bill $7.00 = jobs $4.00 + idle of spot $2.00 + unexplained $1.00`."""
    parts = [f"{line.name} {words.money(line.cost_nano, report.currency)}" for line in report.identity.lines]
    return f"bill {words.money(report.identity.bill_nano, report.currency)} = {' + '.join(parts) or 'nothing'}"


def _markdown_table(table: TableView) -> list[str]:
    head = "| " + " | ".join(name or " " for name, _ in table.columns) + " |"
    rule = "| " + " | ".join("---:" if align == "right" else "---" for _, align in table.columns) + " |"
    rows = ["| " + " | ".join(_escaped(cell.text) for cell in row) + " |" for row in table.rows]
    return [head, rule, *rows]


def _escaped(text: str) -> str:
    for sign, written in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), (">", "&gt;"), ("`", "\\`"), ("\n", " ")):
        text = text.replace(sign, written)
    return text
