"""The bill from Cost Explorer: two grouped requests, every page, and no day asked twice once AWS has closed it.

Each page costs money ($0.01), so days that came back closed are kept in a folder for ever, days that were `Estimated`
are asked again, and a limit stops before more is spent than allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from tenacity.wait import wait_base

from reports.collect.bill_amounts import OddLines, can_be
from reports.collect.patience import WAIT, patiently
from reports.collect.store import write_whole
from reports.model.money import nano
from reports.model.usage_types import classify

PAGE_PRICE: Final = Decimal("0.01")
"""Dollars a page of an answer costs (AWS Cost Management pricing)."""
METRICS: Final[Mapping[str, str]] = {
    "unblended": "UnblendedCost",
    "amortized": "AmortizedCost",
    "net-unblended": "NetUnblendedCost",
    "net-amortized": "NetAmortizedCost",
}
NOT_USAGE: Final[Mapping[str, str]] = {
    "Credit": "credit",
    "Refund": "refund",
    "Tax": "tax",
    "Support": "support",
    "Fee": "fee",
    "RIFee": "fee",
    "SavingsPlanRecurringFee": "fee",
    "SavingsPlanUpfrontFee": "fee",
}
"""Record types that are no usage, and what the report calls them."""
_RETRIED: Final = frozenset({"LimitExceededException", "ThrottlingException", "RequestTimeout", "ServiceUnavailable"})

Metric = Literal["unblended", "amortized", "net-unblended", "net-amortized"]


class BillUnavailable(Exception):
    """Cost Explorer did not answer; the report goes on without the days it would have covered."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One grouped request. Its days are kept under a name made of everything that changes the answer."""

    name: str
    metric: str
    group_by: tuple[Mapping[str, str], ...]
    filter: Mapping[str, Any]

    @property
    def signature(self) -> str:
        asked = {"metric": self.metric, "group_by": self.group_by, "filter": self.filter}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(kw_only=True)
class Bill:
    """Rows of the table `bill_lines`, what they cost to ask for, and what is missing of the days asked for."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    pages: int = 0
    days_from_cache: int = 0
    missing: list[str] = field(default_factory=list)
    unkept: list[str] = field(default_factory=list)
    """What of it couldn't be kept for the next report."""

    @property
    def price(self) -> Decimal:
        return self.pages * PAGE_PRICE


def questions(*, metric: Metric, stage_tag: str) -> tuple[Question, Question]:
    """What a report asks: usage by type and stage, and what is no usage (credits, refunds, tax) by its record type."""
    excluded = {"Dimensions": {"Key": "RECORD_TYPE", "Values": sorted(NOT_USAGE)}}
    return (
        Question(
            name="usage",
            metric=METRICS[metric],
            group_by=({"Type": "DIMENSION", "Key": "USAGE_TYPE"}, {"Type": "TAG", "Key": stage_tag}),
            filter={"Not": excluded},
        ),
        Question(
            name="other records",
            metric=METRICS[metric],
            group_by=({"Type": "DIMENSION", "Key": "RECORD_TYPE"},),
            filter=excluded,
        ),
    )


def collect_bill(
    client: Any,
    *,
    since: date,
    until: date,
    metric: Metric,
    stage_tag: str,
    cache: Path,
    spend_limit: Decimal,
    say: Callable[[str], None],
    wait: wait_base = WAIT,
) -> Bill:
    """The bill of the days from `since` to before `until` (UTC).

    `client` is boto3's `ce`. What can't be had is named in `Bill.missing`, a sentence each, and the rest comes all the
    same: a refused or throttled service, a limit reached, an answer that broke off.
    """
    bill = Bill()
    odd = OddLines()
    unkept: list[OSError] = []
    for question in questions(metric=metric, stage_tag=stage_tag):
        kept = _Kept(cache, question)
        days = [since + timedelta(days=n) for n in range((until - since).days)]
        closed = {day: answer for day in days if (answer := kept.read(day)) is not None}
        bill.days_from_cache += len(closed)
        for day, groups in closed.items():
            bill.lines.extend(_lines(question, day, groups, odd, estimated=False))
        for begin, end in _ranges([day for day in days if day not in closed]):
            try:
                for day, groups, estimated in _ask(client, question, begin, end, bill, spend_limit, say, wait):
                    bill.lines.extend(_lines(question, day, groups, odd, estimated=estimated))
                    if not estimated:
                        try:
                            kept.write(day, groups)
                        except OSError as problem:
                            unkept.append(problem)
            except BillUnavailable as problem:
                bill.missing.append(f"the bill's {question.name} from {begin} to {end - timedelta(days=1)}: {problem}")
    bill.missing += odd.said()
    if unkept:
        bill.unkept.append(
            f"the bill couldn't be kept in {cache} ({unkept[0].strerror or unkept[0]}), so the next report pays for "
            "its closed days again; make room there, or name another folder with --cache"
        )
    return bill


