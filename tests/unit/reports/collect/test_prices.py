"""Prices on demand: the bill first, the Price List for the rest, and a sentence for what neither tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_none

from reports.collect.prices import KEPT_DAYS, Prices, PriceSource, bill_rates, from_price_list, of_spot
from reports.model.usage_types import classify, on_demand_twin

TODAY = date(2026, 11, 21)
LIST = {"BoxUsage:m5.large": "0.0960000000", "USE1-Fargate-vCPU-Hours:perCPU": "0.0404800000"}


def line(usage_type: str, cost_nano: int, hours: str, **more: Any) -> dict[str, Any]:
    told = classify(usage_type)
    return {
        "day": TODAY,
        "usage_type": usage_type,
        "kind": told.kind,
        "purchase": told.purchase,
        "record_type": "usage",
        "cost_nano": cost_nano,
        "quantity": hours,
        **more,
    }


def product(usage_type: str, *prices: str) -> str:
    """As the Price List writes one, less what nobody here reads."""
    dimensions = {
        f"SKU.JRTCKXETXF.{n}": {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": price}}
        for n, price in enumerate(prices)
    }
    return json.dumps(
        {
            "product": {"productFamily": "Compute Instance", "attributes": {"usagetype": usage_type}, "sku": "SKU"},
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {"SKU.JRTCKXETXF": {"sku": "SKU", "priceDimensions": dimensions}}},
        }
    )


class Pricing:
    """Stands in for boto3's `pricing`, a product a page; botocore's model checks requests and answers."""

    def __init__(self, products: Mapping[str, list[str]] | None = None, faults: int = 0) -> None:
        self.products = {name: [product(name, price)] for name, price in LIST.items()} if products is None else products
        self.faults = faults
        self.asked: list[str] = []

    def get_products(self, **request: Any) -> Mapping[str, Any]:
        filters = {one["Field"]: one["Value"] for one in request["Filters"]}
        name = filters["usagetype"]
        self.asked.append(name)
        if self.faults:
            self.faults -= 1
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetProducts")
        assert (request["ServiceCode"], filters.get("tenancy")) in (("AmazonEC2", "Shared"), ("AmazonECS", None))
        found = self.products.get(name, [])
        at = int(request.get("NextToken", 0))
        answer: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": found[at : at + 1]}
        if at + 1 < len(found):
            answer["NextToken"] = str(at + 1)
        client = boto3.client("pricing", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        with Stubber(client) as stub:
            stub.add_response("get_products", answer, dict(request))
            checked: Mapping[str, Any] = client.get_products(**request)
            return checked


def source(pricing: Any, folder: Path, *, today: date = TODAY) -> PriceSource:
    return from_price_list(lambda: pricing, cache=folder / "prices.json", today=today, wait=wait_none())


def told_of(lines: list[dict[str, Any]], *, ask: PriceSource | None, currency: str = "USD") -> Prices:
    return of_spot(lines, since=TODAY, until=TODAY + timedelta(days=1), currency=currency, ask=ask)


def test_the_bills_own_rate_comes_first_and_nobody_is_asked(tmp_path: Path) -> None:
    pricing = Pricing()
    lines = [
        line("SpotUsage:m5.large", 1_000, "1"),
        line("BoxUsage:m5.large", 180_000_000, "2"),
        line("BoxUsage:m5.large", 90_000_000, "1"),
    ]
    told = told_of(lines, ask=source(pricing, tmp_path))
    assert told == Prices(hour_nano={"SpotUsage:m5.large": 90_000_000})
    assert pricing.asked == []


def test_the_price_list_is_asked_for_what_the_bill_cannot_tell(tmp_path: Path) -> None:
    lines = [line("SpotUsage:m5.large", 1_000, "1"), line("USE1-SpotUsage-Fargate-vCPU-Hours:perCPU", 1_000, "1")]
    told = told_of(lines, ask=source(Pricing(), tmp_path))
    assert told == Prices(
        hour_nano={"SpotUsage:m5.large": 96_000_000, "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU": 40_480_000}
    )


def test_a_bill_without_spot_capacity_asks_nothing(tmp_path: Path) -> None:
    pricing = Pricing()
    assert told_of([line("BoxUsage:m5.large", 1, "1")], ask=source(pricing, tmp_path)) == Prices()
    assert pricing.asked == []


def test_days_before_tell_rates_and_ask_for_none(tmp_path: Path) -> None:
    earlier = {"day": TODAY - timedelta(days=3)}
    lines = [
        line("SpotUsage:m5.large", 1_000, "1"),
        line("BoxUsage:m5.large", 90_000_000, "1", **earlier),
        line("SpotUsage:c7i.large", 1_000, "1", **earlier),
    ]
    assert told_of(lines, ask=None) == Prices(hour_nano={"SpotUsage:m5.large": 90_000_000})


def test_what_neither_tells_is_said_and_never_filled_in(tmp_path: Path) -> None:
    lines = [line("SpotUsage:c7i.large", 1_000, "1"), line("EU-SpotUsage:m5.large", 1_000, "1")]
    for ask in (None, source(Pricing(products={}), tmp_path)):
        told = told_of(lines, ask=ask)
        assert told.hour_nano == {}
        assert told.missing == [
            "the on-demand price of c7i.large, m5.large isn't known, so what its spot capacity saved isn't"
        ]


def test_a_price_in_another_currency_is_no_price(tmp_path: Path) -> None:
    told = told_of([line("SpotUsage:m5.large", 1, "1")], currency="EUR", ask=source(Pricing(), tmp_path))
    assert told.hour_nano == {}


def test_a_type_with_two_prices_has_none(tmp_path: Path) -> None:
    name = "BoxUsage:m5.large"
    pricing = Pricing({name: [product(name, "0.0960000000", "0.0000000000"), product(name, "0.1920000000")]})
    told = source(pricing, tmp_path)([name], "USD")
    assert told == Prices(missing=["the price list has 2 prices of m5.large"])
    assert pricing.asked == [name, name]  # both pages
    same = Pricing({name: [product(name, "0.0960000000"), product(name, "0.0960000000")]})
    assert source(same, tmp_path)([name], "USD").hour_nano == {name: 96_000_000}


def test_an_answer_is_kept_for_a_month(tmp_path: Path) -> None:
    name = "BoxUsage:m5.large"
    assert source(Pricing(), tmp_path)([name], "USD").hour_nano == {name: 96_000_000}
    kept = json.loads((tmp_path / "prices.json").read_text())
    assert kept == {"USD": {name: {"hour_nano": 96_000_000, "told": "2026-11-21"}}}
    for days, asked in ((KEPT_DAYS, []), (KEPT_DAYS + 1, [name])):
        pricing = Pricing()
        assert source(pricing, tmp_path, today=TODAY + timedelta(days=days))([name], "USD").hour_nano
        assert pricing.asked == asked


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"USD": []}', '{"USD": {"BoxUsage:m5.large": {"told": "never"}}}'])
def test_a_kept_answer_that_does_not_read_is_asked_again(tmp_path: Path, kept: str) -> None:
    (tmp_path / "prices.json").write_text(kept)
    told = source(Pricing(), tmp_path)(["BoxUsage:m5.large"], "USD")
    assert told == Prices(hour_nano={"BoxUsage:m5.large": 96_000_000})


def test_a_throttled_list_is_asked_again_and_at_last_given_up(tmp_path: Path) -> None:
    name = "BoxUsage:m5.large"
    assert source(Pricing(faults=4), tmp_path / "a")([name], "USD").hour_nano == {name: 96_000_000}
    told = source(Pricing(faults=5), tmp_path / "b")([name], "USD")
    assert told == Prices(missing=["the price list answered ThrottlingException: slow down"])


class Broken:
    def __init__(self, problem: Exception | Mapping[str, Any]) -> None:
        self.problem = problem

    def get_products(self, **_request: Any) -> Mapping[str, Any]:
        if isinstance(self.problem, Exception):
            raise self.problem
        return self.problem


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (EndpointConnectionError(endpoint_url="https://x"), "the price list could not be reached: "),
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "x"), "the price list answered AccessDenied"),
        ({"PriceList": ["not JSON"]}, "the price list's answer couldn't be read: JSONDecodeError"),
        ({"PriceList": ["{}"]}, "the price list's answer couldn't be read: KeyError: 'terms'"),
        ({"PriceList": [product("x", "dear")]}, "the price list's answer couldn't be read: NotMoney"),
    ],
    ids=["away", "refused", "no JSON", "half", "no price"],
)
def test_a_list_that_does_not_answer_is_a_sentence(
    tmp_path: Path, problem: Exception | Mapping[str, Any], said: str
) -> None:
    told = source(Broken(problem), tmp_path)(["BoxUsage:m5.large"], "USD")
    assert told.hour_nano == {}
    assert [sentence[: len(said)] for sentence in told.missing] == [said]


def test_a_folder_that_cannot_be_written_costs_no_price(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = source(Pricing(), tmp_path / "file")(["BoxUsage:m5.large"], "USD")
    assert told.hour_nano == {"BoxUsage:m5.large": 96_000_000}
    assert told.missing[0].startswith("the price list's answers couldn't be kept: ")


@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 10**12), st.decimals(0, 1000, places=6), st.sampled_from(["usage", "credit"])),
        max_size=5,
    )
)
def test_a_rate_of_the_bill_is_its_cost_over_its_hours_or_none(lines: list[tuple[int, Any, str]]) -> None:
    rows = [line("BoxUsage:m5.large", cost, str(hours), record_type=record) for cost, hours, record in lines]
    cost = sum(cost for cost, _, record in lines if record == "usage")
    hours = sum(hours for _, hours, record in lines if record == "usage")
    rates = bill_rates(rows)
    if cost > 0 and hours > 0:
        assert abs(rates["BoxUsage:m5.large"] * hours - cost) <= hours / 2
    else:
        assert rates == {}


@pytest.mark.parametrize(
    ("usage_type", "twin"),
    [
        ("SpotUsage:m5.large", "BoxUsage:m5.large"),
        ("EUC1-SpotUsage:c7g.xlarge", "EUC1-BoxUsage:c7g.xlarge"),
        ("USE1-SpotUsage-Fargate-GB-Hours", "USE1-Fargate-GB-Hours"),
        ("USE1-SpotUsage-Fargate-vCPU-Hours:perCPU", "USE1-Fargate-vCPU-Hours:perCPU"),
        ("BoxUsage:m5.large", "BoxUsage:m5.large"),
    ],
)
def test_the_same_capacity_on_demand(usage_type: str, twin: str) -> None:
    assert on_demand_twin(usage_type) == twin
    assert classify(twin).purchase == "on-demand"
    assert classify(twin).kind == classify(usage_type).kind
