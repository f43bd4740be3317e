"""What stands out of a job's history, and where the month is going. Too little history is an answer, never a guess."""

from __future__ import annotations

import calendar
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, median, stdev

from reports.model.report import Anomaly, Budget, Forecast

_EIGHTY_PERCENT = 1.2816
"""Standard deviations on either side that hold 80 % of a normal distribution."""


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


def forecast(by_day: Mapping[date, int], *, today: date, least_days: int = 7) -> Forecast | None:
    """The cost of `today`'s month at its end: closed days as they were, the others as their weekday's mean lately.

    `by_day` is day → nano-dollars of days before `today`; the last 28 count. None with fewer than `least_days` of them.
    The band is 80 %, from the spread of days around their weekday's mean, taken as independent.
    """
    lately = {day: cost for day, cost in by_day.items() if today - timedelta(days=28) <= day < today}
    if len(lately) < least_days:
        return None
    usual = fmean(lately.values())
    weekdays: dict[int, list[int]] = {}
    for day, cost in lately.items():
        weekdays.setdefault(day.weekday(), []).append(cost)
    means = {weekday: fmean(costs) for weekday, costs in weekdays.items()}
    deviations = [cost - means[day.weekday()] for day, cost in lately.items()]
    spread = stdev(deviations) if len(deviations) > 1 else 0.0
    month_begin = today.replace(day=1)
    month_end = month_begin + timedelta(days=calendar.monthrange(today.year, today.month)[1])
    so_far = sum(cost for day, cost in by_day.items() if month_begin <= day < today)
    left = _days(today, month_end)
    expected = so_far + sum(means.get(day.weekday(), usual) for day in left)
    band = _EIGHTY_PERCENT * spread * math.sqrt(len(left))
    return Forecast(
        month=f"{today:%Y-%m}",
        so_far_nano=so_far,
        expected_nano=round(expected),
        low_nano=max(so_far, round(expected - band)),
        high_nano=round(expected + band),
        days_seen=len(lately),
    )


def budget(name: str, *, limit_nano: int, spent_nano: int, month: Forecast | None) -> Budget:
    """A month's limit beside what was spent of it and where it is going."""
    return Budget(
        name=name, limit_nano=limit_nano, spent_nano=spent_nano, forecast_nano=month.expected_nano if month else None
    )


def _days(begin: date, end: date) -> list[date]:
    return [begin + timedelta(days=n) for n in range(max(0, (end - begin).days))]
