"""job.yaml as a value. Every check of one field is here; checks that need several fields are in `cross.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from jobs import conventions, schedule_expression
from jobs.spec.base import AsTuple, BucketName, Hint, Owner, QueueName, Strict, refuse
from jobs.spec.include import IncludedPath, overlapping
from jobs.spec.permissions import Permissions

Platform = Literal["ec2", "fargate"]
OnFailure = Literal["fail", "retry"]

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_REF = re.compile(r"Ref::(?P<name>[A-Za-z][A-Za-z0-9_-]{0,127})")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_SCHEDULER_WORDS = frozenset(
    f"<aws.scheduler.{word}>" for word in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
)
_PATTERN_CHARACTERS = "*?\\"


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
    """vCPUs: whole numbers on ec2; 0.25, 0.5, 1, 2, 4, 8, 16 or 32 on fargate."""
    memory_mib: Annotated[
        int,
        Field(ge=4, le=33_554_432, examples=[512, 4096]),
        Hint(allowed="memory is a whole number of MiB from 4 to 33,554,432", remedy="write MiB, 2 GiB is 2048"),
    ]
    """Memory in MiB. A whole instance's memory never fits: its agent and kernel take their share."""
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
    """Attempts in all, the first included: 1–10."""
    on_out_of_memory: OnFailure = "fail"
    """A retry gets the same memory, so out of memory fails at once by default."""
    on_application_error: OnFailure = "fail"
    """The container ended with another exit code than 0."""
    on_reclaim: OnFailure = "retry"
    """AWS took the spot instance or Fargate Spot task back."""


def _plain_key_text(text: str) -> str:
    for character in _PATTERN_CHARACTERS:
        if character in text:
            raise refuse(
                f"{text[:60]!r}",
                f"prefix and suffix are plain text, {character} is no pattern",
                f"leave {character} out",
            )
    return text


KeyText = Annotated[str, StringConstraints(strict=True, max_length=512)]


class S3Source(Strict):
    """Uploads to one bucket whose key begins with `prefix` and ends in one of `suffix`."""

    bucket: BucketName = Field(examples=["uploads"])
    """A bucket of the stage."""
    prefix: Annotated[KeyText, Field(examples=["photos/"])] = ""
    """Beginning of the key; plain text."""
    suffix: Annotated[
        tuple[KeyText, ...],
        BeforeValidator(
            lambda value: (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
        ),
        Hint(allowed="a suffix is text or a list of texts", remedy="write suffix: [.jpg, .png]"),
        Field(examples=[[".jpg", ".png"]]),
    ] = ()
    """End of the key, or a list of ends; plain text. None means every key."""

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        if prefix.startswith("/"):
            raise refuse(f"{prefix[:60]!r}", "S3 keys don't begin with a slash", f"write {prefix.lstrip('/')[:60]!r}")
        return _plain_key_text(prefix)

    @field_validator("suffix")
    @classmethod
    def _suffix(cls, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        for position, text in enumerate(suffixes):
            if not text:
                raise refuse("empty", "a suffix is at least one character", "remove it", key=(position,))
            if text in suffixes[:position]:
                raise refuse(
                    f"{text[:60]!r} for the second time",
                    "each suffix is named once",
                    "remove one of the two",
                    key=(position,),
                )
            _plain_key_text(text)
        return suffixes


class ScheduleSource(Strict):
    """A point in time that comes again: `cron` or `rate`, in AWS's syntax without the word around it."""

    cron: Annotated[str | None, Field(examples=["0 6 ? * MON *", "30 2 L * ? *"])] = None
    """Six fields: minutes hours day-of-month month day-of-week year; one of the two days is `?`."""
    rate: Annotated[str | None, Field(examples=["5 minutes", "1 day"])] = None
    """A number and minute(s), hour(s) or day(s)."""
    timezone: Annotated[str | None, Field(examples=["Europe/Berlin"])] = None
    """IANA name; the stage's time zone when left out."""

    @field_validator("cron", "rate")
    @classmethod
    def _expression(cls, text: str | None, info: Any) -> str | None:
        if text is not None:
            try:
                schedule_expression.parse(f"{info.field_name}({text})")
            except schedule_expression.ScheduleExpressionError as error:
                raise refuse(error.got, error.allowed, error.remedy) from None
        return text

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                schedule_expression.zone(name)
            except schedule_expression.ScheduleExpressionError as error:
                raise refuse(error.got, error.allowed, error.remedy) from None
        return name

    @model_validator(mode="after")
    def _one(self) -> ScheduleSource:
        if (self.cron is None) == (self.rate is None):
            got = "without cron and rate" if self.cron is None else "given both cron and rate"
            raise refuse(
                got,
                "a schedule has one of cron and rate",
                'write for example cron: "0 6 ? * MON *"',
                about=("cron", "rate"),
            )
        return self

    @property
    def expression(self) -> str:
        """As EventBridge takes it: `cron(0 6 ? * MON *)`, `rate(5 minutes)`."""
        return f"rate({self.rate})" if self.rate is not None else f"cron({self.cron})"


class Trigger(Strict):
    """What submits the job: an upload (`s3`) or a time (`schedule`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"schedule": {"cron": "0 6 ? * MON *", "timezone": "Europe/Berlin"}},
                {"s3": {"bucket": "uploads", "prefix": "photos/", "suffix": [".jpg", ".png"]}},
            ]
        }
    )

    s3: S3Source | None = None
    """Offers the parameters `bucket` and `key`."""
    schedule: ScheduleSource | None = None
    """Time, with a time zone."""
    parameters: dict[str, str] = Field(default_factory=dict, examples=[{"month": "2013-01"}])
    """Values for `Ref::name` in the command, over those in the job's `parameters`."""
    enabled: bool = True
    """false keeps the trigger on record but lets it rest."""

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str]) -> dict[str, str]:
        return _parameter_names(parameters)

    @model_validator(mode="after")
    def _one(self) -> Trigger:
        if (self.s3 is None) == (self.schedule is None):
            got = "without s3 and schedule" if self.s3 is None else "given both s3 and schedule"
            raise refuse(
                got,
                "a trigger is one of s3 and schedule",
                "make each an entry of the list of its own",
                about=("s3", "schedule"),
            )
        for name, value in self.parameters.items():
            words = set(re.findall(r"<[^<>]*>", value))
            if self.s3 is not None and words:
                raise refuse(
                    f"{value[:60]!r}",
                    "an S3 trigger's parameters are plain text without <…>",
                    "leave the angle brackets out",
                    key=("parameters", name),
                )
            unknown = {word for word in words if word.startswith("<aws.")} - _SCHEDULER_WORDS
            if unknown:
                raise refuse(
                    f"{value[:60]!r}",
                    f"the scheduler replaces {', '.join(sorted(_SCHEDULER_WORDS))}",
                    "use one of these",
                    key=("parameters", name),
                )
        return self

    @property
    def offered(self) -> frozenset[str]:
        """Names of the parameters a submission by this trigger carries."""
        return frozenset(self.parameters) | frozenset(conventions.S3_TRIGGER_PARAMETERS if self.s3 is not None else ())


