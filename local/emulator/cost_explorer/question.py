"""GetCostAndUsage's request, checked: what the emulated bill can't answer rightly is refused, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from moto.core.exceptions import JsonRESTError

from local.emulator.cost_explorer.meter import Line

COST_METRICS: Final = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
"""One number here: no savings plan, no discount, one account."""
METRICS: Final = (*COST_METRICS, "UsageQuantity")
DIMENSIONS: Final[Mapping[str, Callable[[Line], str]]] = {
    "LINKED_ACCOUNT": lambda line: line.account,
    "RECORD_TYPE": lambda line: line.record_type,
    "SERVICE": lambda line: line.service,
    "USAGE_TYPE": lambda line: line.usage_type,
}
MAX_GROUPS: Final = 2
HISTORY_MONTHS: Final = 14

Span = tuple[date, date]
"""From the first to before the second day (UTC)."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: of each span, the metrics of each group of the lines that pass."""

    spans: tuple[Span, ...]
    metrics: tuple[str, ...]
    group_by: tuple[Mapping[str, str], ...]
    passes: Callable[[Line], bool]

    def keys_of(self, line: Line) -> tuple[str, ...]:
        """The line's group; empty if nothing is grouped."""
        return tuple(
            DIMENSIONS[one["Key"]](line)
            if one["Type"] == "DIMENSION"
            else f"{one['Key']}${line.tags.get(one['Key'], '')}"
            for one in self.group_by
        )


def refused(message: str) -> JsonRESTError:
    return JsonRESTError("ValidationException", message)


def parse_question(request: Mapping[str, Any], *, today: date) -> Question:
    """Raises ValidationException."""
    if request.get("BillingViewArn"):
        raise refused("BillingViewArn is given; the emulated Cost Explorer has no billing views")
    begin, end = _period(request.get("TimePeriod") or {}, today)
    metrics = tuple(request.get("Metrics") or ())
    if not metrics:
        raise refused("Metrics is empty; name at least one of " + ", ".join(METRICS))
    for metric in metrics:
        _one_of("Metrics", metric, METRICS)
    groups = tuple(request.get("GroupBy") or ())
    if len(groups) > MAX_GROUPS:
        raise refused(f"GroupBy has {len(groups)} keys; up to {MAX_GROUPS} are allowed")
    for group in groups:
        _one_of("GroupBy.Type", group.get("Type"), ("DIMENSION", "TAG"))
        if group["Type"] == "DIMENSION":
            _one_of("GroupBy.Key", group.get("Key"), DIMENSIONS)
        elif not group.get("Key"):
            raise refused("GroupBy.Key is empty; name the tag to group by")
    granularity = _one_of("Granularity", request.get("Granularity"), ("DAILY", "MONTHLY"))
    return Question(
        spans=tuple(_spans(begin, end, granularity)),
        metrics=metrics,
        group_by=groups,
        passes=_filter(request["Filter"]) if request.get("Filter") else lambda _: True,
    )


def _period(period: Mapping[str, Any], today: date) -> Span:
    begin, end = _day(period, "Start"), _day(period, "End")
    if begin >= end:
        raise refused("Start date (and hour) should be before end date (and hour)")
    if begin > today:
        raise refused(f"Start date {begin} is after the current date {today}")
    if end > _next_month(today):
        raise refused("end date past the beginning of next month")
    months = today.year * 12 + today.month - 1 - HISTORY_MONTHS
    oldest = date(months // 12, months % 12 + 1, 1)
    if begin < oldest:
        raise refused(
            f"You haven't enabled historical data beyond {HISTORY_MONTHS} months: Start is {begin}, not before {oldest}"
        )
    return begin, end


def _day(period: Mapping[str, Any], name: str) -> date:
    given = str(period.get(name, ""))
    try:
        if len(given) == len("2026-01-31"):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise refused(f"TimePeriod.{name} is {given!r}; write a day like 2026-01-31")


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _spans(begin: date, end: date, granularity: str) -> list[Span]:
    spans: list[Span] = []
    while begin < end:
        following = begin + timedelta(days=1) if granularity == "DAILY" else min(_next_month(begin), end)
        spans.append((begin, following))
        begin = following
    return spans


def _filter(expression: Mapping[str, Any]) -> Callable[[Line], bool]:
    roots = [name for name, value in expression.items() if value is not None]
    if len(roots) != 1:
        raise refused(f"Expression has {len(roots)} roots ({', '.join(sorted(roots))}); give exactly one")
    (root,) = roots
    value = expression[root]
    match root:
        case "And" | "Or":
            parts = [_filter(one) for one in value]
            if len(parts) < 2:
                raise refused(f"Expression {root} has {len(parts)} operands; give at least two")
            every = all if root == "And" else any
            return lambda line: every(part(line) for part in parts)
        case "Not":
            part = _filter(value)
            return lambda line: not part(line)
        case "Dimensions":
            key = _one_of("Dimensions.Key", value.get("Key"), DIMENSIONS)
            wanted = _values(root, value)
            return lambda line: DIMENSIONS[key](line) in wanted
        case "Tags":
            return _tags(value)
    raise refused(f"Expression has {root}; the emulated Cost Explorer knows And, Or, Not, Dimensions, Tags")


def _tags(value: Mapping[str, Any]) -> Callable[[Line], bool]:
    key = value.get("Key")
    if not key:
        raise refused("Tags.Key is empty; name the tag to filter by")
    if value.get("MatchOptions") == ["ABSENT"] and not value.get("Values"):
        return lambda line: not line.tags.get(key)
    wanted = _values("Tags", value)
    # an empty value asks for what has no such tag
    return lambda line: line.tags.get(key, "") in wanted


def _values(root: str, value: Mapping[str, Any]) -> frozenset[str]:
    for option in value.get("MatchOptions") or ():
        _one_of(f"{root}.MatchOptions", option, ("EQUALS", "CASE_SENSITIVE"))
    wanted: Sequence[str] = value.get("Values") or ()
    if not wanted:
        raise refused(f"{root}.Values is empty; give at least one value")
    return frozenset(wanted)


def _one_of(place: str, got: Any, allowed: Any) -> str:
    if got not in allowed:
        raise refused(f"{place} is {got}; the emulated Cost Explorer knows {', '.join(allowed)}")
    return str(got)
