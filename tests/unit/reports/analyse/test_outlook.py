"""Anomalies and the month's end."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.analyse.outlook import AnomalySettings, anomalies, budget, forecast, whole_until

DOLLAR = 1_000_000_000
TODAY = date(2026, 11, 21)


def _days(costs: list[int], until: date = TODAY) -> dict[date, int]:
    return {until - timedelta(days=len(costs) - n): cost for n, cost in enumerate(costs)}


def _found(costs: list[int], **settings: float) -> list[str]:
    chosen = AnomalySettings(**settings) if settings else None  # type: ignore[arg-type]
    since = TODAY - timedelta(days=7)
    return [a.sentence for a in anomalies({"flights": _days(costs)}, since=since, until=TODAY, settings=chosen)]


def test_a_day_far_out_of_its_history_is_told_with_its_proportion() -> None:
    assert _found([10 * DOLLAR] * 27 + [40 * DOLLAR]) == ["flights cost 4.0 times its usual day"]


def test_a_day_that_is_large_only_in_proportion_is_not_worth_telling() -> None:
    assert _found([DOLLAR // 10] * 27 + [DOLLAR // 2]) == []


def test_a_day_that_is_large_only_in_dollars_is_not_told() -> None:
    assert _found([1_000 * DOLLAR] * 27 + [1_100 * DOLLAR]) == []


def test_days_that_swing_anyway_are_not_told() -> None:
    assert _found([10 * DOLLAR, 50 * DOLLAR] * 13 + [10 * DOLLAR, 60 * DOLLAR]) == []


def test_too_short_a_history_tells_nothing() -> None:
    assert _found([10 * DOLLAR] * 10 + [90 * DOLLAR]) == []


def test_a_first_cost_after_free_weeks_is_told_as_such() -> None:
    assert _found([0] * 27 + [40 * DOLLAR]) == ["flights cost where it usually costs nothing"]


def test_a_steady_month_is_forecast_to_the_cent_with_no_band() -> None:
    month = forecast(_days([10 * DOLLAR] * 28), whole=TODAY, month=TODAY)
    assert month is not None
    assert (month.so_far_nano, month.expected_nano) == (200 * DOLLAR, 300 * DOLLAR)
    assert month.low_nano == month.high_nano == month.expected_nano


def test_weekends_are_forecast_as_weekends() -> None:
    costs = [0 if (TODAY - timedelta(days=28 - n)).weekday() >= 5 else 10 * DOLLAR for n in range(28)]
    month = forecast(_days(costs), whole=TODAY, month=TODAY)
    assert month is not None
    # 21 November 2026 is a Saturday: of the ten days left, four are at a weekend
    assert month.expected_nano - month.so_far_nano == 60 * DOLLAR


def test_less_than_a_week_gives_no_forecast() -> None:
    assert forecast(_days([DOLLAR] * 6), whole=TODAY, month=TODAY) is None
    assert forecast(_days([0] * 20 + [DOLLAR] * 6), whole=TODAY, month=TODAY) is None  # nothing was billed before


def test_a_month_that_is_over_is_what_it_cost() -> None:
    first = date(2026, 12, 1)
    month = forecast(_days([10 * DOLLAR] * 20 + [30 * DOLLAR] * 8, until=first), whole=first, month=date(2026, 11, 30))
    assert month is not None
    # the bill began on 3 November
    assert (month.month, month.so_far_nano) == ("2026-11", 440 * DOLLAR)
    assert month.low_nano == month.expected_nano == month.high_nano == month.so_far_nano


def test_at_a_months_begin_it_is_told_by_the_days_of_the_month_before() -> None:
    first = date(2026, 12, 1)
    month = forecast(_days([10 * DOLLAR] * 28, until=first), whole=first, month=first)
    assert month is not None
    assert (month.month, month.so_far_nano, month.expected_nano) == ("2026-12", 0, 310 * DOLLAR)


def test_days_without_costs_count_as_such() -> None:
    busy = {day: cost for day, cost in _days([10 * DOLLAR, 0] * 14).items() if cost}
    month = forecast(busy, whole=TODAY, month=TODAY)
    assert month is not None
    assert month.days_seen == 28
    assert month.expected_nano - month.so_far_nano == 50 * DOLLAR


def test_a_day_that_runs_is_not_taken_for_a_whole_one() -> None:
    steady = _days([10 * DOLLAR] * 28)
    month = forecast({**steady, TODAY: DOLLAR}, whole=TODAY, month=TODAY)
    assert month is not None
    assert (month.so_far_nano, month.expected_nano, month.days_seen) == (201 * DOLLAR, 300 * DOLLAR, 28)
    dear = forecast({**steady, TODAY: 50 * DOLLAR}, whole=TODAY, month=TODAY)
    assert dear is not None
    assert dear.expected_nano == 340 * DOLLAR


@pytest.mark.parametrize(
    ("billed", "until", "today", "whole"),
    [
        (20, 21, 21, 21),  # a bill to the last day
        (18, 21, 21, 19),  # AWS hasn't told of the last two yet
        (10, 21, 21, 19),  # so long ago that the days between cost nothing
        (20, 23, 21, 21),  # a running period
        (15, 16, 21, 16),  # an earlier one
        (None, 21, 21, 21),
    ],
)
def test_a_day_is_whole_when_it_is_over_and_billed(billed: int | None, until: int, today: int, whole: int) -> None:
    told = date(2026, 11, billed) if billed else None
    assert whole_until(told, until=date(2026, 11, until), today=date(2026, 11, today)) == date(2026, 11, whole)


def test_few_days_give_a_wide_band_and_never_one_of_no_width() -> None:
    costs = [DOLLAR * n for n in (3, 9, 4, 8, 5, 7, 6)]  # each weekday once
    few = forecast(_days(costs), whole=TODAY, month=TODAY)
    many = forecast(_days(costs[::-1] + costs + costs[::-1] + costs), whole=TODAY, month=TODAY)
    assert few is not None
    assert many is not None
    assert few.expected_nano - few.so_far_nano == 60 * DOLLAR
    assert few.high_nano - few.expected_nano > 10 * DOLLAR
    assert few.high_nano - few.low_nano > many.high_nano - many.low_nano > 0


def test_days_that_give_money_back_may_lower_the_month() -> None:
    month = forecast(_days([-10 * DOLLAR] * 28), whole=TODAY, month=TODAY)
    assert month is not None
    assert (month.so_far_nano, month.expected_nano, month.low_nano) == (-200 * DOLLAR, -300 * DOLLAR, -300 * DOLLAR)


def test_the_band_holds_the_month_in_four_of_five() -> None:
    """Months of days drawn at random, told after their first three weeks."""
    rng = random.Random(7)
    held = 0
    for _ in range(1_000):
        costs = [round(rng.gauss(50, 9) * DOLLAR) for _ in range(38)]
        month = forecast(_days(costs[:28]), whole=TODAY, month=TODAY)
        assert month is not None
        held += month.low_nano <= month.so_far_nano + sum(costs[28:]) <= month.high_nano
    assert held == pytest.approx(800, abs=45)


@given(st.lists(st.integers(0, 10**14), min_size=7, max_size=40))
def test_the_band_holds_the_expected_cost_and_never_less_than_what_is_spent(costs: list[int]) -> None:
    costs[0] = max(costs[0], 1)  # the bill's first day
    month = forecast(_days(costs), whole=TODAY, month=TODAY)
    assert month is not None
    assert month.so_far_nano <= month.low_nano <= month.expected_nano + 1
    assert month.expected_nano <= month.high_nano + 1


def test_a_budget_stands_beside_its_forecast() -> None:
    month = forecast(_days([10 * DOLLAR] * 28), whole=TODAY, month=TODAY)
    row = budget("media", limit_nano=250 * DOLLAR, spent_nano=200 * DOLLAR, month=month)
    assert row.forecast_nano == 300 * DOLLAR
    assert budget("media", limit_nano=1, spent_nano=0, month=None).forecast_nano is None
