"""Products of the price list in AWS's shape, and GetProducts over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from local.emulator.cost_explorer.prices import Prices, Unpriced
from scheduling.catalog import INSTANCE_TYPES

EC2: Final = "AmazonEC2"
ECS: Final = "AmazonECS"
PAGE_SIZE: Final = 100
_FORMAT: Final = "aws_v1"
# AWS's codes of a term on demand and of its price by the hour
_TERM: Final = "JRTCKXETXF"
_RATE: Final = "6YS6EN2CT7"

Product = Mapping[str, Any]


class Refused(ValueError):
    """A request that can't be answered rightly; the text says why."""


def products_of(prices: Prices) -> tuple[Product, ...]:
    """All that has a price on demand."""
    return (*_instances(prices), *_fargate(prices))


def find(products: Sequence[Product], request: Mapping[str, Any]) -> dict[str, Any]:
    """GetProducts' answer. Raises Refused."""
    service = request.get("ServiceCode")
    if service not in (EC2, ECS):
        raise Refused(f"ServiceCode is {service}; the emulated price list knows {EC2}, {ECS}")
    if request.get("FormatVersion", _FORMAT) != _FORMAT:
        raise Refused(f"FormatVersion is {request['FormatVersion']}; it must be {_FORMAT}")
    found = [one for one in products if one["serviceCode"] == service]
    known = {name for one in found for name in one["product"]["attributes"]}
    for condition in request.get("Filters") or ():
        kind, field = condition.get("Type"), condition.get("Field")
        if kind != "TERM_MATCH":
            raise Refused(f"Filters.Type is {kind}; the emulated price list knows TERM_MATCH")
        if field not in known:
            raise Refused(f"Filters.Field is {field}; the emulated price list knows {', '.join(sorted(known))}")
        found = [one for one in found if one["product"]["attributes"].get(field) == condition.get("Value")]
    start = _start(request.get("NextToken"))
    end = start + min(int(request.get("MaxResults") or PAGE_SIZE), PAGE_SIZE)
    answer: dict[str, Any] = {"FormatVersion": _FORMAT, "PriceList": [json.dumps(one) for one in found[start:end]]}
    if end < len(found):
        answer["NextToken"] = str(end)
    return answer


def _start(token: Any) -> int:
    if token is None:
        return 0
    if not str(token).isdecimal():
        raise Refused(f"NextToken {token} is not one this service gave")
    return int(token)


def _instances(prices: Prices) -> Iterator[Product]:
    for kind in INSTANCE_TYPES.values():
        try:
            price = prices.instance_hour(kind.name, "on-demand", region=prices.region)
        except Unpriced:
            continue
        attributes = {
            "usagetype": f"BoxUsage:{kind.name}",
            "instanceType": kind.name,
            "vcpu": str(kind.vcpus),
            "memory": f"{kind.memory_mib / 1024:g} GiB",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
            "operation": "RunInstances",
        }
        what = f"On Demand Linux {kind.name} Instance Hour"
        yield _product(prices, EC2, "Compute Instance", attributes, price, what, prices.ec2_date)


def _fargate(prices: Prices) -> Iterator[Product]:
    hour = prices.fargate("on-demand", region=prices.region)
    for usage_type, price, what in (
        ("USE1-Fargate-vCPU-Hours:perCPU", hour.vcpu_hour, "AWS Fargate - vCPU"),
        ("USE1-Fargate-GB-Hours", hour.gb_hour, "AWS Fargate - Memory"),
    ):
        yield _product(prices, ECS, "Compute", {"usagetype": usage_type}, price, what, prices.fargate_date)


def _product(
    prices: Prices,
    service: str,
    family: str,
    attributes: Mapping[str, str],
    price: Decimal,
    what: str,
    since: date,
) -> Product:
    sku = hashlib.sha256(attributes["usagetype"].encode()).hexdigest()[:16].upper()
    term, rate = f"{sku}.{_TERM}", f"{sku}.{_TERM}.{_RATE}"
    return {
        "product": {
            "productFamily": family,
            "attributes": {"servicecode": service, "regionCode": prices.region, **attributes},
            "sku": sku,
        },
        "serviceCode": service,
        "terms": {
            "OnDemand": {
                term: {
                    "priceDimensions": {
                        rate: {
                            "unit": "Hrs",
                            "beginRange": "0",
                            "endRange": "Inf",
                            "description": f"${price.normalize():f} per {what}",
                            "appliesTo": [],
                            "rateCode": rate,
                            "pricePerUnit": {prices.currency: f"{price:.10f}"},
                        }
                    },
                    "sku": sku,
                    "effectiveDate": f"{since}T00:00:00Z",
                    "offerTermCode": _TERM,
                    "termAttributes": {},
                }
            }
        },
        "version": f"{since:%Y%m%d}",
        "publicationDate": f"{since}T00:00:00Z",
    }
