"""The first sentence, world by world: the amount, how it moved, what moved it, the budget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reports.analyse.changes import NOTHING, JobPeriod, movers
from reports.analyse.sentence import sentence
from reports.model.report import Budget, Day, Group, Identity, IdentityLine, Period, Report

DOLLAR = 1_000_000_000
WEEK = Period(since=date(2026, 11, 16), until=date(2026, 11, 23), label="2026-W47")
BEFORE = Period(since=date(2026, 11, 9), until=date(2026, 11, 16), label="2026-W46")
Job = tuple[float, int, float]
"""Dollars, successful runs, weighted seconds."""
STEADY: Mapping[str, Job] = {"flights": (60, 100, 60_000), "photos": (30, 300, 30_000)}


def _period(job: Job | None) -> JobPeriod:
    if job is None:
        return NOTHING
    dollars, succeeded, weighted_s = job
    return JobPeriod(cost_nano=round(dollars * DOLLAR), succeeded=succeeded, weighted_s=weighted_s)


def _group(name: str, now: JobPeriod, before: JobPeriod) -> Group:
    return Group(
        key=name,
        cost_nano=now.cost_nano,
        share=None,
        previous_nano=before.cost_nano or None,
        attempts=now.succeeded,
        succeeded=now.succeeded,
        per_success_nano=None,
        failed_nano=0,
        retried_nano=0,
        on_demand_nano=None,
    )


def _lines(jobs: Mapping[str, Job], rest: Mapping[str, float]) -> tuple[IdentityLine, ...]:
    told = {"jobs": sum(dollars for dollars, _, _ in jobs.values()), **rest}
    return tuple(IdentityLine(name=name, cost_nano=round(dollars * DOLLAR)) for name, dollars in told.items())


def world(
    now: Mapping[str, Job],
    before: Mapping[str, Job] | None = STEADY,
    *,
    rest: Mapping[str, float] | None = None,
    rest_before: Mapping[str, float] | None = None,
    **changed: Any,
) -> Report:
    """A week after another, by its jobs and the rest of its bill in dollars."""
    names = sorted({*now, *(before or {})})
    sides = {name: (_period(now.get(name)), _period((before or {}).get(name))) for name in names}
    lines, earlier = _lines(now, rest or {}), _lines(before or {}, rest_before or {})
    total = sum(line.cost_nano for line in lines)
    days = [WEEK.since + timedelta(days=n) for n in range(7)]
    compared = before is not None
    report = Report(
        sentence="",
        stack="prod",
        currency="USD",
        generated_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
        period=WEEK,
        previous=BEFORE,
        total_nano=total,
        previous_total_nano=sum(line.cost_nano for line in earlier) if compared else None,
        identity=Identity(bill_nano=total, lines=lines, apart=(), previous=earlier if compared else ()),
        days=tuple(Day(day=day, jobs_nano=total // 7, idle_nano=0, other_nano=0, estimated=False) for day in days),
        breakdowns={"job": tuple(_group(name, *sides[name]) for name in names)},
        units=(),
        jobs=(),
        queues=(),
        spot=None,
        waste=(),
        changes=movers({name: old for name, (_, old) in sides.items()}, {name: new for name, (new, _) in sides.items()})
        if compared
        else (),
        change_total=None,
        anomalies=(),
        forecast=None,
        budgets=(),
        proposals=(),
        no_proposals=(),
        missing=(),
        set_aside=0,
        requests=None,
    )
    return report.model_copy(update=changed)


def _budget(spent: float, *, limit: float = 400, at_end: float | None = None, name: str = "prod") -> Budget:
    forecast = None if at_end is None else round(at_end * DOLLAR)
    return Budget(name=name, limit_nano=round(limit * DOLLAR), spent_nano=round(spent * DOLLAR), forecast_nano=forecast)


def _with(**jobs: Job) -> dict[str, Job]:
    return {**STEADY, **jobs}


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (world(_with(flights=(84, 140, 84_000))), "$114, +27% on the period before: flights ran 40% more often"),
        (
            world(_with(flights=(84, 100, 60_000))),
            "$114, +27% on the period before: flights paid 40% more for the same machine time",
        ),
        (
            world(_with(flights=(84, 100, 84_000))),
            "$114, +27% on the period before: flights took 40% more machine time a run",
        ),
        (
            world(_with(embeddings=(40, 10, 40_000))),
            "$130, +44% on the period before: embeddings did not run the period before",
        ),
        (world({"flights": STEADY["flights"]}), "$60.00, -33% on the period before: photos did not run"),
        (world(_with(photos=(15, 150, 15_000))), "$75.00, -17% on the period before: photos ran 50% less often"),
        # fewer runs made it cheaper; that each took longer didn't
        (world(_with(photos=(15, 100, 15_000))), "$75.00, -17% on the period before: photos ran 67% less often"),
        (
            world(STEADY, rest={"idle of spot": 30}, rest_before={"idle of spot": 10}),
            "$120, +20% on the period before: idle machines of spot cost $20.00 more",
        ),
        (
            world(
                STEADY,
                rest={"idle of a": 20, "idle of b": 20, "logs": 16},
                rest_before={"idle of a": 10, "idle of b": 10},
            ),
            "$146, +33% on the period before: idle machines cost more",
        ),
        (
            world(STEADY, rest={"storage": 1}, rest_before={"storage": 25}),
            "$91.00, -21% on the period before: storage cost $24.00 less",
        ),
        (
            world(STEADY, rest={"unexplained": 30}),
            "$120, +33% on the period before: what nothing explains cost $30.00 more",
        ),
        # every job ran more often, no one of them made the larger part
        (
            world(dict.fromkeys("abcd", (13, 130, 13000)), dict.fromkeys("abcd", (10, 100, 10000))),
            "$52.00, +30% on the period before: jobs ran more often",
        ),
        (
            world(dict.fromkeys("abcd", (13, 100, 10000)), dict.fromkeys("abcd", (10, 100, 10000))),
            "$52.00, +30% on the period before: the same machine time cost more",
        ),
        (
            world({**STEADY, "c": (9, 1, 9), "d": (9, 1, 9)}),
            "$108, +20% on the period before: jobs that did not run the period before",
        ),
        (
            world(STEADY, {**STEADY, "c": (9, 1, 9), "d": (9, 1, 9)}),
            "$90.00, -17% on the period before: jobs that did not run",
        ),
        # the largest difference went the other way
        (
            world(_with(flights=(20, 33, 20_000), photos=(100, 1_000, 100_000))),
            "$120, +33% on the period before: photos ran 233% more often",
        ),
        # a job, idle machines and storage by a third each: none is the cause
        (
            world(_with(flights=(70, 117, 70_000)), rest={"idle of spot": 10, "storage": 10}),
            "$120, +33% on the period before",
        ),
        (world(STEADY), "$90.00, the same as the period before"),
        (world(_with(flights=(60.3, 101, 60_300))), "$90.30, the same as the period before"),
        (
            world(_with(flights=(2_000, 3_333, 2e6))),
            "$2,030, 23 times the period before: flights ran 33 times as often",
        ),
    ],
)
def test_the_cause_is_what_moved_the_larger_part_of_the_bill_its_way(report: Report, said: str) -> None:
    assert sentence(report) == said


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (world(STEADY, None), "$90.00 in 2026-W47, the first period on record"),
        (world(STEADY, {}), "$90.00, after a period without costs: flights did not run the period before"),
        (
            world({"flights": (4, 1, 4)}, {}, rest_before={"unexplained": -20}),
            "$4.00, after -$20.00 the period before: what nothing explains cost $20.00 more",
        ),
        (
            world(_with(), rest={"unexplained": -110}),
            "-$20.00, after $90.00 the period before: what nothing explains cost $110 less",
        ),
        (world({}, {}, rest={"storage": 2}, rest_before={"storage": 2}), "$2.00, the same as the period before; "),
        (
            world({}, STEADY, rest={"storage": 2}, rest_before={"storage": 2}),
            "$2.00, -98% on the period before: flights did not run; ",
        ),
        (
            world(STEADY, generated_at=datetime(2026, 11, 22, 23, tzinfo=UTC)),
            "$90.00 so far in 2026-W47; the whole period before cost $90.00",
        ),
        (
            world(STEADY, None, generated_at=datetime(2026, 11, 18, tzinfo=UTC)),
            "$90.00 so far in 2026-W47, the first period on record",
        ),
    ],
)
def test_what_cannot_be_compared_has_no_percentage(report: Report, said: str) -> None:
    attempts = sum(group.attempts for group in report.breakdowns["job"])
    assert sentence(report) == said + ("" if attempts else "no attempt on record")


def test_without_a_bill_only_what_ran_is_told() -> None:
    unbilled = world(STEADY, total_nano=None, budgets=(_budget(0),))
    assert sentence(unbilled) == "no bill for 2026-W47: what 400 attempts cost isn't known"
    nothing = world({}, None, total_nano=None)
    assert sentence(nothing) == "no bill for 2026-W47, and no attempt on record"


def test_a_bill_that_is_late_or_began_within_the_period_before_is_compared_with_none() -> None:
    whole = world(_with(flights=(84, 140, 84_000)))
    late = whole.model_copy(update={"days": whole.days[:5]})
    assert sentence(late) == "$114 in 2026-W47, billed to 2026-11-20 so far; the period before cost $90.00"
    # a day of attempts that no line of the bill is about
    free = [day.model_copy(update={"jobs_nano": 0}) for day in whole.days[5:]]
    assert sentence(late.model_copy(update={"days": (*late.days, *free)})) == sentence(late)
    later = late.model_copy(update={"generated_at": datetime(2026, 11, 25, tzinfo=UTC)})
    assert sentence(later) == sentence(whole), "by then days without costs cost nothing"
    young = "$114 in 2026-W47; $90.00 in the period before, on record from 2026-11-12 only"
    assert sentence(whole, on_record_since=date(2026, 11, 12)) == young
    assert sentence(whole, on_record_since=BEFORE.since) == sentence(whole)
    assert sentence(world(STEADY, None), bill_whole=False) == "$90.00 in 2026-W47, the period before is missing"


def test_credits_are_beside_the_bill_and_no_cause() -> None:
    report = world(_with(flights=(84, 140, 84_000)))
    apart = (IdentityLine(name="credit", cost_nano=-80 * DOLLAR),)
    credited = report.model_copy(update={"identity": report.identity.model_copy(update={"apart": apart})})
    assert sentence(credited) == sentence(report)


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ((), ""),
        ((_budget(50, name="owner media"),), ""),
        ((_budget(296),), "; 74% of the month's budget"),
        ((_budget(296, at_end=390),), "; 74% of the month's budget"),
        ((_budget(296, at_end=448),), "; 74% of the month's budget, 112% at its end"),
        ((_budget(296), _budget(50, name="owner media")), "; 74% of the month's budget"),
        ((_budget(400),), "; 100% of the month's budget"),
        ((_budget(412.5, at_end=500),), "; $12.50 over the month's budget"),
        ((_budget(-3),), ""),
        ((_budget(0, limit=0),), ""),
    ],
)
def test_the_stages_budget_stands_at_the_end(budgets: tuple[Budget, ...], said: str) -> None:
    assert sentence(world(STEADY, budgets=budgets)) == f"$90.00, the same as the period before{said}"
