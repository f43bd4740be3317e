"""Cost Explorer of the lane: a simulated bill, generated from what the emulated Batch ran and public prices.

It is no bill of AWS's: instances, Fargate tasks and functions only, at the dated prices of prices.json, nothing of
storage, network or logs, no discount, credit or tax. Every tag counts, as if activated. It lives as long as the
emulator does. What can't be answered rightly is refused: unknown filters, groups and metrics (ValidationException), and
a period with usage that has no price (DataUnavailableException).
"""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.ce.responses import CostExplorerResponse
from moto.core.exceptions import JsonRESTError

from local.emulator.context import EmulatorContext
from local.emulator.cost_explorer.answer import Row, page_of, rows_of
from local.emulator.cost_explorer.meter import Meter
from local.emulator.cost_explorer.prices import shipped
from local.emulator.cost_explorer.question import Question, parse_question
from local.emulator.substitute import Substitutions

PAGE_SIZE = 1000
# answers kept whole until their last page is taken: usage goes on between two pages
OPEN_ANSWERS = 32


@dataclass(frozen=True, kw_only=True)
class _Open:
    asked: Mapping[str, Any]
    question: Question
    rows: Sequence[Row]


class CostExplorerService:
    """Its requests come one at a time: the application holds a lock for the service."""

    def __init__(self, context: EmulatorContext, now_s: Callable[[], float], page_size: int) -> None:
        self._context = context
        self._now_s = now_s
        self._page_size = page_size
        self._prices = shipped()
        self._meter = Meter(self._prices)
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._substitutions = Substitutions()
        self._substitutions.attribute(
            CostExplorerResponse, "get_cost_and_usage", lambda response: json.dumps(self.answer(response.body))
        )
        context.watchers.append(self._meter)
        context.function_watchers.append(self._meter)

    def close(self) -> None:
        self._context.watchers.remove(self._meter)
        self._context.function_watchers.remove(self._meter)
        self._substitutions.undo()

    def answer(self, body: str | bytes) -> dict[str, Any]:
        """GetCostAndUsage. Raises the errors of the module's docstring, and those of tokens."""
        request: dict[str, Any] = json.loads(body)
        token = request.pop("NextPageToken", None)
        if token is None:
            return self._page(self._ask(request), 0)
        name, _, offset = str(token).partition(":")
        found = self._open.get(name)
        if found is None or not offset.isdecimal():
            raise JsonRESTError("InvalidNextTokenException", f"NextPageToken {token} is not known; ask from the start")
        if found.asked != request:
            raise JsonRESTError("RequestChangedException", "Your request parameters changed between pages")
        return self._page(found, int(offset), name)

    def _ask(self, request: dict[str, Any]) -> _Open:
        now_s = self._now_s()
        today = datetime.fromtimestamp(now_s, UTC).date()
        question = parse_question(request, today=today)
        lines = self._meter.lines(as_of_ms=int(now_s * 1000))
        rows = rows_of(question, lines, today=today, currency=self._prices.currency)
        return _Open(asked=request, question=question, rows=rows)

    def _page(self, found: _Open, start: int, name: str = "") -> dict[str, Any]:
        end = start + self._page_size
        page = page_of(found.question, found.rows[start:end])
        if end < len(found.rows):
            name = name or uuid.uuid4().hex
            self._open[name] = found
            self._open.move_to_end(name)
            if len(self._open) > OPEN_ANSWERS:
                self._open.popitem(last=False)
            page["NextPageToken"] = f"{name}:{end}"
        return page


def install(
    context: EmulatorContext, *, now_s: Callable[[], float] = time.time, page_size: int = PAGE_SIZE
) -> CostExplorerService:
    """Puts the bill into moto's Cost Explorer and watches Batch; `close()` takes it out again. Comes before Batch.

    `now_s` gives seconds of the epoch; it must be Batch's clock.
    """
    return CostExplorerService(context, now_s, page_size)
