"""The report's tables as titles, columns and written cells: what every format lays out alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from reports.model import words
from reports.model.report import Change, Dimension, Group, Report, Spot, SpotSaving, UnitCosts

Align = Literal["left", "right"]
_ROUNDING_NANO: Final = 1_000
"""What whole nano-dollars leave over isn't worth a line of its own."""


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
    total: int | None = None
    """Which of the rows is the sum of the others."""


def tables(report: Report) -> tuple[TableView, ...]:
    """Every table with rows, in the report's order."""
    made = [_identity(report), *(_breakdown(report, dimension) for dimension in get_args(Dimension))]
    made += [_changes(report), units(report), spot(report), _jobs(report), _queues(report), _waste(report)]
    made += [_anomalies(report), _month(report), _budgets(report), _proposals(report), _no_proposals(report)]
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


def _unit_price(nano: float | None, report: Report) -> Cell:
    return Cell(text=words.unit_price(nano, report.currency), value=_whole(nano))


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
        [
            _text("bill"),
            _money(report.identity.bill_nano, report),
            _share(_part(report.identity.bill_nano or 0, report)),
        ]
    )
    rows += [
        [_text(f"beside it: {line.name}"), _money(line.cost_nano, report), _share(None)]
        for line in report.identity.apart
    ]
    note = "The lines add up to the bill's usage exactly; credits, refunds and tax are beside it."
    view = _table("identity", "Where the bill went", note, ("", "cost", "share"), rows)
    return replace(view, total=len(report.identity.lines))


def _part(nano: int, report: Report) -> float | None:
    """Of the bill; a bill of nothing or less has no parts."""
    bill = report.identity.bill_nano
    return nano / bill if bill and bill > 0 else None


def _breakdown(report: Report, dimension: Dimension) -> TableView:
    def row(group: Group) -> list[Cell]:
        return [
            _text(group.key or words.NONE),
            _money(group.cost_nano, report),
            _share(group.share),
            Cell(text=words.change(group.cost_nano, group.previous_nano), value=_ratio(group)),
            _count(group.attempts),
            _share(group.succeeded / group.attempts if group.attempts else None),
            _unit_price(group.per_success_nano, report),
            _money(group.failed_nano, report),
            *([_money(group.on_demand_nano, report)] if report.spot is not None else []),
        ]

    columns = [dimension, "cost", "share", "change", "attempts", "succeeded", "a success", "failed attempts"]
    notes = ["What jobs cost; idle machines are apart."]
    if report.spot is not None:
        columns.append("on demand")
        notes.append("On demand: the same without spot capacity.")
    # one breakdown explains them all
    note = " ".join(notes) if dimension in [*report.breakdowns][:1] else ""
    rows = [row(group) for group in report.breakdowns.get(dimension, ())]
    return _table(f"by-{dimension}", f"By {dimension}", note, columns, rows)


def _ratio(group: Group) -> float | None:
    return group.cost_nano / group.previous_nano - 1 if group.previous_nano else None


def _whole(nano: float | None) -> float | None:
    return None if nano is None else nano / 1e9


def _changes(report: Report) -> TableView:
    def row(change: Change) -> list[Cell]:
        return [
            _text(change.job),
            _signed(change.difference_nano, report),
            _signed(change.volume_nano, report),
            _signed(change.price_nano, report),
            _signed(change.efficiency_nano, report),
            _text(change.sentence.removeprefix(f"{change.job} ")),
        ]

    rows = [row(change) for change in report.changes]
    if len(rows) > 1 and report.change_total is not None:
        rows.append(row(report.change_total))
    note = "Volume: successful runs. Price: dollars for the same machine time. Efficiency: machine time a success took."
    columns = ("job", "difference", "volume", "price", "efficiency", "in words")
    view = _table("changes", "What changed", note, columns, rows)
    summed = len(rows) - 1 if len(rows) > len(report.changes) else None
    return replace(view, columns=(*view.columns[:-1], ("in words", "left")), total=summed)


def _items(unit: UnitCosts) -> list[Cell]:
    """How many were told, and by which share of the successful runs: 100% is said of all of them alone."""
    if not unit.told_items:
        return [Cell(text=words.NONE, value=None)] * 2
    told = unit.told_items / unit.succeeded
    text = ">99%" if 0.995 <= told < 1 else words.share(told)
    return [_count(unit.items), Cell(text=text, value=told)]


