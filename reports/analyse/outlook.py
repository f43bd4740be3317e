"""What stands out of a job's history, and where the month is going. Too little history is an answer, never a guess."""

from __future__ import annotations

import calendar
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, median, stdev
from typing import Final

from reports.model.report import Anomaly, Budget, Forecast

_EIGHTY_PERCENT = 1.2816
"""Standard deviations on either side that hold 80 % of a normal distribution."""

LEAST_DAYS: Final = 7
"""Of the bill, for a forecast."""
_BY_WEEKDAY_FROM: Final = 14
"""Days: each weekday twice."""
BILL_LAG: Final = timedelta(days=2)
"""Until AWS has told what a day cost."""


@dataclass(frozen=True, kw_only=True)
class AnomalySettings:
    """A day is told only when it passes all three: far in spread, far in proportion, and worth a person's time."""

    history_days: int = 14
    spreads: float = 3.0  # standard deviations of the days before
    ratio: float = 1.5
    least_nano: int = 1_000_000_000


def anomalies(
    costs: Mapping[str, Mapping[date, int]], *, since: date, until: date, settings: AnomalySettings | None = None
) -> tuple[Anomaly, ...]:
    """Days from `since` to before `until` whose cost stands out of the days before them.

    `costs` is job → day → nano-dollars; a day that is missing cost nothing, from the job's first day on.
    """
    chosen = settings or AnomalySettings()
    found = []
    for job, by_day in sorted(costs.items()):
        if not by_day:
            continue
        first = min(by_day)
        for day in _days(max(since, first), until):
            history = [by_day.get(d, 0) for d in _days(max(first, day - timedelta(days=28)), day)]
            if len(history) < chosen.history_days:
                continue
            usual = median(history)
            spread = stdev(history)
            cost = by_day.get(day, 0)
            over = cost - usual
            if over >= chosen.least_nano and over > chosen.spreads * spread and cost > chosen.ratio * usual:
                ratio = f"{cost / usual:.1f} times its usual day" if usual else "where it usually costs nothing"
                found.append(
                    Anomaly(
                        day=day, job=job, cost_nano=cost, expected_nano=round(usual), sentence=f"{job} cost {ratio}"
                    )
                )
    return tuple(sorted(found, key=lambda a: (a.expected_nano - a.cost_nano, a.day, a.job)))


def whole_until(billed: date | None, *, until: date, today: date) -> date:
    """The day before which days are whole: neither running nor yet to be billed. `billed` is the last day of the bill;
    AWS tells of a day within two, so days without costs before that cost nothing."""
    begun = min(until, today)
    return begun if billed is None else min(begun, max(billed + timedelta(days=1), begun - BILL_LAG))


def days_of_evidence(by_day: Mapping[date, int], *, whole: date) -> dict[date, int]:
    """Nano-dollars of the 28 days before `whole`, from the first with costs on; a day that is missing cost nothing."""
    first = min((day for day, cost in by_day.items() if cost), default=whole)
    return {day: by_day.get(day, 0) for day in _days(max(first, whole - timedelta(days=28)), whole)}


def forecast(by_day: Mapping[date, int], *, whole: date, month: date) -> Forecast | None:
    """What the month of the day `month` costs at its end: whole days as they were, the others as days lately.

    `by_day` is day → nano-dollars; days from `whole` on aren't whole, what they cost so far counts as the least of it.
    From two weeks on a day costs its weekday's mean, before the mean of all. None with fewer than LEAST_DAYS.
    The band is 80 %: days taken as independent around their mean, which is itself known from few of them,
    so the variance of n days' sum about the mean of m is σ² · (n + n² / m), and Student's t stands for the normal.
    """
    lately = days_of_evidence(by_day, whole=whole)
    if len(lately) < LEAST_DAYS:
        return None
    by_weekday = len(lately) >= _BY_WEEKDAY_FROM
    kinds: dict[int, list[int]] = {}
    for day, cost in lately.items():
        kinds.setdefault(_kind(day, by_weekday), []).append(cost)
    means = {kind: fmean(costs) for kind, costs in kinds.items()}
    freedom = len(lately) - len(kinds)
    squares = sum((cost - means[_kind(day, by_weekday)]) ** 2 for day, cost in lately.items())
    begin = month.replace(day=1)
    end = begin + timedelta(days=calendar.monthrange(month.year, month.month)[1])
    left = _days(max(whole, begin), end)
    counts = Counter(_kind(day, by_weekday) for day in left)
    variance = squares / freedom * sum(n + n * n / len(kinds[kind]) for kind, n in counts.items())
    band = _student(freedom) * math.sqrt(variance)
    so_far = sum(cost for day, cost in by_day.items() if begin <= day < end)
    closed = sum(cost for day, cost in by_day.items() if begin <= day < min(whole, end))
    usual = [(day, means[_kind(day, by_weekday)]) for day in left]
    expected = closed + sum(max(by_day[day], mean) if day in by_day else mean for day, mean in usual)
    # what is spent stays spent, unless some days give money back
    least = so_far if min(lately.values()) >= 0 else -math.inf
    return Forecast(
        month=f"{month:%Y-%m}",
        so_far_nano=so_far,
        expected_nano=round(expected),
        low_nano=round(max(least, expected - band)),
        high_nano=round(expected + band),
        days_seen=len(lately),
    )


def _kind(day: date, by_weekday: bool) -> int:
    return day.weekday() if by_weekday else 0


def _student(freedom: int) -> float:
    """Student's t on either side of 80 %, by the first terms of its expansion around the normal (Abramowitz & Stegun,
    26.7.5): right to 1 % from 6 degrees of freedom on."""
    z = _EIGHTY_PERCENT
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def budget(name: str, *, limit_nano: int, spent_nano: int, month: Forecast | None) -> Budget:
    """A month's limit beside what was spent of it and where it is going."""
    return Budget(
        name=name, limit_nano=limit_nano, spent_nano=spent_nano, forecast_nano=month.expected_nano if month else None
    )


def _days(begin: date, end: date) -> list[date]:
    return [begin + timedelta(days=n) for n in range(max(0, (end - begin).days))]
