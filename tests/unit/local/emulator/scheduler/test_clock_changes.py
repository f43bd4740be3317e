"""Schedules across changes of the clock, on an emulated clock that jumps from one due time to the next."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Hashable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.schedule_expression import ScheduleExpressionError, moment
from local.emulator import scheduler
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock
from local.emulator.scheduler.universal_target import SUBMIT_JOB
from tests.unit.local.emulator.moto_server import ACCOUNT, client, make_role, serving

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "America/Santiago",  # at midnight
    "Pacific/Apia",  # left out a day
    "Africa/Casablanca",
    "Asia/Kolkata",
]
DAYS = 400
FIRST = datetime(2011, 1, 1, tzinfo=UTC)


class Jumps:
    """A timetable that is run by hand: the clock jumps to what is due next."""

    def __init__(self, start: datetime) -> None:
        self.now_s = start.timestamp()
        self.clock = EmulatedClock(1.0, epoch_s=0.0, monotonic=lambda: self.now_s)
        self.clock._started_s = 0.0
        self._heap: list[tuple[float, int, Callable[[], float | None]]] = []
        self._numbers = itertools.count()

    def at(self, due_s: float, act: Callable[[], float | None], *, key: Hashable | None = None) -> None:
        heapq.heappush(self._heap, (due_s, next(self._numbers), act))

    def cancel(self, key: Hashable) -> None:
        self._heap.clear()

    def run_until(self, end: datetime) -> None:
        while self._heap and self._heap[0][0] <= end.timestamp():
            self.now_s, _, act = heapq.heappop(self._heap)
            again_s = act()
            if again_s is not None:
                self.at(again_s, act)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorContext, Any]]:
    with serving(tmp_path_factory.mktemp("lane"), [scheduler.install], second_scale=0.01) as (context, (service,)):
        make_role(
            context,
            "schedules",
            service="scheduler.amazonaws.com",
            actions=["batch:SubmitJob"],
            resources=["arn:aws:batch:us-east-1:123456789012:job-queue/standard"],
        )
        yield context, service


def firings(
    server: tuple[EmulatorContext, Any], expression: str, zone: str, start: datetime, *, window_minutes: int = 0
) -> list[tuple[datetime, datetime]]:
    """(due, fired) of every firing within DAYS of `start`, made through the API and fired by the service."""
    context, service = server
    api = client(context, "scheduler")
    jumps, found = Jumps(start), []
    before = service.timetable, service.clock, service._invoke
    service.timetable, service.clock = jumps, jumps.clock
    service._invoke = lambda _schedule, due_s: found.append((due_s, jumps.now_s))
    flexible = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": window_minutes} if window_minutes else {"Mode": "OFF"}
    given_input = {"JobName": "n", "JobQueue": "standard", "JobDefinition": "d"}
    try:
        api.create_schedule(
            Name="changes",
            ScheduleExpression=expression,
            ScheduleExpressionTimezone=zone,
            FlexibleTimeWindow=flexible,
            Target={
                "Arn": SUBMIT_JOB,
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/schedules",
                "Input": json.dumps(given_input),
            },
        )
        jumps.run_until(start + timedelta(days=DAYS))
        api.delete_schedule(Name="changes")
    finally:
        service.timetable, service.clock, service._invoke = before
    return [(datetime.fromtimestamp(due_s, UTC), datetime.fromtimestamp(at_s, UTC)) for due_s, at_s in found]


def existing(day: date, hour: int, minute: int, zone: str) -> datetime | None:
    """The local time in UTC, of two the first; None where the clock skips it."""
    local = datetime.combine(day, time(hour, minute))
    at = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return at if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local else None


STARTS = st.integers(0, 19 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
RUNS = settings(max_examples=25)


@RUNS
@given(zone=st.sampled_from(ZONES), hour=st.integers(0, 3), minute=st.sampled_from([0, 15, 30, 59]), start=STARTS)
def test_a_daily_time_fires_once_a_day_that_has_it(
    server: Any, zone: str, hour: int, minute: int, start: datetime
) -> None:
    fired = [due for due, _ in firings(server, f"cron({minute} {hour} * * ? *)", zone, start)]
    first = start.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    days = (existing(first + timedelta(days=number), hour, minute, zone) for number in range(DAYS + 4))
    assert fired == [at for at in days if at is not None and start < at <= start + timedelta(days=DAYS)]


@RUNS
@given(zone=st.sampled_from(ZONES), day=st.dates(date(2011, 1, 2), date(2029, 1, 1)), hour=st.integers(0, 3))
def test_one_time_fires_once_or_is_refused_where_the_clock_skips_it(
    server: Any, zone: str, day: date, hour: int
) -> None:
    text = f"{day}T{hour:02}:30:00"
    wanted = existing(day, hour, 30, zone)
    if wanted is None:
        with pytest.raises(ScheduleExpressionError, match="which the clock skips"):
            moment(text, zone)
        return
    start = wanted - timedelta(days=2)
    assert [due for due, _ in firings(server, f"at({text})", zone, start)] == [wanted]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_window_moves_firings_within_it_and_loses_none(server: Any, day: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(hours=1)
    plain = [due for due, _ in firings(server, "cron(0/30 * * * ? *)", "Europe/Berlin", start)]
    moved = firings(server, "cron(0/30 * * * ? *)", "Europe/Berlin", start, window_minutes=45)
    assert [due for due, _ in moved] == plain[: len(moved)]
    assert len(plain) - len(moved) <= 2  # the last may be due after the end
    late = [fired - due for due, fired in moved]
    assert timedelta(0) <= min(late)
    assert max(late) <= timedelta(minutes=45)
    assert len(set(late)) > len(late) / 2


def test_a_rate_does_not_know_the_clock_on_the_wall(server: Any) -> None:
    start = datetime(2026, 3, 28, 22, tzinfo=UTC)
    fired = [due for due, _ in firings(server, "rate(1 hour)", "Europe/Berlin", start)]
    assert {later - earlier for earlier, later in itertools.pairwise(fired)} == {timedelta(hours=1)}
