"""A world as a stage's ledger: the JSON lines that events and the probe leave in the bucket.

Rows come as AWS delivers them: in any order, some twice, some a day late, and here and there a line that is no row.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd

from jobs import conventions
from reports.collect.instances import Environment
from tests.worlds.world import Made

_ACCOUNT: Final = "arn:aws:{service}:us-east-1:123456789012"
_BATCH: Final = _ACCOUNT.format(service="batch")
_ECS: Final = _ACCOUNT.format(service="ecs")
_WORDS: Final = {  # outcome → status, status reason, container's reason
    "succeeded": ("SUCCEEDED", "Essential container in task exited", ""),
    "application-error": ("FAILED", "Essential container in task exited", ""),
    "out-of-memory": (
        "FAILED",
        "Essential container in task exited",
        "OutOfMemoryError: Container killed due to memory",
    ),
    "reclaimed": ("FAILED", "Host EC2 (instance i-0) terminated.", ""),
}
BAD_LINES: Final = ('{{"job_id":"cut of {}', "[{}, 2]", '{{"job_id":"","status":"{}"}}')


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How rows come."""

    seed: int = 0
    twice: float = 0.1
    late: float = 0.02
    """Of rows, a day after the others."""
    bad_lines: int = 0
    lines_an_object: int = 200
    zipped: float = 0.5
    """Of objects."""


@dataclass(kw_only=True)
class Written:
    """What the folder holds."""

    objects: list[str] = field(default_factory=list)
    """Keys, in the order they arrived in."""


def clusters(made: Made) -> dict[str, Environment]:
    """What the stage's outputs say: cluster's ARN → environment."""
    pairs = made.instances[["environment", "purchase"]].drop_duplicates().itertuples(index=False)
    return {cluster_arn(str(one[0])): Environment(name=str(one[0]), purchase=str(one[1])) for one in pairs}


def compute_environments(stage: str) -> dict[str, Environment]:
    """AWS's names of the environments without instances."""
    return {f"batchyard-{stage}-fargate-0a1b": Environment(name="fargate", purchase="on-demand")}


def cluster_arn(environment: str) -> str:
    return f"{_ECS}:cluster/{environment}_Batch_00000000-0000-4000-8000-000000000000"


def task_arn(environment: str, job_id: str) -> str:
    return f"{_ECS}:task/{environment}_Batch_00000000/{job_id.replace('-', '')}"


def instance_arn(environment: str, instance_id: str) -> str:
    return f"{_ECS}:container-instance/{environment}_Batch_00000000/{instance_id}"


def write(made: Made, folder: Path, *, stage: str, delivery: Delivery) -> Written:
    """Write `attempts/`, `usage/` and `ecs/` under `folder`, objects by the day they arrived."""
    rng = random.Random(delivery.seed)
    lines: list[tuple[str, date, str]] = []
    for row in made.attempts.to_dict("records"):
        ended: date = row["stopped_at"].date()
        lines.append(("attempts", ended, json.dumps(attempt_row(row, stage))))
        lines.append(("usage", ended, json.dumps(usage_row(row, stage))))
        if row["platform"] != "lambda":
            lines.append(("ecs", ended, json.dumps(task_row(row))))
    for row in made.instances.to_dict("records"):
        lines.extend(("ecs", when.date(), json.dumps(told)) for when, told in instance_rows(row))
    lines += [line for line in lines if rng.random() < delivery.twice]
    lines = [
        (kind, day + timedelta(days=1) if rng.random() < delivery.late else day, text) for kind, day, text in lines
    ]
    days = sorted({day for _, day, _ in lines})
    lines += [
        (rng.choice(["attempts", "usage", "ecs"]), rng.choice(days), rng.choice(BAD_LINES).format(n))
        for n in range(delivery.bad_lines)
    ]
    rng.shuffle(lines)
    return _objects(lines, folder, delivery, rng)


def attempt_row(row: Mapping[Any, Any], stage: str) -> dict[str, Any]:
    """The row of an attempt that was its job's only one; a function's has no task and no queue of Batch's."""
    status, why, reason = _WORDS[row["outcome"]]
    on_lambda = row["platform"] == "lambda"
    container: dict[str, Any] = {"logStreamName": f"{row['job']}/default/{row['job_id']}"}
    if not on_lambda:
        container |= {"taskArn": task_arn(row["environment"], row["job_id"]), "networkInterfaces": []}
    if row["platform"] == "ec2":
        container["containerInstanceArn"] = instance_arn(row["environment"], row["instance_id"])
    if row["outcome"] != "reclaimed":
        container["exitCode"] = row["exit_code"]
    if reason:
        container["reason"] = reason
    started, stopped = _ms(row["started_at"]), _ms(row["stopped_at"])
    return {
        "event_id": f"event-{row['job_id']}",
        "time": f"{(row['stopped_at'] + pd.Timedelta(seconds=1)).strftime('%Y-%m-%dT%H:%M:%S')}Z",
        "job_id": row["job_id"],
        "job_name": row["job"],
        "job_queue": conventions.LAMBDA_QUEUE if on_lambda else f"{_BATCH}:job-queue/batchyard-{stage}-{row['queue']}",
        "job_definition": f"{_BATCH}:job-definition/batchyard-{stage}-{row['job']}:3",
        "status": status,
        "status_reason": why,
        "created_at": _ms(row["submitted_at"]),
        "started_at": started,
        "stopped_at": stopped,
        "attempts": [{"container": container, "startedAt": started, "stoppedAt": stopped, "statusReason": why}],
        "resource_requirements": [
            {"type": "VCPU", "value": f"{row['vcpus']:g}"},
            {"type": "MEMORY", "value": str(row["memory_mib"])},
        ],
        "image": row["image"],
        "exit_code": container.get("exitCode", ""),
        "log_stream": container["logStreamName"],
        "array_index": "",
        "array_size": "",
        "parameters": {},
        "platform_capabilities": [row["platform"].upper()],
    }


