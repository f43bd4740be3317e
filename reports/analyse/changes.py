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

from reports.model import words
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
    """The effect that moved the job's dollars in their direction, by more than the others that did; else how much."""
    if before == NOTHING:
        return f"{job} did not run the period before"
    if after == NOTHING:
        return f"{job} did not run"
    if not (before.whole and after.whole):
        return f"{job} {_not_comparable(before, after)}"
    difference = after.cost_nano - before.cost_nano
    effects = {"volume": difference - price - efficiency, "price": price, "efficiency": efficiency}
    along = {name: abs(effect) for name, effect in effects.items() if effect * difference > 0}
    largest = max(along, key=lambda name: along[name], default="")
    if 2 * along.get(largest, 0) <= sum(along.values()):
        return f"{job} cost {_than_before(after.cost_nano / before.cost_nano)}"
    if largest == "volume":
        return f"{job} ran {_than_before(after.succeeded / before.succeeded, 'as often', ' often')}"
    if largest == "price":
        ratio = (after.cost_nano / after.weighted_s) / (before.cost_nano / before.weighted_s)
        return f"{job} paid {_than_before(ratio, 'as much', '')} for the same machine time"
    ratio = (after.weighted_s / after.succeeded) / (before.weighted_s / before.succeeded)
    return f"{job} took {_than_before(ratio, 'the', '')} machine time a run"


def _not_comparable(before: JobPeriod, after: JobPeriod) -> str:
    if not after.succeeded:
        return "had no successful run"
    if not before.succeeded:
        return "had no successful run the period before"
    if before.cost_nano <= 0:
        return "cost nothing the period before"
    return "cost nothing" if after.cost_nano <= 0 else "has no run times to compare"


def _than_before(ratio: float, as_much: str = "as much", what: str = "") -> str:
    """`31% more often`, `12 times as often`. `ratio` is after over before, above 0."""
    if ratio >= words.MANY_TIMES:
        return f"{ratio:,.0f} times {as_much}"
    part = abs(ratio - 1)
    text = ">99%" if 0.995 <= part < 1 else words.share(part)
    return f"{text} {'more' if ratio > 1 else 'less'}{what}"


def _logarithmic_mean(a: float, b: float) -> float:
    if abs(a - b) <= 1e-9 * max(a, b):
        return (a + b) / 2  # the limit; the quotient would be 0 / 0
    return (a - b) / (math.log(a) - math.log(b))
