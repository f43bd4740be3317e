"""Bad input and faults, whole reports of them: the bill's dollars stay where they belong, and what is missing is said.

Faults of one reader alone are in the tests of that reader: collect/test_bill_ce.py, test_fetch.py, test_compaction.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from jobs import conventions
from reports.collect.bill_ce import Bill
from reports.collect.load import Source
from reports.model.report import Report
from reports.period import choose
from reports.run import make_report
from tests.unit.reports.test_run import explored, of, question
from tests.worlds.answers import Explorer
from tests.worlds.ledger import Delivery, clusters, compute_environments, write
from tests.worlds.world import Made, World, make

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
VCPU_HOUR, GB_HOUR, INSTANCE_HOUR = 40_480_000, 4_445_000, 96_000_000


def utc(*parts: int) -> datetime:
    """As the tables have it: UTC, without saying so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


def attempt(number: int, started: datetime, stopped: datetime, **changes: Any) -> dict[str, Any]:
    """On Fargate with one vCPU and 2 GiB."""
    return {
        "job_id": f"00000000-0000-4000-8000-{number:012}",
        "attempt": 1,
        "job": "nightly",
        "owner": "data",
        "stage": "prod",
        "queue": "serverless",
        "environment": "fargate",
        "platform": "fargate",
        "purchase": "on-demand",
        "instance_id": None,
        "image": "batchyard/prod/nightly@sha256:" + "0" * 64,
        "vcpus": 1.0,
        "memory_mib": 2048,
        "submitted_at": pd.Timestamp(started - timedelta(seconds=30)),
        "pull_started_at": pd.Timestamp(started),
        "started_at": pd.Timestamp(started),
        "stopped_at": pd.Timestamp(stopped),
        "outcome": "succeeded",
        "exit_code": 0,
        "peak_memory_mib": 900.0,
        "cpu_s": 1.0,
        "items": None,
        **changes,
    }


def line(day: date, usage_type: str, kind: str, hours: float, hour_nano: int, **changes: Any) -> dict[str, Any]:
    return {
        "day": day,
        "service": "",
        "usage_type": usage_type,
        "kind": kind,
        "purchase": "on-demand",
        "instance_type": "m6i.large" if kind == "ec2" else "",
        "stage": "prod",
        "job": "",
        "record_type": "usage",
        "quantity": f"{hours:.10f}",
        "unit": "Hrs",
        "cost_nano": round(hours * hour_nano),
        "currency": "USD",
        "estimated": False,
        **changes,
    }


def fargate(day: date, hours: float) -> list[dict[str, Any]]:
    """The bill of an attempt's hours."""
    return [
        line(day, "USE1-Fargate-vCPU-Hours:perCPU", "fargate-vcpu", hours, VCPU_HOUR),
        line(day, "USE1-Fargate-GB-Hours", "fargate-gb", 2 * hours, GB_HOUR),
    ]


def made_of(
    attempts: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]], instances: Sequence[Any] = ()
) -> Made:
    columns = ["instance_id", "environment", "purchase"]
    return Made(
        attempts=pd.DataFrame(attempts),
        instances=pd.DataFrame(instances) if instances else pd.DataFrame(columns=columns),
        bill_lines=pd.DataFrame(lines),
        truth=pd.Series(dtype=float),
    )


def source_of(made: Made, folder: Path, **delivery: Any) -> Source:
    write(made, folder / "raw", stage="prod", delivery=Delivery(**delivery))
    return Source(
        stage="prod",
        raw=folder / "raw",
        clusters=clusters(made),
        compute_environments=compute_environments("prod"),
        owners={f"job-{n}": "media" for n in range(8)},
    )


def report_of(
    made: Made, folder: Path, *, week: str, timezone: str = "UTC", now: datetime = NOW, **more: Any
) -> Report:
    """The report of a week of the made-up stage; its bill comes from Cost Explorer."""
    source = source_of(made, folder / "ledger") if "source" not in more else more.pop("source")
    client = more.pop("client", None) or of(made)
    asked = question(
        source,
        explored(client, folder / "bill"),
        period=choose(week=week, now=now, timezone=timezone),
        now=now,
        memory_now={"nightly": 2048},
        **more,
    )
    report = make_report(asked)
    assert sum(part.cost_nano for part in report.identity.lines) == (report.total_nano or 0)
    assert report.identity.bill_nano == report.total_nano
    return report


