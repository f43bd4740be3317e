"""AWS's schedule expressions, and when they fire next.

`cron(minutes hours day-of-month month day-of-week year)` with `, - * ? / L W #`, and `rate(value unit)`: the syntax of
EventBridge and EventBridge Scheduler (User Guide, "Schedule types", 2025). Two corners differ from other crons: exactly
one of the two days is `?`, and 1 is Sunday. Time zones as the Scheduler treats them: a local time that the clock skips
in spring doesn't fire, one that comes twice in autumn fires once.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.cron_fields import DAY_OF_MONTH, DAY_OF_WEEK, HOURS, MINUTES, MONTH, YEAR, Days, ScheduleExpressionError
from jobs.problems import suggestion

__all__ = ["Cron", "Rate", "ScheduleExpressionError", "moment", "parse", "with_seconds", "zone"]

_RATE = re.compile(r"(?P<value>[0-9]{1,9}) (?P<unit>[a-z]+)")
_UNITS_S = {"minute": 60, "hour": 3600, "day": 86_400}
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_LOCAL_EXAMPLE = "write for example 2027-01-01T06:00"
_CRON_EXAMPLE = 'write for example "0 6 ? * MON *": minutes hours day-of-month month day-of-week year'
_RATE_EXAMPLE = 'write for example "5 minutes" or "1 day"'


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`rate(5 minutes)`: again and again from `anchor` on, whatever the clock on the wall does."""

    period: timedelta

    def next_fire(self, after: datetime, *, anchor: datetime | None = None) -> datetime:
        """The first time after `after`, in UTC: anchor + n·period. Without an anchor, one period later."""
        _needs_zone(after)
        if anchor is None:
            return after.astimezone(UTC) + self.period
        if anchor > after:
            return anchor.astimezone(UTC)
        done = (after - anchor) // self.period
        return anchor.astimezone(UTC) + (done + 1) * self.period


@dataclass(frozen=True, kw_only=True)
class Cron:
    """`cron(…)` in a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def next_fire(self, after: datetime, *, anchor: datetime | None = None) -> datetime | None:  # noqa: ARG002
        """The first time after `after`, in UTC; None when there is none. A cron has no use for Rate's `anchor`."""
        _needs_zone(after)
        local = after.astimezone(self.timezone).replace(tzinfo=None)
        for year in self.years:
            if year < local.year:
                continue
            for month in self.months:
                if (year, month) < (local.year, local.month):
                    continue
                for day in self.days.in_month(year, month):
                    if (year, month, day) < (local.year, local.month, local.day):
                        continue
                    found = self._on(local.replace(year=year, month=month, day=day), local, after)
                    if found is not None:
                        return found
        return None

    def _on(self, day: datetime, local: datetime, after: datetime) -> datetime | None:
        """The first time of a local day after `after`, whose local time is `local`."""
        for hour in self.hours:
            for minute in self.minutes:
                # fold=0: of a time that comes twice the first counts, the second is no new time
                wanted = day.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
                if wanted < local:
                    continue
                at = wanted.replace(tzinfo=self.timezone).astimezone(UTC)
                # a time the clock skips comes back as another one
                if at > after and at.astimezone(self.timezone).replace(tzinfo=None) == wanted:
                    return at
        return None


