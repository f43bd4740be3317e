"""What the emulated Batch of one account and region holds. Everything in it is guarded by `lock`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from local.emulator.batch.arns import Arns
from local.emulator.batch.definitions import JobDefinition
from local.emulator.batch.environments import ComputeEnvironment
from local.emulator.batch.jobs import Job
from local.emulator.batch.queues import JobQueue


@dataclass(kw_only=True)
class Store:
    """By ARN, jobs by id."""

    arns: Arns
    lock: threading.RLock = field(default_factory=threading.RLock)
    environments: dict[str, ComputeEnvironment] = field(default_factory=dict)
    queues: dict[str, JobQueue] = field(default_factory=dict)
    definitions: dict[str, JobDefinition] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    def environments_of(self, queue: JobQueue) -> list[ComputeEnvironment]:
        """A queue's environments in its order."""
        return [self.environments[arn] for arn in queue.environment_arns if arn in self.environments]
