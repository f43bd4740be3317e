"""What stretch of days a report is about. Days are UTC's, as AWS bills them; which week is over is the stage's affair.

Weeks are ISO's: Monday to Sunday, week 1 holds the year's first Thursday, some years have a week 53.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from jobs.problems import Problems, one_problem
from reports.model.report import Period

FIRST_DAY: Final = date(2006, 1, 1)
"""AWS billed nothing before."""
AHEAD: Final = timedelta(days=366)
"""A period that is running may end as much later than today."""
_WEEK: Final = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ONE_WEEK: Final = timedelta(days=7)
_ONE_DAY: Final = timedelta(days=1)


def choose(
    *, week: str | None = None, since: str | None = None, until: str | None = None, now: datetime, timezone: str
) -> Period:
    """The period that was asked for: a week, days from `since` to before `until`, or the last whole week.

    `now` is aware; `timezone` is the stage's. Without `until`, days go to the last whole one. Raises Problems.
    """
    today = whole_until(now, timezone)
    if week is not None and (since is not None or until is not None):
        raise one_problem(
            "--week",
            f"given with {'--since' if since is not None else '--until'}",
            "a report has one period",
            "leave one out",
        )
    if week is not None:
        return _started(_week(week, now), now, "--week", week)
    if since is not None:
        begin = _started_day(_day("--since", since), now, "--since", since)
        end = max(today, begin + _ONE_DAY) if until is None else _day("--until", until)
        if end <= begin:
            raise one_problem("--until", str(end), f"it is a day after --since, {begin}", "the day itself is left out")
        utc_today = now.astimezone(UTC).date()
        if end - utc_today > AHEAD:
            raise one_problem(
                "--until",
                str(end),
                f"it is {utc_today} in UTC, and a report ends {AHEAD.days} days after that at most",
                f"write {utc_today + _ONE_DAY} for all there is",
            )
        return days(begin, end)
    if until is not None:
        raise one_problem("--until", "given alone", "days have a beginning", "give --since too")
    return last_week(now, timezone)


def last_week(now: datetime, timezone: str) -> Period:
    """The last ISO week that is over, for people in `timezone` and for the bill."""
    today = whole_until(now, timezone)
    monday = today - timedelta(days=today.weekday())
    return days(monday - _ONE_WEEK, monday)


def week_over_in(now: datetime, timezone: str) -> Period:
    """The last ISO week that is over for people in `timezone`: east of UTC, the bill's last hours are still to come."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    monday = today - timedelta(days=today.weekday())
    return days(monday - _ONE_WEEK, monday)


def whole_until(now: datetime, timezone: str) -> date:
    """The day before which every day is over: in UTC, where AWS closes it, and where the people are."""
    return min(now.astimezone(UTC).date(), now.astimezone(ZoneInfo(timezone)).date())


def days(since: date, until: date) -> Period:
    """The days from `since` to before `until`, called a week, a month or a day where they are one."""
    return Period(since=since, until=until, label=_label(since, until))


def before(period: Period) -> Period | None:
    """The days of equal number just before; a month's are the month before. None where there were none."""
    length = period.until - period.since
    if _is_month(period.since, period.until):
        length = timedelta(days=(period.since - _ONE_DAY).day)
    since = period.since - length
    return days(since, period.since) if since >= FIRST_DAY else None


def to_come(period: Period, now: datetime) -> list[str]:
    """What of the period isn't over yet, in a sentence; none of one that is over."""
    utc = now.astimezone(UTC)
    if period.until <= utc.date():
        return []
    return [f"the hours of {period.label} after {utc:%Y-%m-%d %H:%M} UTC; it ends with {period.until - _ONE_DAY}"]


def _label(since: date, until: date) -> str:
    if until - since == _ONE_WEEK and since.weekday() == 0:
        year, week, _ = since.isocalendar()
        return f"{year}-W{week:02}"
    if _is_month(since, until):
        return f"{since:%Y-%m}"
    last = until - _ONE_DAY
    return since.isoformat() if last == since else f"{since} to {last}"


def _is_month(since: date, until: date) -> bool:
    return since.day == 1 and until == (since + timedelta(days=31)).replace(day=1)


def _week(text: str, now: datetime) -> Period:
    found = _WEEK.fullmatch(text.strip())
    if not found:
        raise one_problem("--week", repr(text), "a week is a year, -W and two digits", "write for example 2026-W47")
    year, number = int(found[1]), int(found[2])
    if year > now.astimezone(UTC).year + 1:
        raise _not_begun("--week", text, now)
    if year <= FIRST_DAY.year:
        raise one_problem("--week", text, f"weeks count from {FIRST_DAY.year + 1} on", "write a later year")
    last = date(year, 12, 28).isocalendar().week  # the 28th is always in the year's last week
    if not 1 <= number <= last:
        raise one_problem(
            "--week", text, f"{year} has the weeks 1 to {last}", f"write {year}-W{min(max(number, 1), last):02}"
        )
    monday = date.fromisocalendar(year, number, 1)
    return days(monday, monday + _ONE_WEEK)


def _day(option: str, text: str) -> date:
    try:
        if not _DAY.fullmatch(text.strip()):
            raise ValueError(text)
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise one_problem(
            option, repr(text), "a day is year, month and day of the calendar", "write for example 2026-11-16"
        ) from None
    if day < FIRST_DAY:
        raise one_problem(option, text, f"there are bills from {FIRST_DAY} on", "write a later day")
    return day


def _started(period: Period, now: datetime, option: str, text: str) -> Period:
    _started_day(period.since, now, option, text)
    return period


def _started_day(day: date, now: datetime, option: str, text: str) -> date:
    if day > now.astimezone(UTC).date():
        raise _not_begun(option, text, now)
    return day


def _not_begun(option: str, text: str, now: datetime) -> Problems:
    today = now.astimezone(UTC).date()
    return one_problem(option, text, f"it is {today} in UTC, and what hasn't begun has no bill", "name an earlier one")
