"""Spot capacity against its price on demand: exact, of all of the bill's spot lines, and never filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.analyse.spot import spot
from reports.model.report import Dimension, Report
from tests.unit.reports.analyse.test_summary import WEEK, report_of
from tests.worlds.world import INSTANCE_TYPES, SPOT_FRACTION, Made, World, make

LISTED = {f"SpotUsage:{name}": round(dollars * 1e9) for name, (_, _, dollars) in INSTANCE_TYPES.items()}


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=31, days=14, instances=30, fargate_attempts=30, reclaim_fraction=0.3))


@pytest.fixture(scope="module")
def report(made: Made) -> Report:
    return report_of(made, on_demand=LISTED)


def on_demand_of(made: Made, prices: Mapping[str, int]) -> int:
    """Nano-dollars, in plain arithmetic that shares nothing with the SQL."""
    lines = made.bill_lines
    week = lines[(lines["purchase"] == "spot") & (lines["day"] >= WEEK.since) & (lines["day"] < WEEK.until)]
    return sum(
        round(float(line["quantity"]) * prices[line["usage_type"]])
        for line in week.to_dict("records")
        if line["usage_type"] in prices
    )


def paid_of(made: Made) -> int:
    lines = made.bill_lines
    week = lines[(lines["purchase"] == "spot") & (lines["day"] >= WEEK.since) & (lines["day"] < WEEK.until)]
    return int(week["cost_nano"].sum())


def test_the_saving_is_the_price_on_demand_less_what_was_paid(made: Made, report: Report) -> None:
    assert report.spot is not None
    assert report.spot.paid_nano == paid_of(made)
    assert report.spot.unpriced_nano == 0
    # a rounding for each line, of less than a nano-dollar
    assert report.spot.on_demand_nano == pytest.approx(on_demand_of(made, LISTED), abs=50)
    assert report.spot.saving_nano == report.spot.on_demand_nano - report.spot.paid_nano
    assert report.spot.saving_nano / report.spot.on_demand_nano == pytest.approx(1 - SPOT_FRACTION, abs=0.03)
    assert report.spot.sentence.startswith("spot capacity saved $")
    assert report.spot.sentence.endswith("% of its price on demand")


def test_environments_add_up_to_the_bills_spot_lines(report: Report) -> None:
    assert report.spot is not None
    assert {(row.environment, row.platform) for row in report.spot.rows} == {("spot", "ec2"), ("", "ec2")}
    for name in ("paid_nano", "on_demand_nano", "saving_nano", "unpriced_nano"):
        assert sum(getattr(row, name) for row in report.spot.rows) == getattr(report.spot, name)
    spot_row = report.spot.rows[0]
    jobs = next(group for group in report.breakdowns["environment"] if group.key == "spot")
    idle = next(line.cost_nano for line in report.identity.lines if line.name == "idle of spot")
    assert spot_row.paid_nano == (jobs.cost_nano or 0) + idle


@pytest.mark.parametrize("dimension", get_args(Dimension))
def test_every_breakdown_would_have_cost_the_same_on_demand(report: Report, dimension: Dimension) -> None:
    def total(name: Dimension) -> int:
        return sum(group.on_demand_nano or 0 for group in report.breakdowns[name])

    assert total(dimension) == total("job")
    assert all(group.on_demand_nano is not None for group in report.breakdowns[dimension])


def test_what_ran_on_demand_would_have_cost_what_it_did(report: Report) -> None:
    by_key = {group.key: group for group in report.breakdowns["environment"]}
    assert by_key["on-demand"].on_demand_nano == by_key["on-demand"].cost_nano
    assert by_key["fargate"].on_demand_nano == by_key["fargate"].cost_nano
    assert (by_key["spot"].on_demand_nano or 0) > 2 * (by_key["spot"].cost_nano or 0)


def test_a_price_that_is_not_known_is_in_no_sum(made: Made) -> None:
    some = {name: price for name, price in LISTED.items() if name != "SpotUsage:m6i.large"}
    report = report_of(made, on_demand=some)
    assert report.spot is not None
    assert report.spot.unpriced_nano > 0
    assert report.spot.paid_nano + report.spot.unpriced_nano == paid_of(made)
    assert report.spot.on_demand_nano == pytest.approx(on_demand_of(made, some), abs=50)
    assert report.spot.sentence.endswith("of it can't be compared")
    assert next(g for g in report.breakdowns["environment"] if g.key == "spot").on_demand_nano is None
    none = report_of(made, on_demand={})
    assert none.spot is not None
    assert (none.spot.on_demand_nano, none.spot.saving_nano) == (0, 0)
    assert none.spot.sentence == f"what ${paid_of(made) / 1e9:.2f} of spot capacity saved isn't known"


def test_a_bill_without_spot_capacity_has_no_saving(made: Made) -> None:
    lines = made.bill_lines[made.bill_lines["purchase"] != "spot"]
    report = report_of(Made(attempts=made.attempts, instances=made.instances, bill_lines=lines, truth=made.truth))
    assert report.spot is None


def test_fargate_spot_is_compared_too(made: Made) -> None:
    lines = made.bill_lines.copy()
    fargate = lines["kind"].str.startswith("fargate")
    lines.loc[fargate, "usage_type"] = lines.loc[fargate, "usage_type"].str.replace("Fargate", "SpotUsage-Fargate")
    lines.loc[fargate, "purchase"] = "spot"
    attempts = made.attempts.copy()
    attempts.loc[attempts["platform"] == "fargate", "purchase"] = "spot"
    prices = {
        **LISTED,
        "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU": 80_960_000,
        "USE1-SpotUsage-Fargate-GB-Hours": 8_890_000,
    }
    world = Made(attempts=attempts, instances=made.instances, bill_lines=lines, truth=made.truth)
    report = report_of(world, on_demand=prices)
    assert report.spot is not None
    row = next(row for row in report.spot.rows if row.environment == "fargate")
    # twice what the world paid
    assert row.on_demand_nano == pytest.approx(2 * row.paid_nano, rel=1e-6)
    lacking = report_of(world, on_demand={name: price for name, price in prices.items() if "GB" not in name})
    assert lacking.spot is not None
    row = next(row for row in lacking.spot.rows if row.environment == "fargate")
    assert (row.paid_nano, row.on_demand_nano) == (0, 0)
    assert row.unpriced_nano > 0


def test_spot_that_was_dearer_says_so() -> None:
    row = {"environment": "spot", "platform": "ec2", "paid_nano": 3 * 10**9, "on_demand_nano": 2 * 10**9}
    told = spot([{**row, "unpriced_nano": 0}], currency="USD")
    assert told is not None
    assert told.sentence == "spot capacity cost $1.00 more than on demand"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), known=st.sets(st.sampled_from(sorted(LISTED))))
def test_no_dollar_of_spot_capacity_is_lost_or_counted_twice(seed: int, known: set[str]) -> None:
    made = make(World(seed=seed, start=WEEK.since, days=3, instances=6, fargate_attempts=5, reclaim_fraction=0.5))
    report = report_of(made, on_demand={name: LISTED[name] for name in known})
    if report.spot is None:
        assert paid_of(made) == 0
        return
    assert report.spot.paid_nano + report.spot.unpriced_nano == paid_of(made)
    assert report.spot.saving_nano == report.spot.on_demand_nano - report.spot.paid_nano
    for row in report.spot.rows:
        assert row.saving_nano == row.on_demand_nano - row.paid_nano
    assert report.spot.on_demand_nano == sum(row.on_demand_nano for row in report.spot.rows)