def _ask(
    client: Any,
    question: Question,
    begin: date,
    end: date,
    bill: Bill,
    spend_limit: Decimal,
    say: Callable[[str], None],
    wait: wait_base,
) -> Iterator[tuple[date, list[Any], bool]]:
    """Every page of a question; a day is given out once all its groups are there."""
    request: dict[str, Any] = {
        "TimePeriod": {"Start": begin.isoformat(), "End": end.isoformat()},
        "Granularity": "DAILY",
        "Metrics": [question.metric, "UsageQuantity"],
        "GroupBy": list(question.group_by),
        "Filter": dict(question.filter),
    }
    days: dict[date, tuple[list[Any], bool]] = {}
    while True:
        if bill.price + PAGE_PRICE > spend_limit:
            raise BillUnavailable(
                f"stopped before page {bill.pages + 1}, which would cost more than the limit of ${spend_limit}; "
                "raise the limit to ask further"
            )
        answer = _call(client, request, wait)
        bill.pages += 1
        say(f"Cost Explorer, {question.name}: page {bill.pages}, ${bill.price} so far")
        for result in answer.get("ResultsByTime", []):
            day = date.fromisoformat(result["TimePeriod"]["Start"])
            if not begin <= day < end:
                continue
            groups, estimated = days.get(day, ([], False))
            days[day] = (groups + result.get("Groups", []), estimated or bool(result.get("Estimated", True)))
        token = answer.get("NextPageToken")
        if not token:
            break
        request["NextPageToken"] = token
    for day, (groups, estimated) in days.items():
        yield day, groups, estimated
    # a day on which nothing was billed is in the answer too, with no group
    asked = [begin + timedelta(days=n) for n in range((end - begin).days)]
    if lacking := [day for day in asked if day not in days]:
        raise BillUnavailable(
            f"Cost Explorer's answer has nothing on {len(lacking):,} of these days, such as {lacking[0]}; ask again"
        )


def _call(client: Any, request: Mapping[str, Any], wait: wait_base) -> Mapping[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: Mapping[str, Any] = patiently(_RETRIED, attempts=5, wait=wait)(client.get_cost_and_usage, **request)
    except ClientError as error:
        said = error.response["Error"]
        raise BillUnavailable(
            f"Cost Explorer answered {said['Code']}: {said.get('Message', '')}".rstrip(": ")
        ) from error
    except BotoCoreError as error:
        raise BillUnavailable(f"Cost Explorer could not be reached: {error}") from error
    return answer


def _lines(
    question: Question, day: date, groups: Sequence[Mapping[str, Any]], odd: OddLines, *, estimated: bool
) -> Iterator[dict[str, Any]]:
    for group in groups:
        cost = group["Metrics"][question.metric]
        quantity = group["Metrics"].get("UsageQuantity", {"Amount": "0", "Unit": "N/A"})
        first, *rest = group["Keys"]
        usage = question.name == "usage"
        kind = classify(first)
        if not can_be(kind.kind if usage else "other", quantity["Amount"], cost["Amount"]):
            odd.add(day, first, quantity["Amount"], cost["Amount"])
            continue
        # a tag's group key is `<tag key>$<value>`; untagged usage has nothing behind the dollar sign
        stage = rest[0].partition("$")[2] if rest else ""
        yield {
            "day": day,
            "service": "",
            "usage_type": first,
            "kind": kind.kind if usage else "other",
            "purchase": kind.purchase if usage else "",
            "instance_type": kind.instance_type if usage else "",
            "stage": stage,
            "job": "",
            "record_type": "usage" if usage else NOT_USAGE.get(first, "fee"),
            "quantity": quantity["Amount"],
            "unit": quantity["Unit"],
            "cost_nano": nano(cost["Amount"]),
            "currency": cost["Unit"],
            "estimated": estimated,
        }


def _ranges(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The days as spans of neighbours, (first, day after the last): one request covers a span."""
    begin = previous = None
    for day in days:
        if previous is not None and day == previous + timedelta(days=1):
            previous = day
            continue
        if begin is not None and previous is not None:
            yield begin, previous + timedelta(days=1)
        begin = previous = day
    if begin is not None and previous is not None:
        yield begin, previous + timedelta(days=1)


@dataclass(frozen=True)
class _Kept:
    """Closed days of one question, a file each. A file that doesn't read is asked again, never trusted."""

    folder: Path
    question: Question

    def _file(self, day: date) -> Path:
        return self.folder / self.question.signature / f"{day.isoformat()}.json"

    def read(self, day: date) -> list[Any] | None:
        try:
            kept = json.loads(self._file(day).read_text(encoding="utf-8"))
            list(_lines(self.question, day, kept, OddLines(), estimated=False))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return kept if isinstance(kept, list) else None

    def write(self, day: date, groups: Sequence[Any]) -> None:
        """Raises OSError."""
        file = self._file(day)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(list(groups)))  # two reports may run at once
