"""A stage's settings: the stack's configuration as a frozen value. Imports no Pulumi, so everything may read it.

`Pulumi.<stack>.yaml` has one key a field: `batchyard:queues`, `batchyard:buckets` … The same keys serve every stage.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator, model_validator

from components.settings_budgets import BudgetSettings
from components.settings_environments import ComputeEnvironmentSettings
from components.settings_jobs import JobOverrides
from components.settings_network import NetworkSettings
from components.settings_queues import QueueSettings
from components.settings_schedules import ScheduleSettings
from components.settings_sources import TableSettings, TopicSettings
from jobs import conventions, schedule_expression
from jobs.spec.base import (
    BucketName,
    ComputeEnvironmentName,
    Hint,
    JobName,
    Owner,
    QueueName,
    Strict,
    TableName,
    TopicName,
    refuse,
)


class BucketSettings(Strict):
    """A bucket of the stage. It sends its events to EventBridge, is encrypted and private."""

    versioned: bool = False
    """Keep what is overwritten or deleted."""
    expire_after_days: Annotated[
        int | None,
        Field(ge=1, le=36_500),
        Hint(allowed="expire_after_days is a whole number from 1 up", remedy="leave it out to keep objects"),
    ] = None
    """Delete objects after so many days."""


class ImageSettings(Strict):
    """Where images begin, and how many stay."""

    base_image: Annotated[
        str,
        Field(examples=["public.ecr.aws/docker/library/python:3.11-slim-bookworm"]),
        StringConstraints(
            strict=True,
            max_length=300,
            pattern=r"^[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$",
        ),
        Hint(
            allowed="a base image is repository:tag or repository@sha256:digest",
            remedy="write for example python:3.11-slim",
        ),
    ]
    """The build argument BASE_IMAGE of every job's Dockerfile."""
    keep: Annotated[
        int,
        Field(ge=1, le=1_000),
        Hint(allowed="keep is a whole number from 1 to 1,000", remedy="write how many images a repository keeps"),
    ] = 10
    """Images each repository keeps; older ones expire."""

    @field_validator("base_image")
    @classmethod
    def _pinned(cls, image: str) -> str:
        tagged = "@" in image or ":" in image.rsplit("/", 1)[-1]
        if not tagged or image.endswith(":latest"):
            got = f"{image} without a version" if not tagged else image
            raise refuse(got, "a base image has a fixed version", "write a tag that names one, or a digest")
        return image


class LedgerSettings(Strict):
    """Delivery of finished attempts into the ledger."""

    buffer_s: Annotated[
        int,
        Field(ge=0, le=900),
        Hint(allowed="Firehose buffers 0–900 s", remedy="write whole seconds in that range"),
    ] = 60
    """Seconds rows wait before they are written."""
    buffer_mib: Annotated[
        int,
        Field(ge=1, le=128),
        Hint(allowed="Firehose buffers 1–128 MiB", remedy="write whole MiB in that range"),
    ] = 5
    """MiB of rows that are written without waiting longer."""
    retention_days: Annotated[
        int | None,
        Field(ge=1, le=36_500),
        Hint(allowed="retention_days is a whole number from 1 up", remedy="leave it out to keep rows for ever"),
    ] = None
    """Delete rows after so many days."""


LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


class LogSettings(Strict):
    """The jobs' log groups."""

    retention_days: int = 30
    """Days CloudWatch keeps lines; it takes certain numbers only."""

    @field_validator("retention_days")
    @classmethod
    def _known(cls, days: int) -> int:
        if days not in LOG_RETENTION_DAYS:
            nearest = min(LOG_RETENTION_DAYS, key=lambda known: abs(known - days))
            allowed = f"CloudWatch takes {', '.join(str(known) for known in LOG_RETENTION_DAYS)}"
            raise refuse(str(days) if abs(days) < 10**9 else "out of range", allowed, f"write {nearest}")
        return days


