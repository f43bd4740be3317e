"""From allocated tables to the report: every figure people read is made here, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, get_args

from duckdb import DuckDBPyConnection

from reports.analyse.changes import JobPeriod, movers, total
from reports.analyse.engine import Engine, engine_of
from reports.analyse.outlook import (
    LEAST_DAYS,
    AnomalySettings,
    anomalies,
    budget,
    days_of_evidence,
    forecast,
    whole_until,
)
from reports.analyse.proposals import JobHistory, MemoryRule, Rounding, Runs, propose_memory
from reports.analyse.sentence import sentence
from reports.analyse.spot import spot
from reports.model.report import (
    Budget,
    Day,
    Dimension,
    Forecast,
    Group,
    Identity,
    IdentityLine,
    JobFigures,
    NoProposal,
    Period,
    Proposal,
    QueueWait,
    Report,
    Requests,
    UnitCosts,
    Waste,
)
from reports.model.tables import ON_DEMAND_PRICES

_COSTS: Final = frozenset({"cost_nano", "success_nano", "failed_nano", "retried_nano", "on_demand_nano", "share"}) | {
    "per_success_nano",
    "per_child_nano",
    "per_item_nano",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the report is about. `memory_now` is job → MiB in its spec today; a job without a spec was deleted.

    `budgets` is name → nano-dollars a month: the whole stage under its name, an owner under `owner <name>`.
    """

    stack: str
    currency: str
    period: Period
    previous: Period | None
    generated_at: datetime
    budgets: Mapping[str, int]
    memory_now: Mapping[str, int]
    sold: Rounding
    rule: MemoryRule
    on_demand: Mapping[str, int] = field(default_factory=dict)
    """Spot usage type → nano-dollars of an hour of the same capacity on demand."""
    billed: bool = True
    """Whether the bill holds a line of the period."""
    bill_whole: bool = True
    """Whether it was told as far as it was asked for."""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    set_aside: int = 0
    requests: Requests | None = None


def summarise(holder: DuckDBPyConnection | Engine, asked: Asked) -> Report:
    """The report on `asked.period`, from a holder of tables that `allocate` went through."""
    engine = engine_of(holder)
    engine.put(
        ON_DEMAND_PRICES, ({"usage_type": name, "hour_nano": nano} for name, nano in sorted(asked.on_demand.items()))
    )
    for step in ("spot_days", "cost_cube", "run_cube"):
        engine.step(step)
    days = [Day(**row) for row in engine.rows("days")]
    calendar = _calendar(days, asked)
    current = [day for day in days if asked.period.since <= day.day < asked.period.until]
    bill = sum(_of(day) for day in current) if asked.billed else None
    before = asked.previous
    previous_days = [day for day in days if before and before.since <= day.day < before.until]
    previous = sum(_of(day) for day in previous_days) if previous_days else None
    changes = movers(*_job_periods(engine, asked)) if previous is not None else ()
    month = forecast(calendar.by_day, whole=calendar.whole, month=calendar.month)
    proposals, kept = _proposals(engine, asked)
    report = Report(
        sentence="",
        stack=asked.stack,
        currency=asked.currency,
        generated_at=asked.generated_at,
        period=asked.period,
        previous=before,
        total_nano=bill,
        previous_total_nano=previous,
        identity=_identity(engine, asked, bill),
        days=tuple(current),
        breakdowns={dimension: _groups(engine, dimension, asked) for dimension in get_args(Dimension)},
        units=tuple(_unit_costs(row) for row in engine.rows("unit_costs", _span(asked))),
        jobs=tuple(JobFigures(**row) for row in engine.rows("job_figures", _span(asked))),
        queues=tuple(QueueWait(**row) for row in engine.rows("queue_waits", _span(asked))),
        spot=spot(engine.rows("spot_savings", _span(asked)), currency=asked.currency),
        waste=tuple(Waste(**row) for row in engine.rows("waste", _span(asked))),
        changes=changes,
        change_total=total(changes) if previous is not None else None,
        anomalies=anomalies(
            _daily_costs(engine), since=asked.period.since, until=asked.period.until, settings=AnomalySettings()
        ),
        forecast=month,
        budgets=_budgets(engine, asked, calendar),
        proposals=proposals,
        no_proposals=kept,
        notes=(*asked.notes, *_estimated(current), *_too_few(calendar, month, asked)),
        missing=(*asked.missing, *_unreached(engine, asked)),
        set_aside=asked.set_aside,
        requests=asked.requests,
    )
    said = sentence(report, bill_whole=asked.bill_whole, on_record_since=min(calendar.billed, default=None))
    return (report if asked.billed else _without_costs(report)).model_copy(update={"sentence": said})


