"""Batch's nouns as values: what `decide` and `check_fit` are told, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ec2-spot", "ec2-on-demand", "ec2-unmanaged", "fargate", "fargate-spot"]
FARGATE_KINDS: frozenset[str] = frozenset({"fargate", "fargate-spot"})


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A compute environment."""

    name: str
    kind: Kind
    # types, families or groups as the environment names them; empty for Fargate and unmanaged ones
    instance_types: tuple[str, ...] = ()
    # bounds the vCPUs of its instances (EC2) or of its running jobs (Fargate); of an unmanaged one those that its owner
    # expects, 0 where nobody said
    max_vcpus: int
    # a disabled environment starts nothing; what runs in it ends in peace
    enabled: bool = True

    @property
    def is_fargate(self) -> bool:
        return self.kind in FARGATE_KINDS

    @property
    def is_unmanaged(self) -> bool:
        """It boots nothing: jobs run on instances that somebody registers."""
        return self.kind == "ec2-unmanaged"


DEFAULT_DECAY_S = 600
"""What AWS takes for a share decay of 0."""
DEFAULT_WEIGHT = 1.0


@dataclass(frozen=True, kw_only=True)
class FairShare:
    """A scheduling policy."""

    # share (or `prefix*`) -> weight factor: half the weight, twice the vCPUs
    weights: tuple[tuple[str, float], ...] = ()
    # seconds for which what a share has had counts
    decay_s: int = 0
    # percent of the vCPUs kept for shares that don't run yet
    compute_reservation: int = 0


@dataclass(frozen=True, kw_only=True)
class ShareUse:
    """What a share of a queue has and has had."""

    queue: str
    share: str
    running_vcpus: float = 0.0
    # vCPU seconds of jobs that have ended, within the policy's decay
    recent_vcpu_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A job queue. The higher priority is served first."""

    name: str
    priority: int
    # names, in the order of preference
    environments: tuple[str, ...]
    # a disabled queue takes no new jobs; those it holds are still served, as on AWS
    enabled: bool = True
    # None: first in, first out
    fair_share: FairShare | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A RUNNABLE job."""

    id: str
    queue: str
    vcpus: float
    memory_mib: int
    gpus: int = 0
    # of a queue with fair share
    share: str | None = None
    # order within the queue; ties are broken by `order`, then by id
    submitted_at_s: float
    order: int = 0


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A booted EC2 instance with what jobs hold of it."""

    id: str
    environment: str
    type: str
    used_vcpus: float = 0.0
    used_memory_mib: int = 0
    used_gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class State:
    """All that a decision depends on. Idle instances count against `max_vcpus`: leave out those that are let go."""

    environments: tuple[Environment, ...]
    queues: tuple[Queue, ...]
    # RUNNABLE jobs, in any order
    jobs: tuple[Job, ...]
    instances: tuple[Instance, ...] = ()
    # Fargate environment -> vCPUs of its running jobs
    fargate_vcpus: tuple[tuple[str, float], ...] = ()
    share_uses: tuple[ShareUse, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Start:
    """A job starts now, there."""

    job_id: str
    environment: str
    # of the state or, with `boots`, a new one; None on Fargate
    instance_id: str | None
    instance_type: str | None
    # the first job of an instance that is booted for it
    boots: bool
