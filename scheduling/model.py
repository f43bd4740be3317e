"""Batch's nouns as values: what `decide` and `check_fit` are told, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ec2-spot", "ec2-on-demand", "fargate", "fargate-spot"]
FARGATE_KINDS: frozenset[str] = frozenset({"fargate", "fargate-spot"})


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A compute environment."""

    name: str
    kind: Kind
    # types, families or groups as the environment names them; empty for Fargate
    instance_types: tuple[str, ...] = ()
    # bounds the vCPUs of its instances (EC2) or of its running jobs (Fargate)
    max_vcpus: int
    # a disabled environment starts nothing; what runs in it ends in peace
    enabled: bool = True

    @property
    def is_fargate(self) -> bool:
        return self.kind in FARGATE_KINDS


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A job queue. The higher priority is served first."""

    name: str
    priority: int
    # names, in the order of preference
    environments: tuple[str, ...]
    # a disabled queue takes no new jobs; those it holds are still served, as on AWS
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Job:
    """A RUNNABLE job."""

    id: str
    queue: str
    vcpus: float
    memory_mib: int
    gpus: int = 0
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
