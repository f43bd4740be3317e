"""The events AWS Batch sends to EventBridge: job state changes and blocked queues."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.emulator.batch.jobs import Job
from local.emulator.events.envelope import event_time, make_event

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
    return make_event(
        source="aws.batch",
        detail_type=detail_type,
        detail=detail,
        account=account,
        region=region,
        resources=resources,
        time=event_time(datetime.fromtimestamp(now_ms / 1000, UTC)),
    )
