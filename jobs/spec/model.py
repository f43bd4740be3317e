"""job.yaml as a value. Every check of one field is here; checks that need several fields are in `cross.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from jobs import conventions
from jobs.spec.arrays import Array, Manifest
from jobs.spec.base import AsTuple, Hint, Owner, QueueName, ShareName, Strict, refuse
from jobs.spec.include import IncludedPath, overlapping
from jobs.spec.isolation import Isolated, Isolation
from jobs.spec.nodes import Nodes
from jobs.spec.parameters import is_broken_reference, parameter_names, referenced
from jobs.spec.permissions import Permissions
from jobs.spec.results import Results
from jobs.spec.secrets import SecretSource
from jobs.spec.storage import Storage
from jobs.spec.triggers import Trigger

Platform = Literal["ec2", "fargate", "lambda"]
Architecture = Literal["x86_64", "arm64"]
OnFailure = Literal["fail", "retry"]

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


class Resources(Strict):
    """What one attempt gets. On EC2 memory is a hard limit: above it the container is killed."""

    vcpus: Annotated[
        float,
        Field(ge=0.25, le=2_000, examples=[1, 4]),
        Hint(
            allowed="vCPUs are a number from 0.25 to 2,000",
            remedy="write a whole number on ec2, a Fargate size on fargate",
        ),
    ]
    """vCPUs: whole numbers on ec2; 0.25, 0.5, 1, 2, 4, 8, 16 or 32 on fargate; on lambda at most what memory gives."""
    memory_mib: Annotated[
        int,
        Field(ge=4, le=33_554_432, examples=[512, 4096]),
        Hint(allowed="memory is a whole number of MiB from 4 to 33,554,432", remedy="write MiB, 2 GiB is 2048"),
    ]
    """Memory in MiB; 128–10,240 on lambda. A whole instance's never fits: its agent and kernel take their share."""
    gpus: Annotated[
        int,
        Field(ge=0, le=16, examples=[1]),
        Hint(allowed="GPUs are a whole number from 0 to 16", remedy="write the number of GPUs of one attempt"),
    ] = 0
    """GPUs; ec2 only."""

    @property
    def vcpus_text(self) -> str:
        """The number as Batch writes it: "1", "0.25"."""
        return f"{self.vcpus:g}"


class Retry(Strict):
    """When a failed attempt is tried again. A timeout never is: Batch doesn't."""

    attempts: Annotated[
        int,
        Field(ge=1, le=10, examples=[3]),
        Hint(allowed="Batch allows 1–10", remedy="write a whole number in that range"),
    ] = 3
    """Attempts in all, the first included: 1–10, on lambda 1–3."""
    on_out_of_memory: OnFailure = "fail"
    """A retry gets the same memory, so out of memory fails at once by default."""
    on_application_error: OnFailure = "fail"
    """The container ended with another exit code than 0."""
    on_reclaim: OnFailure = "retry"
    """AWS took the spot instance or Fargate Spot task back."""


