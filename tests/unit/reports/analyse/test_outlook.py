"""Anomalies and the month's end."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reports.analyse.outlook import AnomalySettings, anomalies, budget, forecast

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
    month = forecast(_days([10 * DOLLAR] * 28), today=TODAY)
    assert month is not None
    assert (month.so_far_nano, month.expected_nano) == (200 * DOLLAR, 300 * DOLLAR)
    assert month.low_nano == month.high_nano == month.expected_nano


def test_weekends_are_forecast_as_weekends() -> None:
    costs = [0 if (TODAY - timedelta(days=28 - n)).weekday() >= 5 else 10 * DOLLAR for n in range(28)]
    month = forecast(_days(costs), today=TODAY)
    assert month is not None
    # 21 November 2026 is a Saturday: of the ten days left, four are at a weekend
    assert month.expected_nano - month.so_far_nano == 60 * DOLLAR


def test_less_than_a_week_gives_no_forecast() -> None:
    assert forecast(_days([DOLLAR] * 6), today=TODAY) is None


@given(st.lists(st.integers(0, 10**14), min_size=7, max_size=40))
def test_the_band_holds_the_expected_cost_and_never_less_than_what_is_spent(costs: list[int]) -> None:
    month = forecast(_days(costs), today=TODAY)
    assert month is not None
    assert month.so_far_nano <= month.low_nano <= month.expected_nano + 1
    assert month.expected_nano <= month.high_nano + 1


def test_a_budget_stands_beside_its_forecast() -> None:
    month = forecast(_days([10 * DOLLAR] * 28), today=TODAY)
    row = budget("media", limit_nano=250 * DOLLAR, spent_nano=200 * DOLLAR, month=month)
    assert row.forecast_nano == 300 * DOLLAR
    assert budget("media", limit_nano=1, spent_nano=0, month=None).forecast_nano is None
