"""A job moved to Lambda by one word: its image, triggers, permissions and record, on real containers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from local.lane import Lane
from local.processes import wait_until
from reports.collect.ledger import LedgerReader
from reports.model.attempt import Attempt
from tests.engine.stages import COUNT, ECHO, Project, Stack

DEADLINE_S = 240.0
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY batchyard-probe /usr/local/bin/batchyard-probe
COPY main.py /app/main.py
ENTRYPOINT ["/usr/local/bin/batchyard-probe", "python3", "/app/main.py"]
"""
# what is uploaded says how the run goes; no SDK in the image, and the emulator's S3 looks at no signature
MAIN = """\
import os, sys, urllib.parse, urllib.request

def s3(method, bucket, key, body=None):
    url = "/".join((os.environ["AWS_ENDPOINT_URL"], os.environ[bucket], urllib.parse.quote(key)))
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=none"}
    return urllib.request.urlopen(urllib.request.Request(url, data=body, method=method, headers=signed)).read()

key = sys.argv[sys.argv.index("--key") + 1]
content = s3("GET", "BATCHYARD_BUCKET_UPLOADS", key)
if content == b"fail":
    sys.exit(3)
if content == b"greedy":
    held = [bytearray(b"x" * 2**20) for _ in range(2000)]
open("/tmp/there", "wb").write(content)
try:
    open("/app/there", "wb")
except OSError as refused:
    print(refused)
open(os.environ["BATCHYARD_ITEMS_FILE"], "w").write("7")
s3("PUT", "BATCHYARD_BUCKET_RESULTS", "echo/" + key, content + b" " + os.environ["AWS_BATCH_JOB_ID"].encode())
"""
ON_LAMBDA = ECHO.replace("platform: ec2", "platform: lambda").replace("vcpus: 1", "vcpus: 0.25")
QUEUED = """\
  - sqs: {take: {bucket: $.body.bucket, key: $.body.key}}
"""
AFTER = """\
command: ["Ref::key", "Ref::after_exit_code", "Ref::after_job_id"]
triggers:
  - after: {job: echo, take: {key: key}}
"""
RETRIED = ON_LAMBDA.replace("timeout_s: 600", "timeout_s: 600\nretry: {attempts: 2, on_application_error: retry}")


@pytest.fixture(scope="module")
def stack(lane: Lane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    project = Project.create(tmp_path_factory.mktemp("lambda") / "project", lane)
    folder = project.folder / "jobs" / "echo"
    (folder / "job.yaml").write_text(RETRIED + QUEUED)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "main.py").write_text(MAIN + f"# {project.folder}\n")
    (project.folder / "jobs" / "count" / "job.yaml").write_text(COUNT + AFTER)
    stack = project.stack("functions")
    yield stack
    stack.destroy()


@pytest.fixture(scope="module")
def stage(stack: Stack) -> dict[str, Any]:
    return stack.up()


def attempts(lane: Lane, stage: dict[str, Any]) -> list[Attempt]:
    reader = LedgerReader(s3=lane.client("s3"), bucket=stage["ledger"]["bucket"], stage=stage["stage"])
    return list(reader.read().attempts)


def upload(lane: Lane, stage: dict[str, Any], key: str, body: bytes) -> None:
    lane.client("s3").put_object(Bucket=stage["buckets"]["uploads"], Key=key, Body=body)


@pytest.fixture
def own() -> str:
    """Part of a key nobody else uses: a test that is run again finds nothing of its first run."""
    return secrets.token_hex(3)


def attempts_of(lane: Lane, stage: dict[str, Any], key: str) -> list[Attempt]:
    return [one for one in attempts(lane, stage) if one.parameters["key"] == key]


