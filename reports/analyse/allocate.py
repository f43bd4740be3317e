"""The bill, allocated: each attempt's dollars, each environment's idle, and what nothing accounts for.

The rule (the weights are those of AWS's split cost allocation, 9 : 1 for a vCPU against a GiB):

- an instance-hour costs its time at the effective rate of its type, purchase and day: the bill's cost over its hours;
- of that, the share of the hour in which any attempt ran is split among them by (9 · vCPU + GiB) · time; the rest is
  the environment's idle;
- Fargate and Lambda attempts pay their billable vCPU-, GB-seconds and requests at the day's effective rates;
- storage, network and logs stay what they are, by tag;
- what remains is `unexplained`. Integers throughout: the parts add up to the bill's usage to the nano-dollar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

from reports.analyse.engine import Engine, engine_of

STEPS: Final = (
    "hosts",
    "instance_hours",
    "instance_rates",
    "instance_hour_costs",
    "busy_hours",
    "task_pieces",
    "task_rates",
    "attempt_pieces",
    "retried_attempts",
    "attempt_sums",
    "retried_costs",
    "ec2_idle",
    "other_costs",
    "allocations",
)
EDGE_S: Final = 600
"""Billed time around what the ledger sees of an instance that counts as its environment's idle, seconds an edge."""


class IdentityBroken(AssertionError):
    """The parts don't add up to the bill: a defect of the allocation, never of the data."""


@dataclass(frozen=True, kw_only=True)
class Allocated:
    """What `allocate` left in the view `allocations`, summed. Costs in nano-dollars."""

    bill_nano: int
    by_category: dict[str, int]
    attempts_with_cost: int
    attempts_without_cost: int

    @property
    def unexplained_nano(self) -> int:
        return self.by_category.get("unexplained", 0)


def allocate(holder: DuckDBPyConnection | Engine, *, now: datetime) -> Allocated:
    """Make the view `allocations` from the tables `attempts`, `instances` and `bill_lines` of `holder`.

    `now` (naive, UTC) ends the lives of instances that are still up. Raises IdentityBroken when a defect of ours makes
    money appear or vanish.
    """
    engine = engine_of(holder)
    parameters = {"now": now, "edge_us": EDGE_S * 1_000_000}
    for step in STEPS:
        engine.step(step, parameters)
    sums = {row["category"]: row["cost_nano"] for row in engine.rows("sums_by_category")}
    counts = engine.rows("allocation_counts")[0]
    bill = counts["bill_nano"]
    if sum(sums.values()) != bill:
        raise IdentityBroken(f"the parts add up to {sum(sums.values())} nano-dollars, the bill's usage is {bill}")
    return Allocated(
        bill_nano=bill,
        by_category=sums,
        attempts_with_cost=counts["costed"],
        attempts_without_cost=counts["attempts"] - counts["costed"],
    )
