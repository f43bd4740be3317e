"""What to change, by the simplest honest rule. A rule is settings and a pure function of a job's history.

Memory: the largest peak of all runs of the image in use, at least `least_runs` of which were measured and succeeded,
times a margin, rounded up to what is sold; raised at once after an out-of-memory. A run that crashed says what it took
until then, never that less is enough. Fewer runs, runs without the probe or a change too small to matter are answers of
their own, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from reports.model.report import NoProposal, Proposal


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Alike attempts that ended, from the first to the last of them. `cost_nano` is of all; none: no bill reaches them.

    `measured` of them ran with the probe, and `peak_memory_mib` is the largest peak it told.
    """

    image: str
    outcome: str
    memory_mib: int
    vcpus: float
    attempts: int
    measured: int
    peak_memory_mib: float | None
    cost_nano: int | None
    first_ended_at: datetime
    last_ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobHistory:
    """A job as it is now and its attempts, what ended last at the end. `weeks`: how long the history looked at is."""

    job: str
    platform: str
    vcpus: float
    memory_mib: int
    weeks: float
    runs: tuple[Runs, ...]


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
    finished = [runs for runs in history.runs if runs.outcome in ("succeeded", "application-error", "out-of-memory")]
    if not finished:
        return NoProposal(job=history.job, reason="no finished run in the weeks looked at")
    same = [runs for runs in history.runs if runs.image == finished[-1].image]
    peak = max((runs.peak_memory_mib for runs in same if runs.peak_memory_mib is not None), default=0.0)
    killed = [runs for runs in same if runs.outcome == "out-of-memory"]
    if killed and max(runs.memory_mib for runs in killed) >= history.memory_mib:
        return _raised(history, killed, peak, rule=rule, sold=sold)
    succeeded = [runs for runs in same if runs.outcome == "succeeded"]
    evidence = sum(runs.measured for runs in succeeded)
    if evidence < rule.least_runs:
        return NoProposal(job=history.job, reason=_too_little(same, succeeded, rule))
    if history.platform == "lambda":
        # no run shows how long it would take with less of both, and Lambda is paid by the time
        return NoProposal(job=history.job, reason="on Lambda less memory is less processor too")
    needed = max(rule.floor_mib, math.ceil(peak * rule.margin))
    if killed:
        # what was too little once is too little, whatever the other runs used
        needed = max(needed, math.ceil(max(runs.memory_mib for runs in killed) * rule.margin))
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
        saving_nano_per_week=_saving([runs for runs in same if runs.outcome != "out-of-memory"], history, proposed),
        evidence=f"peak {peak:.0f} MiB over {_said(same, evidence)}, × {float(rule.margin):g}",
    )


def _count(groups: Sequence[Runs]) -> int:
    return sum(runs.attempts for runs in groups)


def _said(same: Sequence[Runs], evidence: int) -> str:
    measured = sum(runs.measured for runs in same)
    return f"{measured} runs of its image" + (f", {evidence} of them successful" if evidence < measured else "")


def _too_little(same: Sequence[Runs], succeeded: Sequence[Runs], rule: MemoryRule) -> str:
    measured = sum(runs.measured for runs in succeeded)
    reason = f"{measured} measured runs of its image succeeded, {rule.least_runs} are needed"
    without_probe, others = _count(succeeded) - measured, _count(same) - _count(succeeded)
    if without_probe:
        reason += f", {without_probe} more had no probe"
    return reason + (f", {others} more didn't succeed" if others else "")


def _raised(
    history: JobHistory, killed: Sequence[Runs], peak: float, *, rule: MemoryRule, sold: Rounding
) -> Proposal | NoProposal:
    sizes = {runs.memory_mib for runs in killed}
    needed = max(math.ceil(max(sizes) * rule.raise_after_out_of_memory), math.ceil(peak * rule.margin))
    count, at = _count(killed), "at" if len(sizes) == 1 else "at up to"
    asked = f"{count} {'run was' if count == 1 else 'runs were'} killed for memory {at} {max(sizes)} MiB"
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


def _saving(groups: Sequence[Runs], history: JobHistory, proposed_mib: int) -> int | None:
    """Nano-dollars a week: what runs cost times the weight they would no longer take, (9 · vCPU + GiB) as it was paid.

    Negative when the proposal costs more. None when the bill reached none of the runs.
    """
    if all(runs.cost_nano is None for runs in groups):
        return None
    saved = Fraction(0)
    for runs in groups:
        weight = 9 * 1024 * Fraction(runs.vcpus)
        saved += (runs.cost_nano or 0) * (runs.memory_mib - proposed_mib) / (weight + runs.memory_mib)
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
