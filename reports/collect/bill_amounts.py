"""Amounts of a bill's lines that the report can reckon with; a line with another is set aside and named.

One line may not end the report: an amount that is no number, or so large that sums of it pass what 64 bits of
nano-dollars or 38 digits hold, is AWS's mistake or the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from reports.model.usage_types import Kind

LARGEST_COST: Final = 10**8
"""Of a day's line, in the bill's currency; 64 bits of nano-dollars hold ninety of them."""
LARGEST_QUANTITY: Final = 10**18
"""Of what nothing is reckoned by."""
_LARGEST: Final[Mapping[Kind, int]] = {
    # hours of a day: a thousand million are forty million machines
    "ec2": 10**9,
    "fargate-vcpu": 10**9,
    "fargate-gb": 10**9,
    "lambda-gb-s": 10**14,
    "lambda-requests": 10**14,
}


@dataclass(kw_only=True)
class OddLines:
    """Lines set aside."""

    lines: int = 0
    such_as: str = ""

    def add(self, day: date, usage_type: str, quantity: object, cost: object, *, lines: int = 1) -> None:
        self.lines += lines
        self.such_as = self.such_as or f"{usage_type or 'one without a usage type'} of {day}, {quantity} for {cost}"

    def said(self) -> list[str]:
        """A sentence where there is one."""
        if not self.lines:
            return []
        lines = f"{self.lines:,} line{'s' if self.lines > 1 else ''}"
        return [
            f"{lines} of the bill whose amounts can't be, such as {self.such_as}: they are in no sum; "
            "look at them in the billing console"
        ]


def can_be(kind: Kind, quantity: object, cost: object) -> bool:
    """Whether a line's amounts, decimal texts or numbers, can be reckoned with."""
    return _within(quantity, _LARGEST.get(kind, LARGEST_QUANTITY)) and _within(cost, LARGEST_COST)


def _within(amount: object, largest: int) -> bool:
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        return False
    return value.is_finite() and abs(value) <= largest