def _without_costs(report: Report) -> Report:
    """Where there is no bill, what isn't known isn't 0."""

    def unknown(row: Group | UnitCosts) -> dict[str, None]:
        return {name: None for name in type(row).model_fields if name in _COSTS}

    groups = {
        name: tuple(group.model_copy(update=unknown(group)) for group in rows)
        for name, rows in report.breakdowns.items()
    }
    units = tuple(unit.model_copy(update=unknown(unit)) for unit in report.units)
    identity = report.identity.model_copy(update={"lines": ()})
    gone = {"changes": (), "change_total": None, "days": (), "waste": ()}
    return report.model_copy(update={"breakdowns": groups, "units": units, "identity": identity, **gone})


@dataclass(frozen=True, kw_only=True)
class _Calendar:
    """`by_day` is day → nano-dollars, `whole` the day before which days are whole, `month` a day of the month told."""

    by_day: Mapping[date, int]
    whole: date
    month: date

    @property
    def billed(self) -> list[date]:
        return [day for day, cost in self.by_day.items() if cost]


def _calendar(days: Sequence[Day], asked: Asked) -> _Calendar:
    by_day = {day.day: _of(day) for day in days if day.day < asked.period.until}
    today = asked.generated_at.astimezone(UTC).date()
    billed = max((day for day, cost in by_day.items() if cost), default=None)
    until = asked.period.until
    return _Calendar(
        by_day=by_day,
        whole=whole_until(billed, until=until, today=today),
        month=min(until - timedelta(days=1), today),
    )


def _too_few(calendar: _Calendar, month: Forecast | None, asked: Asked) -> list[str]:
    if month is not None or not asked.billed:
        return []
    days = len(days_of_evidence(calendar.by_day, whole=calendar.whole))
    return [f"where the month is going isn't told: that takes {LEAST_DAYS} whole days of bill, there are {days}"]


def _of(day: Day) -> int:
    return day.jobs_nano + day.idle_nano + day.other_nano


def _span(asked: Asked) -> dict[str, date]:
    return {"since": asked.period.since, "until": asked.period.until}


def _identity(engine: Engine, asked: Asked, total: int | None) -> Identity:
    lines = engine.rows("identity", _span(asked))
    before = asked.previous
    earlier = engine.rows("identity", {"since": before.since, "until": before.until}) if before else []
    apart = engine.rows("apart", _span(asked))
    return Identity(
        bill_nano=total,
        lines=tuple(IdentityLine(**line) for line in lines),
        apart=tuple(IdentityLine(**line) for line in apart),
        previous=tuple(IdentityLine(**line) for line in earlier),
    )


def _groups(engine: Engine, dimension: Dimension, asked: Asked) -> tuple[Group, ...]:
    begin = asked.previous.since if asked.previous else asked.period.since
    rows = engine.rows("group_figures", {"previous": begin, **_span(asked)}, {"dimension": dimension})
    whole = sum(row["cost_nano"] for row in rows)
    return tuple(
        Group(
            **row,
            share=row["cost_nano"] / whole if whole else None,
            per_success_nano=row["cost_nano"] // row["succeeded"] if row["succeeded"] else None,
        )
        for row in rows
    )


