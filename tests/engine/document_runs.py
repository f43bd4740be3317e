"""Runs of the jobs of docs/jobs.md, for its tests."""

from __future__ import annotations

import json
from typing import Any

from local.lane import Lane
from local.processes import wait_until

DEADLINE_S = 240.0


def run(lane: Lane, stage: dict[str, Any], job: str, queue: str = "standard", **more: Any) -> dict[str, Any]:
    """Submits the job and gives its description once it has ended."""
    batch = lane.client("batch")
    submitted = batch.submit_job(
        jobName=job, jobQueue=stage["queues"][queue], jobDefinition=stage["job_definitions"][job], **more
    )
    return ended(lane, submitted["jobId"])


def ended(lane: Lane, job_id: str) -> dict[str, Any]:
    batch = lane.client("batch")

    def status() -> str:
        return str(batch.describe_jobs(jobs=[job_id])["jobs"][0]["status"])

    assert wait_until(lambda: status() in ("SUCCEEDED", "FAILED"), timeout_s=DEADLINE_S), f"{job_id} is {status()}"
    described: dict[str, Any] = batch.describe_jobs(jobs=[job_id])["jobs"][0]
    return described


def results_manifest(lane: Lane, bucket: str, job: str, job_id: str) -> dict[str, Any]:
    key = f"{job}/manifests/{job_id}/manifest.json"
    found: dict[str, Any] = json.load(lane.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    return found


def followed(lane: Lane, stage: dict[str, Any], job: str, other_id: str) -> dict[str, Any]:
    """The run of `job` that came after another, once it has ended."""
    batch, found = lane.client("batch"), list[str]()
    filters = [{"name": "JOB_NAME", "values": [f"batchyard-kinds-{job}"]}]

    def came() -> bool:
        listed = batch.list_jobs(jobQueue=stage["queues"]["standard"], filters=filters)["jobSummaryList"]
        told = batch.describe_jobs(jobs=[one["jobId"] for one in listed])["jobs"] if listed else []
        found.extend(one["jobId"] for one in told if one["parameters"].get("after_job_id") == other_id)
        return bool(found)

    assert wait_until(came, timeout_s=DEADLINE_S), f"nothing came after {other_id}"
    return ended(lane, found[0])