def units(report: Report) -> TableView:
    """What each job's results cost."""
    arrays = any(unit.children for unit in report.units)
    items = any(unit.told_items for unit in report.units)

    def row(unit: UnitCosts) -> list[Cell]:
        cells = [
            _text(unit.job),
            _money(unit.cost_nano, report),
            _count(unit.succeeded),
            _unit_price(unit.per_success_nano, report),
            _money(unit.success_nano, report),
            _money(unit.failed_nano, report),
            _money(unit.retried_nano, report),
        ]
        if arrays:
            cells += [_count(unit.children), _unit_price(unit.per_child_nano, report)]
        if items:
            cells += [*_items(unit), _unit_price(unit.per_item_nano, report)]
        return cells

    columns = ["job", "cost", "succeeded", "a success", "succeeded for", "failed for", "tried again for"]
    if arrays:
        columns += ["children", "a child"]
    note = "A success pays for the failures before it."
    if items:
        columns += ["items", "told by", "an item"]
        note += " An item has a price where all successful runs told how many they handled."
    else:
        note += " No job said how many items it handled, so what an item cost isn't known."
    return _table("units", "What a result cost", note, columns, [row(unit) for unit in report.units])


def spot(report: Report) -> TableView:
    """Spot capacity by environment against its price on demand."""
    title = "Spot against on demand"
    if report.spot is None:
        return _table("spot", title, "", (), ())

    partly = report.spot.unpriced_nano != 0

    def row(name: str, platform: str, one: Spot | SpotSaving) -> list[Cell]:
        share = one.saving_nano / one.on_demand_nano if one.on_demand_nano else None
        known = one.on_demand_nano or not one.unpriced_nano
        return [
            _text(name),
            _text(platform),
            _money(one.paid_nano + one.unpriced_nano, report),
            _money(one.on_demand_nano if known else None, report),
            _money(one.saving_nano if known else None, report),
            _share(share),
            *([_money(one.unpriced_nano, report)] if partly else []),
        ]

    shown = [one for one in report.spot.rows if one.on_demand_nano + one.unpriced_nano >= _ROUNDING_NANO]
    rows = [row(one.environment or "in no known environment", one.platform, one) for one in shown]
    if len(rows) > 1:
        rows.append(row("all", "", report.spot))
    columns = ["environment", "platform", "paid", "on demand", "saved", "share"]
    if partly:
        columns.append("not compared")
    note = (
        "With their idle time. On demand is the bill's own price, or the price list's; saved is it less what was paid."
    )
    summed = len(rows) - 1 if len(rows) > len(shown) else None
    return replace(_table("spot", title, note, columns, rows, left=2), total=summed)


def _queues(report: Report) -> TableView:
    rows = [
        [
            _text(queue.queue),
            _count(queue.attempts),
            _written(queue.wait_p50_s, words.duration),
            _written(queue.wait_p95_s, words.duration),
        ]
        for queue in report.queues
    ]
    note = "First attempts, from submission to the container's start."
    return _table("queues", "Waiting", note, ("queue", "attempts", "p50", "p95"), rows)


def _month(report: Report) -> TableView:
    month = report.forecast
    if month is None:
        return _table("month", "", "", (), ())
    rows = [
        [
            _text(month.month),
            _money(month.so_far_nano, report),
            _money(month.expected_nano, report),
            _money(month.low_nano, report),
            _money(month.high_nano, report),
        ]
    ]
    note = f"At the pace of {month.days_seen} days; in four of five such months the end lies between low and high."
    return _table("month", "The month's end", note, ("month", "so far", "at its end", "low", "high"), rows)


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
        "The command batchyard tune shows these as a diff of the stack's file.",
        columns,
        rows,
        left=2,
    )
    return replace(view, columns=(*view.columns[:-1], ("evidence", "left")))


def _no_proposals(report: Report) -> TableView:
    rows = [[_text(n.job), _text(n.reason)] for n in report.no_proposals]
    return _table("no-proposals", "Left as it is", "", ("job", "why"), rows, left=2)
