"""AWS's cron and rate: what they accept, and when they fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.schedule_expression import Cron, Rate, ScheduleExpressionError, parse, zone

BERLIN = ZoneInfo("Europe/Berlin")


def fires(expression: str, after: str, timezone: str = "UTC", count: int = 3) -> list[str]:
    """Local times of the next fires."""
    schedule = parse(expression, timezone)
    moment = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    found = []
    for _ in range(count):
        following = schedule.next_fire(moment)
        if following is None:
            break
        found.append(following.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M"))
        moment = following
    return found


# November 2026 begins on a Sunday; the 14th and 28th are Saturdays
@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 6 ? * MON *", ["2026-11-02 06:00", "2026-11-09 06:00", "2026-11-16 06:00"]),
        ("0 6 ? * 2 *", ["2026-11-02 06:00", "2026-11-09 06:00", "2026-11-16 06:00"]),
        ("0 18 ? * MON-FRI *", ["2026-11-02 18:00", "2026-11-03 18:00", "2026-11-04 18:00"]),
        ("0/25 8-9 1 * ? *", ["2026-11-01 08:00", "2026-11-01 08:25", "2026-11-01 08:50"]),
        ("15,45 0 1 JAN,JUL ? *", ["2027-01-01 00:15", "2027-01-01 00:45", "2027-07-01 00:15"]),
        ("30 2 L * ? *", ["2026-11-30 02:30", "2026-12-31 02:30", "2027-01-31 02:30"]),
        ("0 8 LW * ? *", ["2026-11-30 08:00", "2026-12-31 08:00", "2027-01-29 08:00"]),
        ("0 8 14W * ? *", ["2026-11-13 08:00", "2026-12-14 08:00", "2027-01-14 08:00"]),
        ("0 8 1W * ? *", ["2026-11-02 08:00", "2026-12-01 08:00", "2027-01-01 08:00"]),
        ("0 0 ? * 3#2 *", ["2026-11-10 00:00", "2026-12-08 00:00", "2027-01-12 00:00"]),
        ("0 0 ? * SUN#5 *", ["2026-11-29 00:00", "2027-01-31 00:00", "2027-02-28 00:00"][:2]),
        ("0 0 ? * 6L *", ["2026-11-27 00:00", "2026-12-25 00:00", "2027-01-29 00:00"]),
        ("0 0 ? * FRIL *", ["2026-11-27 00:00", "2026-12-25 00:00", "2027-01-29 00:00"]),
        ("0 0 ? * L *", ["2026-11-07 00:00", "2026-11-14 00:00", "2026-11-21 00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("0 0 31 12 ? 2026-2027", ["2026-12-31 00:00", "2027-12-31 00:00"]),
    ],
)
def test_cron_fires_when_aws_says(cron: str, expected: list[str]) -> None:
    assert fires(f"cron({cron})", "2026-10-31T23:59", count=len(expected)) == expected


def test_a_cron_whose_years_are_over_fires_no_more() -> None:
    assert parse("cron(0 0 1 1 ? 2020)").next_fire(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_time_the_clock_skips_in_spring_does_not_fire() -> None:
    assert fires("cron(30 2 * * ? *)", "2026-03-28T03:00", "Europe/Berlin", 2) == [
        "2026-03-30 02:30",
        "2026-03-31 02:30",
    ]


def test_a_time_that_comes_twice_in_autumn_fires_once() -> None:
    schedule = parse("cron(30 2 * * ? *)", "Europe/Berlin")
    first = schedule.next_fire(datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert schedule.next_fire(first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    # asked inside the hour that comes again
    again = datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1)
    assert schedule.next_fire(again) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_cron_keeps_its_local_hour_over_the_year() -> None:
    assert fires("cron(0 6 1 4,11 ? *)", "2026-01-01T00:00", "America/New_York", 2) == [
        "2026-04-01 06:00",
        "2026-11-01 06:00",
    ]


def test_a_rate_counts_from_its_anchor() -> None:
    schedule = parse("rate(5 minutes)")
    anchor = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    assert schedule == Rate(period=timedelta(minutes=5))
    assert schedule.next_fire(anchor) == anchor + timedelta(minutes=5)
    assert schedule.next_fire(anchor + timedelta(minutes=12), anchor=anchor) == anchor + timedelta(minutes=15)
    assert schedule.next_fire(anchor + timedelta(minutes=15), anchor=anchor) == anchor + timedelta(minutes=20)
    assert schedule.next_fire(anchor - timedelta(days=1), anchor=anchor) == anchor


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        parse("rate(1 day)").next_fire(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("0 6 * * *", "an expression is cron(…) or rate(…)"),
        ("cron(0 6 * * MON)", "'0 6 * * MON' with 5 fields; AWS's cron has six fields; from Unix's form"),
        (
            "cron(0 6 * * MON *)",
            "with none of the two days as ?; exactly one of day-of-month and day-of-week is ?; write 0 6 ? * MON *",
        ),
        ("cron(0 6 1 * MON *)", "exactly one of day-of-month and day-of-week is ?; write 0 6 1 * ? *"),
        (
            "cron(0 6 ? * ? *)",
            "with both of the two days as ?; exactly one of day-of-month and day-of-week is ?; write 0 6 * * ? *",
        ),
        ("cron(60 6 ? * MON *)", "'60' as minutes; minutes is 0–59 with , - * /"),
        ("cron(0 24 ? * MON *)", "'24' as hours; hours is 0–23"),
        ("cron(0 6 0 * ? *)", "'0' as day-of-month; day-of-month is 1–31"),
        ("cron(0 6 ? * 0 *)", "'0' as day-of-week; day-of-week is 1–7 or SUN–SAT"),
        ("cron(0 6 ? * mon *)", "write MON"),
        ("cron(0 6 ? * FRI-MON *)", "split it: FRI-SAT,SUN-MON"),
        ("cron(0 6 ? * 3#6 *)", "the number after # is 1–5"),
        ("cron(0 6 ? * 2/2 *)", "'2/2' as day-of-week"),
        ("cron(0/0 6 ? * MON *)", "a step is 1 or more"),
        ("cron(0 6 30 2 ? *)", "which never comes; the day must exist in one of the months"),
        ("cron(0 6 29 2 ? 2027)", "which never comes"),
        ("cron(0 6 ? * MON 1969)", "'1969' as year; year is 1970–2199"),
        ("cron(0 6 ? * MON, *)", "'' in 'MON,' as day-of-week"),
        ("cron(٣ 6 ? * MON *)", "a cron is made of letters, digits, spaces and , - * ? / L W #"),
        ("cron(0 6 \xad? * MON *)", "'0 6 \\xad? * MON *'; a cron is made of"),
        ("cron()", "with 0 fields; AWS's cron has six fields"),
        ("rate(1 minutes)", "'1 minutes'; AWS wants the singular for 1 and the plural for more; write \"1 minute\""),
        ("rate(5 minute)", 'write "5 minutes"'),
        ("rate(05 minutes)", 'write "5 minutes"'),
        ("rate(0 days)", "a rate's number is 1 or more"),
        ("rate(5 minuts)", "did you mean minutes?"),
        ("rate(2 weeks)", "minute(s), hour(s) or day(s)"),
        ("rate(1.5 hours)", "a rate is a whole number"),
        ("rate(999999999 days)", "at most a hundred years"),
    ],
)
def test_what_is_wrong_is_said(text: str, error: str) -> None:
    with pytest.raises(ScheduleExpressionError) as raised:
        parse(text)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../UTC", "/etc/passwd", "utc\0", "Europe/Bérlin", "localtime"]
)
def test_a_name_that_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleExpressionError, match="a time zone is an IANA name"):
        zone(name)


def test_a_misspelt_time_zone_gets_a_suggestion() -> None:
    with pytest.raises(ScheduleExpressionError, match=r"did you mean Europe/Berlin\?"):
        zone("Europe/Berln")


minutes = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True)
hours = st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True)
months = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)
weekdays = st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def joined(values: list[int]) -> str:
    return ",".join(str(value) for value in values)


@given(minutes, hours, months, weekdays, moments)
@settings(max_examples=100, deadline=None)
def test_plain_crons_agree_with_an_independent_implementation(
    minute: list[int], hour: list[int], month: list[int], weekday: list[int], after: datetime
) -> None:
    ours = parse(f"cron({joined(minute)} {joined(hour)} ? {joined(month)} {joined(weekday)} *)")
    # Unix counts Sunday as 0
    unix = f"{joined(minute)} {joined(hour)} * {joined(month)} {joined([day - 1 for day in weekday])}"
    assert ours.next_fire(after) == croniter(unix, after).get_next(datetime)


zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
)


@given(minutes, hours, st.sampled_from(["?", "*", "1", "31", "L", "LW", "15W", "1/7"]), weekdays, zones, moments)
@settings(max_examples=100, deadline=None)
def test_a_fire_is_later_matches_the_fields_and_none_lies_between(
    minute: list[int], hour: list[int], day: str, weekday: list[int], name: str, after: datetime
) -> None:
    week = joined(weekday) if day == "?" else "?"
    schedule = parse(f"cron({joined(minute)} {joined(hour)} {day} * {week} *)", name)
    following = schedule.next_fire(after)
    assert following is not None
    assert after < following <= after + timedelta(days=100)
    local = following.astimezone(ZoneInfo(name))
    assert local.minute in minute
    assert local.hour in hour
    assert (local.second, local.microsecond, local.fold) == (0, 0, 0)
    # whoever asks a moment earlier, or half-way, gets the same answer
    assert schedule.next_fire(following - timedelta(seconds=1)) == following
    assert schedule.next_fire(after + (following - after) / 2) == following


@given(st.one_of(st.text(max_size=40), st.text(alphabet="0123456789*?/,-LW# MONcronrate()", max_size=30)))
@settings(max_examples=100, deadline=None)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    for candidate in (text, f"cron({text})", f"rate({text})", f"cron(0 {text} ? * MON *)", f"cron(0 6 {text} * ? *)"):
        schedule = parsed(candidate)
        if isinstance(schedule, ScheduleExpressionError):
            assert schedule.got
            assert schedule.allowed
            assert schedule.remedy
        else:
            following = schedule.next_fire(datetime(2026, 1, 1, tzinfo=UTC))
            assert following is None or following > datetime(2026, 1, 1, tzinfo=UTC)


def parsed(text: str) -> Cron | Rate | ScheduleExpressionError:
    try:
        return parse(text)
    except ScheduleExpressionError as error:
        return error
