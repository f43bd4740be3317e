"""Fair-share queues: who is served next when a queue's jobs belong to shares.

AWS names the parts (weight factor, share decay, compute reservation: Batch user guide, job_scheduling) but not the sum.
This is one: a share's claim is the vCPU seconds it has had within the decay window, and those it will have had if what
it runs goes on for one, times its weight. The share with the smallest claim is served first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scheduling.model import DEFAULT_DECAY_S, DEFAULT_WEIGHT, FairShare, Job, ShareUse

_TOLERANCE = 1e-9


@dataclass(kw_only=True)
class _Share:
    weight: float
    waiting: deque[Job] = field(default_factory=deque)
    running_vcpus: float = 0.0
    recent_vcpu_s: float = 0.0


class Line:
    """Jobs of a queue without shares: first in, first out."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = deque(jobs)

    def head(self) -> Job | None:
        """Who is next; None when nobody is."""
        return self._jobs[0] if self._jobs else None

    def take(self, job: Job) -> None:
        """The head starts."""
        head = self._jobs.popleft()
        assert head is job, "only the head starts"


class FairLine:
    """Jobs of a queue with shares. Within a share: first in, first out."""

    def __init__(self, jobs: Iterable[Job], policy: FairShare, uses: Iterable[ShareUse], max_vcpus: int) -> None:
        self._policy = policy
        self._max_vcpus = max_vcpus
        self._window_s = policy.decay_s or DEFAULT_DECAY_S
        self._shares: dict[str, _Share] = {}
        for use in uses:
            share = self._share(use.share)
            share.running_vcpus, share.recent_vcpu_s = use.running_vcpus, use.recent_vcpu_s
        for job in jobs:
            self._share(job.share or "").waiting.append(job)

    def _share(self, name: str) -> _Share:
        return self._shares.setdefault(name, _Share(weight=weight_of(self._policy.weights, name)))

    def head(self) -> Job | None:
        """The first job of the share with the smallest claim, of those that the compute reservation lets in."""
        able = [
            (self._claim(share), name, share.waiting[0])
            for name, share in self._shares.items()
            if share.waiting and self._lets_in(share)
        ]
        return min(able, key=lambda one: one[:2])[2] if able else None

    def take(self, job: Job) -> None:
        share = self._share(job.share or "")
        share.waiting.popleft()
        share.running_vcpus += job.vcpus

    def _claim(self, share: _Share) -> float:
        return share.weight * (share.recent_vcpu_s + share.running_vcpus * self._window_s)

    def _lets_in(self, share: _Share) -> bool:
        """What is kept for shares that don't run yet: (reservation ÷ 100) ^ active shares of all vCPUs."""
        reserved = self._policy.compute_reservation / 100
        used = sum(one.running_vcpus for one in self._shares.values())
        # of an environment that nobody gave a size nothing can be kept
        if not reserved or used == 0 or not self._max_vcpus:
            return True
        active = sum(1 for one in self._shares.values() if one.running_vcpus or one is share)
        limit = self._max_vcpus * (1 - reserved**active)
        return used + share.waiting[0].vcpus <= limit + _TOLERANCE


def weight_of(weights: Mapping[str, float] | Iterable[tuple[str, float]], share: str) -> float:
    """A share's weight: its own, that of the longest `prefix*` it fits, else 1. Less is more."""
    given = dict(weights)
    if share in given:
        return given[share]
    prefixes = [name[:-1] for name in given if name.endswith("*") and share.startswith(name[:-1])]
    return given[max(prefixes, key=len) + "*"] if prefixes else DEFAULT_WEIGHT
