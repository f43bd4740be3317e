"""GetProducts over HTTP, as the report asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tenacity import wait_none

from local.emulator import price_list
from reports.collect.prices import PriceSource, from_price_list
from tests.unit.local.emulator.moto_server import client, serving


@pytest.fixture(scope="module")
def pricing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving(tmp_path_factory.mktemp("lane"), [price_list.install]) as (context, _):
        yield client(context, "pricing")


@pytest.fixture
def source(pricing: Any, tmp_path: Path) -> PriceSource:
    """The report's."""
    return from_price_list(lambda: pricing, cache=tmp_path / "prices.json", today=date(2026, 11, 20), wait=wait_none())


def test_the_report_finds_what_capacity_costs_on_demand(source: PriceSource) -> None:
    asked = ["BoxUsage:c7i.large", "BoxUsage:m5.large", "USE1-Fargate-GB-Hours", "USE1-Fargate-vCPU-Hours:perCPU"]
    prices = source(asked, "USD")
    assert prices.missing == []
    assert prices.hour_nano == {
        "BoxUsage:c7i.large": 89_250_000,
        "BoxUsage:m5.large": 96_000_000,
        "USE1-Fargate-GB-Hours": 4_445_000,
        "USE1-Fargate-vCPU-Hours:perCPU": 40_480_000,
    }


def test_what_has_no_price_is_not_listed(source: PriceSource) -> None:
    assert source(["BoxUsage:r7i.large"], "USD").hour_nano == {}


def test_a_product_names_its_price_and_since_when(pricing: Any) -> None:
    filters = [{"Type": "TERM_MATCH", "Field": "instanceType", "Value": "m5.large"}]
    answer = pricing.get_products(ServiceCode="AmazonEC2", Filters=filters)
    (product,) = map(json.loads, answer["PriceList"])
    assert product["product"]["attributes"]["memory"] == "8 GiB"
    (term,) = product["terms"]["OnDemand"].values()
    assert term["effectiveDate"] == "2026-07-20T00:00:00Z"
    (dimension,) = term["priceDimensions"].values()
    assert dimension["pricePerUnit"] == {"USD": "0.0960000000"}
    assert dimension["description"] == "$0.096 per On Demand Linux m5.large Instance Hour"


def test_pages_hold_every_product_once(pricing: Any) -> None:
    pages = pricing.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", PaginationConfig={"PageSize": 7})
    products = [json.loads(one)["product"] for page in pages for one in page["PriceList"]]
    skus = [one["sku"] for one in products]
    assert len(skus) == len(set(skus)) > 100
    assert {"m7i.large", "c6i.xlarge"} <= {one["attributes"]["instanceType"] for one in products}


@pytest.mark.parametrize(
    ("request_", "because"),
    [
        ({"ServiceCode": "AmazonS3"}, "ServiceCode is AmazonS3"),
        ({"Filters": [{"Type": "CONTAINS", "Field": "usagetype", "Value": "m5"}]}, "Filters.Type is CONTAINS"),
        ({"Filters": [{"Type": "TERM_MATCH", "Field": "gpu", "Value": "1"}]}, "Filters.Field is gpu"),
        ({"NextToken": "x"}, "NextToken x is not one"),
        ({"FormatVersion": "aws_v2"}, "FormatVersion is aws_v2"),
    ],
    ids=str,
)
def test_what_cant_be_answered_is_refused(pricing: Any, request_: dict[str, Any], because: str) -> None:
    with pytest.raises(ClientError, match=because) as refused:
        pricing.get_products(**{"ServiceCode": "AmazonEC2"} | request_)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_other_operations_are_refused(pricing: Any) -> None:
    with pytest.raises(ClientError, match="DescribeServices is not emulated"):
        pricing.describe_services()
