"""When schedules fire: EventBridge's rules and Scheduler's schedules on the emulated clock, users' in what lists them.

jobs.schedule_expression reads the expressions; `at(yyyy-mm-ddThh:mm:ss)` is Scheduler's only.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.schedule_expression import Cron, Rate, ScheduleExpressionError, moment, parse

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class ScheduleError(ValueError):
    """An expression or a time zone that can't be read; the text tells which and why."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When something fires; times are seconds since 1970."""

    times: Cron | Rate | datetime  # a datetime fires once
    anchor: datetime  # rates count from it

    @property
    def once(self) -> bool:
        return isinstance(self.times, datetime)

    def next_s(self, after_s: float) -> float | None:
        """The first time after `after_s`; None if there is none any more."""
        after = self.moment(after_s)
        if isinstance(self.times, datetime):
            return self.times.timestamp() if self.times > after else None
        found = self.times.next_fire(after, anchor=self.anchor)
        return None if found is None else found.timestamp()

    @staticmethod
    def moment(epoch_s: float) -> datetime:
        return datetime.fromtimestamp(epoch_s, UTC)


def parse_schedule(expression: str, timezone: str, *, anchor_s: float) -> Schedule:
    """Raises ScheduleError."""
    anchor = Schedule.moment(anchor_s)
    try:
        once = _AT.fullmatch(expression)
        if once is not None:
            return Schedule(times=moment(once[1], timezone), anchor=anchor)
        return Schedule(times=parse(expression, timezone), anchor=anchor)
    except (ScheduleExpressionError, ValueError) as error:
        raise ScheduleError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """A schedule from its start to its end, both included."""

    schedule: Schedule
    start_s: float
    end_s: float

    def next_s(self, after_s: float) -> float | None:
        """The first time after `after_s`; None if there is none any more."""
        # a start is the first moment that counts, and Schedule looks behind its argument
        due_s = self.schedule.next_s(max(after_s, self.start_s - 0.001))
        return due_s if due_s is not None and due_s <= self.end_s else None


def parse_bounded(
    expression: str, timezone: str, *, made_s: float, start_s: float | None, end_s: float | None
) -> Bounded:
    """As EventBridge Scheduler keeps it; rates count from the start, without one from when it was made. Raises
    ScheduleError."""
    first_s = made_s if start_s is None else start_s
    return Bounded(
        schedule=parse_schedule(expression, timezone, anchor_s=first_s),
        start_s=first_s,
        end_s=math.inf if end_s is None else end_s,
    )
