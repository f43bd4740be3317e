"""Words that components, local AWS, jobs and reports share: tags, environment names, the ledger's columns, limits.

Images have this module too (components/build_context.py): Python 3.9, and nothing but its standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PROJECT: Final = "batchyard"

TAG_PROJECT: Final = "batchyard:project"
TAG_STAGE: Final = "batchyard:stage"
TAG_JOB: Final = "batchyard:job"
TAG_OWNER: Final = "batchyard:owner"

ENV_JOB: Final = "BATCHYARD_JOB"
ENV_OWNER: Final = "BATCHYARD_OWNER"
ENV_STAGE: Final = "BATCHYARD_STAGE"
ENV_BUCKET_PREFIX: Final = "BATCHYARD_BUCKET_"
ENV_TOPIC_PREFIX: Final = "BATCHYARD_TOPIC_"
ENV_ITEMS_FILE: Final = "BATCHYARD_ITEMS_FILE"
"""Set by the probe: where the job may write how many items it handled."""
ENV_IMAGE: Final = "BATCHYARD_IMAGE"
ENV_TIMEOUT_S: Final = "BATCHYARD_TIMEOUT_S"
ENV_PARAMETERS: Final = "BATCHYARD_PARAMETERS"
ENV_SECRETS: Final = "BATCHYARD_SECRETS"
"""Of a job on Lambda: what on Batch its definition says."""
LAMBDA_QUEUE: Final = "lambda"
"""What the ledger says of the queue of a job that goes through none."""
LAMBDA_CAPABILITY: Final = "LAMBDA"
"""What it says of the platform, beside Batch's EC2 and FARGATE."""
LAMBDA_VCPU_MIB: Final = 1_769
"""Memory with which a function has one vCPU; with more or less it has as much more or less (Lambda Developer Guide)."""
ITEMS_MAX: Final = 10**12
ENV_RESULTS: Final = "BATCHYARD_RESULTS"
"""Set by `batchyard-results`: where this attempt's results belong, `s3://<bucket>/<job>/data/day=…/run=…/`."""
ENV_RESULTS_PLACE: Final = "BATCHYARD_RESULTS_PLACE"
"""Set by the job definition: `s3://<bucket>/<job>/`."""
ENV_RESULTS_FORMAT: Final = "BATCHYARD_RESULTS_FORMAT"
ENV_RESULTS_COPY: Final = "BATCHYARD_RESULTS_COPY"
"""Set by the job definition where Redshift loads each run: `yes`."""
RESERVED_ENV_PREFIXES: Final = ("BATCHYARD_", "AWS_BATCH")
"""Batch refuses AWS_BATCH itself; BATCHYARD_ is set by the job definition."""

# Batch's words for how an attempt ended, which every platform's record has
EXITED: Final = "Essential container in task exited"
TIMED_OUT: Final = "Job attempt duration exceeded timeout"
OUT_OF_MEMORY: Final = "OutOfMemoryError: Container killed due to memory usage"
SECRETS_UNREADABLE: Final = "ResourceInitializationError: unable to pull secrets or registry auth"

ENV_BATCH_JOB_ID: Final = "AWS_BATCH_JOB_ID"
ENV_BATCH_JOB_ATTEMPT: Final = "AWS_BATCH_JOB_ATTEMPT"
ENV_BATCH_QUEUE: Final = "AWS_BATCH_JQ_NAME"
ENV_BATCH_COMPUTE_ENVIRONMENT: Final = "AWS_BATCH_CE_NAME"
ENV_BATCH_ARRAY_INDEX: Final = "AWS_BATCH_JOB_ARRAY_INDEX"

# Names people choose: they become parts of AWS names (bucket names have 63 characters, 8 of them Pulumi's suffix).
NAME_PATTERN: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
STAGE_NAME_MAX: Final = 20
JOB_NAME_MAX: Final = 40
QUEUE_NAME_MAX: Final = 40
COMPUTE_ENVIRONMENT_NAME_MAX: Final = 40
BUCKET_NAME_MAX: Final = 24
TOPIC_NAME_MAX: Final = 24
TABLE_NAME_MAX: Final = 40
OWNER_MAX: Final = 64

REPORTS_BUCKET: Final = "reports"
"""Where reports are published, in stages whose settings have a bucket of this name."""
REPORTS_TOPIC: Final = "reports"
"""Who hears of a published report, in stages whose settings make the topic."""
FAILURES_TOPIC: Final = "failures"
"""Who hears of failed jobs and alarms, in stages whose settings make the topic."""
STAGE_FILE: Final = "stage.json"
"""Key in the reports' bucket: the stage's outputs and the facts of its report."""

RESULTS_BUCKET: Final = "results"
"""Where results are written unless the job's specification names another bucket."""
RESULTS_VERSION: Final = 1
"""Of a run's manifest."""
RESULTS_DATA: Final = "data/"
"""In a job's folder of the bucket: its runs' objects, by day and run."""
RESULTS_DAY: Final = "day="
RESULTS_RUN: Final = "run="
RESULTS_CHILD: Final = "child="
RESULTS_MANIFESTS: Final = "manifests/"
"""In a job's folder of the bucket: a folder for each run, by its id alone, so that an event tells where it is."""
RESULTS_MANIFEST: Final = "manifest.json"
RESULTS_COPY_MANIFEST: Final = "redshift.json"
"""Beside a run's manifest: the same objects as Redshift's COPY wants them."""
RESULTS_BEGUN: Final = "begun/"
"""In a run's folder of manifests: an empty object whose name is the day of the run's first attempt."""
RESULT_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"parquet": (".parquet",), "csv": (".csv",), "json": (".json", ".jsonl")}
)
"""Format → ends of the keys of a run's objects."""

