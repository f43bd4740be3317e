"""The capacity of the emulated account: logically booted instances and what jobs hold of them.

An instance is booted with its first job and let go with its last: booting costs nothing here, and an idle one would
keep a larger one from being booted within `maxvCpus`. Those that somebody registers with an unmanaged environment stay
until they are deregistered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from local.emulator.batch.arns import Arns, new_ec2_instance_id, new_task_id
from local.emulator.batch.environments import ComputeEnvironment
from local.emulator.capacity import Instance as BootedInstance
from local.emulator.capacity import Watchers
from scheduling.fit import Request
from scheduling.model import Instance, Start


@dataclass(kw_only=True)
class _Booted:
    scheduling_id: str
    # ARN
    environment: str
    facts: BootedInstance
    jobs: dict[str, Request] = field(default_factory=dict)
    # somebody's own: it stays without jobs
    stays: bool = False

    def for_scheduling(self) -> Instance:
        return Instance(
            id=self.scheduling_id,
            environment=self.environment,
            type=self.facts.type,
            used_vcpus=sum(request.vcpus for request in self.jobs.values()),
            used_memory_mib=sum(request.memory_mib for request in self.jobs.values()),
            used_gpus=sum(request.gpus for request in self.jobs.values()),
        )


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Where an attempt runs. None on Fargate."""

    ec2_instance_id: str | None
    container_instance_arn: str | None


class Fleet:
    """Guarded by the backend's lock. `watchers` are told of every instance that comes and goes."""

    def __init__(self, *, arns: Arns, watchers: Watchers, now_ms: Callable[[], int]) -> None:
        self._arns = arns
        self._watchers = watchers
        self._now_ms = now_ms
        self._instances: dict[str, _Booted] = {}
        # deregistered while jobs ran on them
        self._leaving: set[str] = set()
        self._on_fargate: dict[str, dict[str, Request]] = defaultdict(dict)

    def instances(self) -> tuple[Instance, ...]:
        """Those that take jobs."""
        leaving = (booted for booted in self._instances.values() if booted.scheduling_id not in self._leaving)
        return tuple(booted.for_scheduling() for booted in leaving)

    def fargate_vcpus(self) -> tuple[tuple[str, float], ...]:
        """Environment → vCPUs of its running jobs."""
        return tuple(
            (environment, sum(request.vcpus for request in jobs.values()))
            for environment, jobs in self._on_fargate.items()
        )

    def admit(self, start: Start, request: Request, environment: ComputeEnvironment) -> Seat:
        """Gives a started job its place, booting the instance if the scheduler said so."""
        if start.instance_id is None or start.instance_type is None:
            self._on_fargate[start.environment][start.job_id] = request
            return Seat(ec2_instance_id=None, container_instance_arn=None)
        booted = self._instances.get(start.instance_id)
        if booted is None:
            booted = self._boot(start.instance_id, start.instance_type, environment)
        booted.jobs[start.job_id] = request
        facts = booted.facts
        return Seat(ec2_instance_id=facts.ec2_instance_id, container_instance_arn=facts.container_instance_arn)

    def _boot(self, scheduling_id: str, instance_type: str, environment: ComputeEnvironment) -> _Booted:
        facts = BootedInstance(
            home=environment.home(self._arns),
            ec2_instance_id=new_ec2_instance_id(),
            container_instance_arn=self._arns.container_instance(environment.cluster_name, new_task_id()),
            type=instance_type,
            tags=dict(environment.resources.get("tags") or {}),
            booted_at_ms=self._now_ms(),
        )
        booted = _Booted(scheduling_id=scheduling_id, environment=environment.arn, facts=facts)
        self._instances[scheduling_id] = booted
        self._watchers.tell(lambda watcher: watcher.instance_booted(facts))
        return booted

    def release(self, job_id: str) -> None:
        """Takes a job's place back; an instance without jobs is gone."""
        for jobs in self._on_fargate.values():
            jobs.pop(job_id, None)
        for booted in list(self._instances.values()):
            if booted.jobs.pop(job_id, None) is not None and not booted.jobs and not booted.stays:
                self._let_go(booted)

    def register(self, environment: ComputeEnvironment, ec2_instance_id: str, instance_type: str) -> str:
        """Takes in an instance of somebody's own, of a known type; gives its container instance's ARN."""
        facts = BootedInstance(
            home=environment.home(self._arns),
            ec2_instance_id=ec2_instance_id,
            container_instance_arn=self._arns.container_instance(environment.cluster_name, new_task_id()),
            type=instance_type,
            tags={},
            booted_at_ms=self._now_ms(),
        )
        arn = facts.container_instance_arn
        self._instances[arn] = _Booted(scheduling_id=arn, environment=environment.arn, facts=facts, stays=True)
        self._watchers.tell(lambda watcher: watcher.instance_booted(facts))
        return arn

    def deregister(self, container_instance_arn: str, *, force: bool) -> bool:
        """Lets a registered instance go, with `force` after its last job; False for a busy one without."""
        booted = self._instances[container_instance_arn]
        if booted.jobs and not force:
            return False
        booted.stays = False
        self._leaving.add(container_instance_arn)
        if not booted.jobs:
            self._let_go(booted)
        return True

    def forget(self, environment: str) -> None:
        """The environment is deleted: what is registered with it goes, at once or after its last job."""
        for booted in list(self._instances.values()):
            if booted.environment == environment and booted.stays:
                self.deregister(booted.scheduling_id, force=True)

    def _let_go(self, booted: _Booted) -> None:
        del self._instances[booted.scheduling_id]
        self._leaving.discard(booted.scheduling_id)
        now_ms = self._now_ms()
        self._watchers.tell(lambda watcher: watcher.instance_gone(booted.facts, now_ms))

    def vcpus_of(self, environment: str) -> float:
        """vCPUs jobs hold in the environment."""
        held = sum(
            request.vcpus
            for booted in self._instances.values()
            if booted.environment == environment
            for request in booted.jobs.values()
        )
        return held + sum(request.vcpus for request in self._on_fargate.get(environment, {}).values())