def _unit_costs(row: Mapping[str, Any]) -> UnitCosts:
    told = {name: value for name, value in row.items() if name != "children_nano"}
    all_told = row["told_items"] == row["succeeded"]
    return UnitCosts(
        **told,
        per_success_nano=row["cost_nano"] // row["succeeded"] if row["succeeded"] else None,
        per_child_nano=row["children_nano"] // row["children"] if row["children"] else None,
        per_item_nano=row["cost_nano"] / row["items"] if row["items"] and all_told else None,
    )


def _estimated(days: Sequence[Day]) -> list[str]:
    changing = [day.day for day in days if day.estimated]
    if not changing:
        return []
    when = f"of {changing[0]}" if changing[0] == days[-1].day else f"from {changing[0]} on"
    return [f"the bill {when} is AWS's estimate so far and may still change"]


def _job_periods(engine: Engine, asked: Asked) -> tuple[dict[str, JobPeriod], dict[str, JobPeriod]]:
    assert asked.previous is not None
    before: dict[str, JobPeriod] = {}
    after: dict[str, JobPeriod] = {}
    for row in engine.rows("job_periods", {"previous": asked.previous.since, **_span(asked)}):
        side = after if row["current"] else before
        side[row["job"]] = JobPeriod(
            cost_nano=row["cost_nano"], succeeded=row["succeeded"], weighted_s=float(row["weighted_s"])
        )
    return before, after


def _daily_costs(engine: Engine) -> dict[str, dict[date, int]]:
    costs: dict[str, dict[date, int]] = {}
    for row in engine.rows("daily_costs"):
        costs.setdefault(row["job"], {})[row["day"]] = row["cost_nano"]
    return costs


def _budgets(engine: Engine, asked: Asked, calendar: _Calendar) -> tuple[Budget, ...]:
    rows = []
    begin = calendar.month.replace(day=1)
    for name, limit in sorted(asked.budgets.items()):
        if name.startswith("owner "):
            by_day = {
                row["day"]: row["cost_nano"]
                for row in engine.rows("owner_days", {"owner": name.removeprefix("owner ")})
                if row["day"] < asked.period.until
            }
        else:
            by_day = dict(calendar.by_day)
        spent = sum(cost for day, cost in by_day.items() if begin <= day)
        month = forecast(by_day, whole=calendar.whole, month=calendar.month)
        rows.append(budget(name, limit_nano=limit, spent_nano=spent, month=month))
    return tuple(rows)


def _proposals(engine: Engine, asked: Asked) -> tuple[tuple[Proposal, ...], tuple[NoProposal, ...]]:
    found = engine.rows("job_history")
    begin = min((row["first_ended_at"] for row in found), default=None)
    end = max((row["last_ended_at"] for row in found), default=None)
    weeks = (end - begin).total_seconds() / (7 * 86_400) if begin and end else 0.0
    histories: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        histories.setdefault(row.pop("job"), []).append(row)
    proposals, kept = [], []
    for job, rows in histories.items():
        if job not in asked.memory_now:
            kept.append(NoProposal(job=job, reason="it has no job.yaml any more"))
            continue
        answer = propose_memory(
            JobHistory(
                job=job,
                platform=rows[-1]["platform"],
                vcpus=rows[-1]["vcpus"],
                memory_mib=asked.memory_now[job],
                weeks=weeks,
                runs=tuple(Runs(**{k: v for k, v in row.items() if k != "platform"}) for row in rows),
            ),
            rule=asked.rule,
            sold=asked.sold,
        )
        if isinstance(answer, Proposal):
            proposals.append(answer)
        else:
            kept.append(answer)
    return tuple(sorted(proposals, key=lambda p: (-(p.saving_nano_per_week or 0), p.job))), tuple(kept)


def _unreached(engine: Engine, asked: Asked) -> list[str]:
    said = []
    for row in engine.rows("unreached", _span(asked)):
        if row["unpriced"]:
            said.append(
                f"{row['unpriced']:,} of {row['attempts']:,} attempts have no cost: the bill doesn't reach them"
            )
        if row["unmeasured"]:
            said.append(f"{row['unmeasured']:,} of {row['attempts']:,} attempts ran without the probe")
    return said