class JobSpec(Strict):
    """One job, as its author wrote it in `jobs/<job>/job.yaml`; the folder's name is the job's."""

    description: Annotated[
        str,
        Field(min_length=1, max_length=200, examples=["Resize every uploaded photograph"]),
        Hint(allowed="a description is 1 to 200 characters", remedy="say in one sentence what the job does"),
    ]
    """One sentence: what the job does."""
    owner: Annotated[Owner, Field(examples=["media"])]
    """Who answers for the job; becomes a cost tag."""
    platform: Annotated[Platform, Field(examples=["ec2"])]
    """Where it runs."""
    queue: Annotated[QueueName, Field(examples=["standard"])]
    """A queue of the stage; on lambda a job goes through none, and keeps it for the way back."""
    share: Annotated[ShareName | None, Field(examples=["research"])] = None
    """Whose vCPUs it takes in a queue with `fair_share`; any other queue pays no heed to it."""
    isolated: Isolated = Isolation(enabled=False)
    """Runs it alone, in environments and a queue like `queue`, with no way out but the declared."""
    resources: Annotated[Resources, Field(examples=[{"vcpus": 1, "memory_mib": 512}])]
    """What one attempt gets."""
    architecture: Architecture | None = None
    """Of the processor. Left out: that of the queue's instances, x86_64 on Fargate and Lambda."""
    storage: Storage = Storage()
    """Disk, folders in memory, EFS."""
    nodes: Nodes | None = None
    """Makes it a multi-node parallel job; ec2 only, and not on spot."""
    timeout_s: Annotated[
        int,
        Field(ge=60, le=2_592_000, examples=[600]),
        Hint(
            allowed="Batch allows 60 s and more, Batchyard up to 2,592,000 (30 days)",
            remedy="write whole seconds in that range",
        ),
    ] = 3600
    """Seconds one attempt may run, from RUNNING on; then it is killed and not retried. At most 900 on lambda."""
    retry: Retry = Retry()
    """When a failed attempt is tried again."""
    permissions: Permissions = Permissions()
    """What of the stage the job may use."""
    results: Annotated[Results | None, Field(examples=[{"format": "parquet"}])] = None
    """Where a run's results go: under its id, with a manifest of them."""
    include: Annotated[
        tuple[IncludedPath, ...], AsTuple, Field(max_length=50, examples=[["reports", "jobs/conventions.py"]])
    ] = ()
    """Folders and files of the repository that go into the image's build context too, at the same paths."""
    environment: dict[str, str] = Field(default_factory=dict, examples=[{"LOG_LEVEL": "info"}])
    """Environment of the container, beside what Batchyard and Batch set. Nothing secret."""
    secrets: Annotated[dict[str, SecretSource], Field(examples=[{"API_KEY": {"secret": "crawler/api-key"}}])] = Field(
        default_factory=dict
    )
    """Variables whose values are kept in Secrets Manager or SSM; read when an attempt starts."""
    command: Annotated[
        tuple[Annotated[str, StringConstraints(strict=True, max_length=8192)], ...],
        AsTuple,
        Field(max_length=1000, examples=[["--bucket", "Ref::bucket", "--key", "Ref::key"]]),
    ] = ()
    """Arguments of the container; `Ref::name` is replaced by a parameter."""
    parameters: dict[str, str] = Field(default_factory=dict, examples=[{"month": "2013-01"}])
    """Defaults for `Ref::name`."""
    array: Annotated[Array | None, Field(examples=[{"size": 10}])] = None
    """Makes each submission an array job: many children with an index each."""
    triggers: Annotated[tuple[Trigger, ...], AsTuple, Field(max_length=50)] = ()
    """What submits the job. Without any it runs when somebody submits it."""
    schedulable: bool = False
    """true lets users submit it by schedules of their own, made with `batchyard schedules`."""
    enabled: bool = True
    """false leaves the job out of the stage."""

    @field_validator("environment")
    @classmethod
    def _environment(cls, environment: dict[str, str]) -> dict[str, str]:
        return environment_names(environment)

    @field_validator("secrets")
    @classmethod
    def _secrets(cls, secrets: dict[str, SecretSource]) -> dict[str, SecretSource]:
        environment_names(dict.fromkeys(secrets, "kept elsewhere"))
        return secrets

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str]) -> dict[str, str]:
        return parameter_names(parameters)

    @field_validator("include")
    @classmethod
    def _include(cls, include: tuple[str, ...]) -> tuple[str, ...]:
        return overlapping(include)

    @field_validator("command")
    @classmethod
    def _command(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        for position, argument in enumerate(command):
            if is_broken_reference(argument):
                raise refuse(
                    f"{argument[:60]!r}",
                    "Ref::name is an argument of its own; the name is letters, digits, _ and -",
                    "split the argument",
                    key=(position,),
                )
        return command

    @property
    def references(self) -> tuple[str, ...]:
        """Names in `Ref::name`, in the command's order, each once; the manifest's behind them."""
        key = None if self.manifest is None else self.manifest.reference
        return tuple(dict.fromkeys([*self.command_references, *([key] if key is not None else [])]))

    @property
    def command_references(self) -> tuple[str, ...]:
        """The same of the command alone."""
        return tuple(dict.fromkeys(name for name in map(referenced, self.command) if name is not None))

    @property
    def manifest(self) -> Manifest | None:
        """Where an array's lines are; None for any other job."""
        return None if self.array is None else self.array.manifest


def environment_names(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, when every name is allowed and no value is empty."""
    for name, value in environment.items():
        if _ENVIRONMENT_NAME.fullmatch(name) is None:
            raise refuse(
                "no variable's name",
                "a name is letters, digits and _, not beginning with a digit",
                "rename it",
                key=(name,),
            )
        if name.startswith(conventions.RESERVED_ENV_PREFIXES):
            raise refuse(
                "a reserved name",
                "BATCHYARD_ and AWS_BATCH belong to the platform",
                "choose another prefix",
                key=(name,),
            )
        if not value:
            raise refuse(
                "empty",
                "Batch drops variables with an empty value",
                "remove the variable or give it a value",
                key=(name,),
            )
    return dict(environment)
