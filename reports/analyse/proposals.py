"""What to change, by the simplest honest rule. A rule is settings and a pure function of a job's history.

Memory: the largest peak of at least `least_runs` finished runs of the image in use, times a margin, rounded up to what
is sold; raised at once after an out-of-memory. Fewer runs, runs without the probe or a change too small to matter are
answers of their own, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from reports.model.report import NoProposal, Proposal


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished attempt. No `cost_nano`: the bill doesn't reach it. No `peak_memory_mib`: it ran without the probe."""

    ended_at: datetime
    image: str
    outcome: str
    memory_mib: int
    vcpus: float
    peak_memory_mib: float | None
    cost_nano: int | None


@dataclass(frozen=True, kw_only=True)
class JobHistory:
    """A job as it is now and its attempts, oldest first. `weeks` is how long the history looked at is."""

    job: str
    platform: str
    vcpus: float
    memory_mib: int
    weeks: float
    runs: tuple[Run, ...]


@dataclass(frozen=True, kw_only=True)
class MemoryRule:
    margin: Fraction = Fraction(115, 100)
    least_runs: int = 10
    least_change: Fraction = Fraction(5, 100)  # of what is asked now
    step_mib: int = 64  # on EC2, where memory is sold by the MiB
    floor_mib: int = 128
    raise_after_out_of_memory: Fraction = Fraction(3, 2)


LAMBDA_MOST_MIB = 10_240
Rounding = Callable[[str, float, int], int | None]
"""(platform, vCPUs, MiB needed) → the least memory that is sold, None when none is enough."""


def propose_memory(history: JobHistory, *, rule: MemoryRule, sold: Rounding) -> Proposal | NoProposal:
    """The memory this job should ask for, with its evidence and the dollars a week it would have saved."""
    finished = [run for run in history.runs if run.outcome in ("succeeded", "application-error", "out-of-memory")]
    if not finished:
        return NoProposal(job=history.job, reason="no finished run in the weeks looked at")
    image = finished[-1].image
    same = [run for run in finished if run.image == image]
    killed = [run for run in same if run.outcome == "out-of-memory"]
    if killed and max(run.memory_mib for run in killed) >= history.memory_mib:
        return _raised(history, len(killed), rule=rule, sold=sold)
    measured = [run for run in same if run.peak_memory_mib is not None and run.outcome != "out-of-memory"]
    if len(measured) < rule.least_runs:
        unmeasured = len(same) - len(killed) - len(measured)
        without = f", {unmeasured} more had no probe" if unmeasured else ""
        return NoProposal(
            job=history.job,
            reason=f"{len(measured)} measured runs of its image, {rule.least_runs} are needed{without}",
        )
    if history.platform == "lambda":
        # no run shows how long it would take with less of both, and Lambda is paid by the time
        return NoProposal(job=history.job, reason="on Lambda less memory is less processor too")
    peak = max(run.peak_memory_mib for run in measured if run.peak_memory_mib is not None)
    needed = max(rule.floor_mib, math.ceil(peak * rule.margin))
    if killed:
        # what was too little once is too little, whatever the other runs used
        needed = max(needed, math.ceil(max(run.memory_mib for run in killed) * rule.margin))
    proposed = sold(history.platform, history.vcpus, needed)
    if proposed is None:
        return NoProposal(job=history.job, reason=f"{needed} MiB with {history.vcpus:g} vCPUs is not sold")
    if abs(proposed - history.memory_mib) < rule.least_change * history.memory_mib:
        return NoProposal(job=history.job, reason=f"{history.memory_mib} MiB fits: its peak was {peak:.0f} MiB")
    return Proposal(
        job=history.job,
        key="resources.memory_mib",
        now=str(history.memory_mib),
        proposed=str(proposed),
        saving_nano_per_week=_saving(measured, history, proposed),
        evidence=f"peak {peak:.0f} MiB over {len(measured)} runs of its image, × {float(rule.margin):g}",
    )


def _raised(history: JobHistory, killed: int, *, rule: MemoryRule, sold: Rounding) -> Proposal | NoProposal:
    needed = math.ceil(history.memory_mib * rule.raise_after_out_of_memory)
    asked = f"{killed} {'run was' if killed == 1 else 'runs were'} killed for memory at {history.memory_mib} MiB"
    proposed = sold(history.platform, history.vcpus, needed)
    if proposed is None:
        return NoProposal(
            job=history.job,
            reason=f"{asked}; {needed} MiB with {history.vcpus:g} vCPUs is not sold",
        )
    return Proposal(
        job=history.job,
        key="resources.memory_mib",
        now=str(history.memory_mib),
        proposed=str(proposed),
        saving_nano_per_week=None,
        evidence=asked,
    )


def _saving(measured: Sequence[Run], history: JobHistory, proposed_mib: int) -> int | None:
    """Nano-dollars a week: each run's cost times the weight it would no longer take, (9 · vCPU + GiB) as it was paid.

    Negative when the proposal costs more. None when the bill reached none of the runs.
    """
    paid: dict[tuple[float, int], int] = {}
    for run in measured:
        if run.cost_nano is not None:
            asked = (run.vcpus, run.memory_mib)
            paid[asked] = paid.get(asked, 0) + run.cost_nano
    if not paid:
        return None
    saved = Fraction(0)
    for (vcpus, memory_mib), cost_nano in paid.items():
        weight = 9 * 1024 * Fraction(vcpus)
        saved += cost_nano * (memory_mib - proposed_mib) / (weight + memory_mib)
    return round(saved / Fraction(max(history.weeks, 1 / 7)))


def sold_memory(
    platform: str, vcpus: float, needed_mib: int, *, grid: dict[float, tuple[int, ...]], step_mib: int
) -> int | None:
    """The least memory sold that is enough: any multiple of `step_mib` on EC2, a size of the vCPU's row on Fargate."""
    if platform == "lambda" and needed_mib > LAMBDA_MOST_MIB:
        return None
    if platform != "fargate":
        return -(-needed_mib // step_mib) * step_mib
    return next((size for size in sorted(grid.get(vcpus, ())) if size >= needed_mib), None)
