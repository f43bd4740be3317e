"""The report as Markdown and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.model import words
from reports.model.report import Report
from reports.model.words import sentence_case
from reports.render.cells import TableView
from reports.render.html import requests_line, tiles
from reports.render.lines import fitted, one_line, shorten
from reports.render.tables import tables

_MARKS: Final = re.compile(r"[\\|`*\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown acts on inside a line; an underscore within a word it leaves alone."""


def markdown(report: Report) -> str:
    """GitHub's dialect. Cells hold names that people chose: pipes, backslashes and HTML's signs are escaped."""
    lines = [f"# {_escaped(report.sentence)}", "", f"{_escaped(report.stack)}, {report.period.label}", ""]
    if report.spot is not None:
        lines += [f"{_escaped(sentence_case(report.spot.sentence))}.", ""]
    lines += [f"{_escaped(sentence_case(note))}.\n" for note in report.notes]
    lines += [f"> - {_escaped(sentence)}" for sentence in report.missing]
    if report.set_aside:
        lines.append(f"> - {report.set_aside:,} rows of the ledger could not be read; they are set aside, not lost.")
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
    parts += [_Shown(view) for view in tables(report)]
    asked = requests_line(report)
    if asked:
        parts += ["", Text(asked, style="dim")]
    return Group(*parts)


@dataclass(frozen=True)
class _Shown:
    """A table in the width there is: its numbers whole, long names cut in their middle."""

    view: TableView

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        fit = fitted(self.view, options.max_width)
        table = Table(box=None, pad_edge=False)
        for n, width in zip(fit.columns, fit.widths, strict=True):
            name, align = self.view.columns[n]
            table.add_column(name, justify=align, header_style="dim", width=width, overflow="fold")
        for number, row in enumerate(self.view.rows):
            cells = [
                one_line(row[n].text) if n in fit.prose else shorten(row[n].text, width)
                for n, width in zip(fit.columns, fit.widths, strict=True)
            ]
            table.add_row(*map(Text, cells), style="bold" if number == self.view.total else "")
        # Rich folds a table's own title to the table's width
        yield Text("")
        yield Text(self.view.title, style="bold")
        yield table
        if fit.left_out:
            yield Text(f"left out at this width: {', '.join(fit.left_out)}", style="dim")
        if self.view.note:
            yield Text(self.view.note, style="dim")


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
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return _MARKS.sub(lambda found: f"\\{found[0]}", one_line(text))
