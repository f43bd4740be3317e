"""The report's tables as titles, columns and written cells: what every format lays out alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from reports.model import words
from reports.model.report import Change, Dimension, Group, Report, Spot, SpotSaving, UnitCosts
from reports.render import cells
from reports.render.cells import Cell, TableView

_ROUNDING_NANO: Final = 1_000
"""What whole nano-dollars leave over isn't worth a line of its own."""
KEYS: Final = (
    *("identity", "apart", "days"),
    *(f"by-{dimension}" for dimension in get_args(Dimension)),
    *("changes", "units", "spot", "jobs", "queues", "waste", "anomalies", "month", "budgets", "proposals"),
    "no-proposals",
)
"""Of the tables for programs, in the report's order: the names of their files."""


def tables(report: Report) -> tuple[TableView, ...]:
    """Every table with rows, in the report's order."""
    return tuple(table for table in _all(report) if table.rows)


def data_tables(report: Report) -> tuple[TableView, ...]:
    """For programs: every table, also without rows, and nothing in it but its rows; a sum among them would be added up
    again. What is beside the bill is a table of its own."""
    made = [replace(table, rows=table.rows[: table.total], total=None) for table in _all(report)]
    return (made[0], _apart(report), *made[1:])


def _all(report: Report) -> list[TableView]:
    made = [_identity(report), _days(report)]
    made += [_breakdown(report, dimension) for dimension in get_args(Dimension)]
    made += [_changes(report), units(report), spot(report), _jobs(report), _queues(report), _waste(report)]
    made += [_anomalies(report), _month(report), _budgets(report), _proposals(report), _no_proposals(report)]
    return made


def _identity(report: Report) -> TableView:
    whole = report.previous_total_nano
    before = {line.name: line.cost_nano for line in report.identity.previous}

    def row(name: str, nano: int | None, part: int | None, earlier: int | None) -> list[Cell]:
        share = None if part is None else _part(part, report)
        return [cells.text(name), cells.money(nano, report), cells.share(share), cells.change(nano, earlier)]

    lines = [(line.name, line.cost_nano) for line in report.identity.lines]
    rows = [row(name, nano, nano, None if whole is None else before.get(name, 0)) for name, nano in lines]
    rows.append(row("bill", report.identity.bill_nano, report.identity.bill_nano, whole))
    rows += [row(f"beside it: {line.name}", line.cost_nano, None, None) for line in report.identity.apart]
    note = "The lines add up to the bill's usage exactly; credits, refunds and tax are beside it."
    view = cells.table(
        report, "identity", "Where the bill went", note, ("|line", "cost|cost_$", "share", "change|change_ratio"), rows
    )
    return replace(view, total=len(report.identity.lines))


def _apart(report: Report) -> TableView:
    rows = [[cells.text(line.name), cells.money(line.cost_nano, report)] for line in report.identity.apart]
    return cells.table(report, "apart", "Beside the bill", "", ("|line", "cost|cost_$"), rows)


def _days(report: Report) -> TableView:
    rows = [
        [
            cells.text(day.day.isoformat()),
            cells.money(day.jobs_nano + day.idle_nano + day.other_nano, report),
            cells.money(day.jobs_nano, report),
            cells.money(day.idle_nano, report),
            cells.money(day.other_nano, report),
            Cell(text="may still change" if day.estimated else "", value=day.estimated),
        ]
        for day in report.days
    ]
    note = "Other: storage, network, logs, and what nothing explains."
    columns = ("day", "cost|cost_$", "jobs|jobs_$", "idle|idle_$", "other|other_$", "|estimated")
    return cells.table(report, "days", "By day", note, columns, rows)


def _part(nano: int, report: Report) -> float | None:
    """Of the bill; a bill of nothing or less has no parts."""
    bill = report.identity.bill_nano
    return nano / bill if bill and bill > 0 else None


def _breakdown(report: Report, dimension: Dimension) -> TableView:
    def row(group: Group) -> list[Cell]:
        return [
            cells.text(group.key or words.NONE),
            cells.money(group.cost_nano, report),
            cells.share(group.share),
            cells.change(group.cost_nano, group.previous_nano),
            cells.count(group.attempts),
            cells.share(group.succeeded / group.attempts if group.attempts else None),
            cells.unit_price(group.per_success_nano, report),
            cells.money(group.failed_nano, report),
            *([cells.money(group.on_demand_nano, report)] if report.spot is not None else []),
        ]

    columns = [dimension, "cost|cost_$", "share", "change|change_ratio", "attempts", "succeeded|succeeded_share"]
    columns += ["a success|per_success_$", "failed attempts|failed_$"]
    notes = ["What jobs cost; idle machines are apart."]
    if report.spot is not None:
        columns.append("on demand|on_demand_$")
        notes.append("On demand: the same without spot capacity.")
    # one breakdown explains them all
    note = " ".join(notes) if dimension in [*report.breakdowns][:1] else ""
    rows = [row(group) for group in report.breakdowns.get(dimension, ())]
    return cells.table(report, f"by-{dimension}", f"By {dimension}", note, columns, rows)


