"""What fits on a line: long names, narrow terminals, amounts below zero, names that are markup."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reports.model.report import Identity, Report
from reports.render.cells import TableView
from reports.render.charts import days_chart, jobs_chart
from reports.render.html import html
from reports.render.lines import fitted, one_line, shorten
from reports.render.tables import tables
from reports.render.text import markdown, terminal
from tests.unit.reports.render.test_formats import DOLLAR
from tests.unit.reports.render.test_formats import report as report  # a fixture

LONG = "a-very-long-name-that-somebody-chose-for-the-nightly-rebuild-of-everything-"


def _named(report: Report, *names: str) -> Report:
    """`report` with a job of each name."""
    (group, *_), (job, *_), (unit, *_) = report.breakdowns["job"], report.jobs, report.units
    (change, *_) = report.changes
    return report.model_copy(
        update={
            "breakdowns": {"job": tuple(group.model_copy(update={"key": name}) for name in names)},
            "jobs": tuple(job.model_copy(update={"job": name, "owner": "media"}) for name in names),
            "units": tuple(unit.model_copy(update={"job": name}) for name in names),
            "changes": tuple(
                change.model_copy(update={"job": name, "sentence": f"{name} ran 31% more often"}) for name in names
            ),
        }
    )


def _printed(report: Report, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(terminal(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def _shown(view: TableView, width: int) -> list[str]:
    return [row[n].text for row in view.rows for n in fitted(view, width).columns if view.columns[n][1] == "right"]


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("flights", 7, "flights"),
        ("flights", 6, "fli…ts"),
        (f"{LONG}12", 18, "a-very-lo…thing-12"),
        ("名前の長いジョブ", 9, "名前…ョブ"),
        ("two\nlines\x1b[31m", 20, "two lines [31m"),
        ("flights", 1, "…"),
        ("flights", 0, ""),
    ],
)
def test_a_long_name_keeps_its_ends(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short


@given(st.text(), st.integers(0, 40))
def test_no_name_is_wider_than_its_room(text: str, width: int) -> None:
    assert cell_len(shorten(text, width)) <= width
    assert all(sign.isprintable() for sign in one_line(text))


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_terminal_shows_numbers_whole_on_lines_that_fit(report: Report, width: int) -> None:
    named = _named(report, *(f"{LONG}{n}" for n in range(40)))
    lines = _printed(named, width)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    for view in tables(named):
        fit = fitted(view, width)
        assert set(_shown(view, width)) <= set(re.split(r" {2,}|\n", text)), view.key
        assert len(fit.columns) >= min(3, len(view.columns)), view.key
        if fit.left_out:
            assert f"left out at this width: {', '.join(fit.left_out)}" in text.replace("\n", " ")
    assert all(sum(line.startswith("a-very-") and line.split()[0].endswith(f"-{n}") for line in lines) for n in (1, 39))
    assert not any(line.split() == [] and line for line in lines), "no line of nothing but spaces"


def test_a_wide_terminal_leaves_nothing_out_and_cuts_no_name(report: Report) -> None:
    for view in tables(_named(report, f"{LONG}1")):
        fit = fitted(view, 300)
        assert (fit.left_out, len(fit.widths)) == ((), len(view.columns))
    assert any(f"{LONG}1" in line for line in _printed(_named(report, f"{LONG}1"), 300))


@pytest.mark.parametrize("width", range(60, 140, 7))
def test_a_column_of_numbers_is_as_wide_as_they_are_or_as_its_heading(report: Report, width: int) -> None:
    for view in tables(report):
        fit = fitted(view, width)
        for n, wide in zip(fit.columns, fit.widths, strict=True):
            name, align = view.columns[n]
            numbers = max(cell_len(row[n].text) for row in view.rows)
            if align == "right":
                assert wide in (cell_len(name), max(numbers, *map(cell_len, name.split() or [""])), numbers)


def test_what_changed_does_not_say_the_jobs_name_twice(report: Report) -> None:
    changes = next(view for view in tables(report) if view.key == "changes")
    assert changes.rows[0][-1].text == "ran 31% more often"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("pipe|and\\|`code`", "pipe\\|and\\\\\\|\\`code\\`"),
        ("[link](x) *star* _under_ ~~x~~", "\\[link\\](x) \\*star\\* \\_under\\_ \\~\\~x\\~\\~"),
        ("memory_mib", "memory_mib"),
        ("&lt;b> <i>", "&amp;lt;b&gt; &lt;i&gt;"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_name_is_no_markup_in_markdown(report: Report, name: str, written: str) -> None:
    lines = markdown(_named(report, name)).splitlines()
    assert sum(line.startswith(f"| {written} |") for line in lines) == 4


def test_each_sentence_of_what_is_missing_stands_alone_in_markdown(report: Report) -> None:
    two = report.model_copy(update={"missing": ("one thing", "another")})
    assert "> - one thing\n> - another\n" in markdown(two)


def test_a_day_that_gave_money_back_stands_below_the_line(report: Report) -> None:
    (day, *_) = report.days
    given = day.model_copy(update={"jobs_nano": 6 * DOLLAR, "idle_nano": 0, "other_nano": -5 * DOLLAR})
    chart = days_chart(report.model_copy(update={"days": (given, *report.days[1:])}))
    bars = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" [^>]*height="([\d.]+)"', chart)[:3]
    (zero,) = re.findall(r'class="zero" [^>]* y1="([\d.]+)"', chart)
    tops = {name: (float(y), float(y) + float(tall)) for name, y, tall in bars}
    assert tops["jobs"][1] == pytest.approx(float(zero), abs=0.2) == tops["other"][0]
    assert 0 < tops["jobs"][0] < tops["jobs"][1] < tops["other"][1] < 220
    assert "-$5" in chart
    assert 'class="zero"' not in days_chart(report)


def test_a_chart_of_days_without_costs_has_an_axis(report: Report) -> None:
    free = [day.model_copy(update={"jobs_nano": 0, "idle_nano": 0, "other_nano": 0}) for day in report.days]
    assert days_chart(report.model_copy(update={"days": tuple(free)})).count('class="grid"') == 2


def test_bars_are_told_apart_by_the_ends_of_their_names(report: Report) -> None:
    chart = jobs_chart(_named(report, f"{LONG}1", f"{LONG}2"))
    assert ">a-very-lo…ything-1<" in chart
    assert ">a-very-lo…ything-2<" in chart


def test_a_bill_below_zero_has_no_shares(report: Report) -> None:
    below = report.identity.model_copy(update={"bill_nano": -DOLLAR})
    view = next(one for one in tables(report.model_copy(update={"identity": below})) if one.key == "identity")
    assert {row[2].text for row in view.rows} == {"–"}
    assert isinstance(below, Identity)


def test_short_names_stay_on_one_line_of_the_page_and_long_ones_fold(report: Report) -> None:
    page = html(_named(report, "flights", f"{LONG}1"))
    assert '<td class="left short">flights</td>' in page
    assert f'<td class="left">{LONG}1</td>' in page


def test_each_line_of_the_bill_stands_against_the_period_before(report: Report) -> None:
    before = tuple(line.model_copy(update={"cost_nano": line.cost_nano // 2}) for line in report.identity.lines[1:])
    compared = {
        "identity": report.identity.model_copy(update={"previous": before}),
        "previous_total_nano": 5 * DOLLAR,
    }
    for shown, changes in (
        (report.model_copy(update=compared), ["new", *("+100%" for _ in before), "+40%"]),
        (report.model_copy(update={"previous_total_nano": None}), ["–"] * (len(before) + 2)),
    ):
        view = next(one for one in tables(shown) if one.key == "identity")
        assert [row[3].text for row in view.rows[: len(changes)]] == changes
