from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from jobs.schedule_times import Schedule, ScheduleError, parse_schedule
from local.emulator.emulated_clock import EmulatedClock, Timetable
from tests.unit.local.emulator.moto_server import eventually


def test_emulated_seconds_pass_by_the_scale() -> None:
    real_s = [100.0]
    clock = EmulatedClock(0.05, epoch_s=1_000_000, monotonic=lambda: real_s[0])
    real_s[0] += 3
    assert clock.now_s() == pytest.approx(1_000_060)
    assert clock.real_seconds_until(1_000_120) == pytest.approx(3)
    with pytest.raises(ValueError, match="must be above 0"):
        EmulatedClock(0)


def test_ten_thousand_entries_run_in_order() -> None:
    # it stands still: what is due in a minute is never due, however slow the machine
    clock = EmulatedClock(0.001, monotonic=lambda: 0.0)
    timetable = Timetable(clock, name="test")
    ran: list[int] = []
    try:
        start_s = clock.now_s()
        for number in reversed(range(10_000)):
            timetable.at(start_s + 60_000 + number, lambda number=number: ran.append(number), key=number)  # type: ignore[misc]
        assert timetable.waiting() == 10_000
        for number in range(10_000):
            due_s = start_s - 20_000 + number
            timetable.at(due_s, lambda number=number: ran.append(number), key=number)  # type: ignore[misc]
        eventually("all entries", lambda: len(ran) >= 10_000)
        assert set(ran) == set(range(10_000))
        assert len(ran) == 10_000
        assert timetable.waiting() == 0
    finally:
        timetable.close()


def test_keys_replace_and_cancel() -> None:
    # The clock stands still until everything is planned, however slow the machine.
    monotonic_s = [0.0]
    clock = EmulatedClock(0.001, monotonic=lambda: monotonic_s[0])
    timetable = Timetable(clock, name="test")
    done = threading.Event()
    ran: list[str] = []
    try:
        now_s = clock.now_s()
        timetable.at(now_s + 50, lambda: ran.append("replaced"), key="a")
        timetable.at(now_s + 60, lambda: ran.append("kept"), key="a")
        timetable.at(now_s + 70, lambda: ran.append("cancelled"), key="b")
        timetable.cancel("b")
        timetable.at(now_s + 80, lambda: [][0])
        timetable.at(now_s + 90, done.set)
        monotonic_s[0] = 1.0
        assert done.wait(240)
        assert ran == ["kept"]
    finally:
        timetable.close()


def test_an_act_runs_again_unless_it_is_cancelled_while_it_runs() -> None:
    clock = EmulatedClock(0.001)
    timetable = Timetable(clock, name="test")
    ran: list[float] = []

    def act() -> float:
        ran.append(clock.now_s())
        if len(ran) == 3:
            timetable.cancel("again")
        return clock.now_s() + 10

    try:
        timetable.at(clock.now_s(), act, key="again")
        eventually("the end of the repetitions", lambda: timetable.waiting() == 0)
        assert len(ran) == 3
    finally:
        timetable.close()


def test_a_time_zone_and_its_summer_time() -> None:
    # Berlin goes to summer time on 29 March 2026 at 2:00.
    friday_s = datetime(2026, 3, 27, 12, tzinfo=UTC).timestamp()
    schedule = parse_schedule("cron(0 6 ? * * *)", "Europe/Berlin", anchor_s=friday_s)
    found: list[datetime] = []
    at_s: float | None = friday_s
    for _ in range(3):
        assert at_s is not None
        at_s = schedule.next_s(at_s)
        assert at_s is not None
        found.append(Schedule.moment(at_s))
    assert [moment.hour for moment in found] == [5, 4, 4]


def test_rates_count_from_their_anchor_and_at_fires_once() -> None:
    rate = parse_schedule("rate(5 minutes)", "UTC", anchor_s=1000)
    assert rate.next_s(1000) == 1300
    assert rate.next_s(1301) == 1600
    once = parse_schedule("at(2026-07-01T12:00:00)", "Europe/Berlin", anchor_s=0)
    assert once.next_s(0) == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()
    assert once.next_s(time.time() + 10**10) is None
    for text, zone in (("cron(0 6 * * * *)", "UTC"), ("at(tomorrow)", "UTC"), ("rate(5 minutes)x", "UTC")):
        with pytest.raises(ScheduleError):
            parse_schedule(text, zone, anchor_s=0)
    with pytest.raises(ScheduleError, match="IANA"):
        parse_schedule("cron(0 6 ? * * *)", "Europe/Berlln", anchor_s=0)
