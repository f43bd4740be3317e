"""Rows as the stage's input transformer and probe write them, for the tests of the ledger's reader."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from jobs import conventions

STAGE = "local"
CREATED_MS = 1_763_726_400_000  # 2025-11-21 12:00:00 UTC
CREATED = datetime(2025, 11, 21, 12, tzinfo=UTC)


def told(start_s: float, stop_s: float, **more: Any) -> dict[str, Any]:
    """One entry of an event's `attempts`, seconds after CREATED."""
    container = {name: more.pop(name) for name in ("exitCode", "reason", "logStreamName") if name in more}
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
        **changes,
    }
    assert set(row) == set(conventions.USAGE_COLUMNS)
    return row


def line(row: dict[str, Any]) -> str:
    return json.dumps(row)
