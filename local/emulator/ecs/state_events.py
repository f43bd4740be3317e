"""The events ECS sends to EventBridge: container instance and task state changes.

Shapes: ECS developer guide, pages ecs_container_instance_events and ecs_task_events; botocore's `ecs` ContainerInstance
and Task, whose times are text here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.emulator.capacity import Instance, Task
from local.emulator.ecs.backend import CPU_UNITS, BatchContainerInstance, availability_zone
from local.emulator.events.envelope import event_time, make_event

SOURCE = "aws.ecs"
INSTANCE_CHANGED = "ECS Container Instance State Change"
TASK_CHANGED = "ECS Task State Change"


def instance_event(instance: Instance, registered: BatchContainerInstance, *, now_ms: int) -> dict[str, Any]:
    """Of an instance as it is registered now; INACTIVE once it was let go."""
    detail = {
        "agentConnected": registered.agent_connected,
        "attributes": [{"name": name, "value": value} for name, value in registered.attributes.items()],
        "clusterArn": instance.home.cluster_arn,
        "containerInstanceArn": instance.container_instance_arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "registeredResources": registered.registered_resources,
        "remainingResources": registered.remaining_resources,
        "status": registered.status,
        "version": registered.version,
        "versionInfo": registered.version_info,
        "registeredAt": iso(instance.booted_at_ms),
        "updatedAt": iso(now_ms),
    }
    return _event(instance, INSTANCE_CHANGED, instance.container_instance_arn, detail, now_ms)


def task_event(task: Task) -> dict[str, Any]:
    """Of a task that runs, or has stopped."""
    # RUNNING follows PENDING, STOPPED follows either
    version = 2 + (task.stopped_at_ms is not None and task.started_at_ms is not None)
    updated_at_ms = task.stopped_at_ms or task.started_at_ms or task.created_at_ms
    detail: dict[str, Any] = {
        "attachments": [],
        "availabilityZone": availability_zone(task.home.region),
        "clusterArn": task.home.cluster_arn,
        "connectivity": "CONNECTED",
        "connectivityAt": iso(task.created_at_ms),
        "containers": [_container(task)],
        "cpu": str(int(task.vcpus * CPU_UNITS)),
        "createdAt": iso(task.created_at_ms),
        "desiredStatus": "RUNNING" if task.stopped_at_ms is None else "STOPPED",
        "enableExecuteCommand": False,
        "group": f"family:{task.definition.partition(':')[0]}",
        "launchType": _launch_type(task),
        "lastStatus": _status(task),
        "memory": str(task.memory_mib),
        "overrides": {"containerOverrides": [_overrides(task)]},
        "pullStartedAt": iso(task.created_at_ms),
        "taskArn": task.arn,
        "taskDefinitionArn": f"arn:aws:ecs:{task.home.region}:{task.home.account}:task-definition/{task.definition}",
        "updatedAt": iso(updated_at_ms),
        "version": version,
    }
    if task.container_instance_arn is not None:
        detail["containerInstanceArn"] = task.container_instance_arn
    else:
        detail["capacityProviderName"] = "FARGATE_SPOT" if task.home.purchase == "spot" else "FARGATE"
        detail["platformVersion"] = "1.4.0"
    for key, at_ms in (("pullStoppedAt", task.pulled_at_ms), ("startedAt", task.started_at_ms)):
        if at_ms is not None:
            detail[key] = iso(at_ms)
    if task.stopped_at_ms is not None:
        detail["stoppingAt"] = iso(task.stopping_at_ms or task.stopped_at_ms)
        detail["stoppedAt"] = iso(task.stopped_at_ms)
        detail["stopCode"] = _stop_code(task)
        detail["stoppedReason"] = task.stopped_reason or ""
    return _event(task, TASK_CHANGED, task.arn, detail, updated_at_ms)


def iso(at_ms: int) -> str:
    """`2026-01-31T23:59:59.250Z`"""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _container(task: Task) -> dict[str, Any]:
    container: dict[str, Any] = {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{task.arn.rpartition('/')[2]}",
        "lastStatus": _status(task),
        "name": "default",
        "image": task.image,
        "taskArn": task.arn,
        "networkInterfaces": [],
        "cpu": str(int(task.vcpus * CPU_UNITS)),
        "memory": str(task.memory_mib),
    }
    if task.exit_code is not None:
        container["exitCode"] = task.exit_code
    if task.reason:
        container["reason"] = task.reason
    return container


def _overrides(task: Task) -> dict[str, Any]:
    environment = [{"name": name, "value": value} for name, value in task.variables.items()]
    return {"name": "default", "environment": environment}


def _status(task: Task) -> str:
    return "RUNNING" if task.stopped_at_ms is None else "STOPPED"


def _launch_type(task: Task) -> str:
    return "FARGATE" if task.container_instance_arn is None else "EC2"


def _stop_code(task: Task) -> str:
    if task.stop_requested:
        return "UserInitiated"
    return "EssentialContainerExited" if task.started_at_ms is not None else "TaskFailedToStart"


def _event(of: Instance | Task, kind: str, arn: str, detail: dict[str, Any], now_ms: int) -> dict[str, Any]:
    return make_event(
        source=SOURCE,
        detail_type=kind,
        detail=detail,
        account=of.home.account,
        region=of.home.region,
        resources=[arn],
        time=event_time(datetime.fromtimestamp(now_ms / 1000, UTC)),
    )
