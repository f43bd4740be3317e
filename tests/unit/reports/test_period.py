"""Weeks, days and their names, over year ends, week 53 and changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.problems import Problems
from reports.model.report import Period
from reports.period import FIRST_DAY, before, choose, days, last_week, to_come

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kolkata", "Pacific/Kiritimati")
NOW = datetime(2026, 11, 21, 13, tzinfo=UTC)
moments = st.integers(1_200_000_000, 3_700_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
ranges = st.tuples(st.dates(date(2008, 1, 1), date(2090, 1, 1)), st.integers(1, 400))


def asked(
    *, week: str | None = None, since: str | None = None, until: str | None = None, now: datetime = NOW
) -> Period:
    return choose(week=week, since=since, until=until, now=now, timezone="UTC")


@settings(max_examples=100)
@given(moments, st.sampled_from(ZONES))
def test_the_last_week_is_the_newest_that_is_over_for_people_and_bill(now: datetime, zone: str) -> None:
    week = last_week(now, zone)
    assert (week.since.weekday(), week.until - week.since) == (0, timedelta(days=7))
    over = [datetime.combine(week.until, datetime.min.time(), tzinfo=tz) for tz in (UTC, ZoneInfo(zone))]
    following = [datetime.combine(week.until + timedelta(days=7), datetime.min.time(), tzinfo=t.tzinfo) for t in over]
    assert all(end <= now for end in over)
    assert any(end > now for end in following)


@settings(max_examples=100)
@given(moments)
def test_a_weeks_name_reads_back_to_its_days(now: datetime) -> None:
    week = last_week(now, "UTC")
    assert asked(week=week.label, now=now) == week
    year, number, _ = week.since.isocalendar()
    assert week.label == f"{year}-W{number:02}"


@settings(max_examples=100)
@given(ranges)
def test_the_period_before_ends_where_it_begins_and_is_as_long(span: tuple[date, int]) -> None:
    period = days(span[0], span[0] + timedelta(days=span[1]))
    previous = before(period)
    assert previous is not None
    assert previous.until == period.since
    assert previous.until - previous.since == period.until - period.since or len(period.label) == len("2026-11")


@settings(max_examples=100)
@given(ranges)
def test_days_are_taken_as_written(span: tuple[date, int]) -> None:
    since, until = span[0], span[0] + timedelta(days=span[1])
    later = datetime(2099, 1, 1, tzinfo=UTC)
    period = asked(since=since.isoformat(), until=until.isoformat(), now=later)
    assert (period.since, period.until) == (since, until)


@pytest.mark.parametrize(
    ("now", "zone", "label"),
    [
        (datetime(2026, 11, 23, 0, 30, tzinfo=UTC), "UTC", "2026-W47"),
        # Sunday evening in Los Angeles, Monday in UTC
        (datetime(2026, 11, 23, 0, 30, tzinfo=UTC), "America/Los_Angeles", "2026-W46"),
        # Monday morning in Auckland, Sunday in UTC: the bill's Sunday isn't over
        (datetime(2026, 11, 22, 20, 0, tzinfo=UTC), "Pacific/Auckland", "2026-W46"),
        # Monday six o'clock, the shipped schedule, on both sides of the change of the clock
        (datetime(2026, 3, 30, 4, 0, tzinfo=UTC), "Europe/Berlin", "2026-W13"),
        (datetime(2026, 10, 26, 5, 0, tzinfo=UTC), "Europe/Berlin", "2026-W43"),
        (datetime(2027, 1, 4, 6, 0, tzinfo=UTC), "UTC", "2026-W53"),
        (datetime(2027, 1, 11, 6, 0, tzinfo=UTC), "UTC", "2027-W01"),
    ],
)
def test_the_last_week(now: datetime, zone: str, label: str) -> None:
    assert choose(now=now, timezone=zone).label == label


def test_week_53_crosses_the_year() -> None:
    week = asked(week="2026-W53", now=datetime(2027, 2, 1, tzinfo=UTC))
    assert (week.since, week.until) == (date(2026, 12, 28), date(2027, 1, 4))
    previous = before(week)
    assert previous is not None
    assert previous.label == "2026-W52"


def test_names() -> None:
    assert asked(since="2026-02-01", until="2026-03-01").label == "2026-02"
    assert asked(since="2026-11-20").label == "2026-11-20"
    assert asked(since="2026-11-21").label == "2026-11-21"  # today, as far as it has come
    assert asked(since="2026-11-18").label == "2026-11-18 to 2026-11-20"
    month = before(days(date(2026, 3, 1), date(2026, 4, 1)))
    assert month is not None
    assert month.label == "2026-02"
    assert before(days(FIRST_DAY, FIRST_DAY + timedelta(days=1))) is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"week": "47"}, "--week is '47'; a week is a year, -W and two digits; write for example 2026-W47"),
        ({"week": "2025-W53"}, "--week is 2025-W53; 2025 has the weeks 1 to 52; write 2025-W52"),
        ({"week": "2026-W00"}, "--week is 2026-W00; 2026 has the weeks 1 to 53; write 2026-W01"),
        ({"week": "0000-W01"}, "--week is 0000-W01; weeks count from 2007 on; write a later year"),
        (
            {"week": "2026-W50"},
            "--week is 2026-W50; it is 2026-11-21 in UTC, and what hasn't begun has no bill; name an earlier one",
        ),
        (
            {"week": "9999-W01"},
            "--week is 9999-W01; it is 2026-11-21 in UTC, and what hasn't begun has no bill; name an earlier one",
        ),
        ({"week": "2026-W54"}, "--week is 2026-W54; 2026 has the weeks 1 to 53; write 2026-W53"),
        (
            {"since": "9999-12-31"},
            "--since is 9999-12-31; it is 2026-11-21 in UTC, and what hasn't begun has no bill; name an earlier one",
        ),
        (
            {"since": "2026-11-22", "until": "2026-11-21"},
            "--since is 2026-11-22; it is 2026-11-21 in UTC, and what hasn't begun has no bill; name an earlier one",
        ),
        (
            {"since": "2026-11-16", "until": "9999-12-31"},
            "--until is 9999-12-31; it is 2026-11-21 in UTC, and a report ends 366 days after that at most; "
            "write 2026-11-22 for all there is",
        ),
        (
            {"since": "2026-11-16", "until": "2026-11-10"},
            "--until is 2026-11-10; it is a day after --since, 2026-11-16; the day itself is left out",
        ),
        (
            {"week": "2026-W47", "until": "2026-11-21"},
            "--week is given with --until; a report has one period; leave one out",
        ),
        ({"until": "2026-11-21"}, "--until is given alone; days have a beginning; give --since too"),
        (
            {"since": "2026-02-30"},
            "--since is '2026-02-30'; a day is year, month and day of the calendar; write for example 2026-11-16",
        ),
        ({"since": "1999-01-01"}, "--since is 1999-01-01; there are bills from 2006-01-01 on; write a later day"),
        (
            {"since": "2026-11-16", "until": "2026-11-16"},
            "--until is 2026-11-16; it is a day after --since, 2026-11-16; the day itself is left out",
        ),
    ],
)
def test_what_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(Problems) as raised:
        asked(**options)
    assert str(raised.value) == text


def test_a_running_period_says_what_is_to_come() -> None:
    assert to_come(asked(week="2026-W46"), NOW) == []
    assert to_come(asked(week="2026-W47"), NOW) == [
        "the hours of 2026-W47 after 2026-11-21 13:00 UTC; it ends with 2026-11-22"
    ]


@settings(max_examples=100)
@given(st.text(max_size=12))
def test_any_text_is_a_week_or_a_problem(text: str) -> None:
    for name in ("week", "since"):
        options: dict[str, Any] = {name: text}
        try:
            period = asked(**options)
        except Problems:
            continue
        assert period.since < period.until
