"""The six fields of AWS's cron, each with the characters it takes."""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_STEPPED = re.compile(r"(?P<range>[^/]+)(?:/(?P<step>[0-9]{1,4}))?")

DayRule = Callable[[int, int], "int | None"]
"""(year, month) → the day of that month, or None when it has none."""


class ScheduleExpressionError(ValueError):
    """Text that is no schedule expression: got, allowed, remedy."""

    def __init__(self, got: str, allowed: str, remedy: str) -> None:
        self.got, self.allowed, self.remedy = got, allowed, remedy
        super().__init__(f"{got}; {allowed}; {remedy}")


@dataclass(frozen=True, kw_only=True)
class CronField:
    """A field of plain values: numbers, perhaps with names, ranges, lists and steps."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """Names of low, low + 1, …"""
    steps: bool = True

    @property
    def allowed(self) -> str:
        named = f" or {self.words[0]}–{self.words[-1]}" if self.words else ""
        return f"{self.name} is {self.low}–{self.high}{named} with {self._characters()}"

    def _characters(self) -> str:
        return ", - * /" if self.steps else ", - *"

    def parse(self, text: str) -> tuple[int, ...]:
        """Its values in ascending order. Raises ScheduleExpressionError."""
        values: set[int] = set()
        for part in text.split(","):
            values.update(self.part(part, text))
        return tuple(sorted(values))

    def part(self, part: str, whole: str) -> range:
        match = _STEPPED.fullmatch(part)
        if match is None or (match["step"] is not None and not self.steps):
            raise self.error(part, whole)
        step = None if match["step"] is None else int(match["step"])
        if step == 0:
            raise self.error(part, whole, "a step is 1 or more")
        if match["range"] == "*":
            return range(self.low, self.high + 1, step or 1)
        first, dash, last = match["range"].partition("-")
        begin = self.value(first, whole)
        if dash:
            end = self.value(last, whole)
            if end < begin:
                remedy = f"split it: {first}-{self._word(self.high)},{self._word(self.low)}-{last}"
                raise self.error(part, whole, remedy)
        else:
            end = begin if step is None else self.high
        return range(begin, end + 1, step or 1)

    def _word(self, value: int) -> str:
        return self.words[value - self.low] if self.words else str(value)

    def value(self, text: str, whole: str) -> int:
        if text in self.words:
            return self.low + self.words.index(text)
        if text.upper() in self.words:
            raise self.error(text, whole, f"write {text.upper()}")
        # isdecimal alone takes digits of other scripts
        if not (text.isascii() and text.isdecimal() and len(text) <= 4) or not self.low <= int(text) <= self.high:
            raise self.error(text, whole)
        return int(text)

    def error(self, part: str, whole: str, remedy: str = "") -> ScheduleExpressionError:
        inside = "" if part == whole else f" in {whole[:60]!r}"
        got = f"{part[:60]!r}{inside} as {self.name}"
        return ScheduleExpressionError(got, self.allowed, remedy or "write one of these values, or * for all")


@dataclass(frozen=True, kw_only=True)
class DayOfMonthField(CronField):
    """Also `L` (the last day), `LW` (the last weekday) and `15W` (the weekday nearest to the 15th of that month)."""

    def _characters(self) -> str:
        return ", - * ? / L W"

    def parse_days(self, text: str) -> tuple[DayRule, ...]:
        rules: list[DayRule] = []
        for part in text.split(","):
            if part == "L":
                rules.append(_last)
            elif part == "LW":
                rules.append(_last_weekday)
            elif part.endswith("W"):
                rules.append(_nearest_weekday(self.value(part[:-1], text)))
            else:
                rules += [_that_day(day) for day in self.part(part, text)]
        return tuple(rules)


@dataclass(frozen=True, kw_only=True)
class DayOfWeekField(CronField):
    """1 is Sunday. Also `L` (Saturday), `6L` (the month's last Friday) and `3#2` (the second Tuesday)."""

    def _characters(self) -> str:
        return ", - * ? L #"

    def parse_days(self, text: str) -> tuple[DayRule, ...]:
        rules: list[DayRule] = []
        for part in text.split(","):
            day, hash_sign, number = part.partition("#")
            if hash_sign:
                if number not in ("1", "2", "3", "4", "5"):
                    raise self.error(part, text, "the number after # is 1–5")
                rules.append(_nth(self.value(day, text), int(number)))
            elif part == "L":
                rules += _every(self.high)
            elif part.endswith("L"):
                rules.append(_last_of(self.value(part[:-1], text)))
            else:
                rules += [rule for day_number in self.part(part, text) for rule in _every(day_number)]
        return tuple(rules)


@dataclass(frozen=True, kw_only=True)
class Days:
    """The day fields; exactly one of them is given."""

    of_month: tuple[DayRule, ...] | None
    of_week: tuple[DayRule, ...] | None

    def in_month(self, year: int, month: int) -> list[int]:
        """Days of a month, ascending."""
        rules = self.of_month if self.of_month is not None else self.of_week
        return sorted({day for rule in rules or () if (day := rule(year, month)) is not None})


@functools.cache  # every day rule of every schedule asks for it
def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _weekday(year: int, month: int, day: int) -> int:
    """1 for Sunday … 7 for Saturday."""
    return (calendar.weekday(year, month, day) + 1) % 7 + 1


def _last(year: int, month: int) -> int:
    return _length(year, month)


def _last_weekday(year: int, month: int) -> int:
    return _nearest(year, month, _length(year, month))


def _that_day(day: int) -> DayRule:
    return lambda year, month: day if day <= _length(year, month) else None


def _nearest_weekday(day: int) -> DayRule:
    return lambda year, month: _nearest(year, month, day) if day <= _length(year, month) else None


def _nearest(year: int, month: int, day: int) -> int:
    weekday = _weekday(year, month, day)
    if weekday == 7:  # Saturday → Friday, but never into another month
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < _length(year, month) else day - 2
    return day


def _nth(weekday: int, number: int) -> DayRule:
    def rule(year: int, month: int) -> int | None:
        day = 1 + (weekday - _weekday(year, month, 1)) % 7 + 7 * (number - 1)
        return day if day <= _length(year, month) else None

    return rule


def _every(weekday: int) -> list[DayRule]:
    return [_nth(weekday, number) for number in range(1, 6)]


def _last_of(weekday: int) -> DayRule:
    def rule(year: int, month: int) -> int:
        length = _length(year, month)
        return length - (_weekday(year, month, length) - weekday) % 7

    return rule


MINUTES = CronField(name="minutes", low=0, high=59)
HOURS = CronField(name="hours", low=0, high=23)
DAY_OF_MONTH = DayOfMonthField(name="day-of-month", low=1, high=31)
MONTH = CronField(name="month", low=1, high=12, words=_MONTHS)
DAY_OF_WEEK = DayOfWeekField(name="day-of-week", low=1, high=7, words=_DAYS, steps=False)
YEAR = CronField(name="year", low=1970, high=2199)
