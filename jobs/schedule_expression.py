"""AWS's schedule expressions: `cron(…)` with six fields and `rate(…)`, and when they fire next."""

from __future__ import annotations

from zoneinfo import ZoneInfo


class ScheduleExpressionError(ValueError):
    """Text that is no schedule expression: got, allowed, remedy."""

    def __init__(self, got: str, allowed: str, remedy: str) -> None:
        self.got, self.allowed, self.remedy = got, allowed, remedy
        super().__init__(f"{got}; {allowed}; {remedy}")


def parse(text: str) -> object:
    return text


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
