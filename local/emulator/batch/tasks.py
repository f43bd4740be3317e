"""What an attempt is to ECS: a task."""

from __future__ import annotations

from local.emulator.batch.arns import last_part
from local.emulator.batch.jobs import Attempt, Job
from local.emulator.batch.plans import batch_variables
from local.emulator.capacity import Home, Task


def task_of(job: Job, attempt: Attempt, home: Home, *, stop_requested: bool) -> Task:
    """The attempt's task as it is now."""
    request = job.request
    return Task(
        home=home,
        arn=attempt.task_arn,
        container_instance_arn=attempt.container_instance_arn,
        vcpus=request.vcpus,
        memory_mib=request.memory_mib,
        image=job.container["image"],
        definition=last_part(job.definition_arn),
        variables=batch_variables(job, attempt),
        tags=job.task_tags,
        created_at_ms=attempt.created_at_ms,
        pulled_at_ms=attempt.pulled_at_ms,
        started_at_ms=attempt.started_at_ms,
        stopping_at_ms=attempt.stopping_at_ms,
        stopped_at_ms=attempt.stopped_at_ms,
        stop_requested=stop_requested,
        exit_code=attempt.exit_code,
        reason=attempt.reason,
        stopped_reason=attempt.status_reason,
    )