def _needs_zone(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")


def parse(text: str, timezone: str = "UTC") -> Cron | Rate:
    """An expression with its word: `cron(0 6 ? * MON *)`, `rate(5 minutes)`. Raises ScheduleExpressionError."""
    if text.startswith("cron(") and text.endswith(")"):
        return _cron(text[5:-1], timezone)
    if text.startswith("rate(") and text.endswith(")"):
        return _rate(text[5:-1])
    raise ScheduleExpressionError(
        repr(text[:60]), "an expression is cron(…) or rate(…)", "write cron(0 6 ? * MON *) or rate(5 minutes)"
    )


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ScheduleExpressionError."""
    try:
        found = ZoneInfo(name) if name not in ("Factory", "localtime", "posixrules") and name.isascii() else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        found = None
    if found is None:
        remedy = suggestion(name, _zones(), otherwise="write UTC or a name like Europe/Berlin")
        raise ScheduleExpressionError(repr(name[:60]), "a time zone is an IANA name", remedy)
    return found


def with_seconds(text: str) -> str:
    """A local time as AWS writes it: `2027-01-01T06:00` → `2027-01-01T06:00:00`."""
    return text if text.count(":") == 2 else f"{text}:00"


def moment(text: str, timezone: str) -> datetime:
    """A local time (`2027-01-01T06:00`, seconds as one likes) in UTC; of a time that comes twice the first. Raises
    ScheduleExpressionError, for a time that the clock skips too: nobody says when it would fire."""
    if _LOCAL_TIME.fullmatch(text) is None:
        raise ScheduleExpressionError(
            repr(text[:60]), "a local time is year-month-dayThour:minute, without a zone", _LOCAL_EXAMPLE
        )
    found = zone(timezone)
    try:
        wanted = datetime.fromisoformat(text)
        at = wanted.replace(tzinfo=found).astimezone(UTC)
        exists = at.astimezone(found).replace(tzinfo=None) == wanted
    except (ValueError, OverflowError):
        raise ScheduleExpressionError(repr(text), "the day and the time must exist", _LOCAL_EXAMPLE) from None
    if not exists:
        raise ScheduleExpressionError(
            f"{text!r}, which the clock skips in {timezone}", "the time must exist there", "write an hour more"
        )
    return at


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    allowed = "a rate is a whole number and minute(s), hour(s) or day(s), with one space between"
    if match is None:
        remedy = "leave the word rate and its brackets out" if text.startswith("rate(") else _RATE_EXAMPLE
        raise ScheduleExpressionError(repr(text[:60]), allowed, remedy)
    value, unit = int(match["value"]), match["unit"]
    singular = unit.removesuffix("s")
    if singular not in _UNITS_S:
        words = [word for unit in _UNITS_S for word in (unit, f"{unit}s")]
        raise ScheduleExpressionError(repr(text[:60]), allowed, suggestion(unit, words, otherwise=_RATE_EXAMPLE))
    if value == 0:
        raise ScheduleExpressionError(repr(text), "a rate's number is 1 or more", _RATE_EXAMPLE)
    right = f"{value} {singular}" if value == 1 else f"{value} {singular}s"
    if text != right:
        allowed = "AWS wants the singular for 1 and the plural for more"
        raise ScheduleExpressionError(repr(text), allowed, f'write "{right}"')
    seconds = value * _UNITS_S[singular]
    if seconds > 366 * 100 * 86_400:
        raise ScheduleExpressionError(repr(text), "a rate is at most a hundred years", _RATE_EXAMPLE)
    return Rate(period=timedelta(seconds=seconds))


def _cron(text: str, timezone: str) -> Cron:
    if not (text.isascii() and text.isprintable()):
        allowed = "a cron is made of letters, digits, spaces and , - * ? / L W #"
        raise ScheduleExpressionError(repr(text[:60]), allowed, _CRON_EXAMPLE)
    parts = text.split()
    if len(parts) != 6:
        count = "1 field" if len(parts) == 1 else f"{len(parts)} fields"
        got = f"{text[:60]!r} with {count}"
        remedy = "leave the word cron and its brackets out" if text.startswith("cron(") else _CRON_EXAMPLE
        if len(parts) == 5 and not text.startswith("cron("):
            remedy = "from Unix's form: add a year, turn one of the two days into ?, count Sunday as 1"
        raise ScheduleExpressionError(got, "AWS's cron has six fields", remedy)
    minutes, hours, day_of_month, month, day_of_week, year = parts
    if (day_of_month == "?") == (day_of_week == "?"):
        got = f"{text[:60]!r} with {'both' if day_of_week == '?' else 'none'} of the two days as ?"
        remedy = f"write {minutes} {hours} * {month} ? {year}" if day_of_week == "?" else _one_question_mark(parts)
        raise ScheduleExpressionError(got, "exactly one of day-of-month and day-of-week is ?", remedy[:200])
    days = Days(
        of_month=None if day_of_month == "?" else DAY_OF_MONTH.parse_days(day_of_month),
        of_week=None if day_of_week == "?" else DAY_OF_WEEK.parse_days(day_of_week),
    )
    cron = Cron(
        minutes=MINUTES.parse(minutes),
        hours=HOURS.parse(hours),
        days=days,
        months=MONTH.parse(month),
        years=YEAR.parse(year),
        timezone=zone(timezone),
    )
    if not any(days.in_month(each_year, each_month) for each_year in cron.years for each_month in cron.months):
        raise ScheduleExpressionError(
            f"{text[:60]!r}, which never comes", "the day must exist in one of the months", "change day or month"
        )
    return cron


def _one_question_mark(parts: list[str]) -> str:
    minutes, hours, day_of_month, month, day_of_week, year = parts
    if day_of_month == "*":
        return f"write {minutes} {hours} ? {month} {day_of_week} {year}"
    return f"write {minutes} {hours} {day_of_month} {month} ? {year}"
