"""The events AWS Batch sends to EventBridge: job state changes and blocked queues."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.emulator.batch.jobs import Job

Publish = Callable[[Mapping[str, object]], None]


def publish_to_eventbridge(event: Mapping[str, object]) -> None:
    """Hands the event to the emulated EventBridge; imported when first used, so that Batch can be tested alone."""
    importlib.import_module("local.emulator.events").publish(event)


def state_change(job: Job, *, account: str, region: str, now_ms: int) -> dict[str, Any]:
    """`Batch Job State Change` of the job as it is now."""
    return _envelope("Batch Job State Change", [job.arn], job.detail(), account, region, now_ms)


def queue_blocked(job: Job, *, account: str, region: str, now_ms: int) -> dict[str, Any]:
    """`Batch Job Queue Blocked` by the job at the head of its queue; its status reason says why."""
    return _envelope("Batch Job Queue Blocked", [job.arn, job.queue_arn], job.detail(), account, region, now_ms)


def _envelope(
    detail_type: str, resources: list[str], detail: dict[str, Any], account: str, region: str, now_ms: int
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": "aws.batch",
        "account": account,
        "time": datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": resources,
        "detail": detail,
    }
