"""What capacity costs on demand: the bill's own rates first, the Price List only for what the bill can't tell.

A rate of the bill is its cost over its hours, so it holds whatever was agreed; the list's is everybody's. A price
that neither tells is named as missing. The Price List API answers in few regions, costs nothing, and its answers are
kept for a month with the day they were given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity.wait import wait_base

from jobs.problems import listing
from reports.collect.patience import WAIT, patiently
from reports.collect.store import write_whole
from reports.model.money import NotMoney, nano
from reports.model.usage_types import classify, on_demand_twin

KEPT_DAYS: Final = 30
_RETRIED: Final = frozenset({"ThrottlingException", "InternalErrorException", "RequestTimeout", "ServiceUnavailable"})
_BY_THE_HOUR: Final = frozenset({"ec2", "fargate-vcpu", "fargate-gb"})
_SHARED_LINUX: Final = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
}
"""What Batch starts: the list has the same usage type for other systems too."""

_LARGEST_RATE_NANO: Final = 10**15
"""A million an hour. More comes of a line with next to no hours."""


@dataclass(kw_only=True)
class Prices:
    """Usage type → nano-dollars an hour, and a sentence for each reason why others aren't here."""

    hour_nano: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


PriceSource = Callable[[Sequence[str], str], Prices]
"""(usage types on demand, currency) → their prices."""


def of_spot(
    lines: Collection[Mapping[str, Any]], *, since: date, until: date, currency: str, ask: PriceSource | None
) -> Prices:
    """Spot usage type → nano-dollars an hour of the same capacity on demand, for the spot lines of these days.

    `lines` are rows of `bill_lines` in one currency, earlier days' too. Nobody is asked while the bill knows all.
    """
    spot = sorted(
        {
            line["usage_type"]
            for line in lines
            if _is_usage(line) and line["purchase"] == "spot" and since <= line["day"] < until
        }
    )
    known = bill_rates(lines)
    unknown = sorted({on_demand_twin(name) for name in spot} - known.keys())
    told = ask(unknown, currency) if unknown and ask is not None else Prices()
    known |= told.hour_nano
    missing = list(told.missing)
    lacking = {_capacity(name) for name in spot if on_demand_twin(name) not in known}
    if lacking:
        missing.append(f"the on-demand price of {listing(lacking)} isn't known, so what its spot capacity saved isn't")
    found = {name: known[on_demand_twin(name)] for name in spot if on_demand_twin(name) in known}
    return Prices(hour_nano=found, missing=missing)


def bill_rates(lines: Collection[Mapping[str, Any]]) -> dict[str, int]:
    """Usage type on demand → nano-dollars an hour, as the bill has it over all its days.

    What a savings plan or a reservation paid down to nothing is no price.
    """
    sums: dict[str, tuple[int, Decimal]] = {}
    for line in lines:
        if _is_usage(line) and line["purchase"] == "on-demand" and line["kind"] in _BY_THE_HOUR:
            cost, hours = sums.get(line["usage_type"], (0, Decimal(0)))
            sums[line["usage_type"]] = (cost + int(line["cost_nano"]), hours + Decimal(line["quantity"]))
    rates = {name: round(cost / hours) for name, (cost, hours) in sums.items() if cost > 0 and hours > 0}
    return {name: rate for name, rate in rates.items() if rate <= _LARGEST_RATE_NANO}


def from_price_list(
    client: Callable[[], Any],
    *,
    cache: Path,
    today: date,
    say: Callable[[str], None] = lambda _: None,
    wait: wait_base = WAIT,
) -> PriceSource:
    """The Price List API; `client` makes boto3's `pricing` when somebody has to be asked, `cache` is a file.

    The source raises nothing: what can't be had is a sentence.
    """

    def ask(usage_types: Sequence[str], currency: str) -> Prices:
        kept = _Kept(cache, currency, today)
        prices = Prices(hour_nano={name: price for name in usage_types if (price := kept.get(name)) is not None})
        unknown = [name for name in usage_types if name not in prices.hour_nano]
        if not unknown:
            return prices
        try:
            pricing = client()
            for name in unknown:
                say(f"price list: {name}")
                found = _listed(_products(pricing, name, wait), currency)
                if len(found) == 1:
                    prices.hour_nano[name] = kept.told[name] = found.pop()
                elif found:
                    prices.missing.append(f"the price list has {len(found)} prices of {_capacity(name)}")
        except ClientError as error:
            told = error.response["Error"]
            prices.missing.append(f"the price list answered {told['Code']}: {told.get('Message', '')}".rstrip(": "))
        except BotoCoreError as error:
            prices.missing.append(f"the price list could not be reached: {error}")
        except (NotMoney, KeyError, ValueError, TypeError, AttributeError) as error:
            prices.missing.append(f"the price list's answer couldn't be read: {type(error).__name__}: {error}")
        problem = kept.save()
        if problem:
            prices.missing.append(problem)
        return prices

    return ask


def _products(pricing: Any, usage_type: str, wait: wait_base) -> list[Mapping[str, Any]]:
    """Every product of a usage type, over all pages."""
    of_ec2 = classify(usage_type).kind == "ec2"
    wanted = {"usagetype": usage_type, **(_SHARED_LINUX if of_ec2 else {})}
    request: dict[str, Any] = {
        "ServiceCode": "AmazonEC2" if of_ec2 else "AmazonECS",
        "FormatVersion": "aws_v1",
        "Filters": [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
    }

    retrying = patiently(_RETRIED, attempts=5, wait=wait)
    products: list[Mapping[str, Any]] = []
    while True:
        answer = retrying(pricing.get_products, **request)
        products += [json.loads(text) for text in answer["PriceList"]]
        token = answer.get("NextToken")
        if not token:
            return products
        request["NextToken"] = token


def _listed(products: Sequence[Mapping[str, Any]], currency: str) -> set[int]:
    """The prices an hour of the products' terms on demand; one that is nothing is no price of capacity."""
    dimensions = [
        dimension
        for product in products
        for term in product["terms"].get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
    ]
    prices = {nano(one["pricePerUnit"][currency]) for one in dimensions if currency in one["pricePerUnit"]}
    return prices - {0}


class _Kept:
    """Answers of the list in one file: currency → usage type → price and the day it was told."""

    def __init__(self, file: Path, currency: str, today: date) -> None:
        self._file = file
        self._currency = currency
        self._today = today
        self.told: dict[str, int] = {}
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = {}
        self._all: dict[str, Any] = kept if isinstance(kept, dict) else {}

    def get(self, usage_type: str) -> int | None:
        try:
            one = self._all[self._currency][usage_type]
            if self._today - date.fromisoformat(one["told"]) > timedelta(days=KEPT_DAYS):
                return None
            return int(one["hour_nano"])
        except (KeyError, TypeError, ValueError):
            return None

    def save(self) -> str:
        """Keep what was told now; why not, where that fails."""
        if not self.told:
            return ""
        new = {name: {"hour_nano": price, "told": self._today.isoformat()} for name, price in self.told.items()}
        before = self._all.get(self._currency)
        self._all[self._currency] = {**(before if isinstance(before, dict) else {}), **new}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, json.dumps(self._all, indent=1, sort_keys=True) + "\n")
        except OSError as problem:
            return f"the price list's answers couldn't be kept: {problem}"
        return ""


def _is_usage(line: Mapping[str, Any]) -> bool:
    return bool(line["record_type"] == "usage")


def _capacity(usage_type: str) -> str:
    """What people call it: an instance type, or the usage type on demand."""
    return classify(usage_type).instance_type or on_demand_twin(usage_type)
