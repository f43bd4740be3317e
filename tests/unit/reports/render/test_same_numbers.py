"""Ten worlds in every format: whatever one of them says, the others say too."""

from __future__ import annotations

import csv
import html as escaping
import io
import re
from collections.abc import Sequence
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import openpyxl
import pytest
from rich.console import Console

from reports.model.report import Dimension, IdentityLine, Report
from reports.render import files
from reports.render.cells import TableView
from reports.render.html import html
from reports.render.parquet import parquet_tables
from reports.render.tables import KEYS, data_tables, tables
from reports.render.text import markdown, terminal
from tests.unit.reports.render.test_formats import DOLLAR
from tests.unit.reports.render.test_formats import report as report  # a fixture

Rows = list[list[str]]


def _jobs(report: Report, names: Sequence[str], *, nano: int = DOLLAR) -> dict[str, Any]:
    (group, *_), (job, *_), (unit, *_), (change, *_) = (
        report.breakdowns["job"],
        report.jobs,
        report.units,
        report.changes,
    )
    costs = {name: nano // (n + 1) for n, name in enumerate(names)}
    changed = tuple(change.model_copy(update={"job": name, "sentence": f"{name} did not run"}) for name in names)
    return {
        "breakdowns": {"job": tuple(group.model_copy(update={"key": k, "cost_nano": c}) for k, c in costs.items())},
        "jobs": tuple(job.model_copy(update={"job": name}) for name in names),
        "units": tuple(unit.model_copy(update={"job": k, "cost_nano": c}) for k, c in costs.items()),
        "changes": changed,
    }


def _unbilled(report: Report) -> dict[str, Any]:
    unknown = dict.fromkeys(("cost_nano", "failed_nano", "retried_nano", "per_success_nano", "share"))
    groups = tuple(group.model_copy(update=unknown) for group in report.breakdowns["job"])
    of_units = ("cost_nano", "success_nano", "failed_nano", "retried_nano", "per_child_nano", "per_item_nano")
    prices = dict.fromkeys((*of_units, "per_success_nano"))
    units = tuple(unit.model_copy(update=prices) for unit in report.units)
    identity = report.identity.model_copy(update={"bill_nano": None, "lines": (), "apart": ()})
    gone: dict[str, Any] = {
        "days": (),
        "budgets": (),
        "proposals": (),
        "requests": None,
        "spot": None,
        "waste": (),
        "changes": (),
        "change_total": None,
        "forecast": None,
    }
    return {"total_nano": None, "breakdowns": {"job": groups}, "units": units, "identity": identity, **gone}


def _worlds(report: Report) -> dict[str, Report]:
    (day, *_) = report.days
    credit = IdentityLine(name="credit", cost_nano=-3 * DOLLAR)
    below = [day.model_copy(update={"day": day.day + timedelta(days=n), "other_nano": -n * DOLLAR}) for n in range(31)]
    changes: dict[str, dict[str, Any]] = {
        "as it is": {},
        "forty jobs": _jobs(report, [f"job-{n}" for n in range(40)]),
        "long names": _jobs(report, [f"{'a-long-name-' * 9}{n}" for n in range(3)]),
        "markup": _jobs(report, ["<b>x</b>&amp;", "a|b\\`c`", "[x](y) *z* _u_", "~~gone~~"]),
        "formulas": _jobs(report, ["=cmd|' /C calc'!A0", "+one", "-one", "@sum"]),
        "fractions of a cent": _jobs(report, ["flights", "photos"], nano=123),
        "a month with credits": {
            "days": tuple(below),
            "identity": report.identity.model_copy(update={"apart": (credit,)}),
        },
        "a first week": {"previous_total_nano": None, "changes": (), "change_total": None},
        "no bill": _unbilled(report),
        "euros": {"currency": "EUR"},
    }
    return {name: report.model_copy(update=change) for name, change in changes.items()}


WORLDS = (
    *("as it is", "forty jobs", "long names", "markup", "formulas", "fractions of a cent", "a month with credits"),
    *("a first week", "no bill", "euros"),
)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, report: Report) -> Report:
    return _worlds(report)[request.param]


