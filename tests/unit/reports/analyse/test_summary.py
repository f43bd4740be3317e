"""The report's figures on a made-up fortnight: they agree with each other and with the bill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_args

import duckdb
import pytest

from reports.analyse.allocate import allocate
from reports.analyse.proposals import MemoryRule, sold_memory
from reports.analyse.summary import Asked, summarise
from reports.model.report import Dimension, Period, Report
from reports.model.tables import ATTEMPTS, BILL_LINES, INSTANCES
from reports.model.words import headline
from tests.worlds.world import Made, World, make

NOW = datetime(2026, 12, 1, tzinfo=UTC).replace(tzinfo=None)
WEEK = Period(since=date(2026, 11, 9), until=date(2026, 11, 16), label="2026-W46")
BEFORE = Period(since=date(2026, 11, 2), until=date(2026, 11, 9), label="2026-W45")
DOLLAR = 1_000_000_000


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=21, days=14, instances=50, reclaim_fraction=0.3, credit_nano=3 * DOLLAR))


def report_of(made: Made, **changed: Any) -> Report:
    connection = duckdb.connect()
    for table, frame in ((ATTEMPTS, made.attempts), (INSTANCES, made.instances), (BILL_LINES, made.bill_lines)):
        connection.execute(table.duckdb_ddl())
        if len(frame):
            connection.register("frame", frame)
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM frame")
    allocate(connection, now=NOW)
    asked: dict[str, Any] = {
        "stack": "prod",
        "currency": "USD",
        "period": WEEK,
        "previous": BEFORE,
        "generated_at": datetime(2026, 11, 16, 6, tzinfo=UTC),
        "budgets": {"prod": 200 * DOLLAR, "owner media": 50 * DOLLAR},
        "memory_now": {f"job-{n}": 512 * (1 + n % 4) for n in range(7)},
        "sold": lambda platform, vcpus, mib: sold_memory(platform, vcpus, mib, grid={}, step_mib=64),
        "rule": MemoryRule(),
    }
    return summarise(connection, Asked(**{**asked, **changed}))


@pytest.fixture(scope="module")
def report(made: Made) -> Report:
    return report_of(made)


def test_the_identity_holds_and_its_bill_is_the_weeks_usage(report: Report, made: Made) -> None:
    lines = made.bill_lines
    week = lines[(lines["record_type"] == "usage") & (lines["day"] >= WEEK.since) & (lines["day"] < WEEK.until)]
    assert report.identity.bill_nano == sum(line.cost_nano for line in report.identity.lines)
    assert report.identity.bill_nano == report.total_nano == int(week["cost_nano"].sum())


@pytest.mark.parametrize("dimension", get_args(Dimension))
def test_every_breakdown_adds_up_to_the_jobs_line(report: Report, dimension: Dimension) -> None:
    groups = report.breakdowns[dimension]
    jobs = next(line.cost_nano for line in report.identity.lines if line.name == "jobs")
    assert sum(group.cost_nano or 0 for group in groups) == jobs
    assert sum(group.share or 0 for group in groups) == pytest.approx(1)
    assert all((group.failed_nano or 0) <= (group.cost_nano or 0) for group in groups)


def test_the_changes_add_up_to_the_jobs_difference(report: Report) -> None:
    for change in report.changes:
        assert change.price_nano + change.volume_nano + change.efficiency_nano == change.difference_nano
    groups = report.breakdowns["job"]
    assert sum(c.difference_nano for c in report.changes) == sum(
        (group.cost_nano or 0) - (group.previous_nano or 0) for group in groups
    )


def test_waste_names_reclaims_and_idle_and_never_more_than_the_total(report: Report) -> None:
    reasons = {waste.reason: waste.cost_nano for waste in report.waste}
    assert {"reclaimed", "idle", "unused memory", "unused cpu"} <= set(reasons)
    assert report.total_nano is not None
    assert sum(reasons.values()) <= report.total_nano
    # the world's jobs use 60 % of their memory
    assert 0 < reasons["unused memory"] < reasons["unused cpu"]


def test_the_sentence_says_amount_change_cause_and_budget(report: Report) -> None:
    assert report.previous_total_nano
    assert report.total_nano
    ratio = report.total_nano / report.previous_total_nano - 1
    amount = headline(report.total_nano, "USD")
    assert report.sentence.startswith(f"{amount}, {ratio:+.0%} on the period before: the same machine time cost more; ")
    assert report.sentence.endswith("% of the month's budget")


def test_a_first_week_says_so_and_compares_nothing(made: Made) -> None:
    report = report_of(made, previous=None, period=BEFORE)
    assert report.sentence.startswith(f"{headline(report.total_nano, 'USD')} in 2026-W45, the first period on record")
    assert (report.changes, report.previous_total_nano) == ((), None)
    assert [line.name for line in report.identity.apart] == ["credit"]


def test_where_the_month_goes_is_told_from_days_before_the_periods_end(made: Made) -> None:
    report = report_of(made, previous=None, period=BEFORE)
    assert report.forecast is not None
    (stage,) = [budget for budget in report.budgets if budget.name == "prod"]
    assert report.forecast.so_far_nano == stage.spent_nano == report.total_nano
    assert (report.forecast.days_seen, report.notes) == (7, ())


def test_too_few_days_of_bill_are_said(made: Made) -> None:
    short = Period(since=BEFORE.since, until=date(2026, 11, 5), label="2026-11-02 to 2026-11-04")
    report = report_of(made, previous=None, period=short)
    assert (report.forecast, report.budgets[0].forecast_nano) == (None, None)
    assert report.notes == ("where the month is going isn't told: that takes 7 whole days of bill, there are 3",)


def test_a_deleted_job_keeps_its_costs_and_gets_no_proposal(report: Report) -> None:
    assert "job-7" in {group.key for group in report.breakdowns["job"]}
    assert "it has no job.yaml any more" in {n.reason for n in report.no_proposals if n.job == "job-7"}
    assert {p.job for p in report.proposals} | {n.job for n in report.no_proposals} == {f"job-{n}" for n in range(8)}


def test_a_proposal_holds_a_peak_however_many_runs_came_after_it() -> None:
    made = make(World(seed=22, days=14, instances=40, jobs=1))
    first = made.attempts["stopped_at"].idxmin()
    assert len(made.attempts) > 2500
    attempts = made.attempts.copy()
    attempts["outcome"] = "succeeded"
    attempts.loc[first, "peak_memory_mib"] = 3000.0
    world = Made(attempts=attempts, instances=made.instances, bill_lines=made.bill_lines, truth=made.truth)
    (proposal,) = report_of(world, memory_now={"job-0": 8192}).proposals
    assert proposal.proposed == "3456"  # 3000 × 1.15 = 3450
    assert proposal.evidence == f"peak 3000 MiB over {len(attempts)} runs of its image, × 1.15"


def test_an_empty_week_is_a_report_too(made: Made) -> None:
    empty = Made(
        attempts=made.attempts[:0], instances=made.instances[:0], bill_lines=made.bill_lines[:0], truth=made.truth[:0]
    )
    report = report_of(empty, budgets={})
    assert report.sentence == "$0.00 in 2026-W46, the first period on record; no attempt on record"
    assert (report.jobs, report.waste, report.proposals, report.forecast) == ((), (), (), None)


def test_a_bill_that_ends_early_is_said(made: Made) -> None:
    lines = made.bill_lines[made.bill_lines["day"] < date(2026, 11, 12)]
    report = report_of(Made(attempts=made.attempts, instances=made.instances, bill_lines=lines, truth=made.truth))
    assert any("attempts have no cost: the bill doesn't reach them" in sentence for sentence in report.missing)
