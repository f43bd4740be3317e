"""Users' schedules as EventBridge Scheduler keeps them: listed by pages, read one by one, several at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from jobs.schedule_times import ScheduleError, parse_bounded
from jobs.user_schedules import StageSchedules

_PAGE: Final = 100
"""As many as ListSchedules gives at once."""
_READERS: Final = 10
"""ListSchedules doesn't tell when a schedule fires: each is read, so many at a time."""
_UPDATED: Final = (
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "FlexibleTimeWindow",
    "Target",
    "ActionAfterCompletion",
    "KmsKeyArn",
)
"""What UpdateSchedule wants again, or forgets."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One schedule."""

    name: str
    """`<owner>.<name>`."""
    job: str
    schedulable: bool
    """Whether the stage still lets users schedule the job."""
    expression: str
    """As AWS has it: `cron(0 6 * * ? *)`."""
    timezone: str
    window_minutes: int | None
    start: datetime | None
    end: datetime | None
    parameters: Mapping[str, str]
    paused: bool
    next: datetime | None
    """When it is due next, in UTC; None while it is paused and when no time is left."""

    @property
    def owner(self) -> str:
        """Empty for a schedule that another program made without one."""
        owner, point, _ = self.name.partition(".")
        return owner if point else ""

    @property
    def local_next(self) -> datetime | None:
        """The same in its own time zone."""
        return None if self.next is None else self.next.astimezone(ZoneInfo(self.timezone))

    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "owner": self.owner,
            "job": self.job,
            "schedulable": self.schedulable,
            "expression": self.expression,
            "timezone": self.timezone,
            "window_minutes": self.window_minutes,
            "start": _text(self.start),
            "end": _text(self.end),
            "parameters": dict(self.parameters),
            "paused": self.paused,
            "next": _text(self.next),
        }


def names(client: Any, group: str, *, prefix: str = "") -> list[str]:
    """Names of all schedules of a group that begin with the prefix, sorted. Raises botocore's errors."""
    pages = client.get_paginator("list_schedules").paginate(
        GroupName=group, **({"NamePrefix": prefix} if prefix else {}), PaginationConfig={"PageSize": _PAGE}
    )
    return sorted({one["Name"] for page in pages for one in page["Schedules"]})


def read(
    client: Any,
    schedules: StageSchedules,
    wanted: Iterable[str],
    *,
    now: datetime,
    count: Callable[[int], None] = lambda _done: None,
) -> list[Entry]:
    """The named ones in their order, without those that are gone; `count` hears how many are done. Raises botocore's
    errors."""
    found: list[Entry] = []
    pool = ThreadPoolExecutor(_READERS)
    try:
        for done, one in enumerate(pool.map(lambda name: described(client, schedules.group, name), wanted), start=1):
            if one is not None:
                found.append(entry(one, schedules, now=now))
            count(done)
    finally:
        # Ctrl-C doesn't wait for thousands
        pool.shutdown(wait=False, cancel_futures=True)
    return found


def described(client: Any, group: str, name: str) -> Mapping[str, Any] | None:
    """GetSchedule's answer; None for one that is gone."""
    try:
        answer: Mapping[str, Any] = client.get_schedule(GroupName=group, Name=name)
    except client.exceptions.ResourceNotFoundException:
        return None
    return answer


def entry(one: Mapping[str, Any], schedules: StageSchedules, *, now: datetime) -> Entry:
    """From GetSchedule's answer."""
    request = _request(one)
    definition = str(request.get("JobDefinition") or "")
    job = schedules.job_of(definition)
    paused = one["State"] == "DISABLED"
    return Entry(
        name=one["Name"],
        job=job or definition.rpartition("/")[2] or "–",
        schedulable=job is not None,
        expression=one["ScheduleExpression"],
        timezone=one.get("ScheduleExpressionTimezone") or "UTC",
        window_minutes=(one.get("FlexibleTimeWindow") or {}).get("MaximumWindowInMinutes"),
        start=_utc(one.get("StartDate")),
        end=_utc(one.get("EndDate")),
        parameters={str(name): str(value) for name, value in (request.get("Parameters") or {}).items()},
        paused=paused,
        next=None if paused else next_firing(one, now=now),
    )


def next_firing(one: Mapping[str, Any], *, now: datetime) -> datetime | None:
    """When GetSchedule's schedule is due next if it isn't paused."""
    made = _utc(one.get("LastModificationDate")) or now
    start, end = _utc(one.get("StartDate")), _utc(one.get("EndDate"))
    try:
        times = parse_bounded(
            one["ScheduleExpression"],
            one.get("ScheduleExpressionTimezone") or "UTC",
            made_s=made.timestamp(),
            start_s=None if start is None else start.timestamp(),
            end_s=None if end is None else end.timestamp(),
        )
    except ScheduleError:
        return None  # AWS knows something we don't
    due_s = times.next_s(now.timestamp())
    return None if due_s is None else datetime.fromtimestamp(due_s, UTC)


def update(client: Any, one: Mapping[str, Any], *, paused: bool, now: datetime) -> None:
    """Pauses or resumes what GetSchedule described. Raises botocore's errors."""
    again = {key: one[key] for key in _UPDATED if one.get(key) is not None}
    start = _utc(one.get("StartDate"))
    if start is not None and start <= now:
        # AWS refuses a start that has passed
        del again["StartDate"]
    client.update_schedule(**again, State="DISABLED" if paused else "ENABLED")


def _request(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """SubmitJob's request; empty for a schedule that does something else."""
    try:
        request = json.loads((one.get("Target") or {}).get("Input") or "{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
