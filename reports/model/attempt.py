"""One attempt of a job as the ledger tells it: what it asked for, what it used, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from reports.model.tables import ATTEMPTS

Outcome = Literal[
    "succeeded", "application-error", "out-of-memory", "reclaimed", "timed-out", "not-started", "cancelled"
]
Platform = Literal["ec2", "fargate", "lambda"]
Status = Literal["SUCCEEDED", "FAILED"]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the probe measured. A figure it couldn't read is None, never 0."""

    peak_memory_mib: float | None
    """Most memory in use at once, MiB, the page cache included."""
    memory_limit_mib: float | None
    """Memory the container was allowed, MiB; None without a limit."""
    cpu_s: float | None
    """CPU seconds of the container."""
    wall_s: float | None
    """Seconds from the probe's start to the command's end."""
    cgroup_version: int
    """Where the figures come from: cgroup 1 or 2; 0 without one, when memory is unknown."""
    exit_code: int
    """The command's exit code; 128 + n after signal n."""
    signal: str | None
    """Signal that ended the command: `TERM`, `KILL` …"""
    items: int | None
    """How many items the job says it handled; None where it doesn't say."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One finished attempt. Times have the zone UTC. `usage` is None when the probe's line is missing or late."""

    attempt_id: str
    """`<job id>#<attempt>`, unique."""
    job_id: str
    """AWS Batch's id of the job; `parent:index` for an array's child."""
    attempt: int
    """From 1."""
    job: str
    """Name of the job's folder in `jobs/`."""
    job_name: str
    """The name it was submitted under."""
    owner: str
    """Owner named in its job.yaml; empty where neither the probe nor the stage says."""
    stage: str
    queue: str
    """Name of the queue in the settings."""
    platform: Platform
    image: str
    vcpus: float
    memory_mib: int
    """Memory asked for."""
    submitted_at: datetime
    waiting_since: datetime
    """When it was submitted; for a second attempt, when the first one ended."""
    started_at: datetime | None
    """When the container started; None when it never did."""
    stopped_at: datetime
    status: Status
    """SUCCEEDED, or FAILED: also for an attempt that was tried again."""
    outcome: Outcome
    reason: str
    """Why it ended, in Batch's words; empty where Batch says nothing."""
    exit_code: int | None
    """None when no container ended."""
    array_index: int | None
    log_stream: str | None
    parameters: Mapping[str, str]
    """Values given to `Ref::name`."""
    usage: Usage | None

    @property
    def day(self) -> date:
        """UTC day it ended."""
        return self.stopped_at.astimezone(UTC).date()

    @property
    def wait_s(self) -> float | None:
        """Seconds from being submitted (or from the end of the attempt before) to the container's start."""
        return None if self.started_at is None else (self.started_at - self.waiting_since).total_seconds()

    @property
    def run_s(self) -> float | None:
        """Seconds the container ran, by Batch's clock."""
        return None if self.started_at is None else (self.stopped_at - self.started_at).total_seconds()

    @property
    def peak_memory_mib(self) -> float | None:
        return None if self.usage is None else self.usage.peak_memory_mib

    @property
    def cpu_s(self) -> float | None:
        return None if self.usage is None else self.usage.cpu_s

    @property
    def items(self) -> int | None:
        return None if self.usage is None else self.usage.items

    def row(self) -> tuple[Any, ...]:
        """The values of the table `attempts`, in its columns' order; times UTC without a zone, as DuckDB has them."""
        return tuple(_plain(getattr(self, name, None)) for name in ATTEMPTS.names)


NOT_IN_LEDGER: Final = frozenset({"environment", "purchase", "instance_id", "pull_started_at"})
"""Columns of the table `attempts` that state-change events don't carry; `row()` leaves them empty."""


def platform_of(capabilities: object) -> Platform:
    """What a row's `platform_capabilities` stand for; without any it is EC2."""
    told = capabilities if isinstance(capabilities, list) else []
    if "LAMBDA" in told:
        return "lambda"
    return "fargate" if "FARGATE" in told else "ec2"


def _plain(value: object) -> object:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