class MonitoringSettings(Strict):
    """Who hears of failed jobs and of reports."""

    failure_topic: bool = False
    """An SNS topic that gets failed jobs and alarms."""
    report_topic: bool = False
    """An SNS topic `reports`, which jobs with `notify: [reports]` publish to."""
    email: Annotated[
        str | None,
        StringConstraints(strict=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
        Hint(allowed="email is one address", remedy="write name@example.org"),
    ] = None
    """Subscribed to the topics; AWS asks the address for consent, once for each."""

    @model_validator(mode="after")
    def _needs_topic(self) -> MonitoringSettings:
        if self.email is not None and not self.failure_topic and not self.report_topic:
            raise refuse(
                "given without failure_topic or report_topic",
                "an email needs a topic",
                "write failure_topic: true, report_topic: true or both",
                key=("email",),
                about=("failure_topic", "report_topic"),
            )
        return self

    @property
    def topics_for_jobs(self) -> tuple[str, ...]:
        """Topics that jobs may notify."""
        return (conventions.REPORTS_TOPIC,) if self.report_topic else ()


class Settings(Strict):
    """One stage. `stage` is the stack's name, `file` the file problems name; the rest are configuration keys."""

    stage: Annotated[
        str,
        Field(examples=["dev"]),
        StringConstraints(strict=True, pattern=conventions.NAME_PATTERN, max_length=conventions.STAGE_NAME_MAX),
        Hint(
            allowed="a stage's name is lower-case letters, digits and single hyphens, "
            f"at most {conventions.STAGE_NAME_MAX} characters",
            remedy="choose another stack name",
        ),
    ]
    """The stack's name; part of every name."""
    file: str = ""
    """`Pulumi.<stage>.yaml`, for problems found later."""
    region: Annotated[
        str,
        Field(examples=["us-east-1"]),
        StringConstraints(strict=True, pattern=r"^[a-z]{2,3}(-[a-z]+){1,2}-[0-9]$"),
        Hint(allowed="a region is a name like us-east-1", remedy="set aws:region"),
    ]
    """AWS region; `aws:region` when `batchyard:region` is left out."""
    owner: Annotated[Owner, Field(examples=["platform"])]
    """Cost tag of what belongs to no job."""
    timezone: str = "UTC"
    """Time zone of schedules that name none."""
    network: NetworkSettings = NetworkSettings()
    """Where instances run."""
    compute_environments: Annotated[
        dict[ComputeEnvironmentName, ComputeEnvironmentSettings],
        Field(examples=[{"spot": {"kind": "ec2-spot", "max_vcpus": 16, "instance_types": ["m7i.large"]}}]),
    ]
    """By name."""
    queues: Annotated[
        dict[QueueName, QueueSettings],
        Field(examples=[{"standard": {"priority": 10, "compute_environments": ["spot"]}}]),
    ]
    """By name."""
    buckets: dict[BucketName, BucketSettings] = Field(default_factory=dict)
    """By name; jobs ask for them by these names. `ledger` is the platform's own."""
    topics: dict[TopicName, TopicSettings] = Field(default_factory=dict)
    """By name; triggers listen to them and jobs notify them by these names. `failures` and `reports` are the
    platform's own."""
    tables: dict[TableName, TableSettings] = Field(default_factory=dict, examples=[{"orders": {"name": "shop-orders"}}])
    """By name; triggers wait for their changes by these names."""
    images: Annotated[
        ImageSettings, Field(examples=[{"base_image": "public.ecr.aws/docker/library/python:3.11-slim-bookworm"}])
    ]
    """Building images."""
    ledger: LedgerSettings = LedgerSettings()
    """The record of every attempt."""
    logs: LogSettings = LogSettings()
    """Log groups."""
    monitoring: MonitoringSettings = MonitoringSettings()
    """Who hears of failures and reports."""
    budgets: BudgetSettings = BudgetSettings()
    """What the stage may cost, for the report."""
    schedules: ScheduleSettings = ScheduleSettings()
    """Users' own schedules, of jobs that allow them."""
    jobs: dict[JobName, JobOverrides] = Field(default_factory=dict)
    """What this stage changes in job specifications."""
    promote_from: Annotated[
        str | None,
        StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=300),
        Hint(
            allowed="promote_from is organization/project/stack", remedy="write for example organization/batchyard/dev"
        ),
    ] = None
    """Take every image by digest from this stack and build nothing."""
    force_destroy: bool = False
    """Delete buckets and repositories with what is in them."""

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str) -> str:
        try:
            schedule_expression.zone(name)
        except schedule_expression.ScheduleExpressionError as error:
            raise refuse(error.got, error.allowed, error.remedy) from None
        return name

    @field_validator("compute_environments", "queues")
    @classmethod
    def _at_least_one(cls, named: dict[str, Any]) -> dict[str, Any]:
        if not named:
            raise refuse("an empty mapping", "a stage has at least one", "add one")
        return named

    @field_validator("topics")
    @classmethod
    def _own_topics(cls, topics: dict[str, TopicSettings]) -> dict[str, TopicSettings]:
        for name in (conventions.FAILURES_TOPIC, conventions.REPORTS_TOPIC):
            if name in topics:
                raise refuse(
                    "given", "this topic is the platform's own", "set batchyard:monitoring, or rename it", key=(name,)
                )
        return topics

    @property
    def topics_for_jobs(self) -> tuple[str, ...]:
        """Topics that jobs may notify."""
        return (*self.monitoring.topics_for_jobs, *self.topics)

    @field_validator("buckets")
    @classmethod
    def _own_ledger(cls, buckets: dict[str, BucketSettings]) -> dict[str, BucketSettings]:
        if conventions.LEDGER_BUCKET in buckets:
            key = (conventions.LEDGER_BUCKET,)
            raise refuse("given", "the ledger's bucket is the platform's own", "set batchyard:ledger instead", key=key)
        return buckets