LEDGER_BUCKET: Final = "ledger"
"""The platform's own bucket: settings may not declare it."""
LEDGER_ATTEMPTS_PREFIX: Final = "attempts/"
LEDGER_USAGE_PREFIX: Final = "usage/"
LEDGER_ECS_PREFIX: Final = "ecs/"
LEDGER_ERRORS_PREFIX: Final = "errors/"
LEDGER_DAY_PARTITION: Final = "day=!{timestamp:yyyy-MM-dd}/"
"""Firehose's prefix expression for `day=2026-11-21/` (UTC)."""

ATTEMPT_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "event_id": "$.id",
        "time": "$.time",
        "job_id": "$.detail.jobId",
        "job_name": "$.detail.jobName",
        "job_queue": "$.detail.jobQueue",
        "job_definition": "$.detail.jobDefinition",
        "status": "$.detail.status",
        "status_reason": "$.detail.statusReason",
        "created_at": "$.detail.createdAt",
        "started_at": "$.detail.startedAt",
        "stopped_at": "$.detail.stoppedAt",
        "attempts": "$.detail.attempts",
        "resource_requirements": "$.detail.container.resourceRequirements",
        "image": "$.detail.container.image",
        "exit_code": "$.detail.container.exitCode",
        "log_stream": "$.detail.container.logStreamName",
        "array_index": "$.detail.arrayProperties.index",
        "array_size": "$.detail.arrayProperties.size",
        "parameters": "$.detail.parameters",
        "platform_capabilities": "$.detail.platformCapabilities",
    }
)
"""Column of an `attempts/` row → where the state-change event has it. A path the event lacks gives "".

A container's reason is taken from `attempts` alone: EventBridge escapes nothing that it fills in, but hands a list over
whole, and reasons such as CannotPullContainerError's hold quotes.
"""
ATTEMPT_TYPE: Final = "attempt"
"""`type` of the line with which a run on Lambda tells the same columns in its log."""
ATTEMPT_COLUMNS: Final = tuple(ATTEMPT_PATHS)
ATTEMPT_RAW_COLUMNS: Final = frozenset({"attempts", "resource_requirements", "parameters", "platform_capabilities"})
"""Columns whose value is JSON itself (list or map): unquoted in the input transformer's template."""

ECS_INSTANCE_CHANGE: Final = "ECS Container Instance State Change"
ECS_TASK_CHANGE: Final = "ECS Task State Change"
ECS_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "event_id": "$.id",
        "time": "$.time",
        "detail_type": "$.detail-type",
        "cluster_arn": "$.detail.clusterArn",
        "container_instance_arn": "$.detail.containerInstanceArn",
        "availability_zone": "$.detail.availabilityZone",
        "attributes": "$.detail.attributes",
        "instance_id": "$.detail.ec2InstanceId",
        "status": "$.detail.status",
        "agent_connected": "$.detail.agentConnected",
        "registered_at": "$.detail.registeredAt",
        "registered_resources": "$.detail.registeredResources",
        "task_arn": "$.detail.taskArn",
        "launch_type": "$.detail.launchType",
        "capacity_provider": "$.detail.capacityProviderName",
        "created_at": "$.detail.createdAt",
        "pull_started_at": "$.detail.pullStartedAt",
        "pull_stopped_at": "$.detail.pullStoppedAt",
        "started_at": "$.detail.startedAt",
        "stopped_at": "$.detail.stoppedAt",
        "stop_code": "$.detail.stopCode",
    }
)
"""Column of an `ecs/` row → where the event has it: of a container instance, or of a task that stopped.

No reasons, for they may hold quotes, and no overrides, for they hold the job's environment. One attribute or resource
can't be asked for by name, so their lists are handed over whole.
"""
ECS_COLUMNS: Final = tuple(ECS_PATHS)
ECS_RAW_COLUMNS: Final = frozenset({"attributes", "registered_resources"})
"""Columns whose value is a list."""
ECS_INSTANCE_TYPE: Final = "ecs.instance-type"
"""The attribute in which an instance's agent tells its type."""

USAGE_TYPE: Final = "usage"
USAGE_VERSION: Final = 1
USAGE_COLUMNS: Final = (
    "type",
    "version",
    "job_id",
    "attempt",
    "job",
    "owner",
    "stage",
    "array_index",
    "exit_code",
    "signal",
    "peak_memory_mib",
    "memory_limit_mib",
    "cpu_s",
    "wall_s",
    "cgroup_version",
    "started_at",
    "ended_at",
    "compute_environment",
    "items",
)
"""Keys of the probe's line, which is a row of `usage/`."""

REFERENCE: Final = "Ref::"
"""What stands before a parameter's name where its value goes: Batch's word."""
S3_TRIGGER_PARAMETERS: Final = ("bucket", "key")
"""What an S3 trigger gives to `Ref::` without being asked."""


def bucket_env(bucket: str) -> str:
    """The variable that holds a bucket's physical name: uploads → BATCHYARD_BUCKET_UPLOADS."""
    return ENV_BUCKET_PREFIX + bucket.upper().replace("-", "_")


def topic_env(topic: str) -> str:
    """The variable that holds a topic's ARN: reports → BATCHYARD_TOPIC_REPORTS."""
    return ENV_TOPIC_PREFIX + topic.upper().replace("-", "_")