def part(report: Report, name: str) -> int:
    return sum(one.cost_nano for one in report.identity.lines if one.name == name)


@pytest.fixture(scope="module")
def world() -> Made:
    return make(World(seed=8, days=14, instances=12, fargate_attempts=30))


class Throttled(Explorer):
    """Answers `pages` pages, then refuses for good."""

    def __init__(self, made: Made, *, pages: int) -> None:
        super().__init__(made.bill_lines, stage_tag=conventions.TAG_STAGE, page_groups=10)
        self._answered = pages

    def get_cost_and_usage(self, **request: Any) -> Mapping[str, Any]:
        if not self._answered:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "x")
        self._answered -= 1
        return super().get_cost_and_usage(**request)


@pytest.mark.parametrize("pages", [0, 3], ids=["at once", "halfway"])
def test_cost_explorer_throttled_for_good_leaves_a_report_that_says_so(world: Made, tmp_path: Path, pages: int) -> None:
    source = source_of(world, tmp_path / "ledger")
    report = report_of(world, tmp_path, week="2026-W46", source=source, client=Throttled(world, pages=pages))
    said = [sentence for sentence in report.missing if "Cost Explorer answered ThrottlingException" in sentence]
    assert said[0].startswith("the bill's usage from 2026-10-12 to 2026-11-15: ")
    assert report.sentence.startswith("no bill for 2026-W46: what ")
    assert report.jobs
    # nothing of half an answer was kept for later
    limit = 1.0
    later = make_report(question(source, explored(of(world), tmp_path / "bill", limit=str(limit))))
    fresh = make_report(question(source, explored(of(world), tmp_path / "another", limit=str(limit))))
    assert later.identity == fresh.identity
    assert later.total_nano


def test_jobs_without_the_probe_cost_what_they_cost_and_nothing_is_made_up_of_their_use(
    world: Made, tmp_path: Path
) -> None:
    measured = report_of(world, tmp_path, week="2026-W46")
    source = source_of(world, tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "raw" / "usage")
    report = report_of(world, tmp_path, week="2026-W46", source=source)
    attempts = sum(group.attempts for group in report.breakdowns["job"])
    assert f"{attempts:,} of {attempts:,} attempts ran without the probe" in report.missing
    assert (report.total_nano, part(report, "jobs")) == (measured.total_nano, part(measured, "jobs"))
    costs = {group.key: group.cost_nano for group in report.breakdowns["job"]}
    assert costs == {group.key: group.cost_nano for group in measured.breakdowns["job"]}
    for job in report.jobs:
        assert (job.measured, job.memory_peak_mib, job.cpu_used_share) == (0, None, None)
        assert job.memory_asked_mib
    assert not {"unused memory", "unused cpu"} & {waste.reason for waste in report.waste}
    assert report.proposals == ()
    assert {group.key for group in report.breakdowns["owner"]} == {"media"}


