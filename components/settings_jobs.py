"""What a stage changes in a job's specification: `batchyard:jobs.<job>`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from jobs.spec import SecretSource
from jobs.spec.base import Hint, QueueName, Strict
from jobs.spec.isolation import Isolated
from jobs.spec.model import JobSpec, OnFailure, Resources, Retry, environment_names


def _same(model: type[Strict], name: str) -> Any:
    """The hint of a specification's field, so that both say the same."""
    return next(item for item in model.model_fields[name].metadata if isinstance(item, Hint))


class ResourcesOverride(Strict):
    """Only what differs."""

    vcpus: Annotated[float | None, Field(ge=0.25, le=2_000), _same(Resources, "vcpus")] = None
    """vCPUs of one attempt."""
    memory_mib: Annotated[int | None, Field(ge=4, le=33_554_432), _same(Resources, "memory_mib")] = None
    """Memory of one attempt in MiB."""
    gpus: Annotated[int | None, Field(ge=0, le=16), _same(Resources, "gpus")] = None
    """GPUs of one attempt."""


class RetryOverride(Strict):
    """Only what differs."""

    attempts: Annotated[int | None, Field(ge=1, le=10), _same(Retry, "attempts")] = None
    """Attempts in all."""
    on_out_of_memory: OnFailure | None = None
    """fail or retry."""
    on_application_error: OnFailure | None = None
    """fail or retry."""
    on_reclaim: OnFailure | None = None
    """fail or retry."""


class TriggerOverride(Strict):
    """Of one trigger."""

    enabled: bool = Field(examples=[False])
    """false lets it rest in this stage, true wakes it."""


class JobOverrides(Strict):
    """Keys given here win over the job's own; `resources`, `retry`, `environment`, `secrets` and `isolated` are merged
    by key."""

    queue: QueueName | None = None
    """Another queue."""
    isolated: Isolated | None = None
    """Whether it runs alone here, and what it reaches; false lets it run in its queue like any other."""
    resources: ResourcesOverride = ResourcesOverride()
    """Other resources."""
    timeout_s: Annotated[int | None, Field(ge=60, le=2_592_000), _same(JobSpec, "timeout_s")] = None
    """Seconds one attempt may run."""
    retry: RetryOverride = RetryOverride()
    """Other retries."""
    environment: dict[str, str] = Field(default_factory=dict)
    """More or other variables."""
    secrets: dict[str, SecretSource] = Field(default_factory=dict)
    """More or other secrets."""
    enabled: bool | None = None
    """false leaves the job out of this stage."""
    schedulable: bool | None = None
    """Whether users may schedule it in this stage."""
    triggers_enabled: bool | None = None
    """false lets all its triggers rest in this stage, true wakes all."""
    triggers: dict[str, TriggerOverride] = Field(default_factory=dict, examples=[{"schedule1": {"enabled": False}}])
    """Single triggers, by kind and position: `upload1`, `schedule2`; they win over `triggers_enabled`."""

    @field_validator("environment")
    @classmethod
    def _environment(cls, environment: dict[str, str]) -> dict[str, str]:
        return environment_names(environment)