def _changes(report: Report) -> TableView:
    def row(change: Change) -> list[Cell]:
        return [
            cells.text(change.job),
            cells.signed(change.difference_nano, report),
            cells.signed(change.volume_nano, report),
            cells.signed(change.price_nano, report),
            cells.signed(change.efficiency_nano, report),
            cells.text(change.sentence.removeprefix(f"{change.job} ")),
        ]

    rows = [row(change) for change in report.changes]
    if len(rows) > 1 and report.change_total is not None:
        rows.append(row(report.change_total))
    note = "Volume: successful runs. Price: dollars for the same machine time. Efficiency: machine time a success took."
    columns = ["job", "difference|difference_$", "volume|volume_$", "price|price_$", "efficiency|efficiency_$"]
    columns.append("in words|in_words")
    view = cells.table(report, "changes", "What changed", note, columns, rows)
    summed = len(rows) - 1 if len(rows) > len(report.changes) else None
    return replace(view, columns=(*view.columns[:-1], ("in words", "left")), total=summed)


def _items(unit: UnitCosts) -> list[Cell]:
    """How many were told, and by which share of the successful runs: 100% is said of all of them alone."""
    if not unit.told_items:
        return [Cell(text=words.NONE, value=None)] * 2
    told = unit.told_items / unit.succeeded
    text = ">99%" if 0.995 <= told < 1 else words.share(told)
    return [cells.count(unit.items), Cell(text=text, value=told)]


def units(report: Report) -> TableView:
    """What each job's results cost."""
    arrays = any(unit.children for unit in report.units)
    items = any(unit.told_items for unit in report.units)

    def row(unit: UnitCosts) -> list[Cell]:
        shown = [
            cells.text(unit.job),
            cells.money(unit.cost_nano, report),
            cells.count(unit.succeeded),
            cells.unit_price(unit.per_success_nano, report),
            cells.money(unit.success_nano, report),
            cells.money(unit.failed_nano, report),
            cells.money(unit.retried_nano, report),
        ]
        if arrays:
            shown += [cells.count(unit.children), cells.unit_price(unit.per_child_nano, report)]
        if items:
            shown += [*_items(unit), cells.unit_price(unit.per_item_nano, report)]
        return shown

    columns = ["job", "cost|cost_$", "succeeded", "a success|per_success_$", "succeeded for|success_$"]
    columns += ["failed for|failed_$", "tried again for|retried_$"]
    if arrays:
        columns += ["children", "a child|per_child_$"]
    note = "A success pays for the failures before it."
    if items:
        columns += ["items", "told by|told_share", "an item|per_item_$"]
        note += " An item has a price where all successful runs told how many they handled."
    else:
        note += " No job said how many items it handled, so what an item cost isn't known."
    return cells.table(report, "units", "What a result cost", note, columns, [row(unit) for unit in report.units])


def spot(report: Report) -> TableView:
    """Spot capacity by environment against its price on demand."""
    title = "Spot against on demand"
    whole = report.spot
    partly = whole is not None and whole.unpriced_nano != 0

    def row(name: str, platform: str, one: Spot | SpotSaving) -> list[Cell]:
        share = one.saving_nano / one.on_demand_nano if one.on_demand_nano else None
        known = one.on_demand_nano or not one.unpriced_nano
        return [
            cells.text(name),
            cells.text(platform),
            cells.money(one.paid_nano + one.unpriced_nano, report),
            cells.money(one.on_demand_nano if known else None, report),
            cells.money(one.saving_nano if known else None, report),
            cells.share(share),
            *([cells.money(one.unpriced_nano, report)] if partly else []),
        ]

    shown = [one for one in whole.rows if one.on_demand_nano + one.unpriced_nano >= _ROUNDING_NANO] if whole else []
    rows = [row(one.environment or "in no known environment", one.platform, one) for one in shown]
    if whole and len(rows) > 1:
        rows.append(row("all", "", whole))
    columns = ["environment", "platform", "paid|cost_$", "on demand|on_demand_$", "saved|saving_$", "share"]
    if partly:
        columns.append("not compared|unpriced_$")
    note = (
        "With their idle time. On demand is the bill's own price, or the price list's; saved is it less what was paid."
    )
    summed = len(rows) - 1 if len(rows) > len(shown) else None
    return replace(cells.table(report, "spot", title, note, columns, rows, left=2), total=summed)


