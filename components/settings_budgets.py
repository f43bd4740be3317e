"""What a stage may cost a month, for the report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobs.spec.base import Hint, Owner, Strict

_AMOUNT = Annotated[
    float,
    Field(gt=0, le=1_000_000_000),
    Hint(allowed="a budget is an amount of money a month, up to 1,000,000,000", remedy="write for example 400"),
]


class BudgetSettings(Strict):
    """Amounts a month in the bill's currency. They are reported on; nothing stops at them."""

    stage_per_month: _AMOUNT | None = None
    """For the whole stage, idle machines and storage included."""
    owners_per_month: dict[Owner, _AMOUNT] = Field(default_factory=dict)
    """For the attempts of an owner's jobs, by owner."""
