"""The same numbers in every format, and names with HTML in them that stay names."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest
from rich.console import Console

from reports.model.report import (
    Budget,
    Change,
    Day,
    Forecast,
    Group,
    Identity,
    IdentityLine,
    JobFigures,
    Period,
    Proposal,
    QueueWait,
    Report,
    Requests,
    Spot,
    SpotSaving,
    UnitCosts,
    Waste,
)
from reports.render import files
from reports.render.html import html
from reports.render.tables import tables
from reports.render.text import markdown, terminal

DOLLAR = 1_000_000_000
HOSTILE = '<script>alert("x")</script>|=1+1'


def _group(key: str, cost: int) -> Group:
    return Group(
        key=key,
        cost_nano=cost,
        share=0.5,
        previous_nano=cost // 2,
        attempts=10,
        succeeded=9,
        per_success_nano=cost // 9,
        failed_nano=DOLLAR // 10,
        retried_nano=0,
        on_demand_nano=cost * 2,
    )


def _saving(environment: str, dollars: int) -> SpotSaving:
    return SpotSaving(
        environment=environment,
        platform="ec2",
        paid_nano=dollars * DOLLAR,
        on_demand_nano=2 * dollars * DOLLAR,
        saving_nano=dollars * DOLLAR,
        unpriced_nano=DOLLAR // 2 if environment else 0,
    )


@pytest.fixture
def report() -> Report:
    groups = (_group("flights", 3 * DOLLAR), _group(HOSTILE, DOLLAR))
    return Report(
        sentence=f"$7.00, +8% on the period before: {HOSTILE} ran 31% more often",
        stack="prod",
        currency="USD",
        generated_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
        period=Period(since=date(2026, 11, 16), until=date(2026, 11, 23), label="2026-W47"),
        previous=None,
        total_nano=7 * DOLLAR,
        previous_total_nano=None,
        identity=Identity(
            bill_nano=7 * DOLLAR,
            lines=(
                IdentityLine(name="jobs", cost_nano=4 * DOLLAR),
                IdentityLine(name="idle of spot", cost_nano=2 * DOLLAR),
                IdentityLine(name="unexplained", cost_nano=DOLLAR),
            ),
            apart=(IdentityLine(name="credit", cost_nano=-DOLLAR),),
        ),
        days=tuple(
            Day(
                day=date(2026, 11, 16 + n),
                jobs_nano=4 * DOLLAR // 7,
                idle_nano=DOLLAR // 7,
                other_nano=0,
                estimated=n > 4,
            )
            for n in range(7)
        ),
        breakdowns={"job": groups, "owner": groups},
        jobs=(
            JobFigures(
                job=HOSTILE,
                owner="[bold red]media[/]",
                attempts=10,
                measured=0,
                wait_p50_s=12.0,
                wait_p95_s=200.0,
                run_p50_s=None,
                run_p95_s=None,
                memory_asked_mib=512,
                memory_peak_mib=None,
                cpu_used_share=None,
            ),
        ),
        units=(
            UnitCosts(
                job=HOSTILE,
                cost_nano=DOLLAR,
                success_nano=DOLLAR * 9 // 10,
                failed_nano=DOLLAR // 10,
                retried_nano=DOLLAR // 20,
                succeeded=9,
                per_success_nano=DOLLAR // 9,
                children=4,
                per_child_nano=DOLLAR // 4,
                told_items=9,
                items=1_234_567,
                per_item_nano=DOLLAR / 1_234_567,
            ),
        ),
        queues=(QueueWait(queue="critical", attempts=10, wait_p50_s=12.0, wait_p95_s=200.0),),
        spot=Spot(
            sentence="spot capacity saved $4.00, 50% of its price on demand; $0.50 of it can't be compared",
            paid_nano=4 * DOLLAR,
            on_demand_nano=8 * DOLLAR,
            saving_nano=4 * DOLLAR,
            unpriced_nano=DOLLAR // 2,
            rows=(_saving("spot", 3), _saving("", 1)),
        ),
        waste=(Waste(reason="idle", cost_nano=2 * DOLLAR),),
        changes=(
            Change(
                job="flights",
                difference_nano=DOLLAR,
                price_nano=0,
                volume_nano=DOLLAR,
                efficiency_nano=0,
                sentence="flights ran 31% more often",
            ),
        ),
        change_total=Change(
            job="all jobs",
            difference_nano=DOLLAR,
            price_nano=0,
            volume_nano=DOLLAR,
            efficiency_nano=0,
            sentence="",
        ),
        anomalies=(),
        forecast=Forecast(
            month="2026-11",
            so_far_nano=20 * DOLLAR,
            expected_nano=30 * DOLLAR,
            low_nano=28 * DOLLAR,
            high_nano=32 * DOLLAR,
            days_seen=28,
        ),
        budgets=(Budget(name="prod", limit_nano=40 * DOLLAR, spent_nano=20 * DOLLAR, forecast_nano=30 * DOLLAR),),
        proposals=(
            Proposal(
                job="flights",
                key="resources.memory_mib",
                now="1024",
                proposed="512",
                saving_nano_per_week=DOLLAR // 2,
                evidence="peak 400 MiB over 12 runs of its image, × 1.15",
            ),
        ),
        no_proposals=(),
        notes=("the bill from 2026-11-21 on is AWS's estimate so far and may still change",),
        missing=("3 of 20 attempts ran without the probe",),
        set_aside=2,
        requests=Requests(pages=2, price_nano=20_000_000, days_from_cache=12),
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def all_text(self) -> str:
        return "\n".join(self.text)

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def _page(report: Report) -> _Page:
    page = _Page()
    page.feed(html(report))
    return page


def _terminal(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(terminal(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_written_figure_is_in_the_page_the_markdown_and_the_terminal(report: Report) -> None:
    page, on_terminal = _page(report), _terminal(report)
    as_markdown = markdown(report)
    for table in tables(report):
        for row in table.rows:
            for cell in row:
                if HOSTILE in cell.text or "[" in cell.text:
                    continue
                assert cell.text in page.text
                assert cell.text in as_markdown
                assert cell.text in on_terminal


def test_a_name_with_html_in_it_stays_a_name(report: Report) -> None:
    page = _page(report)
    assert HOSTILE in page.text
    assert [tag for tag, _ in page.tags].count("script") == 1  # the page's own
    assert "<script" not in markdown(report)
    assert HOSTILE in _terminal(report)
    assert "[bold red]media[/]" in _terminal(report)  # neither is it a style
    assert "\\|=1+1" in markdown(report)


def test_a_single_day_is_named_once_and_without_a_period_before_no_bar_of_it_is_explained(report: Report) -> None:
    first = report.days[0].day
    day = report.model_copy(
        update={"period": Period(since=first, until=date(2026, 11, 17), label="2026-11-16"), "days": report.days[:1]}
    )
    assert "2026-11-16 (" not in html(day)
    assert f"2026-W47 ({first} to 2026-11-22)" in html(report)
    assert "The thin bar" not in html(day)
    assert "The thin bar" in html(report.model_copy(update={"previous_total_nano": DOLLAR}))


def test_the_page_loads_nothing_from_elsewhere(report: Report) -> None:
    page = _page(report)
    assert {"link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    assert not [attributes for _, attributes in page.tags if "src" in attributes or "href" in attributes]
    assert not re.findall(r"url\(|@import", html(report))


def test_missing_evidence_and_rows_set_aside_are_said_in_every_text(report: Report) -> None:
    for text in (html(report), markdown(report), _terminal(report)):
        assert "3 of 20 attempts ran without the probe" in text
        assert "2 rows of the ledger" in text


def test_the_spot_saving_and_what_to_know_while_reading_are_in_every_text_and_the_workbook(
    report: Report, tmp_path: Path
) -> None:
    files.xlsx(report, tmp_path / "report.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx")["report"]
    workbook = "\n".join(str(row[0].value) for row in sheet.iter_rows())
    for text in (_page(report).all_text, markdown(report), _terminal(report), workbook):
        assert "pot capacity saved $4.00, 50% of its price on demand; $0.50 of it can't be compared" in text
        assert "he bill from 2026-11-21 on is AWS's estimate so far" in text


def test_what_explains_a_table_is_in_every_text_and_on_a_terminal_below_it(report: Report) -> None:
    shown = tables(report)
    noted = [table for table in shown if table.note]
    assert len(noted) > 3
    on_terminal = _terminal(report)
    for table in noted:
        assert table.note in _page(report).all_text
        assert table.note in markdown(report)
        assert on_terminal.index(table.title) < on_terminal.index(table.note)
    for table, after in pairwise(shown):
        if table.note:
            assert on_terminal.index(table.note) < on_terminal.index(after.title)


def test_sums_stand_below_their_rows_and_stay_there_when_a_table_is_sorted(report: Report) -> None:
    summed = {table.key: table.rows[table.total][0].text for table in tables(report) if table.total is not None}
    assert summed == {"identity": "bill", "spot": "all"}
    assert html(report).count('<tr class="total">') == 2
    two = report.model_copy(update={"changes": (*report.changes, *report.changes)})
    changes = next(table for table in tables(two) if table.key == "changes")
    assert changes.total == 2
    assert changes.rows[2][0].text == "all jobs"


def test_a_month_has_its_band_and_a_result_its_price(report: Report) -> None:
    items = ["1,234,567", "100%", "$0.00000081"]
    shown = {table.key: [[cell.text for cell in row] for row in table.rows] for table in tables(report)}
    assert shown["month"] == [["2026-11", "$20.00", "$30.00", "$28.00", "$32.00"]]
    assert shown["units"][0][2:] == ["9", "$0.1111", "$0.90", "$0.10", "$0.05", "4", "$0.25", *items]
    assert shown["queues"] == [["critical", "10", "12 s", "3 min 20 s"]]
    assert "An item has a price where all successful runs told how many they handled." in markdown(report)


@pytest.mark.parametrize(
    ("told", "succeeded", "shown"),
    [(39, 40, ["500", "98%", "–"]), (9_999, 10_000, ["500", ">99%", "–"]), (0, 9, ["–", "–", "–"])],
)
def test_a_share_of_the_runs_that_told_their_items_gives_no_price(
    report: Report, told: int, succeeded: int, shown: list[str]
) -> None:
    (unit,) = report.units
    partly = {"told_items": told, "succeeded": succeeded, "items": 500 if told else 0, "per_item_nano": None}
    units = (unit.model_copy(update=partly), unit.model_copy(update={"job": "whole"}))
    table = next(one for one in tables(report.model_copy(update={"units": units})) if one.key == "units")
    assert [cell.text for cell in table.rows[0][-3:]] == shown
    assert table.columns[-3:] == (("items", "right"), ("told by", "right"), ("an item", "right"))


def test_without_a_job_that_tells_its_items_there_is_no_column_for_them(report: Report) -> None:
    (unit,) = report.units
    silent = unit.model_copy(update={"told_items": 0, "items": 0, "per_item_nano": None})
    shown = report.model_copy(update={"units": (silent,)})
    table = next(one for one in tables(shown) if one.key == "units")
    assert [name for name, _ in table.columns][-2:] == ["children", "a child"]
    assert "what an item cost isn't known" in markdown(shown)


def test_json_reads_back_as_the_same_report(report: Report) -> None:
    assert Report.model_validate_json(files.json(report)) == report


def test_csv_holds_numbers_and_no_formula(report: Report) -> None:
    made = files.csv_files(report)
    rows = list(csv.reader(io.StringIO(made["by-job.csv"])))
    assert rows[1][:2] == ["flights", "3.0"]
    hostile = report.model_copy(update={"breakdowns": {"job": (_group("=1+1", DOLLAR),)}})
    assert "\n'=1+1," in files.csv_files(hostile)["by-job.csv"]


def test_the_workbook_holds_a_sheet_a_table_with_numbers(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    files.xlsx(report, file)
    book = openpyxl.load_workbook(file)
    assert book["report"]["A1"].value == report.sentence
    assert set(book.sheetnames) == {"report", "apart", *(table.key for table in tables(report))}
    assert [cell.value for cell in book["by-job"][2]][:2] == ["flights", 3]
    assert book["by-job"]["A3"].value == HOSTILE


def test_a_report_of_an_empty_week_can_be_rendered(report: Report) -> None:
    empty = report.model_copy(
        update={
            "days": (),
            "breakdowns": {},
            "units": (),
            "jobs": (),
            "queues": (),
            "spot": None,
            "waste": (),
            "changes": (),
            "budgets": (),
            "proposals": (),
            "identity": Identity(bill_nano=0, lines=(), apart=()),
            "total_nano": 0,
            "forecast": None,
            "requests": None,
        }
    )
    assert "$0.00" in html(empty)
    assert [row[0].text for row in tables(empty)[0].rows] == ["bill"]
    assert markdown(empty)
    assert _terminal(empty)
