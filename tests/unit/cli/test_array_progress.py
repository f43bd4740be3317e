"""Arrays under way, counted by their children."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.array_progress import ArrayProgress, arrays_under_way

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/standard"


class FakeBatch:
    """Two pages of jobs in each status that has any."""

    def __init__(self, jobs: dict[str, list[dict[str, Any]]], described: list[dict[str, Any]]) -> None:
        self._jobs, self._described = jobs, described
        self.asked: list[list[str]] = []

    def get_paginator(self, operation: str) -> FakeBatch:
        assert operation == "list_jobs"
        return self

    def paginate(self, *, jobQueue: str, jobStatus: str) -> Iterator[dict[str, Any]]:
        assert jobQueue == QUEUE
        for job in self._jobs.get(jobStatus, []):
            yield {"jobSummaryList": [job]}

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        self.asked.append(jobs)
        return {"jobs": [one for one in self._described if one["jobId"] in jobs]}


def array(job_id: str, size: int, **statuses: int) -> dict[str, Any]:
    return {
        "jobId": job_id,
        "jobName": "batchyard-dev-pages",
        "status": "PENDING",
        "arrayProperties": {"size": size, "statusSummary": statuses},
    }


def test_children_are_counted() -> None:
    listed: dict[str, list[dict[str, Any]]] = {
        "PENDING": [{"jobId": "a", "arrayProperties": {"size": 10}}, {"jobId": "plain"}]
    }
    batch = FakeBatch(listed, [array("a", 10, SUCCEEDED=6, FAILED=1, RUNNING=1, STARTING=1, RUNNABLE=1)])
    (found,) = arrays_under_way(batch, {"standard": QUEUE})
    assert found == ArrayProgress(job_name="batchyard-dev-pages", job_id="a", size=10, succeeded=6, failed=1, running=2)
    assert str(found) == "batchyard-dev-pages a: 7 of 10 children ended, 1 FAILED, 2 running"
    assert batch.asked == [["a"]], "a plain job isn't asked for"


def test_one_that_has_just_ended_is_not_under_way() -> None:
    listed = {"RUNNING": [{"jobId": "a", "arrayProperties": {"size": 2}}]}
    assert (
        arrays_under_way(FakeBatch(listed, [array("a", 2, SUCCEEDED=2) | {"status": "SUCCEEDED"}]), {"q": QUEUE}) == []
    )


def test_many_are_asked_for_a_hundred_at_a_time() -> None:
    ids = [f"{number:03}" for number in range(150)]
    listed = {"PENDING": [{"jobId": one, "arrayProperties": {"size": 2}} for one in ids]}
    batch = FakeBatch(listed, [array(one, 2) for one in ids])
    assert len(arrays_under_way(batch, {"q": QUEUE})) == 150
    assert [len(asked) for asked in batch.asked] == [100, 50]
