"""Jobs with a manifest: what a trigger submits, and what it may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, arn, record

SWEEP = """\
description: One child for each line
owner: media
platform: PLATFORM
queue: QUEUE
resources: {vcpus: 1, memory_mib: 2048}
array: {manifest: {bucket: uploads, key: "Ref::key"}}
command: [--size, "Ref::size"]
parameters: {size: small}
triggers:
  - s3: {bucket: uploads, prefix: lists/}
"""
EC2 = SWEEP.replace("PLATFORM", "ec2").replace("QUEUE", "standard")
FARGATE = SWEEP.replace("PLATFORM", "fargate").replace("QUEUE", "serverless")
DOCKERFILE = "FROM x\nCOPY batchyard-probe batchyard-array /usr/local/bin/\n"


def repository(folder: Path, **jobs: str) -> Path:
    made = example.write_repository(folder, jobs)
    for name in jobs:
        (made / "jobs" / name / "Dockerfile").write_text(DOCKERFILE)
    (made / "jobs" / "probe" / "array_line.py").write_text("")
    return made


@pytest.fixture(scope="module")
def sweeping(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = repository(tmp_path_factory.mktemp("sweeping"), sweep=EC2, count=FARGATE)
    network = {"private": True, "egress": "interface-endpoints", "availability_zones": 2}
    return record(example.config(network=network), stack="dev", repository=folder)


def test_a_trigger_submits_the_one_that_counts(sweeping: Recording) -> None:
    target = sweeping.one("EventTarget", "batchyard-dev-sweep-upload1").inputs["batchTarget"]
    assert target["jobDefinition"] == arn("batch", "job-definition/batchyard-dev-sweep-dispatch:1")
    assert "arraySize" not in target
    assert set(sweeping.outputs["job_definitions"]) == {"sweep", "sweep-dispatch", "count", "count-dispatch"}


@pytest.mark.parametrize(("job", "size"), [("sweep", ["1", "128"]), ("count", ["0.25", "512"])])
def test_it_is_a_small_job_of_the_same_image(sweeping: Recording, job: str, size: list[str]) -> None:
    definition = sweeping.one("JobDefinition", f"batchyard-dev-{job}-dispatch").inputs
    properties = json.loads(definition["containerProperties"])
    assert properties["image"] == sweeping.outputs["images"][job]
    assert [entry["value"] for entry in properties["resourceRequirements"]] == size
    bucket = sweeping.outputs["buckets"]["uploads"]
    assert properties["command"] == ["batchyard-dispatch", bucket, "Ref::key", "size", "Ref::size"]
    assert definition["parameters"] == {"size": "small"}
    environment = {entry["name"]: entry["value"] for entry in properties["environment"]}
    assert environment["BATCHYARD_ARRAY_DEFINITION"] == arn("batch", f"job-definition/batchyard-dev-{job}:1")
    assert environment["BATCHYARD_JOB"] == job


def test_it_may_read_the_manifest_and_submit_this_job(sweeping: Recording) -> None:
    documents = dict(sweeping.policies())
    uploads = f"arn:aws:s3:::{sweeping.outputs['buckets']['uploads']}"
    prefix = arn("batch", "job-definition/batchyard-dev-sweep")
    queue = sweeping.outputs["queues"]["standard"]
    assert documents["RolePolicy batchyard-dev-sweep-dispatch.policy"]["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{uploads}/*"]},
        {"Effect": "Allow", "Action": ["batch:SubmitJob"], "Resource": [queue, prefix, f"{prefix}:*"]},
    ]
    (statement,) = documents["RolePolicy batchyard-dev-sweep-job.policy"]["Statement"]
    assert statement["Action"] == ["s3:GetObject"], "a child reads its line, and nothing else"


def test_a_private_stage_reaches_batch(sweeping: Recording) -> None:
    assert "com.amazonaws.us-east-1.batch" in {one.inputs["serviceName"] for one in sweeping.of("VpcEndpoint")}


def test_a_key_that_is_written_out_is_the_only_object(tmp_path: Path) -> None:
    fixed = EC2.replace('"Ref::key"', "lists/all.txt").replace("prefix: lists/", "prefix: done/")
    recording = record(example.config(), stack="dev", repository=repository(tmp_path, sweep=fixed))
    document = dict(recording.policies())["RolePolicy batchyard-dev-sweep-job.policy"]
    bucket = recording.outputs["buckets"]["uploads"]
    assert document["Statement"][0]["Resource"] == [f"arn:aws:s3:::{bucket}/lists/all.txt"]


@pytest.mark.parametrize(
    ("jobs", "dockerfile", "problem"),
    [
        ({"sweep": EC2}, "FROM x\n", "jobs/sweep/Dockerfile is without batchyard-array; in a job with array.manifest "
         "it stands between the probe and the command; copy batchyard-array beside batchyard-probe and begin the "
         "command with it: docs/jobs.md"),
        ({"sweep": EC2, "sweep-dispatch": example.COUNT}, DOCKERFILE, "jobs/sweep-dispatch/job.yaml: the job's name is "
         "sweep-dispatch, as what submits the arrays of sweep is called; a job's name is its own; rename the folder"),
        ({"sweep": EC2.replace("{bucket: uploads, key", "{bucket: uploda, key")}, DOCKERFILE, "jobs/sweep/job.yaml:6: "
         "array.manifest.bucket is the unknown bucket uploda; known are results, uploads; did you mean uploads?"),
    ],
)  # fmt: skip
def test_what_could_not_run_is_refused(tmp_path: Path, jobs: dict[str, str], dockerfile: str, problem: str) -> None:
    folder = repository(tmp_path, **jobs)
    (folder / "jobs" / "sweep" / "Dockerfile").write_text(dockerfile)
    with pytest.raises(Problems) as refused:
        record(example.config(), stack="dev", repository=folder)
    assert [str(one) for one in refused.value] == [problem]
