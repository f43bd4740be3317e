"""The capacity of the emulated account: logically booted instances and what jobs hold of them.

An instance is booted with its first job and let go with its last: booting costs nothing here, and an idle one would
keep a larger one from being booted within `maxvCpus`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from local.emulator.batch.arns import new_ec2_instance_id, new_task_id
from scheduling.fit import Request
from scheduling.model import Instance, Start


@dataclass(kw_only=True)
class _Booted:
    scheduling_id: str
    environment: str
    type: str
    ec2_instance_id: str
    container_instance_id: str
    jobs: dict[str, Request] = field(default_factory=dict)

    def for_scheduling(self) -> Instance:
        return Instance(
            id=self.scheduling_id,
            environment=self.environment,
            type=self.type,
            used_vcpus=sum(request.vcpus for request in self.jobs.values()),
            used_memory_mib=sum(request.memory_mib for request in self.jobs.values()),
            used_gpus=sum(request.gpus for request in self.jobs.values()),
        )


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Where an attempt runs. None on Fargate."""

    ec2_instance_id: str | None
    container_instance_id: str | None


class Fleet:
    """Guarded by the backend's lock."""

    def __init__(self) -> None:
        self._instances: dict[str, _Booted] = {}
        self._on_fargate: dict[str, dict[str, Request]] = defaultdict(dict)

    def instances(self) -> tuple[Instance, ...]:
        return tuple(booted.for_scheduling() for booted in self._instances.values())

    def fargate_vcpus(self) -> tuple[tuple[str, float], ...]:
        """Environment → vCPUs of its running jobs."""
        return tuple(
            (environment, sum(request.vcpus for request in jobs.values()))
            for environment, jobs in self._on_fargate.items()
        )

    def admit(self, start: Start, request: Request) -> Seat:
        """Gives a started job its place, booting the instance if the scheduler said so."""
        if start.instance_id is None or start.instance_type is None:
            self._on_fargate[start.environment][start.job_id] = request
            return Seat(ec2_instance_id=None, container_instance_id=None)
        booted = self._instances.get(start.instance_id)
        if booted is None:
            booted = _Booted(
                scheduling_id=start.instance_id,
                environment=start.environment,
                type=start.instance_type,
                ec2_instance_id=new_ec2_instance_id(),
                container_instance_id=new_task_id(),
            )
            self._instances[start.instance_id] = booted
        booted.jobs[start.job_id] = request
        return Seat(ec2_instance_id=booted.ec2_instance_id, container_instance_id=booted.container_instance_id)

    def release(self, job_id: str) -> None:
        """Takes a job's place back; an instance without jobs is gone."""
        for jobs in self._on_fargate.values():
            jobs.pop(job_id, None)
        for booted in list(self._instances.values()):
            if booted.jobs.pop(job_id, None) is not None and not booted.jobs:
                del self._instances[booted.scheduling_id]

    def vcpus_of(self, environment: str) -> float:
        """vCPUs jobs hold in the environment."""
        held = sum(
            request.vcpus
            for booted in self._instances.values()
            if booted.environment == environment
            for request in booted.jobs.values()
        )
        return held + sum(request.vcpus for request in self._on_fargate.get(environment, {}).values())
