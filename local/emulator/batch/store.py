"""What the emulated Batch of one account and region holds. Everything in it is guarded by `lock`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from local.emulator.batch.arns import Arns
from local.emulator.batch.definitions import JobDefinition
from local.emulator.batch.environments import ComputeEnvironment
from local.emulator.batch.jobs import Job
from local.emulator.batch.queues import JobQueue
from scheduling.model import DEFAULT_WEIGHT, FairShare


@dataclass(kw_only=True)
class Store:
    """By ARN, jobs by id."""

    arns: Arns
    lock: threading.RLock = field(default_factory=threading.RLock)
    environments: dict[str, ComputeEnvironment] = field(default_factory=dict)
    queues: dict[str, JobQueue] = field(default_factory=dict)
    definitions: dict[str, JobDefinition] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    # moto's scheduling policies, by ARN
    policies: dict[str, Any] = field(default_factory=dict)

    def fair_share_of(self, queue: JobQueue) -> FairShare | None:
        """How a queue serves its shares; None for one that serves first in, first out."""
        policy = self.policies.get(queue.scheduling_policy_arn or "")
        if policy is None:
            return None
        given = policy.fairshare_policy
        return FairShare(
            weights=tuple(
                (one["shareIdentifier"], float(one.get("weightFactor", DEFAULT_WEIGHT)))
                for one in given["shareDistribution"]
            ),
            decay_s=int(given["shareDecaySeconds"]),
            compute_reservation=int(given["computeReservation"]),
        )

    def environments_of(self, queue: JobQueue) -> list[ComputeEnvironment]:
        """A queue's environments in its order."""
        return [self.environments[arn] for arn in queue.environment_arns if arn in self.environments]
