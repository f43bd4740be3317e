"""How a demo ends: what the stage cost today, by the same code as `batchyard report`.

A report that can't be made costs the demo nothing but the report: it says why, and whether results are missing alone
decides how the demo ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.report import FOLDER
from cli.stage_report import stage_facts
from local.processes import write_atomically
from local.stage import DEFAULT_STACK
from reports.model import words
from reports.model.report import Report
from reports.period import days
from reports.question import bill_of, question
from reports.render.html import html
from reports.render.text import identity_line
from reports.run import make_report
from reports.stage import StageAccess

FILE: Final = "report.html"
_SPEND_LIMIT: Final = Decimal("0.10")


@dataclass(frozen=True, kw_only=True)
class Told:
    """The report, or why there is none; `file` is where its page was written, as people see it."""

    report: Report | None = None
    problem: str = ""
    file: str = ""

    def facts(self) -> dict[str, Any]:
        """What demo.json holds of it. Money in whole nano-dollars."""
        if self.report is None:
            return {"problem": self.problem}
        made = self.report
        return {
            "sentence": made.sentence,
            "since": made.period.since.isoformat(),
            "until": made.period.until.isoformat(),
            "currency": made.currency,
            "total_nano": made.total_nano,
            "identity": {line.name: line.cost_nano for line in made.identity.lines},
            "jobs": {group.key: group.cost_nano for group in made.breakdowns["job"]},
            "spot_saving_nano": made.spot.saving_nano if made.spot and made.spot.on_demand_nano else None,
            "estimated": any(day.estimated for day in made.days),
            "notes": list(made.notes),
            "missing": list(made.missing),
            "file": self.file,
        }


def tell(
    access: StageAccess,
    *,
    repository: Path,
    folder: Path,
    since: date,
    relative: Callable[[Path], str] = str,
    now: datetime | None = None,
) -> Told:
    """The report on the UTC days from `since` to today of the stage the demo ran in, and its page in `folder`.

    Raises nothing but what ends a program.
    """
    moment = now or datetime.now(UTC)
    file = folder / FILE
    try:
        # the page of an earlier demo would pass for this one's
        file.unlink(missing_ok=True)
        kept = folder / FOLDER
        asked = question(
            access,
            stage_facts(repository, DEFAULT_STACK),
            stack=DEFAULT_STACK,
            period=days(since, max(since, moment.astimezone(UTC).date()) + timedelta(days=1)),
            now=moment,
            cache=kept,
            bill=bill_of(
                access, metric="unblended", cache=kept / access.stage / "bill", spend_limit=_SPEND_LIMIT, say=_nobody
            ),
            currency=None,
            say=_nobody,
        )
        made = make_report(asked)
        write_atomically(file, html(made))
    except Exception as problem:  # whatever it is: the runs and their results are there
        said = str(problem).splitlines()
        return Told(problem=f"{type(problem).__name__}: {said[0] if said else 'no reason given'}")
    return Told(report=made, file=relative(file))


def _nobody(_text: str) -> None:
    """Progress of a report takes a second here."""


def show(told: Told, out: Console) -> None:
    """The sentence, where the bill went, each job's part, and the page to look at."""
    if told.report is None:
        out.print(escape(f"no report of what this cost: {told.problem}"), style="yellow", soft_wrap=True)
        return
    made = told.report
    out.print(escape(made.sentence), style="bold", soft_wrap=True)
    out.print(escape(identity_line(made)), soft_wrap=True)
    if made.spot is not None:
        out.print(escape(made.spot.sentence), soft_wrap=True)
    for note in made.notes:
        out.print(escape(note), style="dim", soft_wrap=True)
    for sentence in made.missing:
        out.print(escape(f"! {sentence}"), style="yellow", soft_wrap=True)
    if any(group.cost_nano for group in made.breakdowns["job"]):
        out.print(_jobs(made))
    out.print(f"the whole report is the thing to look at: {escape(told.file)}", soft_wrap=True)


def _jobs(made: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("job", no_wrap=True)
    for name in ("cost", "share", "attempts", "a success"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in made.breakdowns["job"]:
        table.add_row(
            escape(group.key),
            words.money(group.cost_nano, made.currency),
            words.share(group.share),
            words.count(group.attempts),
            words.unit_price(group.per_success_nano, made.currency),
        )
    return table
