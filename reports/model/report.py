"""The report as one object: whatever a renderer prints is a field here, and no renderer computes.

Money is whole nano-dollars (`…_nano`) of `currency`; shares are 0–1; times are UTC; None means no evidence, and
`missing` says why in a sentence.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Dimension = Literal["job", "owner", "queue", "environment", "stage", "platform"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(Part):
    """Days from `since` to before `until` (UTC, as AWS bills). `label` is what people call it: `2026-W47`."""

    since: date
    until: date
    label: str


class IdentityLine(Part):
    """A summand of the bill: jobs, idle of one environment, storage, network, logs, unexplained."""

    name: str
    cost_nano: int


class Identity(Part):
    """bill = Σ lines, exactly. `apart` is what the bill holds beside usage: credits, refunds, tax.

    `bill_nano` is None without a bill; `previous` are the lines of the period before.
    """

    bill_nano: int | None
    lines: tuple[IdentityLine, ...]
    apart: tuple[IdentityLine, ...]
    previous: tuple[IdentityLine, ...] = ()


class Group(Part):
    """One row of a breakdown: a job, an owner, a queue… `cost_nano` holds its attempts' costs.

    `on_demand_nano` is what they would have cost without spot capacity; None where a price for that isn't known.
    Without a bill no cost is known.
    """

    key: str
    cost_nano: int | None
    share: float | None
    previous_nano: int | None
    attempts: int
    succeeded: int
    per_success_nano: int | None
    failed_nano: int | None
    retried_nano: int | None
    on_demand_nano: int | None


class JobFigures(Part):
    """What one job's runs asked for and used. Waits in seconds, memory in MiB."""

    job: str
    owner: str
    attempts: int
    measured: int
    wait_p50_s: float | None
    wait_p95_s: float | None
    run_p50_s: float | None
    run_p95_s: float | None
    memory_asked_mib: int | None
    memory_peak_mib: float | None
    cpu_used_share: float | None


class UnitCosts(Part):
    """What one job's results cost. A success pays for the failures before it, and so do an array's child and an item.

    `success_nano` and `failed_nano` add up to `cost_nano`; `retried_nano` is of attempts that another followed. `items`
    is what `told_items` of the successful attempts told; an item has a price, with a fraction of a nano-dollar, only
    where all of them did. Without a bill no cost is known.
    """

    job: str
    cost_nano: int | None
    success_nano: int | None
    failed_nano: int | None
    retried_nano: int | None
    succeeded: int
    per_success_nano: int | None
    children: int
    per_child_nano: int | None
    told_items: int
    items: int
    per_item_nano: float | None


class QueueWait(Part):
    """Seconds that first attempts waited in a queue, from submission to the container's start."""

    queue: str
    attempts: int
    wait_p50_s: float | None
    wait_p95_s: float | None


class SpotSaving(Part):
    """Spot capacity of one environment, its idle time too: saving = on_demand − paid, of what can be compared.

    `unpriced_nano` was paid for capacity whose price on demand isn't known, and is in no other figure here. What the
    ledger puts in no environment has an empty one.
    """

    environment: str
    platform: Literal["ec2", "fargate"]
    paid_nano: int
    on_demand_nano: int
    saving_nano: int
    unpriced_nano: int


class Spot(Part):
    """All spot capacity of the bill against its price on demand: the sums of `rows`."""

    sentence: str
    paid_nano: int
    on_demand_nano: int
    saving_nano: int
    unpriced_nano: int
    rows: tuple[SpotSaving, ...]


class Waste(Part):
    """Dollars that bought nothing, by reason. `of_jobs` reasons overlap no other; idle is beside them."""

    reason: Literal[
        "unused memory",
        "unused cpu",
        "application error",
        "out of memory",
        "reclaimed",
        "timed out",
        "not started",
        "cancelled",
        "idle",
    ]
    cost_nano: int


class Change(Part):
    """Why a job's dollars moved against the period before: the three effects add up to the difference."""

    job: str
    difference_nano: int
    price_nano: int
    volume_nano: int
    efficiency_nano: int
    sentence: str


class Anomaly(Part):
    """A day that stands out of its job's history."""

    day: date
    job: str
    cost_nano: int
    expected_nano: int
    sentence: str


class Forecast(Part):
    """The month's end at the pace of the days seen; low and high hold 80 % of what such days would give."""

    month: str
    so_far_nano: int
    expected_nano: int
    low_nano: int
    high_nano: int
    days_seen: int


class Budget(Part):
    name: str
    limit_nano: int
    spent_nano: int
    forecast_nano: int | None


class Proposal(Part):
    """A change of one key of a stack's file, and what it would have saved a week in the weeks looked at."""

    job: str
    key: str
    now: str
    proposed: str
    saving_nano_per_week: int | None
    evidence: str


class NoProposal(Part):
    job: str
    reason: str


class Requests(Part):
    """What making the report asked of Cost Explorer, and its price."""

    pages: int
    price_nano: int
    days_from_cache: int


class Day(Part):
    day: date
    jobs_nano: int
    idle_nano: int
    other_nano: int
    estimated: bool


class Report(Part):
    version: Literal[1] = 1
    sentence: str
    stack: str
    currency: str
    generated_at: datetime
    period: Period
    previous: Period | None
    total_nano: int | None
    """None without a bill of the period."""
    previous_total_nano: int | None
    identity: Identity
    days: tuple[Day, ...]
    breakdowns: dict[Dimension, tuple[Group, ...]]
    units: tuple[UnitCosts, ...]
    jobs: tuple[JobFigures, ...]
    queues: tuple[QueueWait, ...]
    spot: Spot | None
    """None without spot capacity on the bill."""
    waste: tuple[Waste, ...]
    changes: tuple[Change, ...]
    change_total: Change | None
    """The sum of `changes`; None without a period before."""
    anomalies: tuple[Anomaly, ...]
    forecast: Forecast | None
    budgets: tuple[Budget, ...]
    proposals: tuple[Proposal, ...]
    no_proposals: tuple[NoProposal, ...]
    notes: tuple[str, ...] = ()
    """What to know while reading: figures AWS may still change, a bill that is simulated."""
    missing: tuple[str, ...]
    set_aside: int
    requests: Requests | None
    published: str | None = None
    """Address of the page, where the report was published."""
