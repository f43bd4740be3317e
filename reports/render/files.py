"""The report for programs: JSON, CSV, XLSX."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from reports.model.report import Report
from reports.render.cells import Cell, TableView
from reports.render.html import tiles
from reports.render.tables import data_tables

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_WIDEST_PX: Final = 420
_SHEET_NAME_MAX: Final = 31
_AMOUNT: Final = "[>=0.01]#,##0.00;[<=-0.01]-#,##0.00;0.00########"
_NUMBER_FORMATS: Final = (
    (("_share", "share", "_ratio"), "0.0%"),
    (("_s",), "#,##0.0"),
    (("_mib",), "#,##0"),
)
"""How a workbook shows a column, by how its heading ends."""


def json(report: Report) -> str:
    """The object itself; `Report.model_validate_json` reads it back."""
    return report.model_dump_json(indent=2) + "\n"


def csv_files(report: Report) -> dict[str, str]:
    """A file for each table, `<key>.csv`, with its heading also when it has no rows: units in the headings, numbers as
    numbers (money in units of the currency), no sums among the rows."""
    return {f"{table.key}.csv": _csv(table) for table in data_tables(report)}


def xlsx(report: Report, file: Path) -> None:
    """A workbook: the sentence and the first figures, then a sheet for each table that has rows."""
    with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        first = book.add_worksheet("report")
        first.write_string(0, 0, report.sentence, book.add_format({"bold": True}))
        first.write_string(1, 0, f"{report.stack}, {report.period.label}, {report.currency}")
        spot = [report.spot.sentence] if report.spot is not None else []
        said = [*spot, *report.notes, *report.missing]
        for n, sentence in enumerate(said):
            first.write_string(3 + n, 0, sentence)
        for n, (name, figure) in enumerate(tiles(report)):
            first.write_string(4 + len(said) + n, 0, f"{name}: {figure}")
        first.set_column_pixels(0, 0, 2 * _WIDEST_PX)
        for table in data_tables(report):
            if table.rows:
                _sheet(book, table, report.currency, bold)


def _sheet(book: Any, table: TableView, currency: str, bold: Any) -> None:
    sheet = book.add_worksheet(table.key[:_SHEET_NAME_MAX])
    written = [_number_format(heading, currency) for heading in table.headings]
    formats = [book.add_format({"num_format": one}) if one else None for one in written]
    for column, heading in enumerate(table.headings):
        sheet.write_string(0, column, heading, bold)
    for line, row in enumerate(table.rows, start=1):
        for column, cell in enumerate(row):
            _put(sheet, line, column, cell, formats[column])
    sheet.freeze_panes(1, 1)
    sheet.autofit(_WIDEST_PX)


def _put(sheet: Any, line: int, column: int, cell: Cell, number: Any) -> None:
    if isinstance(cell.value, bool):
        sheet.write_boolean(line, column, cell.value)
    elif isinstance(cell.value, str):
        sheet.write_string(line, column, cell.value)
    elif cell.value is not None:
        sheet.write_number(line, column, cell.value, number)


def _number_format(heading: str, currency: str) -> str:
    if heading.endswith(f"_{currency.lower()}"):
        return _AMOUNT
    return next((one for ends, one in _NUMBER_FORMATS if heading.endswith(ends)), "")


def _csv(table: TableView) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.headings)
    for row in table.rows:
        writer.writerow([_plain(cell.value) for cell in row])
    return out.getvalue()


def _plain(value: str | float | int | None) -> str | float | int:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # a name such as `=HYPERLINK(…)` must stay a name when a spreadsheet opens the file
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
