"""What EventBridge Scheduler is told to do when a schedule is due: submit a job. For triggers, and users' schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_EVENT_AGE_S: Final = 6 * 3600
MAX_RETRIES: Final = 100
"""Submissions are refused for a while when more than fifty a second arrive; both limits outlast that."""


def submit_job_arn(partition: str) -> str:
    """The universal target: its input is SubmitJob's request."""
    return f"arn:{partition}:scheduler:::aws-sdk:batch:submitJob"


def submit_job_request(
    *,
    job_name: str,
    queue_arn: Any,
    definition_arn: Any,
    parameters: Mapping[str, str],
    array_size: int | None = None,
    share: str | None = None,
) -> dict[str, Any]:
    """SubmitJob's request in PascalCase, as the universal target wants it; parameters keep their names.

    The ARNs are texts, or what will be one."""
    request: dict[str, Any] = {"JobName": job_name, "JobQueue": queue_arn, "JobDefinition": definition_arn}
    if parameters:
        request["Parameters"] = dict(parameters)
    if array_size is not None:
        request["ArrayProperties"] = {"Size": array_size}
    if share is not None:
        request["ShareIdentifier"] = share
    return request
