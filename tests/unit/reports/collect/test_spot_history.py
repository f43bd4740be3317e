"""EC2's history of spot prices: a mean a day, over zones and time, and a sentence for what can't be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_none

from reports.collect.spot_history import SpotPrices, daily_means, from_ec2

DAY = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
LATER = MIDNIGHT + timedelta(days=2)


def entry(hours: float, price: str, *, zone: str = "us-east-1a", kind: str = "m5.large") -> dict[str, Any]:
    """As EC2 writes one: the price from so many hours after midnight on."""
    return {
        "AvailabilityZone": zone,
        "InstanceType": kind,
        "ProductDescription": "Linux/UNIX",
        "SpotPrice": price,
        "Timestamp": MIDNIGHT + timedelta(hours=hours),
    }


class Ec2:
    """Stands in for boto3's `ec2`, two entries a page; botocore's model checks requests and answers."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], faults: int = 0) -> None:
        self.entries = list(entries)
        self.faults = faults
        self.asked: list[Mapping[str, Any]] = []

    def describe_spot_price_history(self, **request: Any) -> Mapping[str, Any]:
        self.asked.append(request)
        if self.faults:
            self.faults -= 1
            raise ClientError(
                {"Error": {"Code": "RequestLimitExceeded", "Message": "slow down"}}, "DescribeSpotPriceHistory"
            )
        at = int(request.get("NextToken", 0))
        more = at + 2 < len(self.entries)
        answer = {"SpotPriceHistory": self.entries[at : at + 2], "NextToken": str(at + 2) if more else ""}
        client = boto3.client("ec2", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        with Stubber(client) as stub:
            stub.add_response("describe_spot_price_history", answer, dict(request))
            checked: Mapping[str, Any] = client.describe_spot_price_history(**request)
            return checked


def asked(ec2: Any, *, now: datetime = LATER, days: Sequence[date] = (DAY,)) -> SpotPrices:
    return from_ec2(lambda: ec2, wait=wait_none())(["m5.large"], days, now)


def test_a_days_price_is_the_mean_over_its_time_and_the_zones() -> None:
    ec2 = Ec2(
        [
            entry(-5, "0.040000"),
            entry(12, "0.060000"),  # half the day at 0.04, half at 0.06
            entry(-1, "0.030000", zone="us-east-1b"),
            entry(30, "9.000000", zone="us-east-1b"),  # the day after
        ]
    )
    assert asked(ec2) == SpotPrices(hour_nano={(DAY, "m5.large"): 40_000_000})
    assert len(ec2.asked) == 2
    assert (ec2.asked[0]["StartTime"], ec2.asked[0]["EndTime"]) == (MIDNIGHT, MIDNIGHT + timedelta(days=1))


def test_a_day_that_isnt_over_counts_as_far_as_it_is() -> None:
    ec2 = Ec2([entry(-5, "0.040000"), entry(6, "0.080000")])
    assert asked(ec2, now=MIDNIGHT + timedelta(hours=8)).hour_nano == {(DAY, "m5.large"): 50_000_000}
    assert ec2.asked[0]["EndTime"] == MIDNIGHT + timedelta(hours=8)


def test_a_day_before_the_first_price_has_none() -> None:
    assert asked(Ec2([entry(25, "0.040000")])) == SpotPrices()


def test_a_throttled_request_is_asked_again() -> None:
    ec2 = Ec2([entry(-5, "0.040000")], faults=2)
    assert asked(ec2).hour_nano == {(DAY, "m5.large"): 40_000_000}
    assert len(ec2.asked) == 3


def test_nothing_is_asked_for_nothing() -> None:
    ec2 = Ec2([])
    assert asked(ec2, days=()) == SpotPrices()
    assert ec2.asked == []


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def describe_spot_price_history(self, **_request: Any) -> Mapping[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    ("ec2", "said"),
    [
        (
            Failing(ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "Describe")),
            "the history of spot prices answered UnauthorizedOperation: no",
        ),
        (
            Failing(EndpointConnectionError(endpoint_url="https://ec2")),
            'the history of spot prices could not be reached: Could not connect to the endpoint URL: "https://ec2"',
        ),
        (
            Ec2([entry(0, "cheap")]),
            "the history of spot prices couldn't be read: NotMoney: 'cheap' is no amount of money; a decimal number "
            "such as 12.34 is",
        ),
    ],
)
def test_what_cannot_be_had_is_a_sentence(ec2: Any, said: str) -> None:
    assert asked(ec2) == SpotPrices(missing=[said])


@given(st.lists(st.tuples(st.integers(-48, 47), st.integers(1, 10**9), st.sampled_from("abc")), min_size=1))
def test_a_mean_lies_between_the_prices_told(told: list[tuple[int, int, str]]) -> None:
    changes = [("m5.large", zone, MIDNIGHT + timedelta(hours=hours), price) for hours, price, zone in told]
    means = daily_means(changes, [DAY, DAY + timedelta(days=1)], LATER)
    for mean in means.values():
        assert min(price for _, price, _ in told) - 1 <= mean <= max(price for _, price, _ in told) + 1
    assert (DAY + timedelta(days=1), "m5.large") in means
