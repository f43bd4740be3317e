"""A schedule expression with its time zone, on the emulated clock: EventBridge's rules and Scheduler's schedules fire
by it.

jobs.schedule_expression reads them; `at(yyyy-mm-ddThh:mm:ss)` is Scheduler's only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.schedule_expression import Cron, Rate, ScheduleExpressionError, moment, parse

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class ScheduleError(ValueError):
    """An expression or a time zone that can't be read; the text tells which and why."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When something fires; times are emulated seconds since 1970."""

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