class _Tables(HTMLParser):
    """Section's id → the cells of its table's body."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Rows] = {}
        self._section = ""
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._section = dict(attrs).get("id") or ""
        elif tag == "tr":
            self.found.setdefault(self._section, []).append([])
        elif tag == "td":
            self.found[self._section][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.found[self._section][-1][-1] += data


def _of_page(report: Report) -> dict[str, Rows]:
    page = _Tables()
    page.feed(html(report))
    return {key: [row for row in rows if row] for key, rows in page.found.items() if key}


def _of_markdown(report: Report) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    title = ""
    for line in markdown(report).splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]
            plain = [escaping.unescape(re.sub(r"\\([\\|`*\[\]~_])", r"\1", cell.strip())) for cell in cells]
            found.setdefault(title, []).append(plain)
    return {key: rows[2:] for key, rows in found.items()}


def _written(view: TableView) -> Rows:
    return [[cell.text for cell in row] for row in view.rows]


def test_the_page_markdown_and_a_wide_terminal_hold_every_cell_of_every_table(world: Report) -> None:
    page, md = _of_page(world), _of_markdown(world)
    console = Console(file=io.StringIO(), width=400, color_system=None)
    console.print(terminal(world))
    assert isinstance(console.file, io.StringIO)
    lines = {" ".join(line.split()) for line in console.file.getvalue().splitlines()}
    shown = tables(world)
    assert page.keys() == {view.key for view in shown}
    assert md.keys() == {view.title for view in shown}
    for view in shown:
        assert page[view.key] == _written(view)
        assert md[view.title] == _written(view)
        assert {" ".join(" ".join(row).split()) for row in _written(view)} <= lines, view.key


def test_csv_the_workbook_and_parquet_hold_the_same_rows(world: Report, tmp_path: Path) -> None:
    files.xlsx(world, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    made, columnar = files.csv_files(world), parquet_tables(world)
    views = {view.key: view for view in data_tables(world)}
    assert tuple(made) == tuple(f"{key}.csv" for key in KEYS)
    assert {name.removesuffix(".parquet") for name in columnar} == views.keys()
    assert set(book.sheetnames) == {"report", *(key for key, view in views.items() if view.rows)}
    money = f"_{world.currency.lower()}"
    for key, view in views.items():
        head, *rows = csv.reader(io.StringIO(made[f"{key}.csv"]))
        assert tuple(head) == view.headings
        assert "" not in head
        assert len(head) == len(set(head))
        assert len(rows) == len(view.rows)
        if key != "spot":  # what whole nano-dollars leave over has no row there
            assert len(rows) == columnar[f"{key}.parquet"].num_rows
        for number, row in enumerate(rows):
            values = [cell.value for cell in view.rows[number]]
            assert [_read(text) for text in row] == [_read(_text(value)) for value in values]
            if key in book.sheetnames:
                sheet = [cell.value for cell in book[key][number + 2]]
                assert [_read(_text(value)) for value in sheet] == [_read(_text(value)) for value in values]
        names = set(columnar[f"{key}.parquet"].column_names)
        for heading in (one for one in head if one.endswith(money) and f"{one.removesuffix(money)}_nano" in names):
            told = [row[head.index(heading)] for row in rows]
            exact = columnar[f"{key}.parquet"][f"{heading.removesuffix(money)}_nano"].to_pylist()
            if len(exact) == len(told):
                assert [float(text) * 1e9 if text else None for text in told] == pytest.approx(exact)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _read(text: str) -> float | str:
    try:
        return float(f"{float(text):.14g}")  # what a workbook keeps
    except ValueError:
        return text.removeprefix("'").replace("True", "true").replace("False", "false")


def test_json_reads_back(world: Report) -> None:
    assert Report.model_validate_json(files.json(world)) == world


def test_no_sum_stands_among_rows_for_programs(report: Report) -> None:
    two = report.model_copy(update={"changes": (*report.changes, *report.changes)})
    credited = two.identity.model_copy(update={"apart": (IdentityLine(name="credit", cost_nano=-DOLLAR),)})
    made = files.csv_files(two.model_copy(update={"identity": credited}))
    told = {key: list(csv.DictReader(io.StringIO(made[f"{key}.csv"]))) for key in ("identity", "apart", "spot")}
    assert sum(float(row["cost_usd"]) for row in told["identity"]) == report.total_nano / DOLLAR  # type: ignore[operator]
    assert [row["line"] for row in told["apart"]] == ["credit"]
    assert "all" not in {row["environment"] for row in told["spot"]}
    assert "all jobs" not in made["changes.csv"]


def test_days_are_what_the_chart_shows(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(files.csv_files(report)["days.csv"])))
    assert [row["day"] for row in rows] == [day.day.isoformat() for day in report.days]
    for row, day in zip(rows, report.days, strict=True):
        parts = [float(row[f"{name}_usd"]) for name in ("jobs", "idle", "other")]
        assert [part * DOLLAR for part in parts] == [day.jobs_nano, day.idle_nano, day.other_nano]
        assert float(row["cost_usd"]) == pytest.approx(sum(parts))
        assert row["estimated"] == str(day.estimated).lower()


def test_without_a_bill_no_cost_is_told_as_nothing(report: Report) -> None:
    unbilled = report.model_copy(update=_unbilled(report))
    assert all(cell.text == "–" for row in tables(unbilled)[0].rows for cell in row[1:])
    assert '"total_nano": null' in files.json(unbilled)
    assert parquet_tables(unbilled)["by-job.parquet"]["cost"].null_count == len(report.breakdowns["job"])
    (row, *_) = csv.DictReader(io.StringIO(files.csv_files(unbilled)["by-job.csv"]))
    assert (row["cost_usd"], row["attempts"]) == ("", "10")
    assert "$0.00" not in html(unbilled)


def test_a_workbooks_sheets_are_read_as_they_open(report: Report, tmp_path: Path) -> None:
    long = report.model_copy(update=_jobs(report, ["a-long-name-" * 20]))
    files.xlsx(long, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    sheet = book["by-job"]
    assert sheet.freeze_panes == "B2"
    formats = {sheet.cell(1, n + 1).value: cell.number_format for n, cell in enumerate(sheet[2])}
    assert "0.00" in formats["cost_usd"]
    assert formats["share"] == formats["change_ratio"] == "0.0%"
    assert formats["attempts"] == "General"
    assert all(0 < dimension.width < 62 for dimension in sheet.column_dimensions.values())
    front = [row[0].value for row in book["report"].iter_rows()]
    assert "the bill: $7.00" in front


@pytest.mark.parametrize("dimension", get_args(Dimension))
def test_a_table_without_rows_keeps_its_heading(report: Report, dimension: Dimension) -> None:
    empty = report.model_copy(update={"breakdowns": {}, "jobs": (), "spot": None, "forecast": None, "days": ()})
    made = files.csv_files(empty)
    assert made.keys() == files.csv_files(report).keys()
    assert made[f"by-{dimension}.csv"].startswith(f"{dimension},cost_usd,share,")
    assert made["month.csv"] == "month,so_far_usd,expected_usd,low_usd,high_usd\n"
