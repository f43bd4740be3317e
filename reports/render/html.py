"""The report as one HTML file: nothing is loaded from elsewhere, it reads on a phone and prints on paper."""

from __future__ import annotations

from datetime import timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.model import words
from reports.model.report import Report
from reports.render.charts import days_chart, jobs_chart, legend
from reports.render.tables import tables

_PAGES = Environment(
    loader=PackageLoader("reports.render"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(report: Report) -> str:
    """The whole page. Names of jobs and owners are escaped wherever they stand."""
    return _PAGES.get_template("report.html").render(
        report=report,
        last_day=report.period.until - timedelta(days=1),
        tiles=tiles(report),
        # the charts escape what they hold; they are ours, not input
        days_chart=Markup(days_chart(report)),
        jobs_chart=Markup(jobs_chart(report)),
        legend=legend(),
        estimated=any(day.estimated for day in report.days),
        tables=tables(report),
        requests=requests_line(report),
        count=words.count,
        sentence_case=words.sentence_case,
    )


def tiles(report: Report) -> list[tuple[str, str]]:
    """(what, figure) of the first row of figures."""
    currency = report.currency
    # every breakdown has all attempts; a report may show but one of them
    attempts = max((sum(group.attempts for group in groups) for groups in report.breakdowns.values()), default=0)
    known = report.total_nano is not None
    jobs = sum(line.cost_nano for line in report.identity.lines if line.name == "jobs") if known else None
    idle = sum(waste.cost_nano for waste in report.waste if waste.reason == "idle") if known else None
    shown = [
        ("the bill", words.headline(report.total_nano, currency)),
        ("on jobs", words.headline(jobs, currency)),
        ("on idle machines", words.headline(idle, currency)),
        ("attempts", words.count(attempts)),
    ]
    if report.forecast:
        shown.append((f"expected in {report.forecast.month}", words.headline(report.forecast.expected_nano, currency)))
    saving = sum(p.saving_nano_per_week or 0 for p in report.proposals)
    if saving > 0:
        shown.append(("a week to be saved", words.headline(saving, currency)))
    return shown


def requests_line(report: Report) -> str:
    if report.requests is None:
        return ""
    asked = report.requests
    return (
        f"Cost Explorer: {asked.pages} page{'' if asked.pages == 1 else 's'} for "
        f"{words.money(asked.price_nano, 'USD')}, {asked.days_from_cache} days from earlier answers."
    )
