"""GetCostAndUsage's answer: groups of each span with exact sums, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from moto.core.exceptions import JsonRESTError

from local.emulator.cost_explorer.meter import Line
from local.emulator.cost_explorer.question import COST_METRICS, Question, Span


@dataclass(frozen=True, kw_only=True)
class Row:
    """What fits on a page whole: a group of a span; without keys the span's total, which stands alone."""

    span: Span
    estimated: bool
    keys: tuple[str, ...]
    metrics: dict[str, dict[str, str]]


def rows_of(question: Question, lines: Iterable[Line], *, today: date, currency: str) -> list[Row]:
    """The whole answer in order. Raises DataUnavailableException if it needs a price that isn't known."""
    by_day: dict[date, list[Line]] = defaultdict(list)
    for line in lines:
        if question.passes(line):
            by_day[line.day].append(line)
    rows: list[Row] = []
    for begin, end in question.spans:
        # AWS closes a day when it is over and another has passed
        estimated = end >= today
        days = (begin + timedelta(days=number) for number in range((end - begin).days))
        groups: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for day in days:
            for line in by_day.get(day, ()):
                groups[question.keys_of(line)].append(line)
        for keys in sorted(groups) or [()]:
            metrics = {metric: _sum(metric, groups[keys], currency) for metric in question.metrics}
            rows.append(Row(span=(begin, end), estimated=estimated, keys=keys, metrics=metrics))
    return rows


def page_of(question: Question, rows: Sequence[Row]) -> dict[str, Any]:
    """The answer's shape, of some rows; a span that is cut off goes on on the next page."""
    results: dict[Span, dict[str, Any]] = {}
    for row in rows:
        begin, end = row.span
        result = results.setdefault(
            row.span,
            {
                "TimePeriod": {"Start": begin.isoformat(), "End": end.isoformat()},
                "Total": {},
                "Groups": [],
                "Estimated": row.estimated,
            },
        )
        if row.keys:
            result["Groups"].append({"Keys": list(row.keys), "Metrics": row.metrics})
        else:
            result["Total"] = row.metrics
    answer: dict[str, Any] = {"ResultsByTime": list(results.values()), "DimensionValueAttributes": []}
    if question.group_by:
        answer["GroupDefinitions"] = [dict(one) for one in question.group_by]
    return answer


def _sum(metric: str, lines: Sequence[Line], currency: str) -> dict[str, str]:
    for line in lines:
        if line.cost is None:
            raise JsonRESTError("DataUnavailableException", line.unpriced)
    if metric in COST_METRICS:
        amount = sum((line.cost for line in lines if line.cost is not None), Decimal())
        return {"Amount": _text(amount), "Unit": currency}
    return {"Amount": _text(sum((line.hours for line in lines), Decimal())), "Unit": "Hrs" if lines else "N/A"}


def _text(amount: Decimal) -> str:
    return format(amount.normalize(), "f") if amount else "0"
