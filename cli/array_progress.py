"""Array jobs under way: how many of their children have ended, asked of Batch itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

ENDED: Final = ("SUCCEEDED", "FAILED")
UNDER_WAY: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
"""Statuses of an array that hasn't ended; most wait in PENDING for their children."""
PAGE: Final = 100
"""Jobs that DescribeJobs takes at once."""


@dataclass(frozen=True, kw_only=True)
class ArrayProgress:
    """One array job."""

    job_name: str
    job_id: str
    size: int
    succeeded: int
    failed: int
    running: int

    def facts(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        failed = f", {self.failed} FAILED" if self.failed else ""
        return (
            f"{self.job_name} {self.job_id}: {self.succeeded + self.failed:,} of {self.size:,} children ended{failed}, "
            f"{self.running:,} running"
        )


def arrays_under_way(batch: Any, queues: Mapping[str, str]) -> list[ArrayProgress]:
    """Of a stage's queues (name → ARN), by name and id. Raises botocore's errors."""
    ids = sorted({job_id for queue in queues.values() for job_id in _arrays(batch, queue)})
    found = [
        _progress(described)
        for first in range(0, len(ids), PAGE)
        for described in batch.describe_jobs(jobs=ids[first : first + PAGE])["jobs"]
        if described["status"] not in ENDED
    ]
    return sorted(found, key=lambda one: (one.job_name, one.job_id))


def _arrays(batch: Any, queue: str) -> Iterator[str]:
    for status in UNDER_WAY:
        pages: Iterable[Any] = batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=status)
        for page in pages:
            for job in page["jobSummaryList"]:
                if "size" in job.get("arrayProperties", {}):
                    yield str(job["jobId"])


def _progress(described: Mapping[str, Any]) -> ArrayProgress:
    properties = described["arrayProperties"]
    counted = properties.get("statusSummary", {})
    return ArrayProgress(
        job_name=described["jobName"],
        job_id=described["jobId"],
        size=properties["size"],
        succeeded=counted.get("SUCCEEDED", 0),
        failed=counted.get("FAILED", 0),
        running=counted.get("RUNNING", 0) + counted.get("STARTING", 0),
    )
