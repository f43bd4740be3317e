"""Rows as the stage's input transformer and probe write them, for the tests of the ledger's reader."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from jobs import conventions

STAGE = "local"
CREATED_MS = 1_763_726_400_000  # 2025-11-21 12:00:00 UTC
CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/spot_Batch_1"
CREATED = datetime(2025, 11, 21, 12, tzinfo=UTC)


def told(start_s: float, stop_s: float, **more: Any) -> dict[str, Any]:
    """One entry of an event's `attempts`, seconds after CREATED."""
    container = {name: more.pop(name) for name in ("exitCode", "reason", "logStreamName", "taskArn") if name in more}
    return {
        "container": container,
        "startedAt": CREATED_MS + int(start_s * 1000),
        "stoppedAt": CREATED_MS + int(stop_s * 1000),
        **more,
    }


def attempt_row(job_id: str = "job-1", **changes: Any) -> dict[str, Any]:
    attempts = changes.get("attempts", [told(2, 5, exitCode=0, logStreamName="flights/default/1")])
    row = {
        "event_id": f"event-{job_id}",
        "time": "2025-11-21T12:00:06Z",
        "job_id": job_id,
        "job_name": "flights-upload",
        "job_queue": "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-local-critical",
        "job_definition": "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-flights:3",
        "status": "SUCCEEDED",
        "status_reason": "",
        "created_at": CREATED_MS,
        "started_at": attempts[-1]["startedAt"] if attempts else "",
        "stopped_at": attempts[-1]["stoppedAt"] if attempts else "",
        "attempts": attempts,
        "resource_requirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}],
        "image": "registry/batchyard/local/flights@sha256:abc",
        "exit_code": 0,
        "log_stream": "flights/default/1",
        "array_index": "",
        "array_size": "",
        "parameters": {"bucket": "uploads-1", "key": "flights/2013-01.csv"},
        "platform_capabilities": ["EC2"],
        **changes,
    }
    assert set(row) == set(conventions.ATTEMPT_COLUMNS)
    return row


def usage_row(job_id: str = "job-1", attempt: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "type": "usage",
        "version": 1,
        "job_id": job_id,
        "attempt": attempt,
        "job": "flights",
        "owner": "analytics",
        "stage": STAGE,
        "array_index": None,
        "exit_code": 0,
        "signal": None,
        "peak_memory_mib": 150.25,
        "memory_limit_mib": 1024.0,
        "cpu_s": 1.5,
        "wall_s": 2.75,
        "cgroup_version": 1,
        "started_at": "2025-11-21T12:00:02Z",
        "ended_at": "2025-11-21T12:00:05Z",
        "compute_environment": "",
        "items": 12,
        **changes,
    }
    assert set(row) == set(conventions.USAGE_COLUMNS)
    return row


def task_arn(job_id: str, attempt: int = 1) -> str:
    return f"{CLUSTER.replace(':cluster/', ':task/')}/{job_id}-{attempt}"


def task_row(job_id: str = "job-1", attempt: int = 1, **changes: Any) -> dict[str, Any]:
    """A task that stopped, of `told(2, 5, …)`: its pull began a second after CREATED."""
    return ecs_row(
        **{
            "event_id": f"task-{job_id}-{attempt}",
            "time": "2025-11-21T12:00:05Z",
            "detail_type": conventions.ECS_TASK_CHANGE,
            "cluster_arn": CLUSTER,
            "task_arn": task_arn(job_id, attempt),
            "created_at": "2025-11-21T12:00:00.5Z",
            "pull_started_at": "2025-11-21T12:00:01Z",
            **changes,
        }
    )


def instance_row(instance_id: str = "i-1", **changes: Any) -> dict[str, Any]:
    """A container instance of two vCPUs that registered at CREATED."""
    return ecs_row(
        **{
            "event_id": f"instance-{instance_id}",
            "time": "2025-11-21T12:00:00Z",
            "detail_type": conventions.ECS_INSTANCE_CHANGE,
            "cluster_arn": CLUSTER,
            "container_instance_arn": f"{CLUSTER.replace(':cluster/', ':container-instance/')}/{instance_id}",
            "instance_id": instance_id,
            "status": "ACTIVE",
            "agent_connected": True,
            "registered_at": "2025-11-21T12:00:00Z",
            "registered_resources": [
                {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
                {"name": "MEMORY", "type": "INTEGER", "integerValue": 3767},
                {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
            ],
            "attributes": [{"name": "ecs.capability.x"}, {"name": "ecs.instance-type", "value": "m6i.large"}],
            **changes,
        }
    )


def ecs_row(**told: Any) -> dict[str, Any]:
    """What an event lacks is the empty text."""
    row = {**dict.fromkeys(conventions.ECS_COLUMNS, ""), **told}
    assert set(row) == set(conventions.ECS_COLUMNS)
    return row


def line(row: dict[str, Any]) -> str:
    return json.dumps(row)
