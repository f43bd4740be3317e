"""Why a job's dollars moved: price × volume × efficiency, in dollars that add up to the difference.

A job's cost is C = V · E · P with V its successful runs, E the resource a successful run took (weighted seconds:
(9 · vCPU + GiB) · s of all its attempts, failed ones too, over V) and P the price of such a second. The difference
between two periods is split by the logarithmic mean Divisia index (Ang, "The LMDI approach to decomposition analysis",
Energy Policy 33 (2005) 867–871), which leaves no remainder: effect of x = L(C₁, C₀) · ln(x₁ / x₀), with
L(a, b) = (a − b) / (ln a − ln b).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.model.report import Change


@dataclass(frozen=True, kw_only=True)
class JobPeriod:
    """A job's sums over a period. `weighted_s` is Σ (9 · vCPU + GiB) · seconds of its attempts."""

    cost_nano: int
    succeeded: int
    weighted_s: float

    @property
    def whole(self) -> bool:
        """Whether the three factors exist. A container that ran at all ran for more than a millisecond."""
        return self.cost_nano > 0 and self.succeeded > 0 and self.weighted_s > 0.001


NOTHING = JobPeriod(cost_nano=0, succeeded=0, weighted_s=0.0)


def decompose(job: str, before: JobPeriod, after: JobPeriod) -> Change:
    """The difference `after` − `before` by effect. Where a factor is missing on a side, all of it is volume."""
    if not (before.whole and after.whole):
        return _change(job, before, after, price=0, efficiency=0)
    mean = _logarithmic_mean(after.cost_nano, before.cost_nano)
    price = mean * math.log((after.cost_nano / after.weighted_s) / (before.cost_nano / before.weighted_s))
    efficiency = mean * math.log((after.weighted_s / after.succeeded) / (before.weighted_s / before.succeeded))
    return _change(job, before, after, price=round(price), efficiency=round(efficiency))


def movers(before: Mapping[str, JobPeriod], after: Mapping[str, JobPeriod]) -> tuple[Change, ...]:
    """Every job of either period that moved, the largest difference first."""
    changes = (decompose(job, before.get(job, NOTHING), after.get(job, NOTHING)) for job in sorted({*before, *after}))
    moved = (change for change in changes if change.difference_nano)
    return tuple(sorted(moved, key=lambda change: (-abs(change.difference_nano), change.job)))


def total(changes: Sequence[Change]) -> Change:
    """All of them as one: effects add up as their differences do."""
    return Change(
        job="all jobs",
        difference_nano=sum(c.difference_nano for c in changes),
        price_nano=sum(c.price_nano for c in changes),
        volume_nano=sum(c.volume_nano for c in changes),
        efficiency_nano=sum(c.efficiency_nano for c in changes),
        sentence="",
    )


def _change(job: str, before: JobPeriod, after: JobPeriod, *, price: int, efficiency: int) -> Change:
    difference = after.cost_nano - before.cost_nano
    return Change(
        job=job,
        difference_nano=difference,
        price_nano=price,
        volume_nano=difference - price - efficiency,  # takes the roundings of the other two
        efficiency_nano=efficiency,
        sentence=_sentence(job, before, after, price=price, efficiency=efficiency),
    )


def _sentence(job: str, before: JobPeriod, after: JobPeriod, *, price: int, efficiency: int) -> str:
    if not before.cost_nano and not before.succeeded:
        return f"{job} is new"
    if not after.cost_nano and not after.succeeded:
        return f"{job} did not run"
    if not (before.whole and after.whole):
        return f"{job} had no successful run to compare"
    effects = {
        "volume": after.cost_nano - before.cost_nano - price - efficiency,
        "price": price,
        "efficiency": efficiency,
    }
    largest = max(effects, key=lambda name: abs(effects[name]))
    if largest == "volume":
        ratio = after.succeeded / before.succeeded - 1
        return f"{job} ran {abs(ratio):.0%} {'more' if ratio > 0 else 'less'} often"
    if largest == "price":
        ratio = (after.cost_nano / after.weighted_s) / (before.cost_nano / before.weighted_s) - 1
        return f"{job} paid {abs(ratio):.0%} {'more' if ratio > 0 else 'less'} for the same machine time"
    ratio = (after.weighted_s / after.succeeded) / (before.weighted_s / before.succeeded) - 1
    return f"{job} took {abs(ratio):.0%} {'more' if ratio > 0 else 'less'} machine time a run"


def _logarithmic_mean(a: float, b: float) -> float:
    if abs(a - b) <= 1e-9 * max(a, b):
        return (a + b) / 2  # the limit; the quotient would be 0 / 0
    return (a - b) / (math.log(a) - math.log(b))