def test_an_upload_runs_the_function_and_leaves_result_and_record(
    stack: Stack, stage: dict[str, Any], own: str
) -> None:
    lane, key = stack.project.lane, f"in/a b {own}.txt"
    upload(lane, stage, key, b"words")

    def stored() -> bool:
        found = lane.client("s3").list_objects_v2(Bucket=stage["buckets"]["results"]).get("Contents", [])
        return f"echo/{key}" in [one["Key"] for one in found]

    assert wait_until(stored, timeout_s=DEADLINE_S), "the upload left no result"
    result = lane.client("s3").get_object(Bucket=stage["buckets"]["results"], Key=f"echo/{key}")["Body"].read()
    recorded = wait_until(lambda: any(one.usage for one in attempts_of(lane, stage, key)), timeout_s=DEADLINE_S)
    assert recorded, "no record"
    (one,) = attempts_of(lane, stage, key)
    assert result.decode() == f"words {one.job_id}"
    assert (one.platform, one.job, one.queue, one.outcome, one.exit_code) == (
        "lambda",
        "echo",
        "lambda",
        "succeeded",
        0,
    )
    assert (one.memory_mib, one.items) == (256, 7)
    assert one.image == stage["images"]["echo"]
    stack.pulumi("preview", "--expect-no-changes")


def test_a_message_runs_the_function_and_its_end_starts_the_next_job(
    stack: Stack, stage: dict[str, Any], own: str
) -> None:
    """Through a pipe into Lambda; from there by the event bus to Batch, with the run's parameters."""
    lane, key = stack.project.lane, f"asked-{own}.txt"
    upload(lane, stage, key, b"words")
    message = {"bucket": stage["buckets"]["uploads"], "key": key}
    lane.client("sqs").send_message(QueueUrl=stage["message_queues"]["echo/queue1"], MessageBody=json.dumps(message))
    batch, name = lane.client("batch"), stage["job_definitions"]["count"].rsplit("/", 1)[1]

    def after() -> list[dict[str, str]]:
        filters = [{"name": "JOB_DEFINITION", "values": [name]}]
        found = batch.list_jobs(jobQueue=stage["queues"]["serverless"], filters=filters)["jobSummaryList"]
        described = batch.describe_jobs(jobs=[one["jobId"] for one in found])["jobs"] if found else []
        return [one["parameters"] for one in described if one["parameters"]["key"] == key]

    assert wait_until(lambda: bool(after()), timeout_s=DEADLINE_S), "nothing came after the run"
    (told,) = after()
    result = lane.client("s3").get_object(Bucket=stage["buckets"]["results"], Key=f"echo/{key}")["Body"].read()
    assert result.decode() == f"words {told['after_job_id']}"
    assert told["after_exit_code"] == "0"


def test_a_failed_run_is_tried_again_and_then_a_dead_letter(stack: Stack, stage: dict[str, Any], own: str) -> None:
    lane, key = stack.project.lane, f"in/bad-{own}.txt"
    upload(lane, stage, key, b"fail")
    sqs, url = lane.client("sqs"), stage["dead_letters"]["echo/runs"]
    letters: list[dict[str, Any]] = []

    def arrived() -> bool:
        found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", [])
        letters.extend(one for one in found if json.loads(one["Body"])["parameters"]["key"] == key)
        return bool(letters)

    assert wait_until(arrived, timeout_s=DEADLINE_S), "no dead letter"
    assert letters[0]["MessageAttributes"]["ErrorMessage"]["StringValue"] == "exit code 3"

    recorded = wait_until(lambda: len(attempts_of(lane, stage, key)) == 2, timeout_s=DEADLINE_S)
    assert recorded, "a try without a record"
    failed = attempts_of(lane, stage, key)
    assert {one.outcome for one in failed} == {"application-error"}
    assert len({one.job_id.partition(".")[0] for one in failed}) == 1


def test_a_run_that_takes_too_much_memory_is_told_of(stack: Stack, stage: dict[str, Any], own: str) -> None:
    lane, key = stack.project.lane, f"in/greedy-{own}.txt"
    upload(lane, stage, key, b"greedy")

    def told() -> list[str]:
        return [one.outcome for one in attempts_of(lane, stage, key)]

    assert wait_until(lambda: bool(told()), timeout_s=DEADLINE_S), "no record"
    assert told()[0] == "out-of-memory"
