"""Ten thousand schedules: listed by pages, and fired by the local clock as an oracle of its own says."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from moto.scheduler.models import scheduler_backends

from local.emulator import scheduler
from local.emulator.context import EmulatorContext
from local.emulator.emulated_clock import EmulatedClock, Timetable
from local.emulator.scheduler.universal_target import SUBMIT_JOB
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, make_role, serving

COUNT = 10_000
GROUP = "users"
START = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""Berlin's clock skips from 2 to 3 on 29 March; Santiago's goes back at midnight of 4 April, Lord Howe's by half an
hour on the 5th."""
END = START + timedelta(days=8)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


class JumpingClock(EmulatedClock):
    """Shows at once the time that is waited for, and stops at the end."""

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(1.0, epoch_s=start.timestamp(), monotonic=lambda: 0.0)
        self._now_s, self._end_s = start.timestamp(), end.timestamp()
        self.started, self.ended = threading.Event(), threading.Event()

    def now_s(self) -> float:
        return self._now_s

    def real_seconds_until(self, due_s: float) -> float:
        if not self.started.is_set():
            return 3600.0
        if due_s > self._end_s:
            self._now_s = self._end_s
            self.ended.set()
            return 3600.0
        self._now_s = max(self._now_s, due_s)
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Made:
    """A schedule, and what the oracle needs to know of it: no expression."""

    name: str
    expression: str
    zone: str
    due: Callable[[Oracle], list[datetime]]
    start: datetime | None = None
    end: datetime | None = None
    state: str = "ENABLED"
    completion: str = "NONE"


class Oracle:
    """Goes through every minute there is, in UTC, and looks at the clock on the wall: it seeks no next time."""

    def __init__(self) -> None:
        self._walls: dict[str, dict[tuple[int, int], list[tuple[datetime, datetime]]]] = {}
        for zone in ZONES:
            by_time: dict[tuple[int, int], list[tuple[datetime, datetime]]] = defaultdict(list)
            at, last = START, None
            while at <= END:
                local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                # what the clock shows for the second time after it went back is no new time
                if last is None or local > last:
                    by_time[local.hour, local.minute].append((at, local))
                    last = local
                at += timedelta(minutes=1)
            self._walls[zone] = by_time

    def at(self, zone: str, hour: int, minute: int) -> list[tuple[datetime, datetime]]:
        """(UTC, local) of every time the clock shows this, first first."""
        return self._walls[zone][hour, minute]


