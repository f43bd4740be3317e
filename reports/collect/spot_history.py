"""What spot instances cost by EC2's price history: for the days that no bill tells of.

DescribeSpotPriceHistory gives each zone's changes of price, and the price each zone began the asked time with; it keeps
90 days, takes no money, and speaks of dollars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity.wait import wait_base

from reports.collect.patience import WAIT, patiently
from reports.model.money import NotMoney, nano

CURRENCY: Final = "USD"
"""Of every answer."""
_RETRIED: Final = frozenset({"RequestLimitExceeded", "InternalError", "ServiceUnavailable", "Unavailable"})
_LINUX: Final = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]
"""What Batch starts; accounts older than VPCs get the second name."""
_DAY: Final = timedelta(days=1)


@dataclass(kw_only=True)
class SpotPrices:
    """(day, instance type) → nano-dollars an hour, and a sentence for each reason why others aren't here."""

    hour_nano: dict[tuple[date, str], int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


SpotHistory = Callable[[Collection[str], Collection[date], datetime], SpotPrices]
"""(instance types, days of UTC, now) → their prices; asks for nothing that lies ahead of now."""


def from_ec2(
    client: Callable[[], Any], *, say: Callable[[str], None] = lambda _: None, wait: wait_base = WAIT
) -> SpotHistory:
    """EC2's history in the client's region; `client` makes boto3's `ec2` when somebody has to be asked.

    The source raises nothing: what can't be had is a sentence.
    """

    def ask(types: Collection[str], days: Collection[date], now: datetime) -> SpotPrices:
        if not types or not days:
            return SpotPrices()
        since, until = _midnight(min(days)), min(_midnight(max(days)) + _DAY, now)
        try:
            say(f"spot price history: {', '.join(sorted(types))}")
            changes = list(_changes(client(), sorted(types), since, until, wait))
            return SpotPrices(hour_nano=daily_means(changes, days, now))
        except ClientError as error:
            told = error.response["Error"]
            said = f"answered {told['Code']}: {told.get('Message', '')}".rstrip(": ")
        except BotoCoreError as error:
            said = f"could not be reached: {error}"
        except (NotMoney, KeyError, ValueError, TypeError, AttributeError) as error:
            said = f"couldn't be read: {type(error).__name__}: {error}"
        return SpotPrices(missing=[f"the history of spot prices {said}"])

    return ask


def daily_means(
    changes: Iterable[tuple[str, str, datetime, int]], days: Collection[date], now: datetime
) -> dict[tuple[date, str], int]:
    """(day, instance type) → the mean over the day, up to now, and over the zones.

    `changes` are (instance type, zone, since when, nano-dollars an hour). A zone whose first price is told for later in
    the day counts from then on. In which zone an instance ran isn't known: all count alike.
    """
    by_zone: dict[tuple[str, str], dict[datetime, int]] = defaultdict(dict)
    for kind, zone, moment, price in changes:
        by_zone[kind, zone][moment] = price
    means: dict[tuple[date, str], list[float]] = defaultdict(list)
    for (kind, _), prices in by_zone.items():
        for day in days:
            mean = _mean(prices, _midnight(day), min(_midnight(day) + _DAY, now))
            if mean is not None:
                means[day, kind].append(mean)
    return {key: round(sum(found) / len(found)) for key, found in means.items()}


def _mean(prices: Mapping[datetime, int], since: datetime, until: datetime) -> float | None:
    """One zone's price between the two, weighed by time; None before its first price."""
    moments = sorted(prices)
    paid, told_s = 0.0, 0.0
    for moment, after in zip(moments, [*moments[1:], until], strict=True):
        seconds = (min(after, until) - max(moment, since)).total_seconds()
        if seconds > 0:
            paid += prices[moment] * seconds
            told_s += seconds
    return paid / told_s if told_s else None


def _changes(
    ec2: Any, types: list[str], since: datetime, until: datetime, wait: wait_base
) -> Iterable[tuple[str, str, datetime, int]]:
    """Every page's changes of price."""
    retrying = patiently(_RETRIED, attempts=5, wait=wait)
    request: dict[str, Any] = {
        "InstanceTypes": types,
        "ProductDescriptions": _LINUX,
        "StartTime": since,
        "EndTime": until,
    }
    while True:
        answer = retrying(ec2.describe_spot_price_history, **request)
        for one in answer["SpotPriceHistory"]:
            yield one["InstanceType"], one["AvailabilityZone"], one["Timestamp"].astimezone(UTC), nano(one["SpotPrice"])
        token = answer.get("NextToken")
        if not token:
            return
        request["NextToken"] = token


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
