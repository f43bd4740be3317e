"""Fair-share queues: their policy, and the jobs that name a share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record

JOB = """\
description: x
owner: media
platform: ec2
queue: standard
share: research
resources: {vcpus: 1, memory_mib: 512}
"""
DAILY = "triggers:\n  - schedule: {rate: 1 day}\n"
FAIR = {"shares": {"research": 1, "nightly": 4}, "decay_s": 3600, "compute_reservation": 20}


def config(fair_share: Any) -> dict[str, Any]:
    queues = {"standard": {"priority": 1, "compute_environments": ["spot"]}}
    if fair_share is not None:
        queues["standard"]["fair_share"] = fair_share
    return example.config(queues=queues)


def recorded(folder: Path, text: str, fair_share: Any = FAIR) -> Recording:
    return record(config(fair_share), stack="dev", repository=example.write_repository(folder, {"one": text}))


def test_a_queue_serves_by_its_policy(tmp_path: Path) -> None:
    recording = recorded(tmp_path, JOB + DAILY)
    (policy,) = recording.of("SchedulingPolicy")
    assert policy.inputs["fairSharePolicy"] == {
        "shareDecaySeconds": 3600,
        "computeReservation": 20,
        "shareDistributions": [
            {"shareIdentifier": "nightly", "weightFactor": 4.0},
            {"shareIdentifier": "research", "weightFactor": 1.0},
        ],
    }
    queue = recording.one("JobQueue", "batchyard-dev-standard")
    assert queue.inputs["schedulingPolicyArn"] == policy.outputs["arn"]
    (schedule,) = recording.of("Schedule")
    assert json.loads(schedule.inputs["target"]["input"])["ShareIdentifier"] == "research"


def test_another_queue_pays_no_heed_to_a_share(tmp_path: Path) -> None:
    """A stage may do without: the job stays the same."""
    recording = recorded(tmp_path, JOB + DAILY, None)
    assert recording.of("SchedulingPolicy") == []
    assert "schedulingPolicyArn" not in recording.one("JobQueue", "batchyard-dev-standard").inputs
    (schedule,) = recording.of("Schedule")
    assert "ShareIdentifier" not in json.loads(schedule.inputs["target"]["input"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (JOB.replace("share: research", "share: reserch"), "jobs/one/job.yaml:5: share is the unknown share reserch; "
         "queue standard has nightly, research; did you mean research?"),
        (JOB.replace("share: research\n", ""), "jobs/one/job.yaml:4: queue is standard, and the job names no share; a "
         "queue with fair_share takes jobs of its shares only (nightly, research); add share: nightly, or choose "
         "another queue"),
        (JOB + "triggers:\n  - s3: {bucket: uploads}\n", "jobs/one/job.yaml:8: triggers[0] is one of kind s3, and "
         "queue standard has fair_share; EventBridge's rules and pipes can't name a share when they submit; its "
         "schedules can; choose a queue without fair_share"),
    ],
)  # fmt: skip
def test_a_job_that_could_not_be_submitted_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, text)
    assert [str(one) for one in refused.value] == [problem]


@pytest.mark.parametrize(
    ("fair_share", "problem"),
    [
        ({"shares": {}}, "fair_share.shares is an empty mapping; a queue has 1–500 shares"),
        ({"shares": {"a": 0}}, "fair_share.shares.a is 0; Batch allows weights of 0.0001–999.9999"),
        ({"shares": {"a b": 1}}, "a share is letters and digits, at most 64"),
        ({"shares": {"a": 1}, "compute_reservation": 100}, "compute_reservation is 100; Batch allows 0–99 percent"),
        ({"shares": {"a": 1}, "decay_s": 604801}, "decay_s is 604801; Batch allows 0–604,800 s"),
    ],
)
def test_a_policy_batch_refuses_is_refused_before(tmp_path: Path, fair_share: Any, problem: str) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, JOB, fair_share)
    assert problem in str(refused.value)