def usage_row(row: Mapping[Any, Any], stage: str) -> dict[str, Any]:
    """The probe's line."""
    return {
        "type": "usage",
        "version": 1,
        "job_id": row["job_id"],
        "attempt": 1,
        "job": row["job"],
        "owner": row["owner"],
        "stage": stage,
        "array_index": None,
        "exit_code": 0 if row["outcome"] == "succeeded" else 1,
        "signal": None,
        "peak_memory_mib": round(float(row["peak_memory_mib"]), 3),
        "memory_limit_mib": float(row["memory_mib"]),
        "cpu_s": round(float(row["cpu_s"]), 3),
        "wall_s": round((row["stopped_at"] - row["started_at"]).total_seconds(), 3),
        "cgroup_version": 2,
        "started_at": f"{row['started_at'].strftime('%Y-%m-%dT%H:%M:%S')}Z",
        "ended_at": f"{row['stopped_at'].strftime('%Y-%m-%dT%H:%M:%S')}Z",
        "compute_environment": f"batchyard-{stage}-{row['environment']}-0a1b" if row["environment"] else "",
        "items": None if pd.isna(row["items"]) else int(row["items"]),
    }


def instance_rows(row: Mapping[Any, Any]) -> list[tuple[datetime, dict[str, Any]]]:
    """The events of an instance: it registers, an agent says something, it is gone."""
    begin, end = row["started_at"].to_pydatetime(), row["ended_at"].to_pydatetime()
    return [
        (
            when,
            ecs_row(
                event_id=f"{row['instance_id']}-{number}",
                time=_iso(when),
                detail_type=conventions.ECS_INSTANCE_CHANGE,
                cluster_arn=cluster_arn(row["environment"]),
                container_instance_arn=instance_arn(row["environment"], row["instance_id"]),
                attributes=[
                    {"name": "ecs.capability.docker-plugin.local"},
                    {"name": conventions.ECS_INSTANCE_TYPE, "value": row["instance_type"]},
                ],
                instance_id=row["instance_id"],
                status=status,
                agent_connected=status == "ACTIVE",
                registered_at=_iso(begin),
                registered_resources=[
                    {"name": "CPU", "type": "INTEGER", "integerValue": row["vcpus"] * 1024},
                    {"name": "MEMORY", "type": "INTEGER", "integerValue": row["memory_mib"]},
                    {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376"]},
                ],
            ),
        )
        for number, (when, status) in enumerate(
            ((begin, "ACTIVE"), (begin + (end - begin) / 2, "DRAINING"), (end, "INACTIVE"))
        )
    ]


def task_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The event of an attempt's task that stopped."""
    on_ec2 = row["platform"] == "ec2"
    return ecs_row(
        event_id=f"task-{row['job_id']}",
        time=_iso_ms(row["stopped_at"]),
        detail_type=conventions.ECS_TASK_CHANGE,
        cluster_arn=cluster_arn(row["environment"]),
        container_instance_arn=instance_arn(row["environment"], row["instance_id"]) if on_ec2 else "",
        attributes=[{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        task_arn=task_arn(row["environment"], row["job_id"]),
        launch_type="EC2" if on_ec2 else "FARGATE",
        created_at=_iso_ms(row["submitted_at"]),
        pull_started_at=_iso_ms(row["pull_started_at"]),
        pull_stopped_at=_iso_ms(row["started_at"]),
        started_at=_iso_ms(row["started_at"]),
        stopped_at=_iso_ms(row["stopped_at"]),
        stop_code="EssentialContainerExited",
    )


def ecs_row(**told: Any) -> dict[str, Any]:
    """A row of `ecs/`: what an event lacks is the empty text."""
    row = {**dict.fromkeys(conventions.ECS_COLUMNS, ""), **told}
    assert set(row) == set(conventions.ECS_COLUMNS)
    return row


def _iso_ms(moment: pd.Timestamp) -> str:
    """As ECS writes a task's times: by the millisecond, which is what Batch says of them."""
    return f"{datetime.fromtimestamp(_ms(moment) / 1000, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _iso(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='microseconds')}Z"


def _objects(lines: list[tuple[str, date, str]], folder: Path, delivery: Delivery, rng: random.Random) -> Written:
    by_partition: dict[str, list[str]] = {}
    for kind, day, text in lines:
        by_partition.setdefault(f"{kind}/day={day.isoformat()}", []).append(text)
    written = Written()
    for partition, texts in sorted(by_partition.items(), key=lambda item: (item[0].rpartition("=")[2], item[0])):
        (folder / partition).mkdir(parents=True, exist_ok=True)
        for number, begin in enumerate(range(0, len(texts), delivery.lines_an_object)):
            key = f"{partition}/batchyard-{number:04}"
            body = ("\n".join(texts[begin : begin + delivery.lines_an_object]) + "\n").encode()
            if rng.random() < delivery.zipped:
                body, key = gzip.compress(body, mtime=0), f"{key}.gz"
            (folder / key).write_bytes(body)
            written.objects.append(key)
    return written


def _ms(moment: pd.Timestamp) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
