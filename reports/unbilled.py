"""Days that no bill tells of: what ran there, and about what it costs, in a sentence and in no sum.

Cost Explorer is up to a day late, and a day may lack the tag it would be found by. What the report adds up stays the
bill's; this is said beside it. On demand it is the bill's rate of other days, else the price list; a spot instance's
is EC2's price history of that day, as yesterday's bill doesn't tell today's price; Fargate's and Lambda's is the bill's
rate of other days. What has no price is said to have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from duckdb import DuckDBPyConnection

from jobs.problems import listing
from reports.collect.prices import Prices, PriceSource, bill_rates
from reports.collect.queries import query
from reports.collect.spot_history import CURRENCY, SpotHistory, SpotPrices
from reports.model.report import Period
from reports.model.usage_types import classify
from reports.model.words import money

_SHOWN_DAYS: Final = 3
_LEAST_HOURS: Final = 0.05
"""Less than three minutes are the ledger's clock beside the bill's."""
_UNITS: Final = {
    "ec2": "hours of instances",
    "fargate-vcpu": "vCPU-hours of Fargate",
    "fargate-gb": "GB-hours of Fargate",
    "lambda-gb-s": "GB-hours of Lambda",
}
_LAMBDA_HOUR_S: Final = 3600
"""The bill counts Lambda in GB-seconds."""


@dataclass(frozen=True, kw_only=True)
class _Ran:
    """Of one day, kind, instance type and purchase; hours of instances, vCPUs or GB."""

    day: date
    kind: str
    instance_type: str
    purchase: str
    hours: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """Who tells prices: rows of `bill_lines` in one currency, earlier days' too, and who may be asked."""

    currency: str
    lines: Sequence[Mapping[str, Any]]
    prices: PriceSource | None
    history: SpotHistory | None


def unbilled(connection: DuckDBPyConnection, told: Told, *, period: Period, now: datetime) -> list[str]:
    """Sentences about what ran in the period where no line of the bill tells of it; none where the bill tells all.

    `connection` holds `attempts`, `instances` and `bill_lines`; `now` is aware.
    """
    asked = {"since": period.since, "until": period.until, "now": now.astimezone(UTC).replace(tzinfo=None)}
    rows = connection.execute(query("unbilled"), asked).fetchall()
    ran = [
        _Ran(day=day, kind=kind, instance_type=instance_type, purchase=purchase, hours=hours)
        for day, kind, instance_type, purchase, hours in rows
    ]
    if sum(one.hours for one in ran) < _LEAST_HOURS:
        return []
    listed, spot, rates = _listed(ran, told), _spot(ran, told, now), _rates(told.lines)
    cost, unpriced, bases = 0.0, dict.fromkeys(_UNITS, 0.0), set()
    for one in ran:
        hour_nano, basis = _price(one, listed, spot, rates)
        if hour_nano is None:
            unpriced[one.kind] += one.hours
        else:
            cost += hour_nano * one.hours
            bases.add(basis)
    return [_sentence(ran, round(cost), unpriced, bases, told.currency), *listed.missing, *spot.missing]


def _price(one: _Ran, listed: Prices, spot: SpotPrices, rates: Mapping[tuple[str, str], int]) -> tuple[int | None, str]:
    """Nano-dollars an hour, and what they are from."""
    if one.kind != "ec2":
        return rates.get((one.kind, one.purchase)), "the bill's rates of other days"
    if one.purchase == "spot":
        return spot.hour_nano.get((one.day, one.instance_type)), "spot price history"
    return listed.hour_nano.get(one.instance_type), "prices on demand"


def _listed(ran: Sequence[_Ran], told: Told) -> Prices:
    """Instance type → nano-dollars an hour on demand: the bill's other days, else the price list."""
    wanted = {one.instance_type for one in ran if one.kind == "ec2" and one.purchase != "spot" and one.instance_type}
    if not wanted:
        return Prices()
    prefix = _prefix(told.lines)
    names = {f"{prefix}BoxUsage:{instance_type}": instance_type for instance_type in sorted(wanted)}
    known = {name: price for name, price in bill_rates(told.lines).items() if name in names}
    unknown = [name for name in names if name not in known]
    asked = told.prices(unknown, told.currency) if unknown and told.prices is not None else Prices()
    found = known | asked.hour_nano
    return Prices(hour_nano={names[name]: price for name, price in found.items()}, missing=list(asked.missing))


def _prefix(lines: Sequence[Mapping[str, Any]]) -> str:
    """A region's before its usage types, as the bill has it; us-east-1 has none, and is taken where no line tells."""
    for line in lines:
        usage_type = str(line["usage_type"])
        if classify(usage_type).kind == "ec2":
            return usage_type[: usage_type.index(":")].removesuffix("SpotUsage").removesuffix("BoxUsage")
    return ""


def _spot(ran: Sequence[_Ran], told: Told, now: datetime) -> SpotPrices:
    wanted = [one for one in ran if one.kind == "ec2" and one.purchase == "spot" and one.instance_type]
    if not wanted or told.history is None:
        return SpotPrices()
    if told.currency != CURRENCY:
        return SpotPrices(missing=[f"the history of spot prices is in {CURRENCY}, the bill in {told.currency}"])
    return told.history({one.instance_type for one in wanted}, {one.day for one in wanted}, now)


def _rates(lines: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """(kind, purchase) of Fargate and Lambda → nano-dollars an hour, over all days of the bill."""
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for line in lines:
        kind = line["kind"]
        if line["record_type"] == "usage" and kind in _UNITS and kind != "ec2":
            hours = Decimal(line["quantity"]) / (_LAMBDA_HOUR_S if kind == "lambda-gb-s" else 1)
            cost, before = sums.get((kind, line["purchase"]), (0, Decimal(0)))
            sums[kind, line["purchase"]] = (cost + int(line["cost_nano"]), before + hours)
    return {key: round(cost / hours) for key, (cost, hours) in sums.items() if cost > 0 and hours > 0}


def _sentence(ran: Sequence[_Ran], cost: int, unpriced: Mapping[str, float], bases: set[str], currency: str) -> str:
    hours = dict.fromkeys(_UNITS, 0.0)
    for one in ran:
        hours[one.kind] += one.hours
    said = f"no line of the bill tells of {_days({one.day for one in ran})}, where {_amounts(hours)} were used"
    if bases:
        said += f": about {money(cost, currency)} by {listing(bases)}, in no sum of this report"
    lacking = _amounts(unpriced)
    if not lacking:
        return said
    return f"{said}; of {lacking} no price is known" if bases else f"{said}; no price of them is known"


def _amounts(hours: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:,.1f} {_UNITS[kind]}" for kind, amount in hours.items() if amount >= _LEAST_HOURS)


def _days(days: set[date]) -> str:
    if len(days) <= _SHOWN_DAYS:
        return " and ".join(sorted(map(str, days)))
    return f"{len(days)} days from {min(days)} to {max(days)}"