def test_clocks_that_disagree_lose_no_dollar_and_give_no_negative_time(tmp_path: Path) -> None:
    ten = utc(2026, 11, 10, 10)
    instance = {
        "instance_id": "i-1",
        "environment": "steady",
        "stage": "prod",
        "instance_type": "m6i.large",
        "purchase": "on-demand",
        "vcpus": 2,
        "memory_mib": 8192,
        # ECS saw it a minute after its first container began, and lost it a minute before the last ended
        "started_at": pd.Timestamp(ten),
        "ended_at": pd.Timestamp(ten + 2 * HOUR),
    }
    on_ec2 = {"platform": "ec2", "environment": "steady", "instance_id": "i-1", "queue": "standard"}
    minute = timedelta(minutes=1)
    attempts = [
        attempt(1, ten - minute, ten + HOUR, **on_ec2),
        attempt(2, ten + HOUR, ten + 2 * HOUR + minute, **on_ec2),
        # submitted after it started
        attempt(3, ten, ten + HOUR, submitted_at=pd.Timestamp(ten + minute), job="early"),
        # ended before it started
        attempt(4, ten, ten - minute, **on_ec2, job="backwards"),
        attempt(5, ten, ten - minute, job="backwards"),
    ]
    lines = [*fargate(ten.date(), 1), line(ten.date(), "BoxUsage:m6i.large", "ec2", 2, INSTANCE_HOUR)]
    report = report_of(made_of(attempts, lines, [instance]), tmp_path, week="2026-W46")
    costs = {group.key: group.cost_nano for group in report.breakdowns["job"]}
    assert costs == {"nightly": 2 * INSTANCE_HOUR, "early": VCPU_HOUR + 2 * GB_HOUR, "backwards": 0}
    assert part(report, "unexplained") == 0
    assert "2 of 5 attempts have no cost: the bill doesn't reach them" in report.missing
    figures = [value for job in report.jobs for value in (job.wait_p50_s, job.wait_p95_s, job.run_p50_s, job.run_p95_s)]
    figures += [value for queue in report.queues for value in (queue.wait_p50_s, queue.wait_p95_s)]
    assert all(value is None or value >= 0 for value in figures)


def test_an_attempt_across_midnight_pays_each_day_its_part(tmp_path: Path) -> None:
    evening = utc(2026, 11, 10, 23, 30)
    lines = [*fargate(evening.date(), 0.5), *fargate(date(2026, 11, 11), 1)]
    report = report_of(made_of([attempt(1, evening, evening + 1.5 * HOUR)], lines), tmp_path, week="2026-W46")
    half = (VCPU_HOUR + 2 * GB_HOUR) // 2
    assert {day.day.day: (day.jobs_nano, day.other_nano) for day in report.days} == {10: (half, 0), 11: (2 * half, 0)}
    (job,) = report.breakdowns["job"]
    assert (job.attempts, job.cost_nano, job.per_success_nano) == (1, 3 * half, 3 * half)


def test_an_attempt_across_weeks_is_in_both_and_counted_in_the_one_it_ended_in(tmp_path: Path) -> None:
    sunday = utc(2026, 11, 15, 23)
    lines = [*fargate(sunday.date(), 1), *fargate(date(2026, 11, 16), 2)]
    made = made_of([attempt(1, sunday, sunday + 3 * HOUR)], lines)
    hour = VCPU_HOUR + 2 * GB_HOUR
    first = report_of(made, tmp_path / "first", week="2026-W46")
    second = report_of(made, tmp_path / "second", week="2026-W47")
    assert [(g.cost_nano, g.attempts) for g in first.breakdowns["job"]] == [(hour, 0)]
    assert [(g.cost_nano, g.attempts, g.previous_nano) for g in second.breakdowns["job"]] == [(2 * hour, 1, hour)]
    assert (part(first, "unexplained"), part(second, "unexplained")) == (0, 0)


@pytest.mark.parametrize(
    ("zone", "night", "week"),
    [
        ("Europe/Berlin", utc(2026, 10, 25), "2026-W43"),  # 03:00 comes twice
        ("Europe/Berlin", utc(2026, 3, 29), "2026-W13"),  # 02:00 doesn't come
        ("America/New_York", utc(2026, 11, 1), "2026-W44"),
    ],
)
def test_the_night_clocks_change_costs_its_hours_once(tmp_path: Path, zone: str, night: datetime, week: str) -> None:
    instance = {
        "instance_id": "i-1",
        "environment": "steady",
        "stage": "prod",
        "instance_type": "m6i.large",
        "purchase": "on-demand",
        "vcpus": 2,
        "memory_mib": 8192,
        "started_at": pd.Timestamp(night),
        "ended_at": pd.Timestamp(night + 10 * HOUR),
    }
    on_ec2 = {"platform": "ec2", "environment": "steady", "instance_id": "i-1", "queue": "standard"}
    attempts = [attempt(1, night + HOUR / 2, night + 8 * HOUR, **on_ec2)]
    lines = [line(night.date(), "BoxUsage:m6i.large", "ec2", 10, INSTANCE_HOUR)]
    report = report_of(made_of(attempts, lines, [instance]), tmp_path, week=week, timezone=zone)
    assert (report.period.until - report.period.since).days == 7
    assert part(report, "jobs") == INSTANCE_HOUR * 15 // 2
    assert part(report, "idle of steady") == INSTANCE_HOUR * 5 // 2
    assert report.jobs[0].run_p50_s == 7.5 * 3600


