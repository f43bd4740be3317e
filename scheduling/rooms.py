"""Free room in environments: what is left of booted instances, what may still be booted, what Fargate may still run."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduling.catalog import InstanceType, instance_type
from scheduling.fit import Request, fits, holds, launchable
from scheduling.model import Environment, Instance, Job, Start, State

# vCPUs are quarters at the least; sums of floats of them are exact, this guards against odd shares like 0.1
_TOLERANCE = 1e-9


@dataclass(kw_only=True)
class _OpenInstance:
    id: str
    kind: InstanceType
    free_vcpus: float
    free_memory_mib: int
    free_gpus: int

    def takes(self, request: Request) -> bool:
        return (
            self.free_vcpus + _TOLERANCE >= request.vcpus
            and self.free_memory_mib >= request.memory_mib
            and self.free_gpus >= request.gpus
        )

    def take(self, request: Request) -> None:
        self.free_vcpus -= request.vcpus
        self.free_memory_mib -= request.memory_mib
        self.free_gpus -= request.gpus


def request_of(job: Job) -> Request:
    return Request(vcpus=job.vcpus, memory_mib=job.memory_mib, gpus=job.gpus)


@dataclass(kw_only=True)
class Room:
    """One environment's room; `place` takes from it."""

    environment: Environment
    kinds: tuple[InstanceType, ...]
    # EC2: vCPUs of booted instances; Fargate: vCPUs of running jobs
    vcpus: float = 0.0
    instances: list[_OpenInstance] = field(default_factory=list)
    taken_ids: set[str] = field(default_factory=set)
    _able: dict[Request, bool] = field(default_factory=dict)

    def ever_fits(self, request: Request) -> bool:
        """Could the environment run it when empty? An unmanaged one on what is registered now."""
        if request not in self._able:
            self._able[request] = (
                any(holds(one.kind, request) for one in self.instances)
                if self.environment.is_unmanaged
                else fits(self.environment, request)
            )
        return self._able[request]

    def place(self, job: Job) -> Start | None:
        """Starts the job here, None if there is no room: on the fullest instance that takes it, else on a new one."""
        request = request_of(job)
        if not self.environment.enabled or not self.ever_fits(request):
            return None
        if self.environment.is_fargate:
            if self.vcpus + request.vcpus > self.environment.max_vcpus + _TOLERANCE:
                return None
            self.vcpus += request.vcpus
            return self._start(job, None, boots=False)
        able = [instance for instance in self.instances if instance.takes(request)]
        if able:
            # fullest first keeps whole instances free for large jobs, and empties others sooner
            chosen = min(able, key=lambda one: (one.free_vcpus, one.free_memory_mib, one.id))
            chosen.take(request)
            return self._start(job, chosen, boots=False)
        spare = self.environment.max_vcpus - self.vcpus
        kind = next((one for one in self.kinds if one.vcpus <= spare and holds(one, request)), None)
        if kind is None:
            return None
        booted = self._boot(kind)
        booted.take(request)
        return self._start(job, booted, boots=True)

    def _boot(self, kind: InstanceType) -> _OpenInstance:
        number = 1
        while f"{self.environment.name}#{number}" in self.taken_ids:
            number += 1
        booted = _OpenInstance(
            id=f"{self.environment.name}#{number}",
            kind=kind,
            free_vcpus=float(kind.vcpus),
            free_memory_mib=kind.usable_memory_mib,
            free_gpus=kind.gpus,
        )
        self.taken_ids.add(booted.id)
        self.instances.append(booted)
        self.vcpus += kind.vcpus
        return booted

    def _start(self, job: Job, instance: _OpenInstance | None, *, boots: bool) -> Start:
        return Start(
            job_id=job.id,
            environment=self.environment.name,
            instance_id=instance.id if instance else None,
            instance_type=instance.kind.name if instance else None,
            boots=boots,
        )


def open_rooms(state: State) -> dict[str, Room]:
    """The rooms of a state by environment. Raises UnknownInstanceType."""
    fargate_vcpus = dict(state.fargate_vcpus)
    rooms = {
        environment.name: Room(
            environment=environment,
            kinds=() if environment.is_fargate else launchable(environment),
            vcpus=fargate_vcpus.get(environment.name, 0.0) if environment.is_fargate else 0.0,
        )
        for environment in state.environments
    }
    for instance in state.instances:
        room = rooms.get(instance.environment)
        if room is not None:
            _occupy(room, instance)
    return rooms


def _occupy(room: Room, instance: Instance) -> None:
    kind = instance_type(instance.type)
    room.vcpus += kind.vcpus
    room.taken_ids.add(instance.id)
    room.instances.append(
        _OpenInstance(
            id=instance.id,
            kind=kind,
            free_vcpus=kind.vcpus - instance.used_vcpus,
            free_memory_mib=kind.usable_memory_mib - instance.used_memory_mib,
            free_gpus=kind.gpus - instance.used_gpus,
        )
    )