def _queues(report: Report) -> TableView:
    rows = [
        [
            cells.text(queue.queue),
            cells.count(queue.attempts),
            cells.written(queue.wait_p50_s, words.duration),
            cells.written(queue.wait_p95_s, words.duration),
        ]
        for queue in report.queues
    ]
    note = "First attempts, from submission to the container's start."
    return cells.table(
        report, "queues", "Waiting", note, ("queue", "attempts", "p50|wait_p50_s", "p95|wait_p95_s"), rows
    )


def _month(report: Report) -> TableView:
    shown = [month for month in (report.forecast,) if month is not None]
    rows = [
        [
            cells.text(month.month),
            cells.money(month.so_far_nano, report),
            cells.money(month.expected_nano, report),
            cells.money(month.low_nano, report),
            cells.money(month.high_nano, report),
        ]
        for month in shown
    ]
    note = "".join(
        f"At the pace of {month.days_seen} days; in four of five such months the end lies between low and high."
        for month in shown
    )
    columns = ("month", "so far|so_far_$", "at its end|expected_$", "low|low_$", "high|high_$")
    return cells.table(report, "month", "The month's end", note, columns, rows)


def _jobs(report: Report) -> TableView:
    rows = [
        [
            cells.text(job.job),
            cells.text(job.owner),
            cells.count(job.attempts),
            cells.written(job.wait_p50_s, words.duration),
            cells.written(job.wait_p95_s, words.duration),
            cells.written(job.run_p50_s, words.duration),
            cells.written(job.run_p95_s, words.duration),
            cells.written(job.memory_asked_mib, words.memory),
            cells.written(job.memory_peak_mib, words.memory),
            cells.share(job.cpu_used_share),
        ]
        for job in report.jobs
    ]
    columns = ["job", "owner", "attempts", "wait p50|wait_p50_s", "wait p95|wait_p95_s", "run p50|run_p50_s"]
    columns += ["run p95|run_p95_s", "asked|memory_asked_mib", "peak|memory_peak_mib", "CPU used|cpu_used_share"]
    note = "Waits are from submission to the container's start; peak memory and CPU are the probe's."
    return cells.table(report, "jobs", "Runs", note, columns, rows, left=2)


def _waste(report: Report) -> TableView:
    rows = [
        [cells.text(waste.reason), cells.money(waste.cost_nano, report), cells.share(_part(waste.cost_nano, report))]
        for waste in report.waste
    ]
    note = "A failed attempt is wasted whole; of a successful one, what it asked for and the probe didn't see used."
    return cells.table(
        report, "waste", "Dollars that bought nothing", note, ("reason", "cost|cost_$", "of the bill|share"), rows
    )


def _anomalies(report: Report) -> TableView:
    rows = [
        [
            cells.text(a.day.isoformat()),
            cells.text(a.sentence),
            cells.money(a.cost_nano, report),
            cells.money(a.expected_nano, report),
        ]
        for a in report.anomalies
    ]
    note = "Days far out of the four weeks before them, in spread, in proportion and in dollars."
    return cells.table(
        report,
        "anomalies",
        "Days that stand out",
        note,
        ("day", "|in_words", "cost|cost_$", "usual|expected_$"),
        rows,
        left=2,
    )


def _budgets(report: Report) -> TableView:
    rows = [
        [
            cells.text(row.name),
            cells.money(row.limit_nano, report),
            cells.money(row.spent_nano, report),
            cells.share(row.spent_nano / row.limit_nano if row.limit_nano else None),
            cells.money(row.forecast_nano, report),
        ]
        for row in report.budgets
    ]
    columns = ("|name", "limit|limit_$", "spent|spent_$", "of it|spent_share", "at its end|forecast_$")
    return cells.table(report, "budgets", "Budgets of the month", "", columns, rows)


def _proposals(report: Report) -> TableView:
    rows = [
        [
            cells.text(p.job),
            cells.text(p.key),
            cells.text(p.now),
            cells.text(p.proposed),
            cells.money(p.saving_nano_per_week, report),
            cells.text(p.evidence),
        ]
        for p in report.proposals
    ]
    columns = ("job", "key", "now", "proposed", "would save a week|saving_per_week_$", "evidence")
    view = cells.table(
        report,
        "proposals",
        "What to change",
        "The command batchyard tune shows these as a diff of the stack's file.",
        columns,
        rows,
        left=2,
    )
    return replace(view, columns=(*view.columns[:-1], ("evidence", "left")))


def _no_proposals(report: Report) -> TableView:
    rows = [[cells.text(n.job), cells.text(n.reason)] for n in report.no_proposals]
    return cells.table(report, "no-proposals", "Left as it is", "", ("job", "why|reason"), rows, left=2)