def a_schedule(number: int, chance: random.Random) -> Made:
    """Weekly and daily ones mostly; hourly, by a rate, once, bounded."""
    name, zone = f"owner-{number % 97}.schedule-{number}", chance.choice(ZONES)
    hour, minute = chance.choice((0, 1, 2, 2, 3, 6, chance.randrange(24))), chance.randrange(60)
    daily = f"cron({minute} {hour} * * ? *)"
    kind = number % 20
    if kind == 0 or kind > 11:
        days = chance.sample(WEEKDAYS, 2)
        return Made(
            name=name,
            expression=f"cron({minute} {hour} ? * {','.join(sorted(days, key=WEEKDAYS.index))} *)",
            zone=zone,
            due=lambda oracle: [at for at, local in oracle.at(zone, hour, minute) if WEEKDAYS[local.weekday()] in days],
        )
    if kind in (1, 2):
        period, start = timedelta(hours=chance.randrange(5, 60)), START + timedelta(minutes=chance.randrange(1, 6000))
        return Made(
            name=name,
            expression=f"rate({period // timedelta(hours=1)} hours)",
            zone=zone,
            start=start,
            due=lambda oracle: [start + period * times for times in range(100) if start + period * times <= END],
        )
    if kind in (3, 4):
        wall = (START + timedelta(minutes=chance.randrange(24 * 60, 7 * 24 * 60))).replace(tzinfo=None)
        if not _exists(wall, zone):
            wall += timedelta(hours=1)
        return Made(
            name=name,
            expression=f"at({wall:%Y-%m-%dT%H:%M}:00)",
            zone=zone,
            completion=chance.choice(("NONE", "DELETE")),
            due=lambda oracle: [at for at, local in oracle.at(zone, wall.hour, wall.minute) if local == wall],
        )
    if kind == 5:
        start, end = START + timedelta(minutes=number // 4), END - timedelta(minutes=number // 3)
        return Made(
            name=name,
            expression=daily,
            zone=zone,
            start=start,
            end=end,
            due=lambda oracle: [at for at, _ in oracle.at(zone, hour, minute) if start <= at <= end],
        )
    if number % 1000 == 6:
        return Made(
            name=name,
            expression=f"cron({minute} * * * ? *)",
            zone=zone,
            due=lambda oracle: sorted(at for each in range(24) for at, _ in oracle.at(zone, each, minute)),
        )
    return Made(
        name=name,
        expression=daily,
        zone=zone,
        state="DISABLED" if kind == 7 else "ENABLED",
        due=lambda oracle: [] if kind == 7 else [at for at, _ in oracle.at(zone, hour, minute)],
    )


def _exists(wall: datetime, zone: str) -> bool:
    back = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    return back.replace(tzinfo=None) == wall


@dataclass(kw_only=True)
class World:
    context: EmulatorContext
    service: Any
    clock: JumpingClock
    made: Mapping[str, Made]
    fired: list[tuple[str, datetime]]
    """(name, due) in the order of firing."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All made at the start of the eight days; the clock hasn't begun to jump."""
    with serving(tmp_path_factory.mktemp("lane"), [scheduler.install], second_scale=1.0) as (context, (service,)):
        queue = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/standard"
        role = make_role(
            context, "users", service="scheduler.amazonaws.com", actions=["batch:SubmitJob"], resources=[queue]
        )
        client(context, "scheduler").create_schedule_group(Name=GROUP)
        clock, fired = JumpingClock(START, END), list[tuple[str, datetime]]()
        service.timetable.close()
        service.clock, service.timetable = clock, Timetable(clock, name="many")
        service._invoke = lambda schedule, due_s: fired.append((schedule.name, datetime.fromtimestamp(due_s, UTC)))
        chance = random.Random(2026)
        made = [a_schedule(number, chance) for number in range(COUNT)]
        target = {
            "Arn": SUBMIT_JOB,
            "RoleArn": role,
            "Input": json.dumps({"JobName": "n", "JobQueue": "standard", "JobDefinition": "d"}),
        }
        backend: Any = scheduler_backends[ACCOUNT][REGION]
        for one in made:
            backend.create_schedule(
                description=None,
                end_date=one.end and one.end.timestamp(),
                flexible_time_window={"Mode": "OFF"},
                group_name=GROUP,
                kms_key_arn=None,
                name=one.name,
                schedule_expression=one.expression,
                schedule_expression_timezone=one.zone,
                start_date=None,
                state=one.state,
                target=dict(target),
                action_after_completion=one.completion,
            )
            if one.start is not None:
                # moto compares a start with the machine's clock, which is years ahead or behind
                kept = backend.get_schedule(GROUP, one.name)
                kept.start_date = one.start.timestamp()
                service._changed(kept, GROUP, one.name)
        yield World(context=context, service=service, clock=clock, made={one.name: one for one in made}, fired=fired)


def pages(world: World, **wanted: Any) -> list[list[str]]:
    """Names of each page of ListSchedules."""
    paginator = client(world.context, "scheduler").get_paginator("list_schedules")
    found = paginator.paginate(GroupName=GROUP, PaginationConfig={"PageSize": 100}, **wanted)
    return [[one["Name"] for one in page["Schedules"]] for page in found]


def test_all_are_listed_once_by_pages_of_a_hundred(world: World) -> None:
    found = pages(world)
    assert {len(page) for page in found} == {100}
    assert sorted(name for page in found for name in page) == sorted(world.made)


def test_what_is_deleted_between_two_pages_hides_no_other(world: World) -> None:
    api = client(world.context, "scheduler")
    first = api.list_schedules(GroupName=GROUP, NamePrefix="owner-1", MaxResults=100)
    names = [one["Name"] for one in first["Schedules"]]
    kept = [scheduler_backends[ACCOUNT][REGION].get_schedule_group(GROUP).schedules.pop(name) for name in names]
    rest = api.list_schedules(GroupName=GROUP, NamePrefix="owner-1", NextToken=first["NextToken"])
    for one in kept:
        scheduler_backends[ACCOUNT][REGION].get_schedule_group(GROUP).add_schedule(one)
    second = [one["Name"] for one in rest["Schedules"]]
    own = sorted(name for name in world.made if name.startswith("owner-1"))
    assert (names, second) == (own[:100], own[100:200])


def test_a_prefix_and_a_state_choose(world: World) -> None:
    own = {name for name in world.made if name.startswith("owner-9.")}
    assert {name for page in pages(world, NamePrefix="owner-9.") for name in page} == own
    resting = {name for name, one in world.made.items() if one.state == "DISABLED"}
    assert {name for page in pages(world, State="DISABLED") for name in page} == resting
    assert own
    assert resting


@pytest.mark.parametrize("wrong", [{"MaxResults": 101}, {"NextToken": "nonsense"}])
def test_a_page_has_a_hundred_at_most_and_its_token_is_its_own(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        client(world.context, "scheduler").list_schedules(GroupName=GROUP, **wrong)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_ten_thousand_fire_when_they_are_due(world: World) -> None:
    """Eight days with three changes of the clock: none is missed, none comes twice, and they come in their order."""
    api, oracle = client(world.context, "scheduler"), Oracle()
    removed, paused = "owner-8.schedule-8", "owner-9.schedule-9"
    api.delete_schedule(GroupName=GROUP, Name=removed)
    kept = api.get_schedule(GroupName=GROUP, Name=paused)
    keys = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    api.update_schedule(GroupName=GROUP, Name=paused, State="DISABLED", **{key: kept[key] for key in keys})
    world.clock.started.set()
    with world.service.timetable._changed:
        world.service.timetable._changed.notify()
    eventually("the end of the eight days", world.clock.ended.is_set)

    due = {
        name: [] if name in (removed, paused) else [at for at in one.due(oracle) if at > START]
        for name, one in world.made.items()
    }
    assert Counter(world.fired) == Counter((name, at) for name, times in due.items() for at in times)
    times = [at for _, at in world.fired]
    assert times == sorted(times)
    assert len(times) > 30_000
    # what fired once and asked for it is gone
    once = {name for name, one in world.made.items() if one.completion == "DELETE"}
    eventually("the deletions", lambda: not once & {name for page in pages(world) for name in page})
    assert {name for page in pages(world) for name in page} == set(world.made) - once - {removed}
