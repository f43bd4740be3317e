"""Batch's promises on real containers: limits, ends, logs, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import docker
import docker.errors
import pytest

from local.emulator.batch.containers import FOLDER_LABEL, JOB_LABEL
from local.emulator.server import EmulatorServer
from local.processes import wait_until

REPOSITORY = Path(__file__).parents[2]
IMAGE = "batchyard/base:python3.11"
DEADLINE_S = 240.0
LOG_GROUP = "/aws/batch/job"


class Account:
    """Batch and CloudWatch Logs of one emulator, with a queue on 4 vCPUs."""

    def __init__(self, endpoint: str) -> None:
        self.session: Any = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        self.batch = self.session.client("batch", endpoint_url=endpoint)
        self.logs = self.session.client("logs", endpoint_url=endpoint)
        environment = self.batch.create_compute_environment(
            computeEnvironmentName="spot",
            type="MANAGED",
            computeResources={
                "type": "SPOT",
                "maxvCpus": 4,
                "subnets": ["subnet-1"],
                "securityGroupIds": ["sg-1"],
                "instanceRole": "instances",
                "instanceTypes": ["m5.large"],
                "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
            },
        )["computeEnvironmentArn"]
        order = [{"order": 1, "computeEnvironment": environment}]
        self.batch.create_job_queue(jobQueueName="standard", priority=1, computeEnvironmentOrder=order)

    def submit(
        self, name: str, *command: str, memory: int = 128, image: str = IMAGE, attempts: int = 1, **more: Any
    ) -> str:
        requirements = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": str(memory)}]
        definition = self.batch.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties={"image": image, "command": list(command), "resourceRequirements": requirements},
            retryStrategy={"attempts": attempts},
            **more,
        )["jobDefinitionArn"]
        return str(self.batch.submit_job(jobName=name, jobQueue="standard", jobDefinition=definition)["jobId"])

    def describe(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.batch.describe_jobs(jobs=[job_id])["jobs"][0]
        return found

    def wait_for(self, job_id: str, *statuses: str) -> dict[str, Any]:
        ends = ("SUCCEEDED", "FAILED")
        wait_until(lambda: self.describe(job_id)["status"] in (*statuses, *ends), timeout_s=DEADLINE_S)
        job = self.describe(job_id)
        assert job["status"] in (statuses or ends), f"waited for {statuses or ends}; the job is {job}"
        return job

    def messages(self, job: dict[str, Any]) -> list[str]:
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=LOG_GROUP, logStreamNames=[job["container"]["logStreamName"]]
        )
        return [event["message"] for page in pages for event in page["events"]]


@pytest.fixture(scope="module")
def account(docker_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    server = EmulatorServer(
        tmp_path_factory.mktemp("lane"), registry="localhost:1", second_scale=0.05, services=("batch",)
    )
    server.start()
    yield Account(server.context.endpoint)
    server.close()
    label = f"{FOLDER_LABEL}={server.context.lane_folder}"
    assert docker_engine.containers.list(all=True, filters={"label": label}) == []


def container_of(docker_engine: docker.DockerClient, job_id: str) -> Any:
    (found,) = docker_engine.containers.list(filters={"label": f"{JOB_LABEL}={job_id}"})
    return found


def test_all_lines_of_both_streams_are_there_when_the_job_has_ended(account: Account) -> None:
    program = "import sys\nfor n in range(3000): print('out', n)\nprint('last', file=sys.stderr, end='')"
    job = account.wait_for(account.submit("prints", "python3", "-c", program))
    messages = account.messages(job)
    assert job["status"] == "SUCCEEDED"
    assert [line for line in messages if line.startswith("out")] == [f"out {number}" for number in range(3000)]
    assert messages.count("last") == 1
    assert job["container"]["logStreamName"].startswith("prints/default/")


def test_a_job_reaches_the_emulator_and_knows_who_it_is(account: Account) -> None:
    program = (
        "import os, urllib.request as u\n"
        "print(u.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/moto-api/').status, os.environ['AWS_BATCH_JOB_ID'])"
    )
    job_id = account.submit("calls", "python3", "-c", program)
    assert account.messages(account.wait_for(job_id)) == [f"200 {job_id}"]


def test_memory_is_a_hard_limit(account: Account) -> None:
    program = "b = bytearray(300 * 1024 * 1024); b[::4096] = b'x' * len(b[::4096])"
    job = account.wait_for(account.submit("eats", "python3", "-c", program, memory=64))
    assert job["status"] == "FAILED"
    assert job["container"].get("exitCode") == 137, job
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_a_timeout_kills_even_what_ignores_sigterm(account: Account) -> None:
    program = "trap '' TERM; while :; do sleep 0.1; done"
    job_id = account.submit("stays", "sh", "-c", program, attempts=3, timeout={"attemptDurationSeconds": 60}, memory=64)
    job = account.wait_for(job_id)
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [137]


def test_what_handles_sigterm_ends_by_itself(account: Account) -> None:
    program = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    job_id = account.submit("tidies", "sh", "-c", program)
    account.wait_for(job_id, "RUNNING")
    assert wait_until(lambda: account.messages(account.describe(job_id)) == ["ready"], timeout_s=DEADLINE_S)
    account.batch.terminate_job(jobId=job_id, reason="enough")
    job = account.wait_for(job_id)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "enough", True)
    assert account.messages(job) == ["ready", "tidied"]


def test_a_container_killed_from_outside_is_tried_again(account: Account, docker_engine: Any) -> None:
    job_id = account.submit("killed", "sleep", "600", attempts=2)
    for _ in range(2):
        attempts = len(account.describe(job_id)["attempts"])
        account.wait_for(job_id, "RUNNING")
        container_of(docker_engine, job_id).kill()
        assert wait_until(
            lambda before=attempts: len(account.describe(job_id)["attempts"]) > before,  # type: ignore[misc]
            timeout_s=DEADLINE_S,
        )
    job = account.wait_for(job_id)
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [137, 137]
    assert {attempt["statusReason"] for attempt in job["attempts"]} == {"Essential container in task exited"}
    assert "reason" not in job["container"]


@pytest.mark.parametrize(
    ("image", "command", "reason"),
    [
        ("localhost:1/none@sha256:" + "0" * 64, "true", "CannotPullContainerError: "),
        (IMAGE, "/no/such/program", "CannotStartContainerError: Error response from daemon: "),
    ],
)
def test_what_never_starts(account: Account, image: str, command: str, reason: str) -> None:
    job = account.wait_for(account.submit("never", command, image=image))
    assert job["statusReason"] == "Task failed to start"
    assert job["attempts"][0]["container"]["reason"].startswith(reason)
    assert "startedAt" not in job


def test_a_missing_log_group_stops_the_start(account: Account) -> None:
    definition = account.batch.register_job_definition(
        jobDefinitionName="logless",
        type="container",
        containerProperties={
            "image": IMAGE,
            "command": ["true"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/nowhere"}},
        },
    )["jobDefinitionArn"]
    submitted = account.batch.submit_job(jobName="logless", jobQueue="standard", jobDefinition=definition)
    job = account.wait_for(submitted["jobId"])
    assert "The specified log group does not exist" in job["attempts"][0]["container"]["reason"]


def start_emulator(lane: Path) -> tuple[subprocess.Popen[bytes], str]:
    ready = lane / "emulator.json"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "local.emulator", "--lane", str(lane), "--registry", "localhost:1"],
        cwd=REPOSITORY,
    )
    assert wait_until(lambda: ready.exists() or process.poll() is not None, timeout_s=DEADLINE_S)
    return process, str(json.loads(ready.read_text())["endpoint"])


def end(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM, then waits; the exit code."""
    process.terminate()
    return process.wait(timeout=DEADLINE_S)


def test_an_emulator_leaves_no_container_behind_however_it_ends(docker_engine: Any, tmp_path: Path) -> None:
    label = {"label": f"{FOLDER_LABEL}={tmp_path.resolve()}"}
    process, endpoint = start_emulator(tmp_path)
    try:
        account = Account(endpoint)
        account.wait_for(account.submit("sleeps", "sleep", "600"), "RUNNING")
        process.kill()
        process.wait(timeout=DEADLINE_S)
        assert len(docker_engine.containers.list(filters=label)) == 1

        process, endpoint = start_emulator(tmp_path)
        assert docker_engine.containers.list(all=True, filters=label) == []
        account = Account(endpoint)
        account.wait_for(account.submit("sleeps", "sleep", "600"), "RUNNING")
        assert end(process) == 0
        assert docker_engine.containers.list(all=True, filters=label) == []
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for container in docker_engine.containers.list(all=True, filters=label):
            container.remove(force=True)