def _parameter_names(parameters: dict[str, str]) -> dict[str, str]:
    for name in parameters:
        if _PARAMETER.fullmatch(name) is None:
            raise refuse(
                "no parameter's name",
                "a name is letters, digits, _ and -, beginning with a letter, at most 128 characters",
                "rename it",
                key=(name,),
            )
    return parameters


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
    """A queue of the stage."""
    resources: Annotated[Resources, Field(examples=[{"vcpus": 1, "memory_mib": 512}])]
    """What one attempt gets."""
    timeout_s: Annotated[
        int,
        Field(ge=60, le=2_592_000, examples=[600]),
        Hint(
            allowed="Batch allows 60 s and more, Batchyard up to 2,592,000 (30 days)",
            remedy="write whole seconds in that range",
        ),
    ] = 3600
    """Seconds one attempt may run, from RUNNING on; then it is killed and not retried."""
    retry: Retry = Retry()
    """When a failed attempt is tried again."""
    permissions: Permissions = Permissions()
    """What of the stage the job may use."""
    include: Annotated[
        tuple[IncludedPath, ...], AsTuple, Field(max_length=50, examples=[["reports", "jobs/conventions.py"]])
    ] = ()
    """Folders and files of the repository that go into the image's build context too, at the same paths."""
    environment: dict[str, str] = Field(default_factory=dict, examples=[{"LOG_LEVEL": "info"}])
    """Environment of the container, beside what Batchyard and Batch set. Nothing secret."""
    command: Annotated[
        tuple[Annotated[str, StringConstraints(strict=True, max_length=8192)], ...],
        AsTuple,
        Field(max_length=1000, examples=[["--bucket", "Ref::bucket", "--key", "Ref::key"]]),
    ] = ()
    """Arguments of the container; `Ref::name` is replaced by a parameter."""
    parameters: dict[str, str] = Field(default_factory=dict, examples=[{"month": "2013-01"}])
    """Defaults for `Ref::name`."""
    array_size: Annotated[
        int | None,
        Field(ge=2, le=10_000, examples=[10]),
        Hint(allowed="Batch allows 2–10,000", remedy="write a whole number in that range, or leave array_size out"),
    ] = None
    """Children of an array job; each gets AWS_BATCH_JOB_ARRAY_INDEX."""
    triggers: Annotated[tuple[Trigger, ...], AsTuple, Field(max_length=50)] = ()
    """What submits the job. Without any it runs when somebody submits it."""
    enabled: bool = True
    """false leaves the job out of the stage."""

    @field_validator("platform", mode="before")
    @classmethod
    def _platform(cls, platform: Any) -> Any:
        if platform == "lambda":
            raise refuse("lambda", "a platform is ec2 or fargate; lambda comes later", "write fargate for short jobs")
        return platform

    @field_validator("environment")
    @classmethod
    def _environment(cls, environment: dict[str, str]) -> dict[str, str]:
        return environment_names(environment)

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str]) -> dict[str, str]:
        return _parameter_names(parameters)

    @field_validator("include")
    @classmethod
    def _include(cls, include: tuple[str, ...]) -> tuple[str, ...]:
        return overlapping(include)

    @field_validator("command")
    @classmethod
    def _command(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        for position, argument in enumerate(command):
            if "Ref::" in argument and _REF.fullmatch(argument) is None:
                raise refuse(
                    f"{argument[:60]!r}",
                    "Ref::name is an argument of its own; the name is letters, digits, _ and -",
                    "split the argument",
                    key=(position,),
                )
        return command

    @property
    def references(self) -> tuple[str, ...]:
        """Names in `Ref::name`, in the command's order, each once."""
        return tuple(dict.fromkeys(match["name"] for match in map(_REF.fullmatch, self.command) if match))


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
