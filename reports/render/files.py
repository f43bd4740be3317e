"""The report for programs: JSON, CSV, XLSX."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import xlsxwriter

from reports.model.report import Report
from reports.render.tables import TableView, tables

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def json(report: Report) -> str:
    """The object itself; `Report.model_validate_json` reads it back."""
    return report.model_dump_json(indent=2) + "\n"


def csv_files(report: Report) -> dict[str, str]:
    """A file for each table, `<key>.csv`, with numbers as numbers (money in units of the currency)."""
    return {f"{table.key}.csv": _csv(table) for table in tables(report)}


def xlsx(report: Report, file: Path) -> None:
    """A workbook with a sheet for each table."""
    with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        first = book.add_worksheet("report")
        first.write_string(0, 0, report.sentence, book.add_format({"bold": True}))
        first.write_string(1, 0, f"{report.stack}, {report.period.label}, {report.currency}")
        spot = [report.spot.sentence] if report.spot is not None else []
        for n, sentence in enumerate((*spot, *report.notes, *report.missing)):
            first.write_string(3 + n, 0, sentence)
        for table in tables(report):
            sheet = book.add_worksheet(table.key[:31])
            for column, (name, _) in enumerate(table.columns):
                sheet.write_string(0, column, name, bold)
            for line, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell.value, str):
                        sheet.write_string(line, column, cell.value)
                    elif cell.value is not None:
                        sheet.write_number(line, column, cell.value)
            sheet.freeze_panes(1, 0)
            sheet.autofit()


def _csv(table: TableView) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in table.columns])
    for row in table.rows:
        writer.writerow(["" if cell.value is None else _plain(cell.value) for cell in row])
    return out.getvalue()


def _plain(value: str | float | int) -> str | float | int:
    # a name such as `=HYPERLINK(…)` must stay a name when a spreadsheet opens the file
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
