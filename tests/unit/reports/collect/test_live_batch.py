"""An account without a ledger: Batch's own answers become the ledger's lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError
from tenacity import wait_none

from reports.collect.live_batch import collect_live
from reports.collect.load import Source, load

CREATED_MS = 1_763_726_400_000


def a_job(job_id: str, **more: Any) -> dict[str, Any]:
    return {
        "jobId": job_id,
        "jobName": "flights",
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-local-critical",
        "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-flights:3",
        "status": "SUCCEEDED",
        "createdAt": CREATED_MS,
        "startedAt": CREATED_MS + 1000,
        "stoppedAt": CREATED_MS + 3000,
        "attempts": [
            {"container": {"exitCode": 0}, "startedAt": CREATED_MS + 1000, "stoppedAt": CREATED_MS + 3000},
        ],
        "container": {"image": "an-image", "vcpus": 1, "memory": 128, "exitCode": 0},
        **more,
    }


class Batch:
    """Stands in for boto3's client: two ids a page, and a fault now and then."""

    def __init__(self, jobs: list[dict[str, Any]]):
        self.jobs = {job["jobId"]: job for job in jobs}
        self.described: list[list[str]] = []
        self.faults: list[str] = []

    def list_jobs(self, *, jobStatus: str, jobQueue: str = "", arrayJobId: str = "", nextToken: str = "0") -> Any:
        self._fail()
        ids = [
            job_id
            for job_id, job in self.jobs.items()
            if job["status"] == jobStatus and job_id.partition(":")[0 if ":" in job_id else 2] == arrayJobId
        ]
        first = int(nextToken)
        page: dict[str, Any] = {"jobSummaryList": [{"jobId": job_id} for job_id in ids[first : first + 2]]}
        return {**page, "nextToken": str(first + 2)} if first + 2 < len(ids) else page

    def describe_jobs(self, *, jobs: list[str]) -> Mapping[str, Any]:
        self._fail()
        self.described.append(jobs)
        return {"jobs": [self.jobs[job_id] for job_id in jobs]}

    def _fail(self) -> None:
        if self.faults:
            raise ClientError({"Error": {"Code": self.faults.pop(), "Message": "no"}}, "Batch")


def attempts(folder: Path) -> list[str]:
    connection = duckdb.connect()
    load(connection, Source(stage="local", raw=folder), since=None, until=None)
    return [str(row[0]) for row in connection.execute("SELECT job_id FROM attempts ORDER BY 1").fetchall()]


def test_finished_jobs_become_attempts_a_hundred_a_call(tmp_path: Path) -> None:
    batch = Batch([a_job(f"job-{n:03}", status="FAILED" if n % 7 == 0 else "SUCCEEDED") for n in range(205)])
    told: list[tuple[int, int]] = []
    live = collect_live(batch, ["critical"], tmp_path, progress=lambda done, of: told.append((done, of)))
    assert (live.jobs, live.known, live.missing) == (205, 0, ())
    assert [len(ids) for ids in batch.described] == [100, 100, 5]
    assert told == [(100, 205), (200, 205), (205, 205)]
    assert attempts(tmp_path) == sorted(batch.jobs)


def test_a_run_that_broke_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    batch = Batch([a_job(f"job-{n:03}") for n in range(150)])
    real = batch.describe_jobs

    def once(*, jobs: list[str]) -> Mapping[str, Any]:
        if batch.described:
            batch.faults = ["AccessDeniedException"]
        return real(jobs=jobs)

    batch.describe_jobs = once  # type: ignore[method-assign]
    live = collect_live(batch, ["critical"], tmp_path)
    assert live.jobs == 100
    assert len(live.missing) == 1
    assert live.missing[0].startswith("50 jobs couldn't be described:")
    batch.describe_jobs = real  # type: ignore[method-assign]
    again = collect_live(batch, ["critical"], tmp_path)
    assert (again.jobs, again.known, again.missing) == (50, 100, ())
    assert attempts(tmp_path) == sorted(batch.jobs)


def test_a_throttled_call_is_tried_again(tmp_path: Path) -> None:
    batch = Batch([a_job("one")])
    batch.faults = ["TooManyRequestsException"] * 3
    assert collect_live(batch, ["critical"], tmp_path, wait=wait_none()).missing == ()
    assert attempts(tmp_path) == ["one"]


def test_a_queue_that_is_refused_is_said_and_the_rest_comes(tmp_path: Path) -> None:
    batch = Batch([a_job("one", status="FAILED")])
    batch.faults = ["AccessDeniedException"]
    live = collect_live(batch, ["critical"], tmp_path)
    assert live.jobs == 1
    assert live.missing[0].startswith("the SUCCEEDED jobs of critical couldn't be listed to the end:")


def test_an_arrays_children_are_found_through_their_parent(tmp_path: Path) -> None:
    parent = a_job("many", attempts=[], arrayProperties={"size": 3})
    batch = Batch([parent, *(a_job(f"many:{n}", arrayProperties={"index": n}) for n in range(3))])
    assert collect_live(batch, ["critical"], tmp_path).jobs == 4
    assert attempts(tmp_path) == ["many:0", "many:1", "many:2"]
    assert collect_live(batch, ["critical"], tmp_path).jobs == 1
    assert attempts(tmp_path) == ["many:0", "many:1", "many:2"]


def test_a_damaged_line_is_asked_for_again(tmp_path: Path) -> None:
    batch = Batch([a_job("one"), a_job("two")])
    collect_live(batch, ["critical"], tmp_path)
    (kept,) = tmp_path.rglob("described-*")
    lines = kept.read_text().splitlines()
    kept.write_text(f"{lines[0]}\n{lines[1][:40]}\n[1]\n")
    again = collect_live(batch, ["critical"], tmp_path)
    assert (again.jobs, again.known, again.missing) == (1, 1, ())
    assert attempts(tmp_path) == ["one", "two"]


def test_a_job_that_says_too_little_is_set_aside_and_the_others_count(tmp_path: Path) -> None:
    bare = {"jobId": "bare", "status": "FAILED", "jobQueue": "q", "jobDefinition": "d"}
    live = collect_live(Batch([bare, a_job("one")]), ["critical"], tmp_path)
    assert (live.jobs, live.missing) == (2, ())
    assert attempts(tmp_path) == ["one"]