def test_credits_and_refunds_stand_beside_the_bill_and_change_no_jobs_cost(world: Made, tmp_path: Path) -> None:
    day = date(2026, 11, 12)
    given_back = [
        line(day, "Credit", "other", 1, -5_000_000_000, record_type="credit", purchase=""),
        line(day, "Refund", "other", 1, -2_000_000_000, record_type="refund", purchase=""),
        line(day, "Tax", "other", 1, 700_000_000, record_type="tax", purchase=""),
    ]
    lines = pd.concat([world.bill_lines, pd.DataFrame(given_back)])
    plain = report_of(world, tmp_path / "plain", week="2026-W46")
    more = Made(attempts=world.attempts, instances=world.instances, bill_lines=lines, truth=world.truth)
    report = report_of(more, tmp_path / "more", week="2026-W46")
    apart = {one.name: one.cost_nano for one in report.identity.apart}
    assert apart == {"credit": -5_000_000_000, "refund": -2_000_000_000, "tax": 700_000_000}
    assert (report.total_nano, report.identity.lines) == (plain.total_nano, plain.identity.lines)
    assert (report.breakdowns, report.missing) == (plain.breakdowns, plain.missing)


def test_a_week_53_has_a_week_52_before_it_and_is_a_part_of_two_months(tmp_path: Path) -> None:
    made = make(World(seed=9, start=date(2026, 12, 21), days=14, instances=3, fargate_attempts=20))
    report = report_of(made, tmp_path, week="2026-W53", now=datetime(2027, 1, 4, 6, tzinfo=UTC))
    assert (report.period.since, report.period.until) == (date(2026, 12, 28), date(2027, 1, 4))
    assert report.previous is not None
    assert (report.period.label, report.previous.label) == ("2026-W53", "2026-W52")
    assert report.previous_total_nano
    lines = made.bill_lines
    week = lines[(lines["record_type"] == "usage") & (lines["day"] >= date(2026, 12, 28))]
    assert report.total_nano == int(week["cost_nano"].sum())
    assert report.forecast is not None
    assert report.forecast.month == "2027-01"


def test_a_bill_whose_latest_days_may_still_change_says_which(world: Made, tmp_path: Path) -> None:
    latest = Explorer(world.bill_lines, stage_tag=conventions.TAG_STAGE, closed_until=date(2026, 11, 14))
    report = report_of(world, tmp_path, week="2026-W46", client=latest)
    assert report.notes == ("the bill from 2026-11-14 on is AWS's estimate so far and may still change",)
    assert [day.day.day for day in report.days if day.estimated] == [14, 15]
    assert report.missing == ()


def test_a_price_on_demand_that_nobody_knows_is_said(world: Made, tmp_path: Path) -> None:
    report = report_of(world, tmp_path, week="2026-W46", prices=None)
    assert report.spot is not None
    assert report.spot.unpriced_nano > 0
    (said,) = [sentence for sentence in report.missing if sentence.startswith("the on-demand price of ")]
    assert said.endswith(" isn't known, so what its spot capacity saved isn't")


def test_a_day_the_bill_has_not_reached_is_neither_free_nor_guessed(world: Made, tmp_path: Path) -> None:
    def until_thursday(since: date, until: date) -> Bill:
        whole = explored(of(world), tmp_path)(since, until)
        return Bill(lines=[one for one in whole.lines if one["day"] < date(2026, 11, 13)])

    report = make_report(question(source_of(world, tmp_path / "ledger"), until_thursday))
    assert {day.day.day for day in report.days} <= {9, 10, 11, 12}
    assert any("attempts have no cost: the bill doesn't reach them" in sentence for sentence in report.missing)
