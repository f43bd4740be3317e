"""Public prices of what the emulated account runs on, from prices.json, where each block names its date and source.

AWS prices the sizes of a family by their size. A type without a price of its own has that of its family's nearest
priced type by their vCPUs, if its memory and GPUs grow with them alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from local.emulator.capacity import Purchase
from scheduling.catalog import INSTANCE_TYPES, InstanceType, families

FILE: Final = Path(__file__).with_name("prices.json")


class Unpriced(LookupError):
    """There is no price; the text says of what, and what to do."""


@dataclass(frozen=True, kw_only=True)
class FargatePrices:
    """Dollars."""

    vcpu_hour: Decimal
    gb_hour: Decimal


@dataclass(frozen=True, kw_only=True)
class FunctionPrices:
    """Dollars, of a GB of a function's memory for a second, and of a request."""

    gb_second: Decimal
    request: Decimal


class Prices:
    """Of one region, in dollars, on demand and on spot."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.region = str(table["region"])
        self.currency = str(table["currency"])
        # of the prices on demand
        self.ec2_date = date.fromisoformat(table["ec2_on_demand"]["date"])
        self.fargate_date = date.fromisoformat(table["fargate"]["date"])
        self._on_demand = {name: Decimal(price) for name, price in table["ec2_on_demand"]["per_hour"].items()}
        self._spot_percent: Mapping[str, int] = table["ec2_spot"]["percent_below_on_demand"]
        self._fargate = FargatePrices(
            vcpu_hour=Decimal(table["fargate"]["per_vcpu_hour"]), gb_hour=Decimal(table["fargate"]["per_gb_hour"])
        )
        self._lambda: Mapping[str, Any] = table["lambda"]
        self._fargate_spot_percent: int = table["fargate_spot"]["percent_below_on_demand"]

    def instance_hour(self, name: str, purchase: Purchase, *, region: str) -> Decimal:
        """Of an instance type. Raises Unpriced."""
        self._check(region)
        priced = self._priced_like(name)
        price = self._on_demand[priced] * INSTANCE_TYPES[name].vcpus / INSTANCE_TYPES[priced].vcpus
        return price if purchase == "on-demand" else _below(price, self._spot_percent[priced])

    def fargate(self, purchase: Purchase, *, region: str) -> FargatePrices:
        """Of Fargate for Linux on x86_64. Raises Unpriced."""
        self._check(region)
        if purchase == "on-demand":
            return self._fargate
        percent = self._fargate_spot_percent
        return FargatePrices(
            vcpu_hour=_below(self._fargate.vcpu_hour, percent), gb_hour=_below(self._fargate.gb_hour, percent)
        )

    def function(self, architecture: str, *, region: str) -> FunctionPrices:
        """Of Lambda. Raises Unpriced."""
        self._check(region)
        per_gb_second = self._lambda["per_gb_second"]
        return FunctionPrices(
            gb_second=Decimal(per_gb_second[architecture]), request=Decimal(self._lambda["per_request"])
        )

    def _check(self, region: str) -> None:
        if region != self.region:
            raise Unpriced(f"the emulated bill knows prices of {self.region} only; the emulator runs as {region}")

    def _priced_like(self, name: str) -> str:
        if name in self._on_demand:
            return name
        wanted = INSTANCE_TYPES[name]
        alike = [
            one for one in families[wanted.family] if one.name in self._on_demand and _shape(one) == _shape(wanted)
        ]
        if not alike:
            raise Unpriced(f"{name} has no price: add it to {FILE.name} of the emulated Cost Explorer, with its source")
        return min(alike, key=lambda one: (abs(one.vcpus - wanted.vcpus), one.vcpus)).name


@cache
def shipped() -> Prices:
    return Prices(json.loads(FILE.read_text(encoding="utf-8")))


def _below(price: Decimal, percent: int) -> Decimal:
    return price * (100 - percent) / 100


def _shape(kind: InstanceType) -> tuple[float, float]:
    return kind.memory_mib / kind.vcpus, kind.gpus / kind.vcpus
