"""Jobs and attempts: their records and the shapes of DescribeJobs, ListJobs and the state-change events."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from local.emulator.batch.definitions import request_of
from scheduling.fit import Request
from scheduling.model import Job as WaitingJob

SUBMITTED, PENDING, RUNNABLE, STARTING = "SUBMITTED", "PENDING", "RUNNABLE", "STARTING"
RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
STATUSES = (SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED)
FINAL = frozenset({SUCCEEDED, FAILED})
WAITING = frozenset({SUBMITTED, PENDING, RUNNABLE})


@dataclass(kw_only=True)
class Attempt:
    """One attempt. Times are milliseconds of the epoch."""

    number: int
    environment_arn: str
    environment_name: str
    # the scheduler's instance, None on Fargate
    instance_id: str | None
    container_instance_arn: str | None
    task_id: str
    task_arn: str
    log_stream_name: str
    # its start began, with a look for the image
    created_at_ms: int
    pulled_at_ms: int | None = None
    started_at_ms: int | None = None
    # somebody asked it to end
    stopping_at_ms: int | None = None
    stopped_at_ms: int | None = None
    exit_code: int | None = None
    # the container's (`OutOfMemoryError: …`)
    reason: str | None = None
    # the task's (`Essential container in task exited`)
    status_reason: str | None = None

    def describe(self) -> dict[str, Any]:
        container: dict[str, Any] = {
            "taskArn": self.task_arn,
            "logStreamName": self.log_stream_name,
            "networkInterfaces": [],
        }
        if self.container_instance_arn:
            container["containerInstanceArn"] = self.container_instance_arn
        if self.exit_code is not None:
            container["exitCode"] = self.exit_code
        if self.reason:
            container["reason"] = self.reason
        described: dict[str, Any] = {"container": container}
        if self.started_at_ms is not None:
            described["startedAt"] = self.started_at_ms
        if self.stopped_at_ms is not None:
            described["stoppedAt"] = self.stopped_at_ms
        if self.status_reason:
            described["statusReason"] = self.status_reason
        return described


@dataclass(kw_only=True)
class Job:
    """A job as stored; guarded by the backend's lock. Times are milliseconds of the epoch."""

    id: str
    arn: str
    name: str
    queue_arn: str
    queue_name: str
    definition_arn: str
    definition_name: str
    # containerProperties with the overrides applied; the command still holds its `Ref::` placeholders
    container: dict[str, Any]
    parameters: dict[str, str]
    retry_strategy: dict[str, Any]
    timeout: dict[str, Any] | None
    platform_capabilities: list[str]
    propagate_tags: bool
    depends_on: list[dict[str, Any]]
    tags: dict[str, str]
    # what its tasks carry: its own and its definition's, if they are propagated
    task_tags: dict[str, str]
    created_at_ms: int
    # ties of `created_at_ms` keep the order of submission
    order: int
    share_identifier: str | None = None
    status: str = SUBMITTED
    status_reason: str | None = None
    started_at_ms: int | None = None
    stopped_at_ms: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    # set while STARTING or RUNNING; joins `attempts` when it has ended
    current: Attempt | None = None
    is_cancelled: bool = False
    is_terminated: bool = False
    # array parent
    array_size: int | None = None
    children: list[Job] = field(default_factory=list)
    # array child
    array_index: int | None = None
    parent: Job | None = None
    # code of why it can't start (`MISCONFIGURATION:…`), and since when, monotonic seconds
    blocked_code: str | None = None
    blocked_since_s: float | None = None

    @cached_property
    def request(self) -> Request:
        return request_of(self.container)

    @cached_property
    def waiting(self) -> WaitingJob:
        """As the scheduler sees it while it waits; none of that changes."""
        request = self.request
        return WaitingJob(
            id=self.id,
            queue=self.queue_arn,
            vcpus=request.vcpus,
            memory_mib=request.memory_mib,
            gpus=request.gpus,
            submitted_at_s=self.created_at_ms / 1000,
            share=self.share_identifier,
            order=self.order,
        )

    @property
    def is_array_parent(self) -> bool:
        return self.array_size is not None

    @property
    def timeout_s(self) -> int | None:
        """Emulated seconds an attempt may run, None without a timeout."""
        return None if self.timeout is None else int(self.timeout["attemptDurationSeconds"])

    def summary(self) -> dict[str, Any]:
        """The shape of ListJobs."""
        summary: dict[str, Any] = {
            "jobArn": self.arn,
            "jobId": self.id,
            "jobName": self.name,
            "createdAt": self.created_at_ms,
            "status": self.status,
            "jobDefinition": self.definition_arn,
        }
        if self.status_reason:
            summary["statusReason"] = self.status_reason
        if self.started_at_ms is not None:
            summary["startedAt"] = self.started_at_ms
        if self.stopped_at_ms is not None:
            summary["stoppedAt"] = self.stopped_at_ms
        last = self.attempts[-1] if self.attempts else None
        if self.status in FINAL and last is not None:
            container = {"exitCode": last.exit_code, "reason": last.reason}
            summary["container"] = {key: value for key, value in container.items() if value is not None}
        if self.array_size is not None:
            summary["arrayProperties"] = {"size": self.array_size}
        if self.array_index is not None:
            summary["arrayProperties"] = {"index": self.array_index}
        return summary

    def detail(self) -> dict[str, Any]:
        """The shape of a state-change event's detail, and of DescribeJobs but for the tags."""
        detail: dict[str, Any] = {
            "jobArn": self.arn,
            "jobName": self.name,
            "jobId": self.id,
            "jobQueue": self.queue_arn,
            "status": self.status,
            "attempts": [attempt.describe() for attempt in self.attempts],
            "createdAt": self.created_at_ms,
            "retryStrategy": copy.deepcopy(self.retry_strategy),
            "dependsOn": [dict(one) for one in self.depends_on],
            "jobDefinition": self.definition_arn,
            "parameters": dict(self.parameters),
            "container": self._container_detail(),
            "propagateTags": self.propagate_tags,
            "platformCapabilities": list(self.platform_capabilities),
        }
        if self.status_reason:
            detail["statusReason"] = self.status_reason
        if self.started_at_ms is not None:
            detail["startedAt"] = self.started_at_ms
        if self.stopped_at_ms is not None:
            detail["stoppedAt"] = self.stopped_at_ms
        if self.timeout:
            detail["timeout"] = dict(self.timeout)
        if self.share_identifier:
            detail["shareIdentifier"] = self.share_identifier
        if self.array_size is not None:
            detail["arrayProperties"] = {"statusSummary": self.status_summary(), "size": self.array_size}
        elif self.array_index is not None:
            detail["arrayProperties"] = {"statusSummary": {}, "index": self.array_index}
        return detail

    def describe(self) -> dict[str, Any]:
        """The shape of DescribeJobs."""
        described = self.detail()
        described["tags"] = dict(self.tags)
        if self.status in FINAL:
            described["isCancelled"] = self.is_cancelled
            described["isTerminated"] = self.is_terminated
        return described

    def status_summary(self) -> dict[str, int]:
        """How many children are in each status."""
        summary = dict.fromkeys(STATUSES, 0)
        for child in self.children:
            summary[child.status] += 1
        return summary

    def command(self) -> list[str]:
        """The command's arguments with `Ref::` parameters put in."""
        return substitute(self.container["command"], self.parameters)

    def _container_detail(self) -> dict[str, Any]:
        container: dict[str, Any] = {
            "image": self.container["image"],
            "command": self.command(),
            **{key: copy.deepcopy(self.container[key]) for key in ("volumes", "environment", "mountPoints", "ulimits")},
            "networkInterfaces": [],
            "resourceRequirements": copy.deepcopy(self.container["resourceRequirements"]),
            "secrets": copy.deepcopy(self.container["secrets"]),
        }
        for key in _COPIED_CONTAINER_KEYS:
            if self.container.get(key) is not None:
                container[key] = copy.deepcopy(self.container[key])
        last = self.current or (self.attempts[-1] if self.attempts else None)
        if last is not None:
            container |= last.describe()["container"]
        return container


_COPIED_CONTAINER_KEYS = (
    "vcpus",
    "memory",
    "jobRoleArn",
    "executionRoleArn",
    "logConfiguration",
    "networkConfiguration",
    "fargatePlatformConfiguration",
    "runtimePlatform",
    "ephemeralStorage",
    "readonlyRootFilesystem",
    "user",
    "privileged",
    "linuxParameters",
)


def substitute(command: list[str], parameters: Mapping[str, str]) -> list[str]:
    """`Ref::name` replaced by the parameter, in one pass: a value that holds `Ref::` stays as it is.

    A name nobody gave stays as it is too, as on AWS. The result is an argument vector: no shell sees it.
    """
    if not parameters:
        return list(command)
    # longest first, or `Ref::key` would win inside `Ref::keyring`
    names = "|".join(re.escape(name) for name in sorted(parameters, key=len, reverse=True))
    pattern = re.compile(rf"Ref::({names})(?![A-Za-z0-9_])")
    return [pattern.sub(lambda match: parameters[match[1]], argument) for argument in command]
