"""Instances and tasks as Batch tells of them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from local.emulator.capacity import Home, Instance, Purchase, Task

STAGE = {"batchyard:stage": "local"}
_numbers = itertools.count()


def at(text: str) -> int:
    """`2026-11-20 12:00` (UTC) in milliseconds of the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def home(purchase: Purchase = "spot", *, region: str = "us-east-1") -> Home:
    return Home(
        account="123456789012",
        region=region,
        cluster_name="AWSBatch-spot",
        cluster_arn="arn:aws:ecs:us-east-1:123456789012:cluster/AWSBatch-spot",
        purchase=purchase,
    )


def instance(
    booted: str, *, kind: str = "m5.large", purchase: Purchase = "spot", region: str = "us-east-1", **more: Any
) -> Instance:
    number = next(_numbers)
    facts: dict[str, Any] = {
        "home": home(purchase, region=region),
        "ec2_instance_id": f"i-{number:017x}",
        "container_instance_arn": f"arn:aws:ecs:us-east-1:123456789012:container-instance/AWSBatch-spot/{number:032x}",
        "type": kind,
        "tags": STAGE,
        "booted_at_ms": at(booted),
    }
    return Instance(**facts | more)


def task(began: str, *, purchase: Purchase = "spot", on_fargate: bool = True, **more: Any) -> Task:
    number = next(_numbers)
    facts: dict[str, Any] = {
        "home": home(purchase),
        "arn": f"arn:aws:ecs:us-east-1:123456789012:task/AWSBatch-spot/{number:032x}",
        "container_instance_arn": None if on_fargate else "arn:aws:ecs:us-east-1:123456789012:container-instance/a/b",
        "vcpus": 0.5,
        "memory_mib": 2048,
        "image": "image",
        "definition": "job:1",
        "variables": {},
        "tags": STAGE,
        "created_at_ms": at(began),
        "pulled_at_ms": None,
        "started_at_ms": None,
        "stopping_at_ms": None,
        "stopped_at_ms": None,
        "stop_requested": False,
        "exit_code": None,
        "reason": None,
        "stopped_reason": None,
    }
    return Task(**facts | more)
