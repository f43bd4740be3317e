"""SubmitJob: from a request and a job definition to a job."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from typing import Any

from local.emulator.batch.arns import NAME, Arns
from local.emulator.batch.definitions import (
    JobDefinition,
    check_resources,
    checked_retry_strategy,
    checked_timeout,
)
from local.emulator.batch.errors import client_error
from local.emulator.batch.jobs import SUBMITTED, Job
from local.emulator.batch.queues import JobQueue

MAX_DEPENDENCIES = 20
MAX_TAGS = 50


def new_job(
    body: dict[str, Any],
    *,
    arns: Arns,
    queue: JobQueue,
    definition: JobDefinition,
    definition_tags: Mapping[str, str],
    jobs: Mapping[str, Job],
    now_ms: int,
    order: int,
) -> Job:
    """A checked job, SUBMITTED. Raises ClientException."""
    name = str(body["jobName"])
    if not NAME.match(name):
        raise client_error(
            f"Error executing request, Exception : jobName can be up to 128 letters (uppercase and lowercase), "
            f"numbers, hyphens, and underscores; it is {name}"
        )
    if queue.state != "ENABLED":
        raise client_error(f"Error executing request, Exception : Job queue {queue.name} is DISABLED; enable it first")
    share = body.get("shareIdentifier")
    if queue.scheduling_policy_arn and not share:
        raise client_error(
            f"Error executing request, Exception : shareIdentifier is required: job queue {queue.name} has a "
            "scheduling policy"
        )
    if share and not queue.scheduling_policy_arn:
        raise client_error(
            f"Error executing request, Exception : shareIdentifier {share} can't be given: job queue {queue.name} has "
            "no scheduling policy"
        )
    if definition.status != "ACTIVE":
        raise client_error(f"Error executing request, Exception : Job definition {definition.arn} is INACTIVE")
    if definition.nodes is not None:
        raise client_error(
            f"Error executing request, Exception : {definition.name} is a multi-node parallel job, which needs several "
            "instances; this emulator has one machine and runs none"
        )
    tags = dict(body.get("tags") or {})
    if len(tags) > MAX_TAGS:
        raise client_error(f"Error executing request, Exception : {len(tags)} tags; up to {MAX_TAGS} are allowed")
    container = _overridden(definition.container, body.get("containerOverrides") or {})
    check_resources(container, fargate=definition.is_fargate)
    size = (body.get("arrayProperties") or {}).get("size")
    if size is not None and not 2 <= int(size) <= 10_000:
        raise client_error(f"Error executing request, Exception : array size is {size}; it must be between 2 and 10000")
    strategy = checked_retry_strategy(body.get("retryStrategy")) or definition.retry_strategy or {}
    asked = body.get("propagateTags")
    propagate_tags = definition.propagate_tags if asked is None else bool(asked)
    job_id = str(uuid.uuid4())
    return Job(
        id=job_id,
        arn=arns.batch("job", job_id),
        name=name,
        queue_arn=queue.arn,
        queue_name=queue.name,
        definition_arn=definition.arn,
        definition_name=definition.name,
        container=container,
        parameters={**definition.parameters, **(body.get("parameters") or {})},
        retry_strategy={
            "attempts": strategy.get("attempts", 1),
            "evaluateOnExit": copy.deepcopy(strategy.get("evaluateOnExit", [])),
        },
        timeout=checked_timeout(body.get("timeout")) or definition.timeout,
        platform_capabilities=list(definition.platform_capabilities),
        propagate_tags=propagate_tags,
        depends_on=_dependencies(body.get("dependsOn") or [], jobs, is_array=size is not None),
        tags=tags,
        task_tags={**definition_tags, **tags} if propagate_tags else {},
        created_at_ms=now_ms,
        order=order,
        share_identifier=share,
        array_size=int(size) if size is not None else None,
    )


def _overridden(container: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(container)
    if overrides.get("command"):
        result["command"] = list(overrides["command"])
    environment = {entry["name"]: entry["value"] for entry in result["environment"]}
    for entry in overrides.get("environment") or []:
        environment[entry["name"]] = entry.get("value", "")
    # Batch drops variables without a value
    result["environment"] = [{"name": name, "value": value} for name, value in environment.items() if value]
    requirements = {entry["type"]: entry["value"] for entry in result["resourceRequirements"]}
    for key, kind in (("vcpus", "VCPU"), ("memory", "MEMORY")):
        if overrides.get(key):
            requirements[kind] = str(overrides[key])
    requirements |= {entry["type"]: str(entry["value"]) for entry in overrides.get("resourceRequirements") or []}
    result["resourceRequirements"] = [{"value": value, "type": kind} for kind, value in requirements.items()]
    return result


def _dependencies(given: list[dict[str, Any]], jobs: Mapping[str, Job], *, is_array: bool) -> list[dict[str, Any]]:
    if len(given) > MAX_DEPENDENCIES:
        raise client_error(
            f"Error executing request, Exception : {len(given)} dependencies; up to {MAX_DEPENDENCIES} are allowed"
        )
    for dependency in given:
        kind, job_id = dependency.get("type"), dependency.get("jobId")
        if kind == "SEQUENTIAL" and not is_array:
            raise client_error("Error executing request, Exception : SEQUENTIAL dependencies are for array jobs")
        if job_id is None and kind != "SEQUENTIAL":
            raise client_error("Error executing request, Exception : dependsOn.jobId is required.")
        if job_id is not None and job_id not in jobs:
            raise client_error(f"Error executing request, Exception : dependency {job_id} does not exist")
    return [{key: value for key, value in dependency.items() if value} for dependency in given]


def children_of(parent: Job, *, arns: Arns, now_ms: int, next_order: int) -> list[Job]:
    """The children of an array job, in the order of their index; created when the parent's dependencies are met."""
    size = parent.array_size or 0
    sequential = any(one.get("type") == "SEQUENTIAL" for one in parent.depends_on)
    pairs = [one["jobId"] for one in parent.depends_on if one.get("type") == "N_TO_N"]
    children: list[Job] = []
    for index in range(size):
        child_id = f"{parent.id}:{index}"
        depends_on = [{"jobId": f"{other}:{index}"} for other in pairs]
        if sequential and index:
            depends_on.append({"jobId": f"{parent.id}:{index - 1}"})
        children.append(
            Job(
                id=child_id,
                arn=arns.batch("job", child_id),
                name=parent.name,
                queue_arn=parent.queue_arn,
                queue_name=parent.queue_name,
                definition_arn=parent.definition_arn,
                definition_name=parent.definition_name,
                container=parent.container,
                parameters=parent.parameters,
                retry_strategy=parent.retry_strategy,
                timeout=parent.timeout,
                platform_capabilities=parent.platform_capabilities,
                propagate_tags=parent.propagate_tags,
                depends_on=depends_on,
                # children can't be tagged
                tags={},
                task_tags=parent.task_tags,
                created_at_ms=now_ms,
                order=next_order + index,
                share_identifier=parent.share_identifier,
                status=SUBMITTED,
                array_index=index,
                parent=parent,
            )
        )
    return children
