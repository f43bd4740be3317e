"""Does a job fit at all? Asked before anything is deployed, and of every job that waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from scheduling.catalog import FARGATE, InstanceType, resolve_all
from scheduling.model import Environment

# AWS Batch's words for a job that can never start (user guide, job_stuck_in_runnable)
MAX_RESOURCE: Final = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
JOB_RESOURCE: Final = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
NoFitCode = Literal["MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one attempt of a job asks for."""

    vcpus: float
    memory_mib: int
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The job can run in `environments`, in their given order."""

    environments: tuple[str, ...]
    # the smallest type of the first environment that holds it; None on Fargate
    instance_type: str | None


@dataclass(frozen=True, kw_only=True)
class NoFit:
    """The job can run nowhere. `str()` is a sentence: asked, largest, remedy."""

    asked: str
    largest: str
    remedy: str
    code: NoFitCode

    def __str__(self) -> str:
        return f"asked for {self.asked}; the largest there is {self.largest}; {self.remedy}"


def launchable(environment: Environment) -> tuple[InstanceType, ...]:
    """The types an EC2 environment can boot within its `max_vcpus`, smallest first. Raises UnknownInstanceType."""
    return tuple(kind for kind in resolve_all(environment.instance_types) if kind.vcpus <= environment.max_vcpus)


def holds(kind: InstanceType, request: Request) -> bool:
    """Would an empty instance of the type run it?"""
    return kind.vcpus >= request.vcpus and kind.usable_memory_mib >= request.memory_mib and kind.gpus >= request.gpus


def smallest_holding(environment: Environment, request: Request) -> InstanceType | None:
    """The smallest type the environment can boot for the request, None if there is none."""
    return next((kind for kind in launchable(environment) if holds(kind, request)), None)


def fits(environment: Environment, request: Request) -> bool:
    """Could an otherwise empty environment run it? What somebody registers with an unmanaged one, nobody knows."""
    if environment.is_unmanaged:
        return True
    if environment.is_fargate:
        sizes = FARGATE.get(float(request.vcpus), ())
        return request.gpus == 0 and request.memory_mib in sizes and request.vcpus <= environment.max_vcpus
    return smallest_holding(environment, request) is not None


def check_fit(request: Request, environments: Iterable[Environment]) -> Fit | NoFit:
    """Where a job can run; if nowhere, why. Disabled environments count: what is switched off may be switched on.

    Raises UnknownInstanceType for an environment naming a type that isn't in the catalogue.
    """
    given = tuple(environments)
    able = tuple(environment for environment in given if fits(environment, request))
    if able:
        first = able[0]
        kind = None if first.is_fargate else smallest_holding(first, request)
        return Fit(environments=tuple(one.name for one in able), instance_type=kind.name if kind else None)
    return NoFit(
        asked=_asked(request),
        largest=_largest(given, request),
        remedy=_remedy(given, request),
        code=MAX_RESOURCE if given and all(request.vcpus > one.max_vcpus for one in given) else JOB_RESOURCE,
    )


def _asked(request: Request) -> str:
    gpus = f", {request.gpus} GPU" if request.gpus else ""
    return f"{request.vcpus:g} vCPU, {request.memory_mib} MiB{gpus}"


def _largest(environments: tuple[Environment, ...], request: Request) -> str:
    if not environments:
        return "none, the queue has no environment"
    return "; ".join(_largest_of(environment, request) for environment in environments)


def _largest_of(environment: Environment, request: Request) -> str:
    if environment.is_fargate:
        sizes = FARGATE.get(float(request.vcpus))
        if sizes and request.vcpus <= environment.max_vcpus:
            return f"{environment.name}: {request.vcpus:g} vCPU with {_sizes(sizes)} MiB"
        able = [vcpus for vcpus in FARGATE if vcpus <= environment.max_vcpus]
        if not able:
            return f"{environment.name}: nothing within its {environment.max_vcpus} vCPU"
        return f"{environment.name}: {max(able):g} vCPU, {FARGATE[max(able)][-1]} MiB"
    kinds = launchable(environment)
    if not kinds:
        return f"{environment.name}: no type within its {environment.max_vcpus} vCPU"
    # the type that comes nearest to what was asked
    nearest = max(
        kinds,
        key=lambda kind: (kind.gpus >= request.gpus, kind.vcpus >= request.vcpus, kind.usable_memory_mib, kind.vcpus),
    )
    gpus = f", {nearest.gpus} GPU" if request.gpus or nearest.gpus else ""
    return (
        f"{environment.name}: {nearest.name} with {nearest.vcpus} vCPU, {nearest.usable_memory_mib} MiB usable "
        f"of {nearest.memory_mib}{gpus}"
    )


def _sizes(sizes: tuple[int, ...]) -> str:
    if len(sizes) <= 4:
        return ", ".join(str(size) for size in sizes)
    return f"{sizes[0]}–{sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _remedy(environments: tuple[Environment, ...], request: Request) -> str:
    if not environments:
        return "give the queue a compute environment"
    if all(request.vcpus > one.max_vcpus for one in environments):
        return "ask for fewer vCPUs, or raise max_vcpus of an environment"
    if all(one.is_fargate for one in environments):
        return "choose a size of Fargate's grid, or a queue on EC2"
    return "ask for less, add a larger instance type to an environment (and to its max_vcpus), or choose another queue"
