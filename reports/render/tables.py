"""The report's tables as titles, columns and written cells: what every format lays out alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from reports.model import words
from reports.model.report import Dimension, Group, Report

Align = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`text` is what people read; `value` is what sorting and spreadsheets take."""

    text: str
    value: str | float | int | None


@dataclass(frozen=True, kw_only=True)
class TableView:
    """`key` names it in files and anchors."""

    key: str
    title: str
    note: str
    columns: tuple[tuple[str, Align], ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(report: Report) -> tuple[TableView, ...]:
    """Every table with rows, in the report's order."""
    made = [_identity(report), *(_breakdown(report, dimension) for dimension in get_args(Dimension))]
    made += [_changes(report), _jobs(report), _waste(report), _anomalies(report), _budgets(report)]
    made += [_proposals(report), _no_proposals(report)]
    return tuple(table for table in made if table.rows)


def _text(text: str) -> Cell:
    return Cell(text=text, value=text)


def _money(nano: int | None, report: Report) -> Cell:
    return Cell(text=words.money(nano, report.currency), value=None if nano is None else nano / 1e9)


def _signed(nano: int, report: Report) -> Cell:
    return Cell(text=words.signed(nano, report.currency), value=nano / 1e9)


def _count(number: int) -> Cell:
    return Cell(text=words.count(number), value=number)


def _share(value: float | None) -> Cell:
    return Cell(text=words.share(value), value=value)


def _written(value: float | None, write: Callable[[float | None], str]) -> Cell:
    return Cell(text=write(value), value=value)


def _table(
    key: str, title: str, note: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, left: int = 1
) -> TableView:
    aligned = tuple((name, "left" if n < left else "right") for n, name in enumerate(columns))
    return TableView(key=key, title=title, note=note, columns=aligned, rows=tuple(tuple(row) for row in rows))  # type: ignore[arg-type]


def _identity(report: Report) -> TableView:
    rows = [
        [_text(line.name), _money(line.cost_nano, report), _share(_part(line.cost_nano, report))]
        for line in report.identity.lines
    ]
    rows.append(
        [_text("bill"), _money(report.identity.bill_nano, report), _share(1.0 if report.identity.bill_nano else None)]
    )
    rows += [
        [_text(f"beside it: {line.name}"), _money(line.cost_nano, report), _share(None)]
        for line in report.identity.apart
    ]
    note = "The lines add up to the bill's usage exactly; credits, refunds and tax are beside it."
    return _table("identity", "Where the bill went", note, ("", "cost", "share"), rows)


def _part(nano: int, report: Report) -> float | None:
    return nano / report.identity.bill_nano if report.identity.bill_nano else None


def _breakdown(report: Report, dimension: Dimension) -> TableView:
    def row(group: Group) -> list[Cell]:
        return [
            _text(group.key or words.NONE),
            _money(group.cost_nano, report),
            _share(group.share),
            Cell(text=words.change(group.cost_nano, group.previous_nano), value=_ratio(group)),
            _count(group.attempts),
            _share(group.succeeded / group.attempts if group.attempts else None),
            Cell(text=words.unit_price(group.per_success_nano, report.currency), value=_whole(group.per_success_nano)),
            _money(group.failed_nano, report),
        ]

    columns = (dimension, "cost", "share", "change", "attempts", "succeeded", "a success", "failed attempts")
    rows = [row(group) for group in report.breakdowns.get(dimension, ())]
    return _table(f"by-{dimension}", f"By {dimension}", "What jobs cost; idle machines are apart.", columns, rows)


def _ratio(group: Group) -> float | None:
    return group.cost_nano / group.previous_nano - 1 if group.previous_nano else None


def _whole(nano: int | None) -> float | None:
    return None if nano is None else nano / 1e9


def _changes(report: Report) -> TableView:
    rows = [
        [
            _text(change.job),
            _signed(change.difference_nano, report),
            _signed(change.volume_nano, report),
            _signed(change.price_nano, report),
            _signed(change.efficiency_nano, report),
            _text(change.sentence),
        ]
        for change in report.changes
    ]
    note = "Volume: successful runs. Price: dollars for the same machine time. Efficiency: machine time a success took."
    columns = ("job", "difference", "volume", "price", "efficiency", "in words")
    view = _table("changes", "What changed", note, columns, rows)
    return TableView(**{**view.__dict__, "columns": (*view.columns[:-1], ("in words", "left"))})


def _jobs(report: Report) -> TableView:
    rows = [
        [
            _text(job.job),
            _text(job.owner),
            _count(job.attempts),
            _written(job.wait_p50_s, words.duration),
            _written(job.wait_p95_s, words.duration),
            _written(job.run_p50_s, words.duration),
            _written(job.run_p95_s, words.duration),
            _written(job.memory_asked_mib, words.memory),
            _written(job.memory_peak_mib, words.memory),
            _share(job.cpu_used_share),
        ]
        for job in report.jobs
    ]
    columns = ("job", "owner", "attempts", "wait p50", "wait p95", "run p50", "run p95", "asked", "peak", "CPU used")
    note = "Waits are from submission to the container's start; peak memory and CPU are the probe's."
    return _table("jobs", "Runs", note, columns, rows, left=2)


def _waste(report: Report) -> TableView:
    rows = [
        [_text(waste.reason), _money(waste.cost_nano, report), _share(_part(waste.cost_nano, report))]
        for waste in report.waste
    ]
    note = "A failed attempt is wasted whole; of a successful one, what it asked for and the probe didn't see used."
    return _table("waste", "Dollars that bought nothing", note, ("reason", "cost", "of the bill"), rows)


def _anomalies(report: Report) -> TableView:
    rows = [
        [_text(a.day.isoformat()), _text(a.sentence), _money(a.cost_nano, report), _money(a.expected_nano, report)]
        for a in report.anomalies
    ]
    note = "Days far out of the four weeks before them, in spread, in proportion and in dollars."
    return _table("anomalies", "Days that stand out", note, ("day", "", "cost", "usual"), rows, left=2)


def _budgets(report: Report) -> TableView:
    rows = [
        [
            _text(row.name),
            _money(row.limit_nano, report),
            _money(row.spent_nano, report),
            _share(row.spent_nano / row.limit_nano if row.limit_nano else None),
            _money(row.forecast_nano, report),
        ]
        for row in report.budgets
    ]
    return _table("budgets", "Budgets of the month", "", ("", "limit", "spent", "of it", "at its end"), rows)


def _proposals(report: Report) -> TableView:
    rows = [
        [
            _text(p.job),
            _text(p.key),
            _text(p.now),
            _text(p.proposed),
            Cell(text=words.money(p.saving_nano_per_week, report.currency), value=_whole(p.saving_nano_per_week)),
            _text(p.evidence),
        ]
        for p in report.proposals
    ]
    columns = ("job", "key", "now", "proposed", "would save a week", "evidence")
    view = _table(
        "proposals",
        "What to change",
        "`batchyard tune` shows these as a diff of the stack's file.",
        columns,
        rows,
        left=2,
    )
    return TableView(**{**view.__dict__, "columns": (*view.columns[:-1], ("evidence", "left"))})


def _no_proposals(report: Report) -> TableView:
    rows = [[_text(n.job), _text(n.reason)] for n in report.no_proposals]
    return _table("no-proposals", "Left as it is", "", ("job", "why"), rows, left=2)
